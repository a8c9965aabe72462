"""From a net's scores to label sequences: greedy, prefix beam search, rescoring, autoregression."""
