"""What a sick training looks like in numbers, and when it is said. Knows no model."""
