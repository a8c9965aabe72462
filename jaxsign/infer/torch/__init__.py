"""Checkpoints of the original PyTorch systems: import and export."""
