"""Look at a whole data set before the training: what it holds, and what may be wrong with it."""
