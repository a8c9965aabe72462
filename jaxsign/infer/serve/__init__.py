"""A page to try a run on: `jaxsign serve`."""
