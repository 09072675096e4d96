"""Gather the files of one image: x_r.png and x_nir.png are two channels of x."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from unicodedata import normalize

from data.files.source import Source
from util.text import listing

log = logging.getLogger(__name__)


def sources_of_files(
    files: Sequence[Path], suffixes: Sequence[str] = (), *, limit: int | None = None
) -> list[Source]:
    """One source for each file; with suffixes, one for each complete set of ``<stem><suffix>.*``.

    Files whose names end in none of the suffixes are left out with a warning. The first ``limit``
    sources are returned, all of them for None.

    Raises:
        ValueError: a stack lacks a file, or has two for one suffix; or no name has a suffix.
    """
    if not suffixes:
        return [Source((file,)) for file in files[:limit]]
    return list(sources_by_stem(files, suffixes).values())[:limit]


def sources_by_stem(files: Iterable[Path], suffixes: Sequence[str] = ()) -> dict[str, Source]:
    """``sources_of_files`` under sorted keys: the path without suffix and extension.

    Raises:
        ValueError: as ``sources_of_files``; and two files differ in nothing but the extension.
    """
    wanted = tuple(suffixes) or ("",)
    found, strange = group_by_stem(files, wanted)
    if strange and not found:
        raise ValueError(
            f"no name ends in {' or '.join(wanted)} (--input_suffixes), found:\n"
            f"{listing(strange)}\nGive the ends of the names before the extension, such as "
            "_r,_nir for x_r.png and x_nir.png; or leave --input_suffixes out"
        )
    if strange:
        log.warning(
            "left out, names that do not end in %s (--input_suffixes): %d\n%s",
            " or ".join(wanted), len(strange), listing(strange),
        )
    partial = [
        f"{stem}: {missing(parts, wanted)}"
        for stem, parts in found.items()
        if len(parts) < len(wanted)
    ]
    if partial:
        raise ValueError(
            f"{len(partial)} of {len(found)} images lack a part (--input_suffixes "
            f"{','.join(wanted)}); add the files, or remove the rest of the image:\n"
            f"{listing(partial)}"
        )
    return {stem: stacked_source(found[stem], wanted) for stem in sorted(found)}


def group_by_stem(
    files: Iterable[Path], suffixes: Sequence[str]
) -> tuple[dict[str, dict[str, Path]], list[str]]:
    """Stem -> suffix -> file, and the files that have none of the suffixes.

    The longest suffix counts. Letters are composed (NFC): systems write accents in two ways.

    Raises:
        ValueError: two files for one stem and suffix.
    """
    found: dict[str, dict[str, Path]] = {}
    strange, twins = [], []
    for file in files:
        suffix = longest_suffix(file.stem, suffixes)
        if suffix is None:
            strange.append(str(file))
            continue
        parts = found.setdefault(stem_of(file.parent, file.stem.removesuffix(suffix)), {})
        if suffix in parts:
            twins.append(f"{parts[suffix]} and {file}")
        parts[suffix] = file
    if twins:
        raise ValueError(
            "images are told apart by their names without the extension, but these are called "
            f"alike; keep one of each:\n{listing(twins)}"
        )
    return found, strange


def longest_suffix(stem: str, suffixes: Sequence[str]) -> str | None:
    return max((end for end in suffixes if stem.endswith(end)), key=len, default=None)


def stem_of(folder: Path, name: str) -> str:
    return normalize("NFC", f"{folder.as_posix()}/{name}")


def stacked_source(parts: dict[str, Path], suffixes: Sequence[str]) -> Source:
    return Source(tuple(parts[suffix] for suffix in suffixes))


def missing(parts: dict[str, Path], suffixes: Sequence[str]) -> str:
    """Says which parts a stack lacks, and which it has."""
    lacking = " and ".join(suffix for suffix in suffixes if suffix not in parts)
    there = ", ".join(path.name for path in parts.values()) or "nothing"
    return f"no file for {lacking}, found {there}"
