"""Videos of boxes, pairs and relations."""
