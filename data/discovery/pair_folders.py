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
    """An image of ``A`` and the image of the same name in ``B`` are a pair."""

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
    """The two folders of A and B; None where pairs lie side by side in <dataroot>/<phase>, or
    nowhere.

    Files side by side win over folders elsewhere: sets that hold both, for pix2pix and for
    CycleGAN, are common.

    Raises:
        FileNotFoundError: one of two folders is there, and no other pairs.
        ValueError: several places hold pairs.
    """
    inner = Folders(dataroot, dataroot / phase / "A", dataroot / phase / "B")
    candidates = candidate_folders(dataroot, phase)
    complete = [folders for folders in candidates if folders.exist]
    filled = [folders for folders in complete if folders.hold_pictures] or complete[:1]
    side_by_side = holds_picture(dataroot / phase, but=inner if inner.exist else None)
    if side_by_side and inner in filled:
        raise ValueError(
            f"{dataroot / phase} holds images itself, like pairs side by side, and the folders "
            f"{inner}; move one of them away, {CHOOSE}"
        )
    if side_by_side:
        for folders in filled:
            _tell_what_is_not_read(dataroot / phase, folders)
        return None
    if len(filled) > 1:
        listed = ", and in ".join(map(str, filled))
        raise ValueError(
            f"{dataroot} holds pairs in {listed}; move all but one of them away, {CHOOSE}"
        )
    if not filled:
        _complain_of_half(candidates)
    return filled[0] if filled else None


def candidate_folders(dataroot: Path, phase: str) -> list[Folders]:
    """Where pairs by name may lie, whether or not they do."""
    names = ((f"{phase}A", f"{phase}B"), (f"A/{phase}", f"B/{phase}"), (f"{phase}/A", f"{phase}/B"))
    found = [Folders(dataroot, dataroot / A.strip("/"), dataroot / B.strip("/")) for A, B in names]
    return list(dict.fromkeys(found))  # without a phase they are one and the same


@cache
def _tell_what_is_not_read(pairs: Path, folders: Folders) -> None:
    """Once, by the cache: several parts of a program may look for the same pairs."""
    log.info(
        "%s holds pairs side by side, so %s are not read; to read them: a list of the pairs, "
        "--pairs FILE, or another --dataroot", pairs, folders,
    )


def _complain_of_half(candidates: list[Folders]) -> None:
    for folders in candidates:
        there, lacking = sorted((folders.A, folders.B), key=Path.is_dir, reverse=True)
        if there.is_dir() and holds_picture(there):
            raise FileNotFoundError(
                f"{there} is there, but {lacking} is not; pairs need both folders, with images "
                f"of equal names. For images without partners: --dataset_mode single "
                f"--model test --dataroot {there}"
            )


def holds_picture(folder: Path, but: Folders | None = None) -> bool:
    """Whether there is one in ``folder`` or below it, outside of ``but``."""
    if not folder.is_dir():
        return False
    pictures = (file for file in visible_files(folder) if is_picture(file))
    return any(but is None or not {but.A, but.B} & {*file.parents} for file in pictures)
