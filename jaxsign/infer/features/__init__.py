"""Image features of frames: the verb `jaxsign features`."""
