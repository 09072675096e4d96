"""Images for the data set tools, and helpers that return their messages and files."""

import io
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from PIL import Image

Main = Callable[[Sequence[str]], None]


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Return a colour image in which no two rows, columns or seeds are equal."""
    image = Image.new("RGB", (width, height))
    image.putdata([(x * 29 % 256, y * 31 % 256, seed * 37 % 256)
                   for y in range(height) for x in range(width)])
    return image


def draw(path: Path, *, size: tuple[int, int] = (8, 6), seed: int = 0) -> Image.Image:
    image = noise(*size, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return image


def pixels(path: Path) -> tuple[str, tuple[int, int], bytes]:
    with Image.open(path) as image:
        return image.mode, image.size, image.tobytes()


def fault(main: Main, argv: Sequence[str]) -> str:
    """Return the message of a tool that exits with 1; it must name only flags of the tool."""
    with pytest.raises(SystemExit) as ended:
        main([*argv, "--no_multiprocessing"])
    assert isinstance(ended.value.code, str)
    advised, known = set(re.findall(r"--[\w-]+", ended.value.code)), usage_flags(main)
    assert advised <= known, f"the tool has no {advised - known}: {ended.value.code}"
    return ended.value.code


def usage_flags(main: Main) -> set[str]:
    usage = io.StringIO()
    with redirect_stdout(usage), pytest.raises(SystemExit):
        main(["--help"])
    return set(re.findall(r"--[\w-]+", usage.getvalue().split("\n\n")[0]))


def written(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
