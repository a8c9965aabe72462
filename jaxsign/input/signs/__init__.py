"""Clips of landmarks: files, views, augmentation, extraction, inspection, preparation."""
