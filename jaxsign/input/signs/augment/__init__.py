"""Augmentation of what views make of clips."""
