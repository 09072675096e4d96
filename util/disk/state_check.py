"""Compare a state that was read from a file with the one that this program would write."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from util.disk.tensor_values import defect_of, name_of

_MOST = 10**15  # of any count in a state: epochs, images, steps
_LARGEST = 1e300  # of other finite numbers
_SHOWN = 3  # names in a message


class StateError(ValueError):
    """A part of a state is not what this program would have written; the message names it."""


def require_like(found: Any, wanted: Any, place: str) -> None:
    """Compare nested dicts, lists, tensors, numbers and texts; values may differ, forms may not.

    Whole numbers are counts: 0 or more. Other numbers and tensors are finite; a number may be
    infinite where ``wanted`` is. None stands for a number that may be missing. A dict may have
    more entries than ``wanted``.

    Raises:
        StateError: the message begins with the ``place``, such as ``clock.epoch``.
    """
    if isinstance(wanted, Tensor):
        _require_tensor(found, wanted, place)
    elif isinstance(wanted, Mapping):
        require_entries(found, wanted, place)
        for key, value in wanted.items():
            require_like(found[key], value, f"{place}.{key}")
    elif isinstance(wanted, list | tuple):
        if type(found) is not type(wanted) or len(found) != len(wanted):
            raise unlike(found, describe(wanted), place)
        for index, (item, value) in enumerate(zip(found, wanted, strict=True)):
            require_like(item, value, f"{place}.{index}")
    elif isinstance(wanted, bool | str):
        if type(found) is not type(wanted):
            raise unlike(found, "a text" if isinstance(wanted, str) else "True or False", place)
    elif isinstance(wanted, int):
        require_count(found, place)
    elif not (wanted is None and found is None):
        require_number(found, place, infinite=wanted is not None and math.isinf(wanted))


def require_entries(found: Any, names: Iterable[Any], place: str) -> None:
    """Raise StateError if ``found`` is not a dict that has these names."""
    if not isinstance(found, Mapping):
        raise unlike(found, f"a dict of {listed(names)}", place)
    if missing := [name for name in names if name not in found]:
        raise StateError(f"{place} has no {listed(missing)} (it is {describe(found)})")


def require_list(found: Any, place: str) -> None:
    """Raise StateError if ``found`` is not a list."""
    if not isinstance(found, list):
        raise unlike(found, "a list", place)


def require_count(found: Any, place: str, *, least: int = 0, most: int = _MOST) -> None:
    """Raise StateError if ``found`` is not a whole number from ``least`` to ``most``."""
    if type(found) is not int or not least <= found <= most:
        raise unlike(found, f"a whole number from {least} to {most:,}", place)


def require_number(found: Any, place: str, *, infinite: bool = False) -> None:
    """Raise StateError if ``found`` is not a number; ``infinite``: it may be infinite."""
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if not is_number or found != found or (abs(found) > _LARGEST and not infinite):
        raise unlike(found, "a number" if infinite else "a finite number", place)


def unlike(found: Any, wanted: str, place: str) -> StateError:
    """Return the error for a value of another form."""
    return StateError(f"{place} is {describe(found)}, wanted {wanted}")


def describe(value: Any) -> str:
    """Return a short description of any value, such as "a float32 tensor of 64x3x4x4"."""
    if isinstance(value, Tensor):
        shape = () if value.is_nested else tuple(value.shape)
        return f"a {name_of(value.dtype)} tensor of {'x'.join(map(str, shape)) or 'one number'}"
    if isinstance(value, Mapping):
        return f"a dict of {listed(value)}" if value else "an empty dict"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)} items"
    if isinstance(value, int) and abs(value) > _MOST:
        return "a huge number"
    text = repr(value)
    return text if len(text) < 40 else f"{text[:37]}..."


def listed(names: Iterable[Any]) -> str:
    """Return up to three names, and how many more there are."""
    texts = [name if isinstance(name, str) else describe(name) for name in names]
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _require_tensor(found: Any, wanted: Tensor, place: str) -> None:
    if not isinstance(found, Tensor):
        raise unlike(found, describe(wanted), place)
    if defect := defect_of(found, wanted.dtype):
        raise StateError(f"{place} {defect}")
    if found.dtype != wanted.dtype or found.shape != wanted.shape:
        raise unlike(found, describe(wanted), place)
