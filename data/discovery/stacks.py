"""Find the files that form one image: x_r.png and x_nir.png are two channels of x."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from unicodedata import normalize

from data.discovery.image_folder import Order
from data.files.source import Source
from util.disk.file_names import composed, natural_key, without_extension
from util.text import listing

log = logging.getLogger(__name__)


def sources_of_files(
    files: Sequence[Path], suffixes: Sequence[str] = (), *, limit: int | None = None,
    order: Order = natural_key,
) -> list[Source]:
    """Return one source for each file, or with suffixes for each set of ``<stem><suffix>.*``.

    Files whose names end in none of the suffixes are left out with a warning. At most ``limit``
    sources are returned; None returns all.

    Raises:
        ValueError: a stack is incomplete, or has two files for one suffix; or no name has a suffix.
    """
    if not suffixes:
        return [Source((file,)) for file in files[:limit]]
    return list(sources_by_stem(files, suffixes, order=order).values())[:limit]


def sources_by_stem(
    files: Iterable[Path], suffixes: Sequence[str] = (), *, order: Order = natural_key
) -> dict[str, Source]:
    """Return the sources by stem, in the given order: the path without suffix and extension.

    Raises:
        ValueError: as ``sources_of_files``; or two files differ only in the extension.
    """
    wanted = tuple(suffixes) or ("",)
    stacks, others = group_by_stem(files, wanted)
    if others and not stacks:
        raise ValueError(f"no name ends in {' or '.join(wanted)} (--input_suffixes), found:\n"
                         f"{listing(others)}\nGive the ends of the names before the extension, "
                         "such as _r,_nir for x_r.png and x_nir.png; or leave --input_suffixes out")
    if others:
        log.warning("left out, names that do not end in %s (--input_suffixes): %d\n%s",
                    " or ".join(wanted), len(others), listing(others))
    partial = [f"{stem}: {missing(parts, wanted)}"
               for stem, parts in stacks.items() if len(parts) < len(wanted)]
    if partial:
        raise ValueError(f"{len(partial)} of {len(stacks)} images are incomplete (--input_suffixes "
                         f"{','.join(wanted)}); add the files, or remove the rest of the image:\n"
                         f"{listing(partial)}")
    return {stem: stacked_source(stacks[stem], wanted) for stem in sorted(stacks, key=order)}


def group_by_stem(
    files: Iterable[Path], suffixes: Sequence[str]
) -> tuple[dict[str, dict[str, Path]], list[str]]:
    """Return the files as stem -> suffix -> file, and the files without any of the suffixes.

    The longest suffix counts. Stems are ``composed``.

    Raises:
        ValueError: two files for one stem and suffix.
    """
    stacks: dict[str, dict[str, Path]] = {}
    others, twins, known = [], [], []
    for file in files:
        stem = without_extension(file).name
        suffix = longest_suffix(stem, suffixes)
        if suffix is None:
            others.append(str(file))
        else:
            known.append((stem_of(file.parent, ""), stem.removesuffix(suffix), suffix, file))
    names = composed(above + stem for above, stem, _, _ in known)
    for above, stem, suffix, file in known:
        parts = stacks.setdefault(names[above + stem], {})
        if suffix in parts:
            twins.append(f"{parts[suffix]} and {file}")
        parts[suffix] = file
    if twins:
        raise ValueError("images are distinguished by their names without the extension, but these "
                         f"have the same name; keep one of each:\n{listing(twins)}")
    return stacks, others


def longest_suffix(stem: str, suffixes: Sequence[str]) -> str | None:
    return max((end for end in suffixes if stem.endswith(end)), key=len, default=None)


def without_suffix(name: str, suffixes: Sequence[str]) -> str:
    return name.removesuffix(longest_suffix(name, suffixes) or "")


def stem_of(folder: Path, name: str) -> str:
    return normalize("NFC", f"{folder.as_posix()}/{name}")


def stacked_source(parts: dict[str, Path], suffixes: Sequence[str]) -> Source:
    return Source(tuple(parts[suffix] for suffix in suffixes))


def missing(parts: dict[str, Path], suffixes: Sequence[str]) -> str:
    """Describe which parts of a stack are missing, and which were found."""
    absent = " and ".join(suffix for suffix in suffixes if suffix not in parts)
    found = ", ".join(path.name for path in parts.values()) or "nothing"
    return f"no file for {absent}, found {found}"
