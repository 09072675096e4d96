"""Find the pairs of a phase in any of the layouts, and summarise them. No pixel is read."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from data.discovery.image_folder import Order, find_images
from data.discovery.pair_folders import Folders, find_folders
from data.discovery.pair_list import read_list
from data.discovery.stacks import sources_by_stem, stem_of
from data.files.source import Pair, Source
from util.disk.file_names import natural_key
from util.text import listing, pluralise

log = logging.getLogger(__name__)
CHECKED = 50  # files whose headers are read
LISTED = 20  # images without a partner, in an error
COMPARED = 2000  # names among which the most similar is searched; takes seconds at most

Named = dict[str, Source]


@dataclass(frozen=True)
class Pairs:
    """``layout``: "side by side", "folders trainA and trainB", or "list pairs.csv"."""

    layout: str
    pairs: list[Pair]
    dropped: int  # images without a partner, or lines of a list, that were left out
    unpaired: dict[str, list[Source]] = field(default_factory=dict)  # in folders, by side A and B


def find_pairs(
    dataroot: Path, phase: str, *, list_file: Path | None = None, allow_unpaired: bool = False,
    input_side: Literal["A", "B"] = "A", input_suffixes: Sequence[str] = (),
    limit: int | None = None, order: Order = natural_key
) -> Pairs:
    """Return the pairs of ``list_file``, or of one of four layouts of ``dataroot``.

    Side by side: ``<phase>/x.png`` holds A in its left half, B in its right half. By path without
    the extension: ``<phase>A/x.png`` and ``<phase>B/x.jpg``; ``A/<phase>`` and ``B/<phase>``;
    ``<phase>/A`` and ``<phase>/B``. With ``input_suffixes`` each image of the input side is a stack
    of ``x<suffix>.*``. At most ``limit`` pairs are returned.
    ``order``: see ``find_images``; a list has its own.

    Raises:
        FileNotFoundError: there are no pairs, or files of the list do not exist.
        ValueError: there are several layouts, images without a partner (dropped with
            ``allow_unpaired``), names that occur twice, or incomplete stacks.
    """
    suffixes_A = tuple(input_suffixes) if input_side == "A" else ()
    suffixes_B = tuple(input_suffixes) if input_side == "B" else ()
    if list_file is not None:
        pairs, dropped = read_list(list_file, dataroot=dataroot, phase=phase, suffixes_A=suffixes_A,
                                   suffixes_B=suffixes_B, allow_unpaired=allow_unpaired)
        return Pairs(f"list {list_file.name}", pairs[:limit], dropped)
    folders = find_folders(dataroot, phase)
    if folders is None:
        return _side_by_side(dataroot, phase, suffixes=input_suffixes, limit=limit, order=order)
    A, B = (_named(folders.A, suffixes_A, order), _named(folders.B, suffixes_B, order))
    found = _by_name(folders, A, B, allow_unpaired=allow_unpaired)
    return replace(found, pairs=found.pairs[:limit])


def _by_name(folders: Folders, A: Named, B: Named, *, allow_unpaired: bool) -> Pairs:
    log.info("images of equal names in %s are pairs; if they show different things, use "
             "--dataset_mode unaligned", folders)
    pairs = [Pair(A[name], B[name]) for name in A if name in B]
    unpaired = {"A": {name: A[name] for name in A if name not in B},
                "B": {name: B[name] for name in B if name not in A}}
    if any(unpaired.values()):
        _report_unpaired(folders, len(pairs), unpaired, allow_unpaired=allow_unpaired)
    lists = {letter: list(sources.values()) for letter, sources in unpaired.items()}
    return Pairs(f"folders {folders}", pairs, sum(map(len, lists.values())), lists)


def pairs_summary(
    found: Pairs, size_of: Callable[[Path], tuple[int, int]],
    size_of_B: Callable[[Path], tuple[int, int]] | None = None,
) -> str:
    """Return "400 pairs, folders trainA and trainB, A 256x256, B 20x18 to 51x40" (width x height).

    ``size_of`` is called for the files of the first 50 pairs, ``size_of_B`` for those of B.
    """
    checked = found.pairs[:CHECKED]
    sizes = _sizes(size_of(pair.A.path) for pair in checked)
    if not all(pair.A.half for pair in checked):
        sizes = f"A {sizes}, B {_sizes((size_of_B or size_of)(pair.B.path) for pair in checked)}"
    if " to " in sizes and len(checked) < len(found.pairs):
        sizes += f" (the first {len(checked)})"
    dropped = f", {found.dropped} dropped" if found.dropped else ""
    return f"{pluralise(len(found.pairs), 'pair')}, {found.layout}, {sizes}{dropped}"


def _sizes(sizes: Iterable[tuple[int, int]]) -> str:
    words = [f"{w}x{h}" for w, h in sorted(set(sizes), key=lambda size: (size[0] * size[1], size))]
    return words[0] if len(words) == 1 else f"{words[0]} to {words[-1]}"


def _side_by_side(
    dataroot: Path, phase: str, *, suffixes: Sequence[str], limit: int | None, order: Order
) -> Pairs:
    files = find_images(dataroot, phase, limit=limit, order=order)
    if suffixes:
        raise ValueError(f"{dataroot / phase} holds pairs side by side, one file each, but "
                         f"--input_suffixes {','.join(suffixes)} stacks files; leave it out, or "
                         f"put A and B into {dataroot / f'{phase}A'} and {dataroot / f'{phase}B'}")
    halves = [Pair(Source((file,), "left"), Source((file,), "right")) for file in files]
    return Pairs("side by side", halves, dropped=0)


def _named(folder: Path, suffixes: Sequence[str], order: Order) -> Named:
    """Return the images below ``folder`` by their path in it, without the extension, in order."""
    sources = sources_by_stem(find_images(folder), suffixes, order=order)
    above = stem_of(folder, "")
    return {stem.removeprefix(above): source for stem, source in sources.items()}


def _report_unpaired(
    folders: Folders, pairs: int, unpaired: dict[str, Named], *, allow_unpaired: bool
) -> None:
    """Raise ValueError; with ``allow_unpaired``, only warn if there are pairs."""
    only_A, only_B = unpaired["A"], unpaired["B"]
    first_A = list(only_A)[: max(LISTED // 2, LISTED - len(only_B))]
    first_B = list(only_B)[: LISTED - len(first_A)]
    lines = [f"{only_A[name]} has no B{_suggest(name, only_B)}" for name in first_A]
    lines += [f"{only_B[name]} has no A{_suggest(name, only_A)}" for name in first_B]
    listed = listing(lines, of=len(only_A) + len(only_B))
    if not pairs:
        raise ValueError(f"folders {folders} of {folders.root} hold no pair: none of the "
                         f"{len(only_A)} names in A is among the {len(only_B)} in B (path in the "
                         "folder, without extension). Rename the files, or list the pairs for "
                         "--pairs FILE; if they show different things: --dataset_mode unaligned "
                         f"--model cycle_gan:\n{listed}")
    counts = f"pairs {pairs}, only in A {len(only_A)}, only in B {len(only_B)}"
    if not allow_unpaired:
        raise ValueError(f"folders {folders} of {folders.root}: {counts}; rename or add files, or "
                         f"drop those without a partner by --allow_unpaired:\n{listed}")
    log.warning("folders %s: %s; dropped those without a partner:\n%s", folders, counts, listed)


def _suggest(name: str, others: Named) -> str:
    """Suggest the most similar name; case is ignored, because it differs most often."""
    folded = {other.casefold(): other for other in list(others)[:COMPARED]}
    close = get_close_matches(name.casefold(), folded, n=1)
    return f"; is it {others[folded[close[0]]]}?" if close else ""
