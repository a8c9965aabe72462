"""Layers that several nets share, in the form that runs fastest, each equal to its plain form."""
