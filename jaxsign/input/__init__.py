"""From files to batches of numpy arrays: clips, views, sources, batching. No JAX in here."""
