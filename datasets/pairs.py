"""Find the images of A and B and match them: the planning half of the pair tools.

A tool first plans (every image has a mate, both have one size), then writes (``pictures.py``),
so that a fault in the data is reported before the first file exists.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.discovery.folders import EXTENSIONS, is_picture, visible_files
from data.files.pillow_files import read_rgb_size
from datasets.jobs import listing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NamedPair:
    """``name``: path below the folder, without the extension, ``/`` between its parts."""

    name: str
    A: Path
    B: Path


def find_pictures(folder: Path) -> dict[str, Path]:
    """Every image below ``folder`` by its ``NamedPair.name``, sorted.

    Linked sub-folders are entered, hidden files (``._x.png``) are not images. A name that
    occurs with two extensions is a ValueError: nobody could say which of them is meant.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder")
    found: dict[str, list[Path]] = defaultdict(list)
    others = 0
    for path in visible_files(folder):
        if is_picture(path):
            found[path.relative_to(folder).with_suffix("").as_posix()].append(path)
        else:
            others += 1
    if not found:
        raise FileNotFoundError(f"{folder} holds no image ({' '.join(EXTENSIONS)})")
    twins = [" and ".join(map(str, sorted(paths))) for paths in found.values() if len(paths) > 1]
    if twins:
        raise ValueError(
            f"{len(twins)} names occur with several extensions; keep one of each:\n{listing(twins)}"
        )
    log.info("%s: %d images (other files, ignored: %d)", folder, len(found), others)
    return {name: found[name][0] for name in sorted(found)}


def strip_suffix(
    named: dict[str, Path], suffix: str, *, mate_suffix: str | None, allow_unpaired: bool
) -> dict[str, Path]:
    """``0001_A`` becomes ``0001``.

    Where both sides share one folder, names that end in ``mate_suffix`` are left to the other.
    """
    known = (suffix,) if mate_suffix is None else (suffix, mate_suffix)
    strange = [str(path) for name, path in named.items() if not name.endswith(known)]
    if strange and not allow_unpaired:
        raise ValueError(
            f"{len(strange)} names do not end in {suffix}; rename them, or skip them with "
            f"--allow_unpaired:\n{listing(strange)}"
        )
    if strange:
        log.warning("skipped, names without %s: %d\n%s", suffix, len(strange), listing(strange))
    return {
        name.removesuffix(suffix): path for name, path in named.items() if name.endswith(suffix)
    }


def match(
    named_A: dict[str, Path],
    named_B: dict[str, Path],
    *,
    allow_unpaired: bool = False,
    skip_flag: str | None = None,
    way_out: str = "",
) -> list[NamedPair]:
    """Pairs of equal name, sorted; an image without mate is an error unless it is allowed.

    The error advises ``skip_flag`` where pairs would be left, and ``way_out`` anyhow.
    """
    lonely = [f"{named_A[name]} has no B" for name in sorted(named_A.keys() - named_B.keys())]
    lonely += [f"{named_B[name]} has no A" for name in sorted(named_B.keys() - named_A.keys())]
    names = sorted(named_A.keys() & named_B.keys())
    if lonely and (not allow_unpaired or not names):
        skip = f", or skip them with {skip_flag}" if names and skip_flag else ""
        raise ValueError(
            f"{len(names)} pairs of equal name, but {len(lonely)} images without mate; rename "
            f"or add them{skip}{way_out}:\n{listing(lonely)}"
        )
    if lonely:
        log.warning("skipped, without mate: %d\n%s", len(lonely), listing(lonely))
    return [NamedPair(name, named_A[name], named_B[name]) for name in names]


def require_equal_sizes(pairs: Sequence[NamedPair], *, way_out: str = "") -> None:
    """Compare the sizes in the file headers: cheap, for no pixel is decoded."""
    sizes = [(pair, read_rgb_size(pair.A), read_rgb_size(pair.B)) for pair in pairs]
    unequal = [
        f"{pair.A} is {A[0]}x{A[1]}, {pair.B} is {B[0]}x{B[1]}" for pair, A, B in sizes if A != B
    ]
    if unequal:
        raise ValueError(
            f"{len(unequal)} of {len(pairs)} pairs differ in size (width x height); make them "
            f"equal{way_out}:\n{listing(unequal)}"
        )


def warn_about_leftovers(targets: Sequence[Path]) -> None:
    """Training takes every image of a folder, so name those that this run will not write."""
    expected = set(targets)
    leftovers = sorted(
        str(path)
        for folder in {target.parent for target in targets}
        if folder.is_dir()
        for path in folder.iterdir()
        if is_picture(path) and path not in expected
    )
    if leftovers:
        log.warning(
            "the output folders hold %d other images, which will be trained on too:\n%s",
            len(leftovers),
            listing(leftovers),
        )
