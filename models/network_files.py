"""The files of a run's networks: ``<epoch>_net_<name>.pth``, weights only, published names."""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor, nn

from models.networks.published_keys import load_matching, load_published, to_published
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


def initialise(networks: Mapping[str, nn.Module], path: Path) -> None:
    """Take what fits from a run's folder (its ``latest`` files) or from one ``.pth`` file.

    Networks that the folder does not have start with fresh weights; every tensor that does not
    fit is named.

    Raises:
        FileNotFoundError: there is nothing to take.
    """
    sources = _sources(networks, path)
    for name, net in networks.items():
        if name not in sources:
            log.info("[Network %s] starts anew: %s has none", name, path)
            continue
        file = sources[name]
        left_out = load_matching(net, checkpoint.load(file), source=str(file))
        count = len(net.state_dict())
        missing = sum(not line.endswith("not in this network") for line in left_out)
        log.info("[Network %s] %d of %d tensors from %s", name, count - missing, count, file)
        for line in left_out:
            log.info("    left out %s", line)


def _sources(networks: Mapping[str, nn.Module], path: Path) -> dict[str, Path]:
    """Network name -> the file to take it from."""
    if path.is_dir():
        files = {name: path / f"latest_net_{name}.pth" for name in networks}
        sources = {name: file for name, file in files.items() if file.is_file()}
        if not sources:
            found = ", ".join(sorted(file.name for file in path.glob("*.pth"))) or "none"
            wanted = ", ".join(file.name for file in files.values())
            raise FileNotFoundError(
                f"--init_from {path}: wanted one of {wanted}; checkpoints there: {found}; name "
                "the file itself, if it is another one"
            )
        return sources
    # 20_net_G_B.pth is for G_B; a file of any other name is for the first generator.
    named = path.stem.partition("_net_")[2]
    first_generator = next(name for name in networks if name.startswith("G"))
    return {named if named in networks else first_generator: path}


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
            f"{', '.join(own)}; give the flags that it was trained with, or delete the file to "
            "start from the weights alone"
        )
