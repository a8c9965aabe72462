"""From a config to a finished run: one loop, one step builder, one checkpoint format."""
