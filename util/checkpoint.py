"""Files of tensors: written whole or not at all, read without running code from them."""

import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from util.files import NotWritableError, file_size_limit, replacing
from util.text import format_bytes

_CODE = re.compile(r"GLOBAL (\S+?)[:,]? (?:was not|whose)|reduce|create new object")


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write the file aside, sync it, rename it.

    Raises:
        OSError: the disk is full or refuses; what stood at ``path`` is whole.
    """
    try:
        with replacing(path) as aside:
            torch.save(state, aside)
    except NotWritableError:
        raise
    except (OSError, RuntimeError) as error:  # torch's own writer raises RuntimeError
        reason = str(error) if isinstance(error, OSError) else "the file system took no more"
        limit = file_size_limit()
        if limit is not None and limit < 2 * tensor_bytes(state):
            reason = f"ulimit -f allows files of {format_bytes(limit, digits=1)}: raise it"
        free = shutil.disk_usage(path.parent).free
        raise OSError(
            f"{path} could not be written ({reason}): it needs about "
            f"{format_bytes(tensor_bytes(state), digits=1)}, "
            f"{format_bytes(free, digits=1)} are free"
        ) from error


def tensor_bytes(value: Any) -> int:
    """Bytes of all tensors in the nest."""
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(tensor_bytes(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(tensor_bytes(item) for item in value)
    return 0


def load(path: Path, *, way_out: Callable[[Path], str] | None = None) -> dict[str, Any]:
    """Read a file of tensors to the CPU.

    Args:
        way_out: says what to do if the file is damaged; None: which weights to take instead.

    Raises:
        FileNotFoundError: names the checkpoints that are there.
        ValueError: the file is damaged, or is no file of tensors.
    """
    if not path.is_file():
        saved = ", ".join(sorted(file.name for file in path.parent.glob("*.pth"))) or "none"
        raise FileNotFoundError(f"{path} does not exist; checkpoints in that folder: {saved}")
    if is_damaged(path):
        raise ValueError(f"{path} {describe_damage(None)}; {(way_out or _another)(path)}")
    try:
        # weights_only: a foreign file can hold tensors and plain values, never code.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes that are no pickle can raise anything
        what = describe_damage(error)
        raise ValueError(f"{path} {what}; {(way_out or _another)(path)}") from error
    if not isinstance(state, dict):
        raise ValueError(
            f"{path} holds a {type(state).__name__}, wanted a state_dict (name -> tensor)"
        )
    return state


def _another(path: Path) -> str:
    """What to use in place of a damaged file: the newest weights of the same network."""
    network = path.name.partition("_net_")[2] or "*.pth"
    others = (other for other in path.parent.glob(f"*_net_{network}") if other != path)
    newest = newest_whole(others)
    if newest is None:
        return "no other whole one is here"
    label = newest.name.partition("_net_")[0]
    flag = f"--load_iter {label[5:]}" if label.startswith("iter_") else f"--epoch {label}"
    return f"the newest whole one here is {newest.name} ({flag})"


def is_damaged(path: Path) -> bool:
    """Whether a checksum in the archive is wrong. Reads all of it: 600 MB take half a second.

    torch itself compares no checksums. Files of before PyTorch 1.6 are no archives and have none.
    """
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is not None
    # A damaged entry may claim another place, name, compression or password.
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError, OSError):
        return True


def describe_damage(error: Exception | None) -> str:
    """Why a file could not be read; None: its checksums are wrong."""
    code = _CODE.search(str(error))
    if code:
        what = f" ({code[1]})" if code[1] else ""
        return (
            f"holds code or objects of code{what}, which is never run; "
            "only tensors and plain values are taken"
        )
    return "is damaged, or was not written by torch.save: copy it again"


def newest_whole(files: Iterable[Path]) -> Path | None:
    """The file that was written last, of those whose checksums are right."""
    by_age = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    whole = (file for file in by_age if zipfile.is_zipfile(file) and not is_damaged(file))
    return next(whole, None)
