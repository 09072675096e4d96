"""The files ``<label>_net_<name>.pth`` of a run: their epochs, pruning, a way out."""

from pathlib import Path

from util.checkpoint import newest_whole


def numbered_epochs(run_dir: Path) -> dict[int, list[Path]]:
    """Epoch -> its files; without ``latest`` and ``iter_<N>``."""
    epochs: dict[int, list[Path]] = {}
    for path in sorted(run_dir.glob("*_net_*.pth")):
        label = path.name.partition("_net_")[0]
        if label.isdecimal():
            epochs.setdefault(int(label), []).append(path)
    return epochs


def newest_epoch(run_dir: Path) -> int:
    """0: no numbered one is there."""
    return max(numbered_epochs(run_dir), default=0)


def prune_epochs(run_dir: Path, keep: int | None, *, newest: int) -> None:
    """Delete numbered checkpoints but those of the last ``keep`` epochs; None keeps all.

    Those after ``newest``, the run's own epoch, are from before it went back: they stay.
    """
    if keep is None:
        return
    epochs = numbered_epochs(run_dir)
    for epoch in sorted((e for e in epochs if e <= newest), reverse=True)[keep:]:
        for path in epochs[epoch]:
            path.unlink()


def instead_of_state(state: Path) -> str:
    """The way out when ``latest_state.pth`` cannot be read: the newest weights that are whole."""
    run_dir = state.parent
    newest = newest_whole(run_dir.glob("*_net_*.pth"))
    if newest is None:
        return "no whole weights are here: begin again with --overwrite"
    label = newest.name.partition("_net_")[0]
    flags = f"--epoch_count {newest_epoch(run_dir) + 1}"
    if label.isdecimal():
        flags = f"--epoch {label}"
    elif label == "best":
        flags = f"--epoch best {flags}"
    elif label.startswith("iter_"):
        flags = f"--load_iter {label[5:]} {flags}"
    first = f"delete {state.name}, then " if label == "latest" else ""
    return (
        f"{first}--continue_train {flags} goes on from {label}_net_*.pth, with fresh optimizers"
    )
