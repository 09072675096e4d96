"""The folder ``checkpoints/<name>/``: find a run in it, lock it, delete the run."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from util.files import writing
from util.run_folder.lock import LOCK, acquire

BEST = "best.json"  # the best validation so far
# Everything that a run writes; other files in the folder belong to the user.
_FILES = ("*_net_*.pth", "latest_state.pth", "*_opt.txt", "*_opt.json", "loss_log.txt",
          "losses*.csv", "wandb_id.txt", "pictures.json", "networks.json", BEST, "doctor.csv")
_FOLDERS = ("web", "tensorboard", "wandb")
# Temporary names of util/files.py. A test that is running may be writing its options.
_UNFINISHED = tuple(f".*.partial.{suffix}" for suffix in ("pth", "csv", "txt", "json"))
_OF_TESTS = ".test_opt."


def holds_run(run_dir: Path) -> bool:
    """Return whether another run in this folder would overwrite or mix weights or losses.

    A folder with latest_state.pth alone counts as empty: that run ended before its first save or
    report.
    """
    return any(any(run_dir.glob(pattern)) for pattern in ("*_net_*.pth", "losses*.csv"))


def list_folders(folder: Path) -> str:
    """Return the names of the subfolders, for an error message."""
    return ", ".join(sorted(path.name for path in folder.glob("*/") if path.is_dir())) or "none"


def delete_run(run_dir: Path) -> None:
    """Delete what a run wrote; other files stay."""
    for path in paths_of_run(run_dir):
        if path.is_dir() and not path.is_symlink():
            for page in path.glob("*.html"):  # first: a page must not show images that are gone
                page.unlink()
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def lock_run(run_dir: Path) -> Iterator[None]:
    """Lock the folder for one training, and remove temporary files of one that was killed.

    The lock of a program that died is taken over (util/run_folder/lock.py). A new folder is removed
    if the training fails before it has written a file.

    Raises:
        ValueError: another training has the lock, or may have it.
        NotWritableError: the folder is read-only.
    """
    existed = run_dir.exists()
    try:
        with ExitStack() as held:
            with writing(run_dir):
                run_dir.mkdir(parents=True, exist_ok=True)
                acquire(run_dir, held)
            _remove_unfinished(run_dir)
            yield
    finally:
        if not existed and run_dir.exists() and {each.name for each in run_dir.iterdir()} <= {LOCK}:
            (run_dir / LOCK).unlink(missing_ok=True)
            run_dir.rmdir()


def paths_of_run(run_dir: Path) -> Iterator[Path]:
    """Yield the files and folders that a run wrote."""
    for pattern in _FILES:
        yield from run_dir.glob(pattern)
    yield from (run_dir / folder for folder in _FOLDERS if (run_dir / folder).is_dir())


def _remove_unfinished(run_dir: Path) -> None:
    paths = [path for pattern in _UNFINISHED for path in run_dir.glob(pattern)
             if not path.name.startswith(_OF_TESTS)]
    for path in [*paths, *(run_dir / "web").rglob(".*.partial.*")]:
        with suppress(OSError):  # a folder of this name, or a read-only one: the run reports it
            path.unlink()
