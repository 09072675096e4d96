"""Find plug-ins by file name: no list to edit, no decorator to remember."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def list_names(package_path: Iterable[str], suffix: str) -> list[str]:
    """``["cycle_gan", "pix2pix"]`` for cycle_gan_model.py and pix2pix_model.py. Imports nothing."""
    stems = (module.name for module in pkgutil.iter_modules(package_path))
    names = (stem.removesuffix(suffix) for stem in stems if stem.endswith(suffix))
    return sorted(name for name in names if name != "base")


def find_class(package: str, name: str, *, suffix: str, base: type[T]) -> type[T]:
    """The one concrete subclass of ``base`` that ``<package>/<name><suffix>.py`` defines.

    Raises:
        ValueError: the file defines none, or more than one.
    """
    module = importlib.import_module(f"{package}.{name}{suffix}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value.__module__ == module.__name__
        and not inspect.isabstract(value)
    ]
    if len(found) != 1:
        names = [cls.__name__ for cls in found] or "none"
        raise ValueError(
            f"{module.__file__} must define exactly one subclass of {base.__name__}, "
            f"found {names}; one class a file"
        )
    return found[0]
