"""The programs beside train.py and test.py."""
