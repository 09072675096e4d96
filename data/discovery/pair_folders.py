"""Which folders of --dataroot hold the pairs of a phase."""

import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from data.discovery.folders import is_picture, visible_files

log = logging.getLogger(__name__)
CHOOSE = "or choose by a list of the pairs, --pairs FILE, or by another --dataroot"


@dataclass(frozen=True)
class Folders:
    """Two folders; an image in ``A`` and the image of the same name in ``B`` are a pair."""

    root: Path
    A: Path
    B: Path

    def __str__(self) -> str:
        A, B = (folder.relative_to(self.root).as_posix() for folder in (self.A, self.B))
        return f"{A} and {B}"

    @property
    def exist(self) -> bool:
        return self.A.is_dir() and self.B.is_dir()

    @property
    def hold_pictures(self) -> bool:
        return holds_picture(self.A) or holds_picture(self.B)


def find_folders(dataroot: Path, phase: str) -> Folders | None:
    """Return the two folders of A and B; None if <dataroot>/<phase> holds pairs side by side.

    None is also returned if there are no pairs at all. Files side by side take precedence over
    folders elsewhere, because sets that hold both, for pix2pix and for CycleGAN, are common.

    Raises:
        FileNotFoundError: only one of two folders exists, and there are no other pairs.
        ValueError: several locations hold pairs.
    """
    inner = Folders(dataroot, dataroot / phase / "A", dataroot / phase / "B")
    candidates = candidate_folders(dataroot, phase)
    complete = [folders for folders in candidates if folders.exist]
    filled = [folders for folders in complete if folders.hold_pictures] or complete[:1]
    side_by_side = holds_picture(dataroot / phase, but=inner if inner.exist else None)
    if side_by_side and inner in filled:
        raise ValueError(f"{dataroot / phase} holds images itself, like pairs side by side, and "
                         f"the folders {inner}; move one of them away, {CHOOSE}")
    if side_by_side:
        for folders in filled:
            _log_ignored_folders(dataroot / phase, folders)
        return None
    if len(filled) > 1:
        listed = ", and in ".join(map(str, filled))
        raise ValueError(f"{dataroot} holds pairs in {listed}; move all but one of them away, "
                         f"{CHOOSE}")
    if not filled:
        _refuse_single_folder(candidates)
    return filled[0] if filled else None


def candidate_folders(dataroot: Path, phase: str) -> list[Folders]:
    """Return the locations where pairs by name may be, whether or not they exist."""
    names = ((f"{phase}A", f"{phase}B"), (f"A/{phase}", f"B/{phase}"), (f"{phase}/A", f"{phase}/B"))
    pairs = [Folders(dataroot, dataroot / A.strip("/"), dataroot / B.strip("/")) for A, B in names]
    return list(dict.fromkeys(pairs))  # without a phase they are the same


@cache
def _log_ignored_folders(pairs: Path, folders: Folders) -> None:
    """Log once (by the cache): several parts of a program may look for the same pairs.

    Folders whose names are all among the pairs hold the same set in another layout, as in the demo.
    """
    both = [{path.name for path in folder.iterdir()} for folder in (folders.A, folders.B)]
    if both[0] | both[1] <= {path.name for path in pairs.iterdir()}:
        return
    log.info("%s holds pairs side by side, so %s are not read; to read them: a list of the pairs, "
             "--pairs FILE, or another --dataroot", pairs, folders)


def _refuse_single_folder(candidates: list[Folders]) -> None:
    for folders in candidates:
        existing, missing = sorted((folders.A, folders.B), key=Path.is_dir, reverse=True)
        if existing.is_dir() and holds_picture(existing):
            raise FileNotFoundError(f"{existing} exists, but {missing} does not; pairs need both "
                                    "folders, with images of equal names. For images without "
                                    "partners: --dataset_mode single --model test --dataroot "
                                    f"{existing}")


def holds_picture(folder: Path, but: Folders | None = None) -> bool:
    """Return True if ``folder`` or a folder below it holds an image, not counting ``but``."""
    if not folder.is_dir():
        return False
    pictures = (file for file in visible_files(folder) if is_picture(file))
    return any(but is None or not {but.A, but.B} & {*file.parents} for file in pictures)
