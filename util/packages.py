"""Optional packages: imported when a file needs them."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


class MissingPackageError(ValueError):
    """An optional package is not installed; no file of this format can be read or written."""


def require_packages(purpose: str, *names: str) -> None:
    """Raise MissingPackageError if ``purpose`` needs packages that are not installed."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise MissingPackageError(f"{purpose} needs {' and '.join(missing)}, not installed here: "
                                  f"pip install {' '.join(missing)}")


def package_for(path: Path, name: str) -> Any:
    """Import and return the module ``name``, which is needed to read or write ``path``.

    Raises:
        MissingPackageError: it is not installed, or broken; the message has the pip command.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"{path} needs the package {name} ({error}): pip install {name}"
        ) from error
