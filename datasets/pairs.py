"""Find the images of A and B and match them: the planning half of the pair tools.

A tool first plans (every image has a partner, both have one size), then writes (``pictures.py``),
so that a fault in the data is reported before the first file is written.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.discovery.folders import EXTENSIONS, is_picture, name_formats, visible_files
from data.discovery.leftovers import log_doubtful
from data.discovery.stacks import group_by_stem, stem_of
from data.files.pillow_files import read_rgb_size
from util.text import listing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NamedPair:
    """``name``: path below the folder, without the extension, ``/`` between its parts."""

    name: str
    A: Path
    B: Path


def find_pictures(folder: Path) -> dict[str, Path]:
    """Return every image below ``folder`` by its ``NamedPair.name``, sorted.

    Linked sub-folders are entered; leftovers (data/discovery/leftovers.py) are ignored.

    Raises:
        FileNotFoundError: the folder does not exist, or holds no image.
        ValueError: two files differ only in the extension.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder")
    files = list(visible_files(folder))
    images = [path for path in files if is_picture(path)]
    if not images:
        raise FileNotFoundError(f"{folder} holds no image ({' '.join(EXTENSIONS)}), found: "
                                f"{name_formats(files) or 'no files'}")
    stems, _ = group_by_stem(images, [""])
    log.info("%s: %d images (other files, ignored: %s)", folder, len(images),
             name_formats(set(files) - set(images)) or "0")
    log_doubtful(folder, images)
    root = stem_of(folder, "")
    return {stem.removeprefix(root): stems[stem][""] for stem in sorted(stems)}


def strip_suffix(
    named: dict[str, Path], suffix: str, *, mate_suffix: str | None, allow_unpaired: bool
) -> dict[str, Path]:
    """Shorten the names: ``0001_A`` becomes ``0001``.

    If both sides share one folder, ``mate_suffix`` is the suffix of the other side's images.
    """
    known = (suffix,) if mate_suffix is None else (suffix, mate_suffix)
    others = [str(path) for name, path in named.items() if not name.endswith(known)]
    if others and not allow_unpaired:
        raise ValueError(f"{len(others)} names do not end in {suffix}; rename them, or skip them "
                         f"with --allow_unpaired:\n{listing(others)}")
    if others:
        log.warning("skipped, names without %s: %d\n%s", suffix, len(others), listing(others))
    return {
        name.removesuffix(suffix): path for name, path in named.items() if name.endswith(suffix)
    }


def match(
    named_A: dict[str, Path], named_B: dict[str, Path], *, allow_unpaired: bool = False,
    skip_flag: str | None = None, advice: str = "",
) -> list[NamedPair]:
    """Return the pairs of equal name, sorted.

    Raises:
        ValueError: images without a partner, unless ``allow_unpaired`` and some pairs remain. The
            message names ``skip_flag`` if pairs would remain, and always ``advice``.
    """
    unpaired = [f"{named_A[name]} has no B" for name in sorted(named_A.keys() - named_B.keys())]
    unpaired += [f"{named_B[name]} has no A" for name in sorted(named_B.keys() - named_A.keys())]
    names = sorted(named_A.keys() & named_B.keys())
    if unpaired and (not allow_unpaired or not names):
        skip = f", or skip them with {skip_flag}" if names and skip_flag else ""
        raise ValueError(f"{len(names)} pairs of equal name, but {len(unpaired)} images without a "
                         f"partner; rename or add them{skip}{advice}:\n{listing(unpaired)}")
    if unpaired:
        log.warning("skipped, without a partner: %d\n%s", len(unpaired), listing(unpaired))
    return [NamedPair(name, named_A[name], named_B[name]) for name in names]


def require_equal_sizes(pairs: Sequence[NamedPair], *, advice: str = "") -> None:
    """Compare the sizes in the file headers; no pixel is decoded."""
    sizes = [(pair, read_rgb_size(pair.A), read_rgb_size(pair.B)) for pair in pairs]
    unequal = [
        f"{pair.A} is {A[0]}x{A[1]}, {pair.B} is {B[0]}x{B[1]}" for pair, A, B in sizes if A != B
    ]
    if unequal:
        raise ValueError(f"{len(unequal)} of {len(pairs)} pairs differ in size (width x height); "
                         f"make them equal{advice}:\n{listing(unequal)}")


def warn_about_leftovers(targets: Sequence[Path]) -> None:
    """Name the images in the output folders that are not written; a training would use them."""
    expected = set(targets)
    folders = {target.parent for target in targets if target.parent.is_dir()}
    leftovers = sorted(str(path) for folder in folders for path in folder.iterdir()
                       if is_picture(path) and path not in expected)
    if leftovers:
        log.warning("the output folders hold %d other images, which a training would use too:\n%s",
                    len(leftovers), listing(leftovers))
