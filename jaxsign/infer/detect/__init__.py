"""Scenes from frames: what a detector sees in them, as nets of relations take it."""
