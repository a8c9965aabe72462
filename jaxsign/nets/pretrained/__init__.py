"""Weights of other models that nets start from."""
