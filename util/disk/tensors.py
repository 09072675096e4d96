"""Read files of tensors without running code from them, and leave other objects out."""

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch

from util.disk.content import is_safetensors
from util.packages import package_for

_OTHER_OBJECT = re.compile(r"Unsupported global: GLOBAL (\S+) was not an allowed global")
_STAND_IN = "a stand-in for "
_TABLE = re.compile(rf"Can only SETITEMS? for dict.*<class '{_STAND_IN}\.([^']+)'>")
_MOST_OBJECTS = 50  # classes in one file


class IgnoredObject(list[Any]):
    """Stand-in for an object in a file; it accepts all data and runs no code."""

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class _IgnoredTable:
    """Stand-in for a subclass of dict: a plain dict, because torch adds items to no other."""

    def __new__(cls, *args: Any) -> Any:
        return {}


def load_tensors(path: Path, *, ignore_objects: bool) -> Any:
    """Return the content of a file of torch.save or safetensors, on the CPU.

    Raises:
        Exception: any, if the file is damaged or holds other objects; see ``util.checkpoint.load``.
    """
    if is_safetensors(path):
        package_for(path, "safetensors")
        return package_for(path, "safetensors.torch").load_file(path)
    stand_ins: dict[str, type] = {}  # by the names of classes in the file
    while True:
        try:
            with warnings.catch_warnings(), torch.serialization.safe_globals(
                [(stand_in, name) for name, stand_in in stand_ins.items()]
            ):
                # torch warns of sparse and quantised tensors, which are refused later.
                warnings.simplefilter("ignore")
                # weights_only: a file from the internet must not run code.
                return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            other = _OTHER_OBJECT.search(str(error)) if ignore_objects else None
            table = _TABLE.search(str(error))
            if table and issubclass(stand_ins.get(table[1], dict), IgnoredObject):
                stand_ins[table[1]] = _IgnoredTable
            elif other and len(stand_ins) < _MOST_OBJECTS:
                name = other[1] if "." in other[1] else f"builtins.{other[1]}"
                if name in stand_ins:
                    raise
                stand_ins[name] = type(name, (IgnoredObject,), {"__module__": _STAND_IN})
            else:
                raise
