"""The error for a file whose tensors do not fit the network: differences and the likely flag."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from torch import Tensor

from models.weights.infer_flags import Shapes, infer_flags
from util.run_folder.options import load_options

SHOWN = 3  # number of tensors that an error names for each kind of difference


def require_same_shapes(
    found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: str
) -> None:
    """Raise ValueError if names or shapes in the file ``source`` differ from the network's."""
    if shapes_of(found) != shapes_of(wanted):
        raise ValueError(describe_mismatch(found, wanted, source))


def shapes_of(tensors: Mapping[str, Tensor]) -> Shapes:
    return {key: () if tensor.is_nested else tuple(tensor.shape)
            for key, tensor in tensors.items()}


def describe_mismatch(
    found_tensors: Mapping[str, Tensor], wanted_tensors: Mapping[str, Tensor], source: str
) -> str:
    """Return a sentence on the file ``source``, the likely fix, and the first differences."""
    found, wanted = shapes_of(found_tensors), shapes_of(wanted_tensors)
    lists = {
        "missing": [key for key in wanted if key not in found],
        "not wanted": [key for key in found if key not in wanted],
        "other shapes": [f"{key} {_shape_text(found[key])} instead of {_shape_text(wanted[key])}"
                         for key in wanted if key in found and found[key] != wanted[key]],
    }
    details = "; ".join(f"{what}: {_first_of(keys)}" for what, keys in lists.items() if keys)
    file_flags, net_flags = infer_flags(found), infer_flags(wanted)
    if file_flags and file_flags == net_flags:
        return (f"{source} looks like {_flag_text(file_flags)}, but is a variant of it that "
                f"another program made: its layers differ ({details}). Use that program, or write "
                "the network as a plug-in (docs/extending.md)")
    names = [_flag_text(flags) or f"a network whose tensors are called {_first_of(list(shapes))}"
             for flags, shapes in ((file_flags, found), (net_flags, wanted))]
    facts = f"Found {names[0]}; wanted {names[1]}. " if names[0] != names[1] else ""
    fix = (_wrong_options(file_flags, net_flags, Path(source))
           or _likely_fix(file_flags, net_flags))
    return (f"{source} does not fit this network. {facts}{fix} "
            f"({len(found)} tensors in the file, {len(wanted)} in the network; {details})")


def _wrong_options(
    file_flags: Mapping[str, str], net_flags: Mapping[str, str], path: Path
) -> str:
    """Return which saved options beside the weights do not fit them; "" if all do.

    A flag cannot correct them: a flag that contradicts the options of its run is refused.
    """
    saved = {}
    with suppress(OSError, ValueError):
        saved = load_options(path.parent) if path.is_file() else {}
    wrong = [f"{flag[2:]} {net_flags[flag]} (the weights have {value})"
             for flag, value in file_flags.items() if net_flags.get(flag, value) != value
             and str(saved.get(flag[2:])) == net_flags[flag]]
    options = path.with_name("train_opt.json")
    options = options if options.is_file() else options.with_suffix(".txt")
    return f"{options} has {', '.join(wrong)}: correct that file." if wrong else ""


def _likely_fix(file_flags: Mapping[str, str], net_flags: Mapping[str, str]) -> str:
    if "--netD" in file_flags and "--netG" in net_flags:
        return "The file holds a discriminator, the network is a generator: choose another file."
    if "--netG" in file_flags and "--netD" in net_flags:
        return "The file holds a generator, the network is a discriminator: choose another file."
    differing = {key: value for key, value in file_flags.items() if net_flags.get(key) != value}
    if not differing or not net_flags:
        return "Use the network flags it was trained with; train_opt.txt in its folder lists them."
    return f"Likely fix: {_flag_text(differing)}."


def _flag_text(flags: Mapping[str, str]) -> str:
    return " ".join(f"{flag} {value}".strip() for flag, value in flags.items())


def _first_of(keys: list[str]) -> str:
    if not keys:
        return "nothing"
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(keys[:SHOWN]) + more


def _shape_text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
