"""Relations between the boxes of a video's frames."""
