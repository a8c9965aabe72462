"""Boxes in images with their classes: a detector."""
