"""``--init_from``: start a new run with the weights of another one, as far as they fit."""

import logging
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from models.weights.mismatch import describe_mismatch
from models.weights.network_files import AVERAGED
from models.weights.network_in_file import is_called, networks_in, read_network
from models.weights.published_keys import load_matching, to_published
from util.disk.file_names import natural_key
from util.files import fault_of
from util.run_folder.weights import newest_epoch
from util.text import listing

log = logging.getLogger(__name__)

Nets = Mapping[str, nn.Module]


def initialise(networks: Nets, given: Path, *, runs: Path, first_generator: str) -> None:
    """Load the tensors that fit, and log the others. Networks without a file keep random weights.

    Args:
        given: a run's folder (its ``latest`` files, else its newest epoch), ``<folder>/15`` for
            another epoch, or one ``.pth`` file. It is searched here, then in ``runs``.
        first_generator: the network for a ``.pth`` file whose name contains no network.

    Raises:
        FileNotFoundError: there are no weights at ``given``.
        ValueError: no tensor fits, or a file is damaged.
    """
    sources = _sources(networks, given, runs, first_generator)
    loaded = 0
    for name, net in networks.items():
        if name not in sources:
            log.info("[Network %s] starts from random weights: %s has none for it", name, given)
            continue
        weights = read_network(sources[name], name=name, wanted=to_published(net))
        left_out = load_matching(net, weights, source=str(sources[name]))
        count = len(net.state_dict())
        fitting = count - sum(not line.endswith("not in this network") for line in left_out)
        loaded += fitting
        log.info("[Network %s] %d of %d tensors loaded from %s", name, fitting, count,
                 sources[name])
        if left_out:
            log.info("not loaded:\n%s", listing(left_out))
    if not loaded:
        reason = _mismatch(networks, sources)
        raise ValueError(f"--init_from {given}: no tensor fits. {reason}")
    _log_files_beside(networks, sources)


def _sources(networks: Nets, given: Path, runs: Path, first_generator: str) -> dict[str, Path]:
    """Return network name -> the file with its weights."""
    for path in (given, runs / given):
        if path.is_file():
            # 20_net_G_B.pth and its average are for G_B. A larger checkpoint may name its networks
            # inside; any other file is for the first generator.
            named = path.stem.partition("_net_")[2].removesuffix(AVERAGED)
            if named in networks:
                return {named: path}
            places = networks_in(path)
            inside = {name: path for name in networks if any(is_called(p, name) for p in places)}
            return inside or {first_generator: path}
        if path.is_dir():
            return _files_in(path, networks, _newest_label(path))
        if any(path.parent.glob(f"{path.name}_net_*.pth")):
            return _files_in(path.parent, networks, path.name)
    for path in (given, runs / given):
        if path.exists() or path.is_symlink():  # a pipe or a broken link, not a file or a folder
            raise ValueError(f"--init_from {given} {fault_of(path)}; wanted the folder of a run, "
                             "or a .pth file")
        if labels := _labels_in(path.parent, networks):
            missing = path.name if path.suffix == ".pth" else f"{path.name}_net_*.pth"
            raise FileNotFoundError(
                f"--init_from {given}: {path.parent} holds no {missing}; choose {given.parent}/N, "
                f"with N from {', '.join(labels)}, or the path of one file")
    names = ", ".join(sorted({path.parent.name for path in runs.glob("*/*_net_*.pth")})) or "none"
    raise FileNotFoundError(f"--init_from {given}: no such file or folder, neither here nor among "
                            f"the runs in {runs}: {names}; wanted the folder or the name of a run, "
                            "<folder>/15 for its epoch 15, or a .pth file")


def _labels_in(folder: Path, networks: Nets) -> list[str]:
    """Return the epochs in a run's folder, of these networks if it holds any, in numeric order."""
    files = [path.name.partition("_net_") for path in folder.glob("*_net_*.pth")]
    usable = [label for label, _, name in files if name.removesuffix(".pth") in networks]
    return sorted({*usable} or {label for label, _, _ in files}, key=natural_key)


def _newest_label(folder: Path) -> str:
    newest = newest_epoch(folder)
    if any(folder.glob("latest_net_*.pth")) or not newest:
        return "latest"
    log.info("%s has no latest weights: using its newest epoch, %d", folder, newest)
    return str(newest)


def _files_in(folder: Path, networks: Nets, label: str) -> dict[str, Path]:
    files = {name: folder / f"{label}_net_{name}.pth" for name in networks}
    sources = {name: file for name, file in files.items() if file.is_file()}
    if not sources:
        existing = ", ".join(
            sorted((file.name for file in folder.glob("*.pth")), key=natural_key)) or "none"
        wanted = ", ".join(file.name for file in files.values())
        raise FileNotFoundError(f"--init_from {folder}: wanted one of {wanted}; checkpoints in "
                                f"that folder: {existing}; to use one of these, give the path of "
                                "the file")
    return sources


def _mismatch(networks: Nets, sources: Mapping[str, Path]) -> str:
    name, file = next(iter(sources.items()))
    wanted = to_published(networks[name])
    return describe_mismatch(read_network(file, name=name, wanted=wanted), wanted, str(file))


def _log_files_beside(networks: Nets, sources: Mapping[str, Path]) -> None:
    """Log how to load the other networks if their files are in the same folder."""
    file = next(iter(sources.values()))
    label = file.name.partition("_net_")[0]
    beside = [name for name in networks
              if name not in sources and (file.parent / f"{label}_net_{name}.pth").is_file()]
    if beside:
        folder = file.parent if label == "latest" else file.parent / label
        log.info("the same folder has weights of %s: --init_from %s loads them too",
                 ", ".join(beside), folder)
