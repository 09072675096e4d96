"""Save and load files of tensors, atomically and without running code from them."""

import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from util.disk.content import foreign_content, is_archive
from util.disk.file_names import natural_key
from util.disk.tensor_values import is_finite
from util.disk.tensors import IgnoredObject, load_tensors
from util.files import NotWritableError, fault_of, file_size_limit, replacing
from util.packages import MissingPackageError
from util.text import format_bytes

_FOLDER = 0x10  # external attribute of MS-DOS (APPNOTE.TXT, 4.4.15)
_CODE = re.compile(r"GLOBAL (\S+?)[:,]? (?:was not|whose)|reduce|create new object|Can only")


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write a temporary file, sync it and rename it to ``path``.

    Raises:
        OSError: the disk is full, or writing fails; an earlier file at ``path`` is intact.
    """
    try:
        with replacing(path) as aside:
            torch.save(state, aside)
    except NotWritableError:
        raise
    except (OSError, RuntimeError) as error:  # torch's own writer raises RuntimeError
        reason = str(error) if isinstance(error, OSError) else "no more data is accepted"
        limit = file_size_limit()
        if limit is not None and limit < 2 * tensor_bytes(state):
            reason = f"ulimit -f allows files of {format_bytes(limit, digits=1)}: raise it"
        free = shutil.disk_usage(path.parent).free
        raise OSError(f"{path} could not be written ({reason}): it needs about "
                      f"{format_bytes(tensor_bytes(state), digits=1)}, "
                      f"{format_bytes(free, digits=1)} are free") from error


def tensor_bytes(value: Any) -> int:
    """Return the size of all tensors in nested mappings, lists and tuples."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(tensor_bytes(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(tensor_bytes(item) for item in value)
    return 0


def describe_others(path: Path) -> str:
    """Return which checkpoints are beside ``path``, which does not exist, and what to do."""
    saved = sorted((file.name for file in path.parent.glob("*.pth")), key=natural_key)
    label, is_network, network = path.name.partition("_net_")
    networks = [name.partition("_net_") for name in saved if "_net_" in name]
    labels = dict.fromkeys(other for other, _, _ in networks)
    usable = dict.fromkeys(other for other, _, name in networks if name == network) or labels
    advice = ""
    if is_network and not labels:
        again = "repeat the train.py command"
        again += " with --continue_train" if "latest_state.pth" in saved else ""
        advice = f"; no network was saved here, perhaps the training ended before: {again}"
    elif is_network and label not in labels:
        return f"choose --epoch from {', '.join(usable)}"
    return f"checkpoints in that folder: {', '.join(saved) or 'none'}{advice}"


def load(
    path: Path, *, advice: Callable[[Path], str] | None = None, ignore_objects: bool = False
) -> dict[str, Any]:
    """Read a file of tensors to the CPU.

    Args:
        ignore_objects: leave out objects of other classes (options, numbers of numpy) instead of
            refusing the file. In both cases nothing in the file is run.
        advice: returns what to do if the file is damaged, for the error message; the default is
            to name the newest intact weights of the same network.

    Raises:
        FileNotFoundError: the file does not exist; the message names those in its folder.
        ValueError: the file is damaged, or is not a file of tensors.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} {fault_of(path)}; {describe_others(path)}")
    if is_damaged(path):
        raise ValueError(f"{path} {describe_damage(None)}; {(advice or newest_other)(path)}")
    if path.stat().st_size and (content := foreign_content(path)):
        is_known = not content.startswith("is damaged")
        what_else = "" if is_known else f"; {(advice or newest_other)(path)}"
        raise ValueError(f"{path} {content}{what_else}")
    try:
        state = load_tensors(path, ignore_objects=ignore_objects)
    except MissingPackageError:
        raise
    except Exception as error:  # reading damaged bytes can raise any exception
        what = describe_damage(error)
        raise ValueError(f"{path} {what}; {(advice or newest_other)(path)}") from error
    if isinstance(state, IgnoredObject):
        raise ValueError(f"{path} holds code or objects of code, which is never run; only tensors "
                         "and plain values are loaded. In the program that wrote it: "
                         "torch.save(net.state_dict(), FILE)")
    if not isinstance(state, dict):
        fix = advice(path) if advice else "give a file that torch.save wrote from one"
        raise ValueError(f"{path} holds a {type(state).__name__}, wanted a state_dict (name -> "
                         f"tensor); {fix}")
    return state


def newest_other(path: Path) -> str:
    """Name the newest intact weights of the same network, and the flag that selects them."""
    network = path.name.partition("_net_")[2] or "*.pth"
    others = (other for other in path.parent.glob(f"*_net_{network}") if other != path)
    newest = newest_intact(others)
    if newest is None:
        return "that folder holds no other intact weights of this network"
    label = newest.name.partition("_net_")[0]
    flag = f"--load_iter {label[5:]}" if label.startswith("iter_") else f"--epoch {label}"
    return f"the newest intact weights in that folder are {newest.name} ({flag})"


def is_damaged(path: Path) -> bool:
    """Return whether a checksum in the archive is wrong. Reads the whole file: 0.5 s for 600 MB.

    torch itself does not compare checksums. Files of PyTorch before 1.6 are not archives and have
    no checksums.
    """
    if not is_archive(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            # torch leaves the memory unset for an entry that is marked as a folder.
            marked = any(entry.external_attr & _FOLDER and not entry.is_dir()
                         for entry in archive.infolist())
            return marked or archive.testzip() is not None
    # A damaged entry may have a wrong offset, name, compression method or password flag.
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError, OSError):
        return True


def describe_damage(error: Exception | None) -> str:
    """Return why a file could not be read; ``error`` None means that a checksum is wrong."""
    code = _CODE.search(str(error))
    if code:
        what = f" ({code[1]})" if code[1] else ""
        return (f"holds code or objects of code{what}, which is never run; only tensors and plain "
                "values are loaded")
    missing = re.search(r"expected (\d+) more bytes", str(error))
    if missing:
        return f"is damaged: its last {missing[1]} bytes or more are missing, copy it again"
    return "is damaged, or was not written by torch.save: copy it again"


def newest_intact(files: Iterable[Path]) -> Path | None:
    """Return the file that was written last of those with right checksums and finite numbers."""
    by_age = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    intact = (file for file in by_age if is_archive(file) and not is_damaged(file))
    return next(filter(_is_finite, intact), None)


def _is_finite(path: Path) -> bool:
    """Return False if a tensor holds NaN or infinity, or if the file cannot be read."""
    with suppress(Exception):  # a file can be intact, and still be no file of weights
        weights = load_tensors(path, ignore_objects=True)
        return all(is_finite(value) for value in weights.values() if isinstance(value, Tensor))
    return False
