"""Label sequences: training and answering."""
