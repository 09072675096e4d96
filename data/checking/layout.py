"""Find the images of a folder that a training would read, and the pairs among them."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from data.discovery.folders import is_picture
from data.discovery.image_folder import find_images
from data.discovery.pair_folders import find_folders
from data.discovery.pair_list import phases_in
from data.discovery.pairs import Pairs, find_pairs
from data.discovery.stacks import sources_of_files, without_suffix
from data.files.image_io import read_size
from data.files.pillow_files import PictureError
from data.files.source import Source
from util.disk.file_names import without_extension

MODES = ("aligned", "unaligned", "single", "colorization")
PHASES = ("train", "val", "test")
PAIR_SHAPE = 1.9  # width / height from which a file looks like A | B; films have up to 1.85
CHECKED = 50  # files whose headers are read


@dataclass(frozen=True)
class SourceRow:
    """One image, or a pair of A and B; ``letters`` are the sides of the ``sources``."""

    phase: str
    letters: str
    sources: tuple[Source, ...]

    @property
    def is_pair(self) -> bool:
        return len(self.sources) == 2


@dataclass(frozen=True)
class Layout:
    """``faults``: messages about images without a partner; ``unpaired``: such images in folders."""

    mode: str
    rows: list[SourceRow]
    faults: list[str]
    unpaired: list[SourceRow] = field(default_factory=list)


def find_rows(
    dataroot: Path, *, mode: str | None = None, phases: Sequence[str] = (),
    list_file: Path | None = None, input_side: Literal["A", "B"] = "A", suffixes: Sequence[str] = ()
) -> Layout:
    """Return all images of ``phases`` (default: those of train, val and test that exist).

    ``mode`` None selects the mode by the folders and by the shapes of the files.

    Raises:
        FileNotFoundError, ValueError: there are no images, or the pairs are ambiguous.
    """
    phases = phases or (phases_in(list_file, dataroot) if list_file else existing_phases(dataroot))
    if mode is None:
        with data_logs_muted():  # the search below logs the same
            mode = "aligned" if list_file else find_mode(dataroot, phases[0], suffixes)
    rows, faults, unpaired = [], [], []
    for phase in phases:
        if mode == "aligned":
            found, fault = _pairs(dataroot, phase, list_file=list_file, input_side=input_side,
                                  suffixes=suffixes)
            rows += [SourceRow(phase, "AB", (pair.A, pair.B)) for pair in found.pairs]
            faults += fault
            unpaired += [SourceRow(phase, letter, (source,))
                         for letter, sources in found.unpaired.items() for source in sources]
            continue
        for letter in "AB" if mode == "unaligned" else "A":
            folder_letter = letter if mode == "unaligned" else ""
            files = find_images(dataroot, "" if mode == "single" else phase, side=folder_letter)
            stacked = suffixes if letter == input_side or mode == "single" else ()
            rows += [SourceRow(phase, letter, (source,))
                     for source in sources_of_files(files, stacked)]
    return Layout(mode, rows, faults, unpaired)


def existing_phases(dataroot: Path) -> list[str]:
    """Return those of train, val and test that have a folder; [""] for images in the root."""
    phases = [phase for phase in PHASES
              if any((dataroot / name).is_dir()
                     for name in (phase, f"{phase}A", f"{phase}B", f"A/{phase}", f"B/{phase}"))]
    loose = dataroot.is_dir() and any(is_picture(entry) for entry in dataroot.iterdir())
    return phases or ([""] if loose else ["train"])  # the error for train lists what exists


def find_mode(dataroot: Path, phase: str, suffixes: Sequence[str] = ()) -> str:
    folders = find_folders(dataroot, phase)
    if folders is None:
        if looks_like_pairs(find_images(dataroot, phase)):
            return "aligned"
        return "colorization" if phase else "single"
    A, B = ({without_suffix(without_extension(file).relative_to(folder).as_posix(), suffixes)
             for file in find_images(folder)} for folder in (folders.A, folders.B))
    apart = 2 * len(A & B) < min(len(A), len(B))
    return "unaligned" if apart and folders.A.name == f"{phase}A" else "aligned"


def looks_like_pairs(files: Sequence[Path]) -> bool:
    """Return True if most of the first files are about twice as wide as high, or wider."""
    wide = []
    for file in files[:CHECKED]:
        try:
            width, height = read_size(file)
        except PictureError:
            continue
        wide.append(width >= PAIR_SHAPE * height)
    return 2 * sum(wide) > len(wide)


def _pairs(
    dataroot: Path, phase: str, *, list_file: Path | None, input_side: Literal["A", "B"],
    suffixes: Sequence[str],
) -> tuple[Pairs, list[str]]:
    """Return the complete pairs, and messages about the others."""
    find = partial(find_pairs, dataroot, phase, list_file=list_file, input_side=input_side,
                   input_suffixes=suffixes)
    try:
        return find(), []
    except (ValueError, FileNotFoundError) as error:
        with data_logs_muted():
            return find(allow_unpaired=True), [str(error)]


@contextmanager
def data_logs_muted() -> Iterator[None]:
    """Suppress the log of the package ``data``; the caller reports its errors."""
    parent = logging.getLogger("data")
    level = parent.level
    parent.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        parent.setLevel(level)
