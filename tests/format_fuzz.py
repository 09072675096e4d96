"""Read damaged copies of files of every kind that users give to the programs, for tests."""

import io
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from damaged_files import damaged, samples
from mirror import tar_of, zip_of
from runs import differences, flat

from data.files.image_io import read_image, read_size
from data.files.reading import PictureError
from datasets.unpacking import RefusedError, unpack
from inference.tiles.box import Box
from inference.tiles.tiff_windows import TiffReader
from util import checkpoint
from util.run_folder.options import load_options

STATE = {"weight": torch.arange(200.0), "clock": {"epoch": 2, "names": ["A", "B"]}}


@dataclass
class Tally:
    """``refused``: files that gave an error in plain words; ``slowest``: seconds and file name."""

    files: int = 0
    refused: int = 0
    slowest: tuple[float, str] = (0.0, "")


def read_corner(path: Path) -> None:
    with TiffReader(path) as reader:
        height, width, _ = reader.shape
        reader.read(Box(0, 0, min(width, 40), min(height, 40)))
        reader.read(Box(max(0, width - 3), max(0, height - 3), width, height))


def check_image(path: Path) -> bool:
    """Read a damaged image in all ways; an exception of another type than PictureError escapes.

    Returns:
        Whether at least one of the ways refused the file. So do all functions below.
    """
    readers: list[Callable[[Path], object]] = [read_size, read_image]
    readers += [read_corner] * (path.suffix == ".tif")
    return any([_is_refused(read, path, PictureError) for read in readers])


def check_weights(path: Path) -> bool:
    """Fail also if a file with checksums gives other values than were saved."""
    found: list[dict[str, Any]] = []
    is_refused = _is_refused(lambda file: found.append(checkpoint.load(file)), path, ValueError)
    if found and path.name != "old.pth":  # the format before PyTorch 1.6 has no checksums
        assert differences(flat(STATE), flat(found[0])) == []
    return is_refused


def check_options(path: Path) -> bool:
    return _is_refused(lambda file: load_options(file.parent), path, ValueError)


def check_archive(path: Path) -> bool:
    with tempfile.TemporaryDirectory() as folder, suppress(RefusedError):
        unpack(path, Path(folder, "unpacked"), is_zip=path.suffix == ".zip")
        return False
    return True


def _is_refused(
    read: Callable[[Path], object], path: Path, allowed: type[Exception]
) -> bool:
    try:
        read(path)
    except allowed as error:
        assert path.name in str(error), f"{path}: {error}"
        return True
    return False


def other_kinds() -> dict[str, tuple[bytes, Callable[[Path], bool]]]:
    """Return name -> intact content and check, of every kind of file that is no image."""
    new, old = io.BytesIO(), io.BytesIO()
    torch.save(STATE, new)
    torch.save(STATE, old, _use_new_zipfile_serialization=False)
    options = json.dumps({"ngf": 4, "netG": "unet_128", "no_flip": True, "lr": 0.002})
    return {
        "new.pth": (new.getvalue(), check_weights), "old.pth": (old.getvalue(), check_weights),
        "train_opt.json": (options.encode(), check_options),
        "set.zip": (zip_of("a/1", "a/2"), check_archive),
        "set.tar.gz": (tar_of("a/1", "a/2"), check_archive),
    }


def every_kind() -> dict[str, tuple[bytes, Callable[[Path], bool]]]:
    images = {name: (content, check_image) for name, content in samples().items()}
    return images | other_kinds()


def fuzz(
    folder: Path, kinds: dict[str, tuple[bytes, Callable[[Path], bool]]], *, seed: int,
    rounds: Iterator[object],
) -> Tally:
    """Damage and read every kind once in each round; the file of a failure stays in ``folder``."""
    rng, tally = random.Random(seed), Tally()
    for _ in rounds:
        for name, (content, check) in kinds.items():
            path = folder / name
            path.write_bytes(damaged(content, rng))
            start = time.process_time()  # other programs do not count
            try:
                tally.refused += check(path)
            except Exception as error:
                raise AssertionError(f"seed {seed}, {path}: {error!r}") from error
            tally.files += 1
            tally.slowest = max(tally.slowest, (time.process_time() - start, name))
    return tally


def until(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
