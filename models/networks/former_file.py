"""A ``networks.py`` of a user, changed from the original's: ``models/networks.py``.

Python imports the folder ``models/networks/`` instead of that file. Names that the folder does not
have are taken from the file, and so are networks that only its ``define_G`` or ``define_D`` builds.
"""

import ast
import logging
from collections.abc import Callable
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

log = logging.getLogger(__name__)

FILE = Path(__file__).parents[1] / "networks.py"


@cache
def names_in_file(argument: str) -> tuple[str, ...]:
    """Return the texts that the file compares ``argument`` (``netG``, ``netD``) with."""
    if not FILE.is_file():
        return ()
    try:
        comparisons = [node for node in ast.walk(ast.parse(FILE.read_text(encoding="utf-8")))
                       if isinstance(node, ast.Compare)]
    except (SyntaxError, ValueError) as error:
        log.warning("left out: models/networks.py cannot be read (%s)", error)
        return ()
    return tuple(dict.fromkeys(
        value.value for node in comparisons
        if isinstance(node.left, ast.Name) and node.left.id == argument
        for value in ast.walk(node.comparators[0])
        if isinstance(value, ast.Constant) and isinstance(value.value, str)))


def function_in_file(name: str) -> Callable[..., nn.Module]:
    """Return ``define_G`` or ``define_D`` of the file."""
    function: Callable[..., nn.Module] = getattr(_module(), name)
    return function


def __getattr__(name: str) -> Any:
    if not name.startswith("__") and FILE.is_file() and hasattr(_module(), name):
        return getattr(_module(), name)
    raise AttributeError(f"module 'models.networks' has no attribute {name!r}")


@cache
def _module() -> ModuleType:
    spec = spec_from_file_location("models.networks_file", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    log.warning("models/networks.py is used only for names that the folder models/networks/ does "
                "not have; to use all of it, rename it and import it in the model: docs/moving.md, "
                "networks")
    return module
