"""The parity suite: golden cases of the original systems, torch references, and the comparison."""
