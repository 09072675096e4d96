"""The files ``<label>_net_<name>.pth`` of a run: list epochs, delete old ones, give advice."""

from pathlib import Path

from util.checkpoint import newest_intact


def numbered_epochs(run_dir: Path) -> dict[int, list[Path]]:
    """Map each numbered epoch to its files; ``latest`` and ``iter_<N>`` are not included."""
    epochs: dict[int, list[Path]] = {}
    for path in sorted(run_dir.glob("*_net_*.pth")):
        label = path.name.partition("_net_")[0]
        if label.isdecimal():
            epochs.setdefault(int(label), []).append(path)
    return epochs


def newest_epoch(run_dir: Path) -> int:
    """Return the newest numbered epoch, or 0 if there is none."""
    return max(numbered_epochs(run_dir), default=0)


def prune_epochs(run_dir: Path, keep: int | None, *, newest: int) -> None:
    """Delete numbered checkpoints except those of the last ``keep`` epochs; None keeps all.

    ``newest`` is the current epoch. Later epochs exist if the run was resumed from an earlier one;
    their checkpoints stay.
    """
    if keep is None:
        return
    epochs = numbered_epochs(run_dir)
    for epoch in sorted((e for e in epochs if e <= newest), reverse=True)[keep:]:
        for path in epochs[epoch]:
            path.unlink()


def advice_without_state(state: Path) -> str:
    """Return advice for an unreadable ``latest_state.pth``: which weights to resume from."""
    run_dir = state.parent
    newest = newest_intact(run_dir.glob("*_net_*.pth"))
    if newest is None:
        return "that folder holds no intact weights: start again with --overwrite"
    label = newest.name.partition("_net_")[0]
    flags = f"--epoch_count {newest_epoch(run_dir) + 1}"
    if label.isdecimal():
        flags = f"--epoch {label}"
    elif label == "best":
        flags = f"--epoch best {flags}"
    elif label.startswith("iter_"):
        flags = f"--load_iter {label[5:]} {flags}"
    first = f"delete {state.name}, then " if label == "latest" else ""
    return f"{first}--continue_train {flags} resumes from {label}_net_*.pth with new optimizers"


def generator_suffix(run_dir: Path, epoch: str, direction: str) -> str:
    """Return "" if the run has one generator; "_A" or "_B", by direction, if it has two."""
    suffix = "_A" if direction == "AtoB" else "_B"
    has_one = (run_dir / f"{epoch}_net_G.pth").is_file()
    has_two = (run_dir / f"{epoch}_net_G{suffix}.pth").is_file()
    return suffix if has_two and not has_one else ""
