"""The house fronts of the demo set: a street is invented, drawn as labels, painted as a photo."""
