"""The house fronts of the demo set: a street is composed, drawn as labels, painted as a photo."""
