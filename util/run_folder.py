"""What lies in ``checkpoints/<name>/``: whether a run does, and taking it away."""

import shutil
from collections.abc import Iterator
from pathlib import Path

# Everything that a run writes; anything else in the folder is somebody else's.
_FILES = (
    "*_net_*.pth", "latest_state.pth", "*_opt.txt", "*_opt.json", "loss_log.txt", "losses*.csv",
    "wandb_id.txt",
)
_FOLDERS = ("web", "tensorboard", "wandb")


def holds_run(run_dir: Path) -> bool:
    """Whether weights or losses would be lost or mixed by another run in this folder."""
    return any(any(run_dir.glob(p)) for p in ("*_net_*.pth", "latest_state.pth", "losses*.csv"))


def delete_run(run_dir: Path) -> None:
    """Take away what a run wrote; files of others stay."""
    for path in _files_of_run(run_dir):
        path.unlink()
    for folder in _FOLDERS:
        if (run_dir / folder).is_dir():
            shutil.rmtree(run_dir / folder)


def _files_of_run(run_dir: Path) -> Iterator[Path]:
    for pattern in _FILES:
        yield from run_dir.glob(pattern)
