"""Runs that answer with label sequences: recognition, evaluation, prediction."""
