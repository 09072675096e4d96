"""Find the picture files of one folder, or explain why there are none."""

import logging
import shlex
from collections import Counter
from pathlib import Path

from util.folders import EXTENSIONS, is_picture, visible_files

logger = logging.getLogger(__name__)


def find_images(
    dataroot: Path, phase: str = "", *, side: str = "", limit: int | None = None
) -> list[Path]:
    """Pictures of ``<dataroot>/<phase><side>`` and its sub-folders, sorted by path.

    An extension counts in any letter case; names that begin with a dot do not count; linked
    sub-folders are entered. ``side`` is "A" or "B" in unaligned sets. The first ``limit`` files
    are returned, all of them for None.

    Raises:
        FileNotFoundError: no such folder, or not one picture in it.
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
            f"folder {folder} holds no pictures ({' '.join(EXTENSIONS)}), found: "
            f"{listed or 'no files'}; {_way_out(dataroot, phase, side)}"
        )
    if others:
        logger.warning("%s: files in formats that are not read are left out: %s", folder, listed)
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
    if halves:
        return (
            f"{found}; it looks like an unaligned set, "
            "use --dataset_mode unaligned --model cycle_gan"
        )
    if {"A", "B"} <= set(there) and (target := _joined_folder(dataroot, phase)):
        folders = (dataroot / "A", dataroot / "B", target)
        fold_A, fold_B, fold_AB = (shlex.quote(str(folder)) for folder in folders)
        return (
            f"{found}; join the pairs first: python datasets/combine_A_and_B.py "
            f"--fold_A {fold_A} --fold_B {fold_B} --fold_AB {fold_AB}"
        )
    if dataroot.name.startswith(phase):
        return f"{found}; did you mean --dataroot {dataroot.parent}?"
    if any(is_picture(entry) for entry in dataroot.iterdir()):
        return (
            f"pictures lie in {dataroot} itself: move them to {dataroot / phase}, "
            "or translate them with --dataset_mode single --model test"
        )
    return f"{found}; check --dataroot and --phase"


def _joined_folder(dataroot: Path, phase: str) -> Path | None:
    """Where the pairs of A and B must go to be found as ``phase``; None: they hold no such phase.

    The tool keeps sub-folders, so A/train ends up in train by itself, and a flat A does not.
    """
    if (dataroot / "A" / phase).is_dir():
        return dataroot
    if any(is_picture(entry) for entry in (dataroot / "A").iterdir()):
        return dataroot / phase
    return None
