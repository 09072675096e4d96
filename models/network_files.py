"""The files of a run's networks: ``<epoch>_net_<name>.pth``, weights only, published names."""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor, nn

from models.networks.published_keys import load_published, to_published
from util import checkpoint

log = logging.getLogger(__name__)


def files(
    networks: Mapping[str, nn.Module], folder: Path, epoch: int | str
) -> dict[Path, Mapping[str, Tensor]]:
    """What is to be written: path -> weights, which share memory with the networks."""
    return {folder / f"{epoch}_net_{name}.pth": to_published(net) for name, net in networks.items()}


def save(networks: Mapping[str, nn.Module], folder: Path, epoch: int | str) -> None:
    for path, weights in files(networks, folder, epoch).items():
        checkpoint.save(path, weights)


def load(networks: Mapping[str, nn.Module], folder: Path, epoch: int | str) -> None:
    """Load every network, strictly.

    Raises:
        FileNotFoundError: a file is missing; names those that are there.
        ValueError: a file is damaged, or is that of another network.
    """
    for name, net in networks.items():
        path = folder / f"{epoch}_net_{name}.pth"
        log.info("loading the model from %s", path)
        load_published(net, checkpoint.load(path), source=str(path))


def print_sizes(networks: Mapping[str, nn.Module], *, verbose: bool) -> None:
    """Parameters of each network in millions; ``verbose``: its layers too."""
    log.info("---------- Networks initialized -------------")
    for name, net in networks.items():
        if verbose:
            log.info("%s", net)
        count = sum(parameter.numel() for parameter in net.parameters())
        log.info("[Network %s] Total number of parameters : %.3f M", name, count / 1e6)
    log.info("-----------------------------------------------")


def require_same_parts(saved: Collection[str], own: Collection[str], what: str) -> None:
    """Refuse the state of a run that was built of other parts."""
    if set(saved) != set(own):
        raise ValueError(
            f"latest_state.pth holds the {what} {', '.join(saved)}, this run has "
            f"{', '.join(own)}; give the --model and the flags that it was trained with"
        )
