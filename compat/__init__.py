"""The Python interface of the original implementation, on top of our own: see docs/moving.md."""
