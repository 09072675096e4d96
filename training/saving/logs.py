"""Truncate ``loss_log.txt``, ``losses.csv`` and ``doctor.csv`` where a run is resumed."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from util.disk.state_check import require_count, require_entries
from util.files import replacing

_LOGS = ("loss_log.txt", "losses.csv", "doctor.csv")
_EPOCH = re.compile(rb"(?:\(epoch: )?(\d+),")  # the start of a line in any of these files


def log_sizes(run_dir: Path) -> dict[str, int]:
    """Return the size of each log in bytes, after a sync to disk."""
    sizes = {}
    for name in _LOGS:
        path = run_dir / name
        if path.exists():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
            sizes[name] = path.stat().st_size
    return sizes


def cut_to_sizes(run_dir: Path, sizes: Mapping[str, int]) -> None:
    """Remove what was logged after a save: the run that is resumed from it logs that again.

    Raises:
        StateError: ``sizes`` are not numbers of bytes.
    """
    require_entries(sizes, (), "logs")
    for name, size in sizes.items():
        require_count(size, f"logs.{name}")
    for name in _LOGS:
        path = run_dir / name
        if path.exists() and path.stat().st_size > (size := sizes.get(name, 0)):
            with path.open("rb+") as file:
                # The size is inside a line if the header has become longer since the save.
                file.seek(max(0, size - 1))
                file.readline()
                file.truncate(file.tell() if size else 0)


def cut_from_epoch(run_dir: Path, epoch: int) -> None:
    """Remove the lines of ``epoch`` and later, which the run will train again."""
    for path in (run_dir / "loss_log.txt", run_dir / "doctor.csv", *run_dir.glob("losses*.csv")):
        if not path.exists():
            continue
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not _is_from(line, epoch)]
        if kept != lines:
            with replacing(path) as aside:
                aside.write_bytes(b"".join(kept))


def _is_from(line: bytes, epoch: int) -> bool:
    start = _EPOCH.match(line)
    return start is not None and int(start[1]) >= epoch
