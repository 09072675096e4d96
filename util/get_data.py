"""Import path of the original implementation, for files that were written for it."""

from compat.helpers import GetData

__all__ = ["GetData"]
