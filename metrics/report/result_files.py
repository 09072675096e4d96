"""Which files belong together: output, target and input, of a test's results or of two folders."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data.discovery.folders import is_picture, visible_files
from util.text import listing

# The file names of test.py: <name>_<label>.png. Inputs alone give "real" and "fake", no target.
_OUTPUT = re.compile(r"(?P<name>.*)_(?P<label>fake_(?P<side>[AB])(?P<rest>(_[a-z]+)?))")


class NoPicturesError(ValueError):
    """Nothing to compare; the message says what there is, and how to get the rest."""


@dataclass(frozen=True)
class Files:
    """One of ``fake`` and ``real`` may be missing where sets are compared, not pairs."""

    name: str
    fake: Path | None
    real: Path | None
    given: Path | None = None


def find_results(run: str, results_dir: Path, command: Callable[[str], str]) -> Path:
    """The folder of results that ``run`` names: itself, or the newest of that run with targets.

    ``command``: name of a run -> the command that makes results of it.

    Raises:
        NoPicturesError: there are none.
    """
    itself, of_run = Path(run), results_dir / run
    if (itself / "images").is_dir():
        if outputs_in(itself):
            return itself
        raise NoPicturesError(
            f"{itself} holds no outputs with targets (such as x_fake_B.png, x_real_B.png)"
        )
    folders = [path.parent for path in of_run.glob("*/images")]
    complete = [folder for folder in folders if outputs_in(folder)]
    if not complete:
        found = f"only {', '.join(sorted(f.name for f in folders))}, without targets" if folders \
            else "nothing"
        raise NoPicturesError(
            f"no results of the run {run}: found {found} in {of_run}; make them by\n"
            f"    {command(run)}"
        )
    return max(complete, key=lambda folder: (folder / "images").stat().st_mtime_ns)


def outputs_in(folder: Path) -> dict[str, int]:
    """Label of an output that has targets -> how many; fake_B first."""
    counts: dict[str, int] = {}
    for path in (folder / "images").rglob("*.png"):
        match = _OUTPUT.fullmatch(path.stem)
        if match and _beside(path, match, "real_{side}{rest}").is_file():
            counts[match["label"]] = counts.get(match["label"], 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (item[0][5] != "B", item[0])))


def result_files(folder: Path, label: str) -> list[Files]:
    """The outputs of that label, by name.

    Raises:
        NoPicturesError: there are none.
    """
    images, found = folder / "images", []
    for path in sorted(images.rglob("*.png")):
        match = _OUTPUT.fullmatch(path.stem)
        if match and match["label"] == label:
            real = _beside(path, match, "real_{side}{rest}")
            given = _beside(path, match, "real_A" if match["side"] == "B" else "real_B")
            name = path.relative_to(images).with_name(match["name"]).as_posix()
            found.append(Files(name, path, _if_there(real), _if_there(given)))
    if not found:
        others = ", ".join(outputs_in(folder)) or "none"
        raise NoPicturesError(f"{folder} holds no pictures {label}; outputs there: {others}")
    return sorted(found, key=lambda files: _natural(files.name))


def folder_files(fake: Path, real: Path) -> tuple[list[Files], list[str]]:
    """Pictures of the same relative path, whatever their endings; and the paths of the others.

    Raises:
        NoPicturesError: a folder is empty, or a stem stands there twice.
    """
    fakes, reals = _by_stem(fake), _by_stem(real)
    both = fakes.keys() & reals.keys()
    alone = [str(side[stem]) for side in (fakes, reals)
             for stem in sorted(side.keys() - both, key=_natural)]
    return [Files(stem, fakes[stem], reals[stem]) for stem in sorted(both, key=_natural)], alone


def folder_sets(fake: Path, real: Path) -> list[Files]:
    """All pictures of both folders, none of them a partner of another."""
    return [*(Files(stem, path, None) for stem, path in _by_stem(fake).items()),
            *(Files(stem, None, path) for stem, path in _by_stem(real).items())]


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise NoPicturesError(f"{folder} is no folder")
    found: dict[str, Path] = {}
    twice: list[str] = []
    for path in sorted(_pictures(folder)):
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in found:
            twice.append(f"{found[stem].name} and {path.name}")
        found[stem] = path
    if twice:
        raise NoPicturesError(
            f"pictures in {folder} that differ in their ending alone; remove one of each:\n"
            + listing(twice)
        )
    if not found:
        raise NoPicturesError(f"{folder} holds no pictures")
    return found


def _pictures(folder: Path) -> Iterator[Path]:
    return (path for path in visible_files(folder) if is_picture(path))


def _beside(path: Path, match: re.Match[str], label: str) -> Path:
    label = label.format(side=match["side"], rest=match["rest"])
    return path.with_name(f"{match['name']}_{label}{path.suffix}")


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _natural(name: str) -> list[tuple[int, str]]:
    """2 comes before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part)
            for part in re.split(r"(\d+)", name)]
