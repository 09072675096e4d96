"""Read ``latest_state.pth``, and explain what is wrong inside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from util import checkpoint
from util.disk.state_check import StateError, listed, require_count, require_entries
from util.run_folder.weights import advice_without_state

VERSION = 1  # of the file; those without a number are older
_PARTS = ("model", "clock", "random", "logs")
_LATER_PARTS = ("best", "other_processes", "version")  # older files do not have them


def read_state(path: Path) -> dict[str, Any]:
    """Return the content of the file; its parts are checked by those who restore them.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged, is not the state of a run, or is from a later version.
    """
    state = checkpoint.load(path, advice=advice_without_state)
    if not state.keys() >= set(_PARTS):
        first = ", ".join(map(str, list(state)[:3])) or "nothing"
        raise ValueError(f"{path} is not the state of a run (it begins with {first}; wanted "
                         f"{', '.join(sorted(_PARTS))}); {advice_without_state(path)}")
    with explaining(path):
        require_count(version := state.get("version", 0), "version")
        unknown = [name for name in state if name not in (*_PARTS, *_LATER_PARTS)]
        if version > VERSION or unknown:
            what = f"has {listed(unknown)}" if unknown else f"has version {version}"
            raise StateError(f"this program knows version {VERSION} of such files, and this one "
                             f"{what}: a later version of the program has probably written it; "
                             "resume with that version")
        if version:
            require_entries(state, ("best",), "the state")
            require_entries(state["model"], ("scalers", "averages"), "model")
    return state


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Add the name of the file and a way out to errors about its content.

    Errors about the flags of this run, such as networks of other sizes, name these flags already.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except StateError as error:
        raise ValueError(f"{path} cannot be resumed from: {error}; {advice_without_state(path)}"
                         ) from error
    except (TypeError, KeyError, AttributeError, IndexError, RuntimeError, OverflowError) as error:
        raise ValueError(f"{path} cannot be resumed from ({type(error).__name__}: {error}); "
                         f"{advice_without_state(path)}") from error
