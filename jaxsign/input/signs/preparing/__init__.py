"""From a collection of clips in any format to a data set: choose signs, split, explore."""
