"""Find the pictures of A and B and match them: the planning half of the pair tools.

A tool first plans (every picture has a mate, both have one size), then writes (``pictures.py``),
so that a fault in the data is reported before the first file exists.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.pictures import upright_size

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".tif", ".tiff", ".webp")
LISTED = 10


@dataclass(frozen=True)
class Pair:
    """``name``: path below the folder, without the extension, ``/`` between its parts."""

    name: str
    A: Path
    B: Path


def listing(lines: Sequence[str]) -> str:
    """The first ten lines, indented, and the number of the others."""
    shown = [f"  {line}" for line in lines[:LISTED]]
    if len(lines) > LISTED:
        shown.append(f"  ... and {len(lines) - LISTED} more")
    return "\n".join(shown)


def _is_loop(folder: Path) -> bool:
    return folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve())


def find_pictures(folder: Path) -> dict[str, Path]:
    """Every picture below ``folder`` by its ``Pair.name``, sorted.

    Linked sub-folders are entered, hidden files (``._x.png``) are not pictures. A name that
    occurs with two extensions is a ValueError: nobody could say which of them is meant.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder")
    found: dict[str, list[Path]] = defaultdict(list)
    others = 0
    for here, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name[0] != "." and not _is_loop(Path(here, name))]
        for path in (Path(here, name) for name in files if name[0] != "."):
            if path.suffix.lower() in EXTENSIONS:
                found[path.relative_to(folder).with_suffix("").as_posix()].append(path)
            else:
                others += 1
    if not found:
        raise FileNotFoundError(f"{folder} holds no picture ({' '.join(EXTENSIONS)})")
    twins = [" and ".join(map(str, sorted(paths))) for paths in found.values() if len(paths) > 1]
    if twins:
        raise ValueError(
            f"{len(twins)} names occur with several extensions; keep one of each:\n{listing(twins)}"
        )
    logging.info("%s: %d pictures (other files, ignored: %d)", folder, len(found), others)
    return {name: found[name][0] for name in sorted(found)}


def strip_suffix(
    named: dict[str, Path], suffix: str, *, mate_suffix: str, allow_unpaired: bool
) -> dict[str, Path]:
    """``0001_A`` becomes ``0001``.

    Names that end in ``mate_suffix`` are left to the other side: both may share one folder.
    """
    strange = [
        str(path) for name, path in named.items() if not name.endswith((suffix, mate_suffix))
    ]
    if strange and not allow_unpaired:
        raise ValueError(
            f"{len(strange)} names do not end in {suffix}; rename them, or skip them with "
            f"--allow_unpaired:\n{listing(strange)}"
        )
    if strange:
        logging.warning("skipped, names without %s: %d\n%s", suffix, len(strange), listing(strange))
    return {
        name.removesuffix(suffix): path for name, path in named.items() if name.endswith(suffix)
    }


def match(
    named_A: dict[str, Path], named_B: dict[str, Path], *, allow_unpaired: bool, way_out: str = ""
) -> list[Pair]:
    """Pairs of equal name, sorted; a picture without mate is an error unless it is allowed."""
    lonely = [f"{named_A[name]} has no B" for name in sorted(named_A.keys() - named_B.keys())]
    lonely += [f"{named_B[name]} has no A" for name in sorted(named_B.keys() - named_A.keys())]
    names = sorted(named_A.keys() & named_B.keys())
    if lonely and (not allow_unpaired or not names):
        skip = ", or skip them with --allow_unpaired" if names else ""
        raise ValueError(
            f"{len(names)} pairs of equal name, but {len(lonely)} pictures without mate; rename "
            f"or add them{skip}{way_out}:\n{listing(lonely)}"
        )
    if lonely:
        logging.warning("skipped, without mate: %d\n%s", len(lonely), listing(lonely))
    return [Pair(name, named_A[name], named_B[name]) for name in names]


def require_equal_sizes(pairs: Sequence[Pair]) -> None:
    """Compare the sizes in the file headers: cheap, for no pixel is decoded."""
    sizes = [(pair, upright_size(pair.A), upright_size(pair.B)) for pair in pairs]
    unequal = [
        f"{pair.A} is {A[0]}x{A[1]}, {pair.B} is {B[0]}x{B[1]}" for pair, A, B in sizes if A != B
    ]
    if unequal:
        raise ValueError(
            f"{len(unequal)} of {len(pairs)} pairs differ in size (width x height); make them "
            f"equal, or pass --resize_to A or --resize_to B:\n{listing(unequal)}"
        )


def warn_about_leftovers(targets: Sequence[Path]) -> None:
    """Training takes every picture of a folder, so name those that this run will not write."""
    expected = set(targets)
    leftovers = sorted(
        str(path)
        for folder in {target.parent for target in targets}
        if folder.is_dir()
        for path in folder.iterdir()
        if path.suffix.lower() in EXTENSIONS and path not in expected
    )
    if leftovers:
        logging.warning(
            "the output folders hold %d other pictures, which will be trained on too:\n%s",
            len(leftovers),
            listing(leftovers),
        )
