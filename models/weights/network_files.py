"""The files of a run's networks: ``<epoch>_net_<name>.pth``, weights only, published names.

``<epoch>_net_<name>_ema.pth`` next to it holds the network's average (``--ema``).
"""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor, nn

from models.weights.network_in_file import read_network
from models.weights.published_keys import load_published, to_published

log = logging.getLogger(__name__)

AVERAGED = "_ema"  # follows the network's name in the file of its average


def _path(folder: Path, epoch: int | str, name: str, suffix: str = "") -> Path:
    return folder / f"{epoch}_net_{name}{suffix}.pth"


def files_to_write(
    networks: Mapping[str, nn.Module], folder: Path, epoch: int | str, *,
    averages: Mapping[str, Mapping[str, Tensor]],
) -> dict[Path, Mapping[str, Tensor]]:
    """Return path -> weights. They share memory with the networks and the averages.

    ``averages``: by the name of the network and the name in its ``state_dict``.
    """
    files: dict[Path, Mapping[str, Tensor]] = {}
    for name, net in networks.items():
        files[_path(folder, epoch, name)] = to_published(net)
        if name in averages:
            files[_path(folder, epoch, name, AVERAGED)] = to_published(net, averages[name])
    return files


def load_networks(
    networks: Mapping[str, nn.Module], folder: Path, epoch: int | str, *, averaged: bool = False
) -> None:
    """Load every network, strictly; with ``averaged`` its average, if it has one.

    Raises:
        FileNotFoundError: a file is missing; the message names the files that exist.
        ValueError: a file is damaged, or belongs to another network.
    """
    paths = {name: _path(folder, epoch, name) for name in networks}
    if averaged:
        means = {name: _path(folder, epoch, name, AVERAGED) for name in networks}
        existing = {name: path for name, path in means.items() if path.is_file()}
        if not existing:
            raise no_average(next(iter(means.values())))
        paths |= existing
    for name, net in networks.items():
        log.info("loading the model from %s", paths[name])
        weights = read_network(paths[name], name=name, wanted=to_published(net))
        load_published(net, weights, source=str(paths[name]))


def no_average(wanted: Path) -> FileNotFoundError:
    """Return the error for a missing file of averages."""
    existing = ", ".join(sorted(path.name for path in wanted.parent.glob(f"*{AVERAGED}.pth")))
    return FileNotFoundError(f"--ema: {wanted} does not exist; averages in that folder: "
                             f"{existing or 'none'}; leave the flag out, or train with --ema")


def log_sizes(networks: Mapping[str, nn.Module], *, verbose: bool) -> None:
    """Log the number of parameters of each network in millions; with ``verbose`` its layers too."""
    log.info("---------- Networks initialized -------------")
    for name, net in networks.items():
        if verbose:
            log.info("%s", net)
        count = sum(parameter.numel() for parameter in net.parameters())
        log.info("[Network %s] Total number of parameters : %.3f M", name, count / 1e6)
    log.info("-----------------------------------------------")


def require_same_parts(saved: Collection[str], own: Collection[str], what: str) -> None:
    """Raise ValueError if a saved state has other networks or optimizers than this run."""
    if set(saved) != set(own):
        raise ValueError(f"latest_state.pth holds the {what} {', '.join(saved)}, this run has "
                         f"{', '.join(own)}; give the --model and the flags that it was trained "
                         "with")
