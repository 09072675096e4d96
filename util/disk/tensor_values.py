"""Check the values of a tensor that was read from a file. Each is read once."""

import torch
from torch import Tensor

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def defect_of(found: Tensor, wanted: torch.dtype) -> str:
    """Return why a tensor cannot become one of dtype ``wanted``: "is sparse"; "" if it can.

    Refused are tensors without plain values (sparse, quantised, nested, meta), types that have
    lost a part of the values (integers or 8-bit numbers where floating point is wanted), and
    values that are NaN or infinite, or become infinite in ``wanted``. Integers may be saved as
    floating point.
    """
    if form := _form_of(found):
        return f"is {form}"
    kinds = _kind_of(found.dtype), _kind_of(wanted)
    if found.dtype != wanted and kinds[0] != kinds[1] and kinds != ("float", "integer"):
        return f"is of type {name_of(found.dtype)}, wanted {name_of(wanted)}"
    return _not_finite(found, wanted)


def is_finite(found: Tensor) -> bool:
    """Return False if a dense tensor of floating point holds NaN or infinity."""
    has_numbers = found.dtype in _FLOATS and not _form_of(found)
    return not (has_numbers and _not_finite(found, found.dtype))


def name_of(dtype: torch.dtype) -> str:
    """Return the name for a message: "float32"."""
    return str(dtype).removeprefix("torch.")


def _form_of(found: Tensor) -> str:
    """Return what else than a dense tensor with values it is; "" if it is one."""
    if found.is_nested:
        return "nested"
    if found.layout != torch.strided:
        return "sparse"
    if found.is_quantized:
        return "quantised"
    return "a meta tensor, which has no values" if found.is_meta else ""


def _kind_of(dtype: torch.dtype) -> str:
    """Return the kind of numbers within which types can be converted; a type alone is one too."""
    if dtype in _FLOATS:
        return "float"
    is_integer = not (dtype.is_floating_point or dtype.is_complex or dtype == torch.bool)
    return "integer" if is_integer else name_of(dtype)


def _not_finite(found: Tensor, wanted: torch.dtype) -> str:
    values = torch.view_as_real(found.resolve_conj()) if found.is_complex() else found
    if not values.numel() or values.dtype not in _FLOATS:
        return ""
    # aminmax needs no temporary tensor: 20 ms for 80 MB, 8 times as fast as isfinite.
    ends = torch.stack(torch.aminmax(values.detach()))
    ends = ends if wanted.is_complex or not wanted.is_floating_point else ends.to(wanted)
    if ends.isnan().any():
        return "holds NaN"
    return f"holds values that are infinite in {name_of(ends.dtype)}" if ends.isinf().any() else ""
