"""Find a generator, in the folder of a run or in a .pth file."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.files.value_range import ValueRange
from data.record import Record, load_record
from inference.generator_file import NETWORK_FLAGS, Direction, GeneratorFile
from inference.inferred_generator import how_to_rebuild, infer_generator
from models.networks import GENERATORS, available, own_flags, require_known
from models.rebuilding import saved_generator_flags
from models.weights.network_files import AVERAGED, no_average
from util import checkpoint
from util.flags import nan_value, value_range
from util.run_folder.networks import load_network_entries
from util.run_folder.options import load_options


def find_generator(
    path: Path, *, epoch: str = "latest", direction: Direction | None = None, ema: bool = False,
    weights_key: str = "", **flags: Any,
) -> GeneratorFile:
    """Find a generator in the folder of a run, or in a .pth file with its weights.

    ``epoch``: latest, 20 or iter_5000. ``direction``: the generator of a two-way model; default:
    the direction of the training. ``ema``: its averaged weights. ``weights_key``: the generator in
    a checkpoint of another program that holds several, such as netG_A. ``flags``: known values of
    ``NETWORK_FLAGS``; the others are read from the run, or inferred from the names and shapes in
    the file. ``value_range_A`` and ``value_range_B``, (low, high), replace those of the run, as
    does ``nan_value``, a number or one for A and one for B.

    Raises:
        FileNotFoundError: the file does not exist; the message lists the existing files.
        TypeError: an unknown flag.
        ValueError: a flag contradicts the file, or cannot be inferred from the file.
    """
    limits = {side: flags.pop(f"value_range_{side}", None) for side in "AB"}
    missing = flags.pop("nan_value", None)
    _require_known_flags(flags)
    if ema and not path.is_dir():
        raise ValueError(f"--ema chooses among the files of a run, {path} is one file: leave the "
                         "flag out, or give the folder")
    if path.is_dir():
        file = _from_folder(path, flags, epoch=epoch, direction=direction, key=weights_key)
    else:
        file = infer_generator(path, direction, flags, key=weights_key)
    if ema:
        file = replace(file, path=file.path.with_name(f"{file.path.stem}{AVERAGED}.pth"))
        if not file.path.is_file():
            raise no_average(file.path)
    given = {side: ValueRange(*pair) for side, pair in limits.items() if pair}
    if missing is not None:
        pair = missing if isinstance(missing, tuple) else (missing, missing)
        file = replace(file, nan_values=dict(zip("AB", pair, strict=True)))
    return _with_flags(replace(file, ranges={**file.ranges, **given}), flags)


def _require_known_flags(flags: Mapping[str, Any]) -> None:
    """Raise ValueError for an unknown generator, TypeError for an unknown flag."""
    if "netG" in flags:
        require_known("generator", flags["netG"], available("generator"))
    own = own_flags("generator", flags.get("netG", next(iter(GENERATORS))))
    unknown = ", ".join(sorted(flags.keys() - set(NETWORK_FLAGS) - own.keys()))
    if unknown:
        raise TypeError(f"{unknown}: unknown flag; choose from {', '.join((*NETWORK_FLAGS, *own))}")


def _from_folder(
    folder: Path, flags: Mapping[str, Any], *, epoch: str, direction: Direction | None, key: str
) -> GeneratorFile:
    saved = load_options(folder)
    if saved.keys() >= set(NETWORK_FLAGS):
        return _from_run(folder, saved, epoch=epoch, direction=direction)
    weights, is_two_way = _weights_in(folder, epoch, backwards=direction == "BtoA")
    file = infer_generator(weights, direction, flags, key=key)
    return replace(file, record=load_record(folder), is_two_way=is_two_way)


def _from_run(
    run_dir: Path, saved: Mapping[str, Any], *, epoch: str, direction: Direction | None
) -> GeneratorFile:
    trained: Direction = "BtoA" if saved.get("direction") == "BtoA" else "AtoB"
    wanted = direction or trained
    backwards = wanted != trained
    path, is_two_way = _weights_in(run_dir, epoch, backwards=backwards)
    if backwards and not is_two_way:
        raise ValueError(
            f"--direction {wanted}: {run_dir} was trained {trained} and has one generator; "
            f"leave the flag out, or give {trained}"
        )
    channels = (int(saved["input_nc"]), int(saved["output_nc"]))
    suffixes = saved.get("input_suffixes") or ""
    record = load_record(run_dir)
    if not record.formats and saved.get("dataset_mode") == "aligned":
        record = Record(pair_ratio=(2.0, 2.0))  # no record: most data sets have square images
    return GeneratorFile(
        path, netG=saved["netG"], ngf=int(saved["ngf"]), norm=saved["norm"],
        no_dropout=saved["no_dropout"], input_nc=channels[backwards],
        output_nc=channels[not backwards], direction=wanted, model=saved.get("model", ""),
        input_suffixes=tuple(suffixes.split(",")) if suffixes and not backwards else (),
        ranges={
            letter: ValueRange(*value_range(text)) for letter in "AB"
            if (text := saved.get(f"value_range_{letter}"))
        },
        nan_values=dict(zip("AB", nan_value(saved["nan_value"]), strict=True))
        if saved.get("nan_value") else {},
        record=record, is_two_way=is_two_way, flags=saved_generator_flags(saved),
        rebuild=how_to_rebuild(run_dir, saved, path),
    )


def _weights_in(run_dir: Path, epoch: str, *, backwards: bool) -> tuple[Path, bool]:
    """Return the file of the first generator of that direction, and whether both directions exist.

    A run without ``networks.json`` is taken to have G, or G_A and G_B.
    """
    entries = load_network_entries(run_dir)
    generators = {name: entry.backwards for name, entry in entries.items()
                  if entry.role == "generator"}
    if not generators:
        has_one = (run_dir / f"{epoch}_net_G.pth").is_file()
        generators = {"G": False} if has_one else {"G_A": False, "G_B": True}
    is_two_way = set(generators.values()) == {False, True}
    names = [name for name, own in generators.items() if own == (backwards and is_two_way)]
    path = run_dir / f"{epoch}_net_{(names or list(generators))[0]}.pth"
    if path.is_file():
        return path, is_two_way
    wanted = path.name if entries else f"neither {epoch}_net_G.pth nor {path.name}"
    raise FileNotFoundError(
        f"{run_dir} holds {'no ' if entries else ''}{wanted}; {checkpoint.describe_others(path)}"
    )


def _with_flags(file: GeneratorFile, flags: Mapping[str, Any]) -> GeneratorFile:
    """Complete ``file`` by ``flags``, which must not contradict it."""
    for name, value in flags.items():
        if name not in NETWORK_FLAGS and name not in file.flags:
            raise ValueError(f"{file.path}: {name} is given, {file.netG} has no such flag; leave "
                             "it out")
        own = getattr(file, name) if name in NETWORK_FLAGS else file.flags.get(name)
        equal = own == value or {own, value} == {"batch", "syncbatch"}  # these have equal weights
        if own is not None and not equal:
            conflict = f"{name} is given as {value}, the file has {own}"
            raise ValueError(f"{file.path}: {conflict}; leave it out, or give {own}")
    unknown = file.no_dropout is None
    return replace(file, no_dropout=flags.get("no_dropout")) if unknown else file
