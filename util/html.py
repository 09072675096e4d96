"""Import path of the original implementation, for files that were written for it."""

from compat.results import HTML

__all__ = ["HTML"]
