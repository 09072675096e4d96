"""Measures that show a failing training, and the rules for reporting it. Knows no model."""
