"""A trained run -> answers: evaluate, predict, import and export of the originals' checkpoints."""
