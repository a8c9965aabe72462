"""A corpus annotated in ELAN -> a table of signs -> its split -> clips to learn from."""
