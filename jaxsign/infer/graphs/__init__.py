"""Graphs of films for people: what is seen and how it is related, as films, pictures and tables."""
