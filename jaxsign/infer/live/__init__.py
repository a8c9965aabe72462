"""Recognition while it happens: from a camera or a film to signs."""
