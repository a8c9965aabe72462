"""Images with boxes, which a detector learns from."""
