"""What lies in ``checkpoints/<name>/``: whether a run does, who uses it, and taking it away."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from util.files import writing

BEST = "best.json"  # the best validation so far
# Everything that a run writes; anything else in the folder is somebody else's.
_FILES = (
    "*_net_*.pth", "latest_state.pth", "*_opt.txt", "*_opt.json", "loss_log.txt", "losses*.csv",
    "wandb_id.txt", "pictures.json", BEST, "doctor.csv",
)
_FOLDERS = ("web", "tensorboard", "wandb")


def holds_run(run_dir: Path) -> bool:
    """Whether weights or losses would be lost or mixed by another run in this folder.

    A state alone was written at the start of a run that then saved and reported nothing.
    """
    return any(any(run_dir.glob(pattern)) for pattern in ("*_net_*.pth", "losses*.csv"))


def runs_in(folder: Path) -> str:
    """The names of the runs there, for an error that one is not."""
    return ", ".join(sorted(run.name for run in folder.glob("*/") if run.is_dir())) or "none"


def delete_run(run_dir: Path) -> None:
    """Take away what a run wrote; files of others stay."""
    for path in _files_of_run(run_dir):
        path.unlink()
    for folder in _FOLDERS:
        if (run_dir / folder).is_dir():
            shutil.rmtree(run_dir / folder)


@contextmanager
def sole_use(run_dir: Path) -> Iterator[None]:
    """Hold the folder for one training. The system takes the lock back when the program dies.

    A start that fails before it has written anything leaves no folder that was not there.

    Raises:
        ValueError: another training holds it.
        NotWritableError: the folder is read-only.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(run_dir / ".lock")
    was_there = run_dir.exists()
    try:
        with writing(run_dir):
            run_dir.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
    except Timeout as error:
        raise ValueError(
            f"another training is at work in {run_dir}; wait for it, or give another --name"
        ) from error
    try:
        yield
    finally:
        lock.release()
        if not was_there and [path.name for path in run_dir.iterdir()] in ([], [".lock"]):
            (run_dir / ".lock").unlink(missing_ok=True)
            run_dir.rmdir()


def _files_of_run(run_dir: Path) -> Iterator[Path]:
    for pattern in _FILES:
        yield from run_dir.glob(pattern)
