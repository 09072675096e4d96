"""What is said of a file that does not fit its network: what it holds, and the likely flag."""

from collections.abc import Mapping

from models.weights.infer_flags import Shapes, recognise

SHOWN = 3  # tensors named in an error, of each kind


def describe_mismatch(found: Shapes, wanted: Shapes, source: str) -> str:
    """One sentence on the file ``source``, its cure, and the first tensors that differ."""
    missing = [key for key in wanted if key not in found]
    unknown = [key for key in found if key not in wanted]
    misshapen = [
        f"{key} {_size(found[key])} instead of {_size(wanted[key])}"
        for key in wanted
        if key in found and found[key] != wanted[key]
    ]
    lists = {"missing": missing, "not wanted": unknown, "other shapes": misshapen}
    details = "; ".join(f"{what}: {_some(keys)}" for what, keys in lists.items() if keys)
    file_flags, net_flags = recognise(found), recognise(wanted)
    return (
        f"{source} does not fit this network. Found {_flags(file_flags) or 'unknown names'}; "
        f"wanted {_flags(net_flags) or 'other names'}. {_way_out(file_flags, net_flags)} "
        f"({len(found)} tensors in the file, {len(wanted)} in the network; {details})"
    )


def _way_out(file_flags: Mapping[str, str], net_flags: Mapping[str, str]) -> str:
    differing = dict(file_flags.items() - net_flags.items())
    if "--netD" in file_flags and "--netG" in net_flags:
        return "The file holds a discriminator, the network is a generator: choose another file."
    if "--netG" in file_flags and "--netD" in net_flags:
        return "The file holds a generator, the network is a discriminator: choose another file."
    if not differing or not net_flags:
        return "Use the network flags it was trained with; train_opt.txt beside it lists them."
    in_order = {flag: file_flags[flag] for flag in file_flags if flag in differing}
    return f"Likely cure: {_flags(in_order)}."


def _flags(flags: Mapping[str, str]) -> str:
    return " ".join(f"{flag} {value}".strip() for flag, value in flags.items())


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(keys[:SHOWN]) + more


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
