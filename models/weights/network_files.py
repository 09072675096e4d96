"""The files of a run's networks: ``<epoch>_net_<name>.pth``, weights only, published names.

``<epoch>_net_<name>_ema.pth`` beside it holds the network's average.
"""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor, nn

from models.weights.published_keys import load_published, to_published
from util import checkpoint

log = logging.getLogger(__name__)


AVERAGED = "_ema"  # ends the name of an averaged network

Networks = Mapping[str, nn.Module]
Averaged = Mapping[str, Mapping[str, Tensor]]  # network -> its averages


def files(
    networks: Networks, folder: Path, epoch: int | str, averaged: Averaged
) -> dict[Path, Mapping[str, Tensor]]:
    """What is to be written: path -> weights, which share memory with networks and averages."""
    stem = f"{epoch}_net_"
    found: dict[Path, Mapping[str, Tensor]] = {}
    for name, net in networks.items():
        found[folder / f"{stem}{name}.pth"] = to_published(net)
        if name in averaged:
            found[folder / f"{stem}{name}{AVERAGED}.pth"] = to_published(net, averaged[name])
    return found


def load(networks: Networks, folder: Path, epoch: int | str, *, averaged: bool = False) -> None:
    """Load every network, strictly; ``averaged``: its average, where it has one.

    Raises:
        FileNotFoundError: a file is missing; names those that are there.
        ValueError: a file is damaged, or is that of another network.
    """
    paths = {name: folder / f"{epoch}_net_{name}.pth" for name in networks}
    means = {name: folder / f"{epoch}_net_{name}{AVERAGED}.pth" for name in networks}
    if averaged:
        there = {name: path for name, path in means.items() if path.is_file()}
        if not there:
            raise no_average(next(iter(means.values())))
        paths |= there
    for name, net in networks.items():
        log.info("loading the model from %s", paths[name])
        load_published(net, checkpoint.load(paths[name]), source=str(paths[name]))


def no_average(wanted: Path) -> FileNotFoundError:
    found = ", ".join(sorted(path.name for path in wanted.parent.glob(f"*{AVERAGED}.pth")))
    return FileNotFoundError(
        f"--ema: {wanted} does not exist; averages in that folder: {found or 'none'}; leave the "
        "flag out, or train with --ema"
    )


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
