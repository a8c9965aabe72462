"""`jaxsign inspect`: what is in a clip file or a folder of clips, and what is odd about it."""
