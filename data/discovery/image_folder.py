"""Find the image files of a folder, or explain why there are none."""

import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data.discovery.folders import EXTENSIONS, is_picture, name_formats, visible_files
from data.discovery.leftovers import is_leftover, log_doubtful
from util.disk.file_names import natural_key
from util.files import fault_of
from util.text import similar

log = logging.getLogger(__name__)
Order = Callable[[str], Any]


def find_images(
    dataroot: Path, phase: str = "", *, side: str = "", limit: int | None = None,
    order: Order = natural_key,
) -> list[Path]:
    """Return the first ``limit`` images of ``<dataroot>/<phase><side>``, sorted by path.

    ``order``: the sort key; the default counts 1, 2, 10. A training sorts by characters, ``str``:
    its random order of the images would change otherwise.

    Sub-folders are searched too, also linked ones; leftovers (leftovers.py) are ignored. ``side``
    is "A" or "B" in unaligned sets. ``limit`` None returns all images.

    Raises:
        FileNotFoundError: the folder does not exist, or holds no image.
    """
    folder = dataroot / f"{phase}{side}"
    if not folder.is_dir():
        raise FileNotFoundError(f"folder {folder} {_fault(folder)}; "
                                f"{_suggestion(dataroot, phase, side)}")
    files = list(visible_files(folder))
    images = sorted((path for path in files if is_picture(path)),
                    key=lambda path: order(path.as_posix()))
    listed = name_formats(set(files) - set(images))
    if not images:
        raise FileNotFoundError(f"folder {folder} holds no images ({' '.join(EXTENSIONS)}), found: "
                                f"{listed or 'no files'}; {_suggestion(dataroot, phase, side)}")
    if listed:
        log.warning("%s: files in formats that are not read are left out: %s", folder, listed)
    log_doubtful(folder, images)
    return images[:limit]


def _fault(folder: Path) -> str:
    return "is not a folder" if folder.is_file() else fault_of(folder)


def _suggestion(dataroot: Path, phase: str, side: str) -> str:
    """Guess from the content of ``dataroot`` what the user meant."""
    if not dataroot.is_dir():
        return f"--dataroot {dataroot} {_fault(dataroot)}, check it"
    folders = sorted(entry.name for entry in dataroot.iterdir()
                     if entry.is_dir() and not is_leftover(entry.name))
    found = f"folders in {dataroot}: {', '.join(folders) or 'none'}"
    halves = [name for name in (f"{phase}A", f"{phase}B") if name in folders]
    if not phase:
        return f"{found}; check --dataroot"
    if side and not halves and dataroot.name in (f"{phase}A", f"{phase}B"):
        return f"{found}; did you mean --dataroot {dataroot.parent}?"
    if side and not halves and phase in folders:
        return (f"{found}; if every file of {phase} holds a pair side by side, use --dataset_mode "
                "aligned --model pix2pix; if it holds one photo, --model colorization learns to "
                f"colour it, and unaligned mode needs two sets, in {phase}A and {phase}B")
    if side and halves:
        others = [name for name in folders if name not in halves] if len(halves) == 1 else []
        guess = similar(f"{phase}{side}", others)
        rename = f" Rename it to {phase}{side}" if guess else ""
        return f"{found}; unaligned mode needs {phase}A and {phase}B{guess}{rename}"
    guess = _similar_phase(phase, folders)
    if side:
        return (f"{found}; unaligned mode needs {phase}A and {phase}B, check --dataroot and "
                f"--phase{guess}")
    if len(halves) == 2:
        return (f"{found}; for {phase}A and {phase}B use --dataset_mode aligned --model pix2pix if "
                "they hold pairs of equal names, --dataset_mode unaligned --model cycle_gan if not")
    if {"A", "B"} <= set(folders):
        return f"{found}; {_move_or_choose(dataroot, phase)}"
    if dataroot.name.startswith(phase):
        return f"{found}; did you mean --dataroot {dataroot.parent}?"
    if any(is_picture(entry) for entry in dataroot.iterdir()):
        return (f"images are in {dataroot} itself: move them to {dataroot / phase}, or translate "
                "them with --dataset_mode single --model test")
    return f"{found}; check --dataroot and --phase{guess}"


def _similar_phase(phase: str, folders: Sequence[str]) -> str:
    phases = sorted({re.sub("[AB]$", "", name) for name in folders} - {""})
    guess = similar(phase, phases) if phase not in phases else ""
    return guess.replace("did you mean ", "did you mean --phase ")


def _move_or_choose(dataroot: Path, phase: str) -> str:
    """Suggest what to do with folders A and B, which should hold the phase."""
    A, B = dataroot / "A", dataroot / "B"
    if (A / phase).is_dir() and (B / phase).is_dir():
        return f"pairs in A/{phase} and B/{phase} are read by --dataset_mode aligned"
    if any(is_picture(entry) for entry in A.iterdir()):
        return f"move the images of {A} to {A / phase}, and those of {B} to {B / phase}"
    phases = [entry.name for entry in A.iterdir() if entry.is_dir()
              and (B / entry.name).is_dir() and not is_leftover(entry.name)]
    return f"A and B both hold {', '.join(sorted(phases)) or 'no folder'}; check --phase"
