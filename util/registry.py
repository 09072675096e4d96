"""Find plug-ins by file name: no list to edit, no decorator to remember."""

import inspect
import logging
import pkgutil
import traceback
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar, get_origin

log = logging.getLogger(__name__)

T = TypeVar("T")
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Plugins(Generic[T]):
    """The files ``<package>/<name><suffix>.py``; each defines one subclass of ``base``.

    ``package`` is a dotted name. Folders that are added to its ``__path__`` are searched too.
    """

    package: str
    suffix: str
    base: type[T]

    def available(self) -> list[str]:
        """Return the names, such as ["cycle_gan", "pix2pix"] for cycle_gan_model.py and
        pix2pix_model.py. Imports none of the files.
        """
        folders = import_module(self.package).__path__
        stems = (module.name for module in pkgutil.iter_modules(folders))
        names = (stem.removesuffix(self.suffix) for stem in stems if stem.endswith(self.suffix))
        return sorted(name for name in names if name != "base")

    def find(self, name: str) -> type[T]:
        """Import the file of this name and return its one concrete subclass of ``base``.

        Raises:
            ValueError: the file does not exist, cannot be imported, or defines no subclass or more
                than one.
        """
        names = self.available()
        if name not in names:
            raise ValueError(
                f"{self.package.replace('.', '/')}/{name}{self.suffix}.py does not exist; choose "
                f"one of {', '.join(names)}, or write that file with a subclass of "
                f"{self.base.__name__}"
            )
        return self._class_in(name)

    def find_usable(self) -> dict[str, type[T]]:
        """Return all classes by name. A file that cannot be used is left out with a warning."""
        classes = {}
        for name in self.available():
            try:
                classes[name] = self._class_in(name)  # find would list the folder again
            except ValueError as error:
                log.warning("left out: %s", error)
        return classes

    def _class_in(self, name: str) -> type[T]:
        module = self._import(name)
        found = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and get_origin(value) is None  # Python 3.10 takes NDArray[...] for a type
            and issubclass(value, self.base)
            and value.__module__ == module.__name__
        ]
        classes = [cls for cls in found if not inspect.isabstract(cls)]
        if len(classes) > 1:  # the original implementation takes the one with the file's name
            own = (name + self.suffix).replace("_", "").lower()
            classes = [cls for cls in classes if cls.__name__.lower() == own] or classes
        if len(classes) != 1:
            raise ValueError(
                f"{module.__file__} must define exactly one subclass of {self.base.__name__}, "
                f"found {[cls.__name__ for cls in classes] or 'none'}{_without_methods(found)}; "
                "one class per file, or name one of them like the file"
            )
        return classes[0]

    def _import(self, name: str) -> ModuleType:
        try:
            return import_module(f"{self.package}.{name}{self.suffix}")
        except Exception as error:  # a file of the user can raise anything
            file = f"{name}{self.suffix}.py"
            folders = import_module(self.package).__path__
            place = place_of(error, [str(Path(folder, file)) for folder in folders])
            _, comma, line = place.partition(", line ")
            raise ValueError(
                f"{self.package.replace('.', '/')}/{file} cannot be imported "
                f"({type(error).__name__}: {error}{comma}{line}); correct the file, or move it away"
            ) from error


def _without_methods(classes: Sequence[type]) -> str:
    names = {cls.__name__: sorted(getattr(cls, "__abstractmethods__", ())) for cls in classes}
    return "".join(f" ({name} has no {', '.join(methods)})" for name, methods in names.items()
                   if methods)


def place_of(error: BaseException, files: Collection[str | None]) -> str:
    """Return the place in ``files`` where an error arose: "data/x_dataset.py, line 12, `f(x)`".

    Returns "" if the error did not pass through these files.
    """
    if isinstance(error, SyntaxError) and error.filename in files:
        return f"{_shown(error.filename)}, line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in files:
            code = f", `{frame.line}`" if frame.line else ""
            return f"{_shown(frame.filename)}, line {frame.lineno}{code}"
    return ""


def raised_here(error: BaseException, place: str) -> bool:
    """Return whether a file of this project other than that of ``place`` raised the error."""
    last = traceback.extract_tb(error.__traceback__)[-1].filename
    packages = {"site-packages", ".venv"}
    return (Path(last).is_relative_to(_ROOT) and not packages & {*Path(last).parts}
            and not place.startswith(f"{_shown(last)},"))


def _shown(file: str | None) -> str:
    path = Path(file or "")
    return str(path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path)
