"""Find the image files of one folder, or explain why there are none."""

import logging
from collections import Counter
from pathlib import Path

from data.discovery.folders import EXTENSIONS, is_picture, visible_files

log = logging.getLogger(__name__)


def find_images(
    dataroot: Path, phase: str = "", *, side: str = "", limit: int | None = None
) -> list[Path]:
    """Images of ``<dataroot>/<phase><side>`` and its sub-folders, sorted by path.

    An extension counts in any letter case; names that begin with a dot do not count; linked
    sub-folders are entered. ``side`` is "A" or "B" in unaligned sets. The first ``limit`` files
    are returned, all of them for None.

    Raises:
        FileNotFoundError: no such folder, or not one image in it.
    """
    folder = dataroot / f"{phase}{side}"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"folder {folder} {_fault(folder)}; {_way_out(dataroot, phase, side)}"
        )
    files = list(visible_files(folder))
    images = sorted((path for path in files if is_picture(path)), key=Path.as_posix)
    others = Counter(
        path.suffix.lower() or "no extension" for path in files if not is_picture(path)
    )
    listed = ", ".join(f"{count} {extension}" for extension, count in sorted(others.items()))
    if not images:
        raise FileNotFoundError(
            f"folder {folder} holds no images ({' '.join(EXTENSIONS)}), found: "
            f"{listed or 'no files'}; {_way_out(dataroot, phase, side)}"
        )
    if others:
        log.warning("%s: files in formats that are not read are left out: %s", folder, listed)
    for path in images[:limit]:
        if not path.exists():
            raise FileNotFoundError(f"{path} is a link to nothing; mend it or remove it")
    return images[:limit]


def _fault(folder: Path) -> str:
    return "is not a folder" if folder.exists() else "does not exist"


def _way_out(dataroot: Path, phase: str, side: str) -> str:
    """What the user probably meant, told from what lies in ``dataroot``."""
    if not dataroot.is_dir():
        return f"--dataroot {dataroot} {_fault(dataroot)}, check it"
    there = sorted(entry.name for entry in dataroot.iterdir() if entry.is_dir())
    found = f"folders in {dataroot}: {', '.join(there) or 'none'}"
    halves = [name for name in (f"{phase}A", f"{phase}B") if name in there]
    if not phase:
        return f"{found}; check --dataroot"
    if side and not halves and phase in there:
        return f"{found}; it looks like an aligned set, use --dataset_mode aligned --model pix2pix"
    if side:
        return f"{found}; unaligned mode needs {phase}A and {phase}B, check --dataroot and --phase"
    if len(halves) == 2:
        return (
            f"{found}; for {phase}A and {phase}B use --dataset_mode aligned --model pix2pix if "
            "they hold pairs of equal names, --dataset_mode unaligned --model cycle_gan if not"
        )
    if {"A", "B"} <= set(there):
        return f"{found}; {_move_or_choose(dataroot, phase)}"
    if dataroot.name.startswith(phase):
        return f"{found}; did you mean --dataroot {dataroot.parent}?"
    if any(is_picture(entry) for entry in dataroot.iterdir()):
        return (
            f"images lie in {dataroot} itself: move them to {dataroot / phase}, "
            "or translate them with --dataset_mode single --model test"
        )
    return f"{found}; check --dataroot and --phase"


def _move_or_choose(dataroot: Path, phase: str) -> str:
    """What to do with folders A and B, which hold the phase or should."""
    A, B = dataroot / "A", dataroot / "B"
    if (A / phase).is_dir() and (B / phase).is_dir():
        return f"pairs in A/{phase} and B/{phase} are read by --dataset_mode aligned"
    if any(is_picture(entry) for entry in A.iterdir()):
        return f"move the images of {A} to {A / phase}, and those of {B} to {B / phase}"
    phases = [
        entry.name for entry in A.iterdir() if entry.is_dir() and (B / entry.name).is_dir()
    ]
    return f"A and B both hold {', '.join(sorted(phases)) or 'no folder'}; check --phase"
