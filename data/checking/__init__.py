"""Checks of a whole data set before the training."""
