"""One label a head for every example: training and answering."""
