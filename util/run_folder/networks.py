"""``networks.json``: the roles of a run's networks, for programs that apply its generators."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from util.disk.state_check import describe
from util.disk.text_files import read_json
from util.files import write_text

NETWORKS = "networks.json"
_TYPES = {"role": str, "from_flags": bool, "backwards": bool}


@dataclass(frozen=True)
class NetworkEntry:
    """``role``: see models/parts.py. ``from_flags``: built by --netG, not by the model itself.

    ``backwards``: a generator against the direction of the training.
    """

    role: str
    from_flags: bool
    backwards: bool = False


def save_network_entries(run_dir: Path, entries: Mapping[str, NetworkEntry]) -> None:
    """Write the entries by network name, in the order in which the model registered them."""
    plain = {name: asdict(entry) for name, entry in entries.items()}
    write_text(run_dir / NETWORKS, json.dumps(plain, indent=2) + "\n")


def load_network_entries(run_dir: Path) -> dict[str, NetworkEntry]:
    """Return the entries by network name; {} if the run has none, as older runs.

    Raises:
        ValueError: the file is damaged.
    """
    path = run_dir / NETWORKS
    if not path.exists():
        return {}
    advice = "delete it: the generators are then taken to be G, or G_A and G_B"
    plain = read_json(path, advice=advice)
    for name, entry in plain.items():
        fits = isinstance(entry, dict) and all(
            type(entry.get(key, False)) is wanted for key, wanted in _TYPES.items())
        if not fits or not entry.keys() <= _TYPES.keys() or "from_flags" not in entry:
            raise ValueError(f"{path} is damaged ({name} is {describe(entry)}, wanted a role, and "
                             f"true or false for from_flags and backwards); {advice}")
    return {name: NetworkEntry(**entry) for name, entry in plain.items()}
