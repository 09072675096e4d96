"""Programs beside train.py and test.py; each has --help."""
