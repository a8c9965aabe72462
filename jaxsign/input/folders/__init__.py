"""A folder worked through, resumably: what lies in it, by whom, how far, and what became of it."""
