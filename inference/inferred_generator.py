"""A generator whose network is inferred from its weights file alone."""

import logging
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from inference.generator_file import NETWORK_FLAGS, Direction, GeneratorFile
from models.networks import GENERATORS
from models.rebuilding import rebuild_generator, saved_generator_flags
from models.weights.infer_flags import infer_flags
from models.weights.mismatch import shapes_of
from models.weights.network_files import AVERAGED
from models.weights.network_in_file import find_network, read_network
from util.run_folder.networks import load_network_entries
from util.run_folder.options import load_options

log = logging.getLogger(__name__)


def infer_generator(
    path: Path, direction: Direction | None, flags: Mapping[str, Any], *, key: str
) -> GeneratorFile:
    """Infer the flags from the names and shapes of the tensors, and log them."""
    entry = load_network_entries(path.parent).get(_network_name(path))
    saved = load_options(path.parent) if entry and entry.role == "generator" else {}
    netG = flags.get("netG") or saved.get("netG") or next(iter(GENERATORS))
    is_published = netG in GENERATORS and (entry is None or entry.from_flags)
    place, weights = find_network(path, key=key) if is_published else ("", {})
    seen = infer_flags(shapes_of({name: tensor for name, tensor in weights.items()
                                  if isinstance(tensor, Tensor)}))
    if "--netG" in seen:
        _log_inferred(f"{path} ({place})" if place else str(path),
                      " ".join(f"{flag} {value}".strip() for flag, value in seen.items()))
    known = {name: saved[name] for name in NETWORK_FLAGS if name in saved} | dict(flags)
    known |= {name: seen[f"--{name}"] for name in NETWORK_FLAGS if f"--{name}" in seen}
    missing = [f"--{name}" for name in NETWORK_FLAGS if name not in known and name != "no_dropout"]
    if missing:
        names = ", ".join(map(str, list(weights)[:3])) or "none"
        what = "a discriminator" if "--netD" in seen else f"a network with unknown names ({names})"
        raise ValueError(
            f"{path} holds {what}; choose a generator's file, the folder of its run, or for a "
            f"network of your own give {' '.join(missing)}"
        )
    no_dropout = "--no_dropout" in seen if {"--dropout", "--no_dropout"} & seen.keys() else None
    is_own = "--netG" not in seen  # then the run, or the caller, describes the network
    if is_own:
        no_dropout = known.get("no_dropout")
    own = saved_generator_flags({**saved, **flags, "netG": known["netG"]})
    if not is_own:
        own = {name: f"--{name}" in seen for name in own}
    return GeneratorFile(
        path, netG=known["netG"], ngf=int(known["ngf"]), norm=known["norm"], no_dropout=no_dropout,
        input_nc=int(known["input_nc"]), output_nc=int(known["output_nc"]),
        direction=direction or saved.get("direction") or "AtoB", flags=own,
        rebuild=how_to_rebuild(path.parent, saved, path) if is_own else None, key=key,
    )


def inferred_options(path: Path) -> dict[str, Any]:
    """Return the options that the names and shapes in a weights file show; {} if it shows none.

    Raises:
        ValueError: the file is damaged, or holds several generators.
    """
    if "--netG" not in infer_flags(shapes_of(read_network(path))):
        return {}
    file = infer_generator(path, None, {}, key="")
    options = {name: getattr(file, name) for name in NETWORK_FLAGS} | dict(file.flags)
    return {name: value for name, value in options.items() if value is not None}


@cache
def _log_inferred(path: str, text: str) -> None:
    """Log once: the options of a test and its generator are inferred separately."""
    log.info("inferred from %s: %s", path, text)


def how_to_rebuild(
    run_dir: Path, saved: Mapping[str, Any], path: Path
) -> Callable[[], nn.Module] | None:
    """Return how the run's model builds this generator; None if --netG describes it."""
    name = _network_name(path)
    entry = load_network_entries(run_dir).get(name)
    if entry is None or entry.from_flags:
        return None
    return partial(rebuild_generator, run_dir, saved, name)


def _network_name(path: Path) -> str:
    """Return G_A for latest_net_G_A.pth and for latest_net_G_A_ema.pth."""
    return path.stem.partition("_net_")[2].removesuffix(AVERAGED)
