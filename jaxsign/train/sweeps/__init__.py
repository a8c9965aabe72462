"""Sweeps: many trainings of one recipe with other numbers, each a run folder of its own."""

# In the folder of a sweep, beside the run folders of its trials.
PLAN = "sweep.json"
