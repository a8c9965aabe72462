"""Run folders side by side: which there are, what their recipes differ in, how they went."""
