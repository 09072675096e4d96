"""``networks.json``: the roles of a run's networks, for programs that apply its generators."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from util.files import write_text

NETWORKS = "networks.json"


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
    if not path.is_file():
        return {}
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return {name: NetworkEntry(**entry) for name, entry in plain.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it: the generators are then taken "
                         "to be G, or G_A and G_B") from error
