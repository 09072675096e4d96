"""``--init_from``: a new run starts with other weights, as far as they fit."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import nn

from models.weights.mismatch import describe_mismatch
from models.weights.network_files import AVERAGED
from models.weights.published_keys import load_matching, to_published
from util import checkpoint
from util.run_folder.weights import newest_epoch

log = logging.getLogger(__name__)

Nets = Mapping[str, nn.Module]

_SHOWN = 20  # left-out tensors that are named, of each network


def initialise(networks: Nets, given: Path, *, runs: Path, first_generator: str) -> None:
    """Take what fits from ``given``; what does not is named. Networks without a file start anew.

    Args:
        given: a run's folder (its ``latest`` files, else its newest epoch), ``<folder>/15`` for
            another epoch, or one ``.pth`` file; looked for here, then in ``runs``.
        first_generator: the network that gets a ``.pth`` file whose name names no network.

    Raises:
        FileNotFoundError: there is nothing to take.
        ValueError: not one tensor fits, or a file is damaged.
    """
    sources = _sources(networks, given, runs, first_generator)
    taken = 0
    for name, net in networks.items():
        if name not in sources:
            log.info("[Network %s] starts anew: %s has none", name, given)
            continue
        left_out = load_matching(net, checkpoint.load(sources[name]), source=str(sources[name]))
        count = len(net.state_dict())
        fitting = count - sum(not line.endswith("not in this network") for line in left_out)
        taken += fitting
        log.info("[Network %s] %d of %d tensors from %s", name, fitting, count, sources[name])
        _name_left_out(left_out)
    if not taken:
        reason = _mismatch(networks, sources)
        raise ValueError(f"--init_from {given}: not one tensor fits. {reason}")
    _mention_others(networks, sources)


def _sources(
    networks: Nets, given: Path, runs: Path, first_generator: str
) -> dict[str, Path]:
    """Network name -> the file to take it from."""
    for path in (given, runs / given):
        if path.is_file():
            # 20_net_G_B.pth is for G_B, and so is its average; a file of any other name is for the
            # first generator.
            named = path.stem.partition("_net_")[2].removesuffix(AVERAGED)
            return {named if named in networks else first_generator: path}
        if path.is_dir():
            return _of_folder(networks, path, _newest_label(path))
        if any(path.parent.glob(f"{path.name}_net_*.pth")):
            return _of_folder(networks, path.parent, path.name)
    there = ", ".join(sorted({path.parent.name for path in runs.glob("*/*_net_*.pth")})) or "none"
    raise FileNotFoundError(
        f"--init_from {given}: no such file or folder, neither here nor among the runs in "
        f"{runs}: {there}; wanted the folder or the name of a run, <folder>/15 for its epoch 15, "
        "or a .pth file"
    )


def _newest_label(folder: Path) -> str:
    newest = newest_epoch(folder)
    if any(folder.glob("latest_net_*.pth")) or not newest:
        return "latest"
    log.info("%s has no latest weights: its newest epoch, %d, is taken", folder, newest)
    return str(newest)


def _of_folder(networks: Nets, folder: Path, label: str) -> dict[str, Path]:
    files = {name: folder / f"{label}_net_{name}.pth" for name in networks}
    sources = {name: file for name, file in files.items() if file.is_file()}
    if not sources:
        found = ", ".join(sorted(file.name for file in folder.glob("*.pth"))) or "none"
        wanted = ", ".join(file.name for file in files.values())
        raise FileNotFoundError(
            f"--init_from {folder}: wanted one of {wanted}; checkpoints there: {found}; name "
            "the file itself, if it is another one"
        )
    return sources


def _name_left_out(lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        log.info("    left out %s", line)
    if len(lines) > _SHOWN:
        log.info("    left out %d more", len(lines) - _SHOWN)


def _mismatch(networks: Nets, sources: Mapping[str, Path]) -> str:
    name, file = next(iter(sources.items()))
    return describe_mismatch(checkpoint.load(file), to_published(networks[name]), str(file))


def _mention_others(networks: Nets, sources: Mapping[str, Path]) -> None:
    """One file was given, and beside it lie those of the other networks."""
    file = next(iter(sources.values()))
    label = file.name.partition("_net_")[0]
    beside = [
        name for name in networks
        if name not in sources and (file.parent / f"{label}_net_{name}.pth").is_file()
    ]
    if beside:
        folder = file.parent if label == "latest" else file.parent / label
        log.info("beside it lie weights of %s: --init_from %s takes them too", ", ".join(beside),
                 folder)
