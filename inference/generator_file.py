"""Find one generator, in the folder of a run or in a single .pth file, and what it translates."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from data.files.value_range import ValueRange
from data.record import Format, Record, load_record
from models.networks import define_G
from models.weights.infer_flags import recognise
from models.weights.network_files import AVERAGED, no_average
from models.weights.published_keys import load_published
from util import checkpoint
from util.flags import value_range
from util.run_folder.options import load_options

log = logging.getLogger(__name__)

Direction = Literal["AtoB", "BtoA"]
# Flags of the command line that are fields below.
NETWORK_FLAGS = ("netG", "ngf", "norm", "no_dropout", "input_nc", "output_nc")


@dataclass(frozen=True)
class GeneratorFile:
    """``no_dropout`` is None where the file cannot tell, which only U-Nets can do."""

    path: Path
    netG: str
    ngf: int
    norm: str
    no_dropout: bool | None
    input_nc: int
    output_nc: int
    direction: Direction = "AtoB"  # which side of the training's data goes in
    model: str = ""  # "": unknown
    input_suffixes: tuple[str, ...] = ()
    ranges: Mapping[str, ValueRange | None] = field(default_factory=dict)  # of A and B
    record: Record = field(default_factory=Record)

    @property
    def input_letter(self) -> str:
        return self.direction[0]

    @property
    def output_letter(self) -> str:
        return self.direction[-1]

    @property
    def is_two_way(self) -> bool:
        """Whether it is one of two generators, there and back."""
        return "_net_G_" in self.path.name.replace(AVERAGED, "")

    def written_for(self, given: Format) -> Format:
        """How the translation of a file of format ``given`` is written."""
        letter = self.output_letter
        return self.record.format_for(letter, given, self.ranges.get(letter))

    def build(self) -> nn.Module:
        """The network with its weights, on the CPU."""
        net = define_G(
            self.netG,
            in_channels=self.input_nc,
            out_channels=self.output_nc,
            width=self.ngf,
            norm=self.norm,
            dropout=not self.no_dropout,
        )
        load_published(net, checkpoint.load(self.path), source=str(self.path))
        return net


def find_generator(
    path: Path, *, epoch: str = "latest", direction: Direction | None = None, ema: bool = False,
    **flags: Any,
) -> GeneratorFile:
    """``path``: the folder of a run, or one .pth file with the weights of a generator.

    ``epoch``: latest, 20 or iter_5000. ``direction`` chooses the generator of a two-way model;
    None: the run's own. ``ema``: its average, of a run with --ema. ``flags``: those of
    ``NETWORK_FLAGS`` that are known beforehand; others are read off the run or off the names and
    shapes in the file.

    Raises:
        FileNotFoundError: no such file; names those that are there.
        TypeError: a flag that is none of ``NETWORK_FLAGS``.
        ValueError: a flag contradicts the file, or the file leaves one open.
    """
    unknown = ", ".join(sorted(flags.keys() - set(NETWORK_FLAGS)))
    if unknown:
        raise TypeError(f"{unknown}: no such flag; there are {', '.join(NETWORK_FLAGS)}")
    if path.is_dir():
        saved = load_options(path)
        if saved.keys() >= set(NETWORK_FLAGS):
            found = _of_run(path, saved, epoch, direction)
        else:
            found = _of_file(_weights_in(path, epoch, direction or "AtoB")[0], direction, flags)
            found = replace(found, record=load_record(path))
        if ema:
            found = replace(found, path=_averaged(found.path))
    elif ema:
        raise ValueError(
            f"--ema chooses among the files of a run, {path} is one file: leave the flag out, or "
            "give the folder"
        )
    else:
        found = _of_file(path, direction, flags)
    return _with_flags(found, flags)


def _of_run(
    run_dir: Path, saved: Mapping[str, Any], epoch: str, direction: Direction | None
) -> GeneratorFile:
    trained: Direction = "BtoA" if saved.get("direction") == "BtoA" else "AtoB"
    wanted = direction or trained
    file, two_way = _weights_in(run_dir, epoch, "AtoB" if wanted == trained else "BtoA")
    if not two_way and wanted != trained:
        raise ValueError(
            f"--direction: {wanted} is asked for, {run_dir} was trained {trained} and has one "
            f"generator; leave the flag out, or give {trained}"
        )
    channels = (int(saved["input_nc"]), int(saved["output_nc"]))
    backwards = wanted != trained
    suffixes = saved.get("input_suffixes") or ""
    return GeneratorFile(
        file,
        netG=saved["netG"],
        ngf=int(saved["ngf"]),
        norm=saved["norm"],
        no_dropout=saved["no_dropout"],
        input_nc=channels[1 if backwards else 0],
        output_nc=channels[0 if backwards else 1],
        direction=wanted,
        model=saved.get("model", ""),
        input_suffixes=tuple(suffixes.split(",")) if suffixes and not backwards else (),
        ranges={letter: _range(saved.get(f"value_range_{letter}")) for letter in "AB"},
        record=_record(run_dir, saved),
    )


def _record(run_dir: Path, saved: Mapping[str, Any]) -> Record:
    """A run without one that learned from pairs is taken to have had square pictures, as most."""
    record = load_record(run_dir)
    if not record.formats and saved.get("dataset_mode") == "aligned":
        return Record(pair_ratio=(2.0, 2.0))
    return record


def _weights_in(run_dir: Path, epoch: str, way: str) -> tuple[Path, bool]:
    """The generator's file, and whether the run has two of them, there (G_A) and back (G_B)."""
    one = run_dir / f"{epoch}_net_G.pth"
    two = run_dir / f"{epoch}_net_G_{way[0]}.pth"
    if two.is_file() and not one.is_file():
        return two, True
    if one.is_file():
        return one, False
    saved = ", ".join(sorted(file.name for file in run_dir.glob("*.pth"))) or "none"
    raise FileNotFoundError(
        f"{run_dir} holds neither {one.name} nor {two.name}; checkpoints there: {saved}"
    )


def _averaged(path: Path) -> Path:
    average = path.with_name(f"{path.stem}{AVERAGED}.pth")
    if not average.is_file():
        raise no_average(average)
    return average


def _of_file(path: Path, direction: Direction | None, flags: Mapping[str, Any]) -> GeneratorFile:
    """Read the flags off the names and shapes of the tensors, and say them."""
    weights = checkpoint.load(path)
    shapes = {
        name.removeprefix("module."): tuple(tensor.shape)  # DataParallel's prefix
        for name, tensor in weights.items()
        if isinstance(tensor, Tensor)
    }
    seen = recognise(shapes)
    if "--netG" in seen:
        words = [f"{flag} {value}".strip() for flag, value in seen.items()]
        log.info("%s: %s", path, " ".join(words))
    known = dict(flags) | {name: seen[f"--{name}"] for name in NETWORK_FLAGS if f"--{name}" in seen}
    lacking = [f"--{name}" for name in NETWORK_FLAGS if name not in known and name != "no_dropout"]
    if lacking:
        what = "a discriminator" if "--netD" in seen else "no generator that is known by its names"
        raise ValueError(
            f"{path} holds {what}; choose a generator's file, or for a network of your own give "
            f"{' '.join(lacking)}"
        )
    dropout = {"--dropout": False, "--no_dropout": True}
    return GeneratorFile(
        path,
        netG=known["netG"],
        ngf=int(known["ngf"]),
        norm=known["norm"],
        no_dropout=next((value for flag, value in dropout.items() if flag in seen), None),
        input_nc=int(known["input_nc"]),
        output_nc=int(known["output_nc"]),
        direction=direction or "AtoB",
    )


def _with_flags(found: GeneratorFile, flags: Mapping[str, Any]) -> GeneratorFile:
    """What was found, completed by ``flags``, which must not say otherwise."""
    for name, value in flags.items():
        own = getattr(found, name)
        alike = {own, value} == {"batch", "syncbatch"}  # the same tensors, the same results here
        if own is not None and own != value and not alike:
            raise ValueError(
                f"{found.path}: {name} is given as {value}, the file says {own}; leave it out, or "
                f"give {own}"
            )
    if found.no_dropout is None:
        return replace(found, no_dropout=flags.get("no_dropout"))
    return found


def _range(saved: str | None) -> ValueRange | None:
    return ValueRange(*value_range(saved)) if saved else None
