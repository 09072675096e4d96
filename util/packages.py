"""Packages that only some files need: imported when such a file comes along."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


class MissingPackageError(ValueError):
    """Not the fault of one file: nothing goes on without it."""


def require_packages(purpose: str, *names: str) -> None:
    """Raises MissingPackageError: ``purpose`` needs packages that are not installed."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise MissingPackageError(
            f"{purpose} needs {' and '.join(missing)}, not installed here: pip install "
            f"{' '.join(missing)}"
        )


def package_for(path: Path, name: str) -> Any:
    """The module ``name``, which ``path`` cannot be read or written without.

    Raises:
        MissingPackageError: it is not installed, or broken; the message says how to get it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"{path} needs the package {name} ({error}): pip install {name}"
        ) from error
