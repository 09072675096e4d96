"""Find the files of output, target and input in the results of a test or in two folders."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data.discovery.folders import is_picture, name_formats, visible_files
from util.disk.file_names import EXTENSION_ROOM, composed, natural_key, shorten, without_extension
from util.text import listing

log = logging.getLogger(__name__)
# The file names of test.py: <name>_<label>.png. Results without targets have other labels.
_OUTPUT = re.compile(r"(?P<name>.*)_(?P<label>fake_(?P<side>[AB])(?P<rest>(_[a-z]+)?))", re.DOTALL)


class NoImagesError(ValueError):
    """There is nothing to compare; the message gives what was found, and how to create the rest."""


@dataclass(frozen=True)
class ComparedFiles:
    """Output, target and input; ``fake`` or ``real`` may be missing if there are no pairs.

    ``missing``: a grey PNG that is white at the pixels of the target without a value.
    """

    name: str
    fake: Path | None
    real: Path | None
    given: Path | None = None
    missing: Path | None = None


def find_results(run: str, results_dir: Path, command: Callable[[str], str]) -> Path:
    """Return ``run`` if it is a folder of results, else the newest results of that run.

    Only results with targets count. ``command``: name of a run -> the command that tests it.

    Raises:
        NoImagesError: there are none.
    """
    itself, of_run = Path(run), results_dir / run
    if (itself / "images").is_dir():
        if outputs_in(itself):
            return itself
        raise NoImagesError(f"{itself} holds no outputs with targets (such as x_fake_B.png, "
                            "x_real_B.png)")
    folders = [path.parent for path in of_run.glob("*/images")]
    complete = [folder for folder in folders if outputs_in(folder)]
    if not complete:
        names = ", ".join(sorted(folder.name for folder in folders))
        present = f"only {names}, without targets" if folders else "nothing"
        raise NoImagesError(f"no results of the run {run}: found {present} in {of_run}; make them "
                            f"by\n    {command(run)}")
    return max(complete, key=lambda folder: (folder / "images").stat().st_mtime_ns)


def outputs_in(folder: Path) -> list[str]:
    """Return the labels of outputs with targets, fake_B first."""
    labels = {match["label"] for path in _png_files(folder / "images")
              if (match := _OUTPUT.fullmatch(path.stem))
              and _beside(path, match, "real_{side}{rest}").is_file()}
    return sorted(labels, key=lambda label: (label[5] != "B", label))


def result_files(folder: Path, label: str) -> list[ComparedFiles]:
    """Return the outputs with that label, sorted by name.

    Raises:
        NoImagesError: there are none.
    """
    images, results = folder / "images", []
    for path in sorted(_png_files(images)):
        match = _OUTPUT.fullmatch(path.stem)
        if match and match["label"] == label:
            real = _beside(path, match, "real_{side}{rest}")
            given = _beside(path, match, "real_A" if match["side"] == "B" else "real_B")
            name = path.relative_to(images).with_name(match["name"]).as_posix()
            missing = _beside(path, match, "real_{side}{rest}_missing")
            existing = (file if file.is_file() else None for file in (real, given, missing))
            results.append(ComparedFiles(name, path, *existing))
    if not results:
        others = ", ".join(outputs_in(folder)) or "none"
        raise NoImagesError(f"{folder} holds no images {label}; outputs there: {others}")
    return sorted(results, key=lambda files: natural_key(files.name))


def folder_files(fake: Path, real: Path) -> tuple[list[ComparedFiles], list[str]]:
    """Return pairs with the same path below their folders, and the paths of the other images.

    The suffixes may differ.

    Raises:
        NoImagesError: a folder is empty, or has two images that differ only in the suffix.
    """
    fakes, reals = _by_stem(fake), _by_stem(real)
    both = fakes.keys() & reals.keys()
    alone = [str(side[stem]) for side in (fakes, reals)
             for stem in sorted(side.keys() - both, key=natural_key)]
    pairs = [ComparedFiles(stem, fakes[stem], reals[stem])
             for stem in sorted(both, key=natural_key)]
    return pairs, alone


def folder_sets(fake: Path, real: Path) -> list[ComparedFiles]:
    """Return all images of both folders, without pairs."""
    return [*(ComparedFiles(stem, path, None) for stem, path in _by_stem(fake).items()),
            *(ComparedFiles(stem, None, path) for stem, path in _by_stem(real).items())]


def _png_files(folder: Path) -> list[Path]:
    return [path for path in visible_files(folder) if path.suffix == ".png"]


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise NoImagesError(f"{folder} is not a folder")
    files: dict[str, Path] = {}
    twice: list[str] = []
    inside = ""
    present = list(visible_files(folder))
    stems = {path: _stem(path.relative_to(folder)) for path in present if is_picture(path)}
    others = name_formats(set(present) - stems.keys())
    names = composed(stems.values())
    for path, stem in sorted(stems.items(), key=lambda item: natural_key(str(item[0]))):
        key = names[stem]
        if key in files:
            twice.append(f"{files[key].relative_to(folder)} and {path.relative_to(folder)}")
            inside = inside or about_page(path)
        files[key] = path
    if twice:
        raise NoImagesError(
            f"images in {folder} that differ only in their suffix; "
            f"{inside or 'remove one of each'}:\n{listing(twice)}")
    if not files:
        raise NoImagesError(f"{folder} holds no images, found: {others or 'no files'}")
    if others:
        log.warning("%s: files in formats that are not read are left out: %s", folder, others)
    return files


def about_page(image: Path) -> str:
    """Return which flags compare the images of a results page, if ``image`` lies on one, or ""."""
    for images in image.parents:
        if images.name == "images" and outputs_in(images.parent):
            return (f"{images.parent} holds a results page: give --run {images.parent}, or for the "
                    "numbers of the data set test.py --output_dir DIR, and then --fake DIR "
                    "--real DIR")
    return ""


def _stem(path: Path) -> str:
    """Return the path without its extension, with a long name cut as test.py --output_dir does."""
    return (path.parent / shorten(without_extension(path).name, room=EXTENSION_ROOM)).as_posix()


def _beside(path: Path, match: re.Match[str], label: str) -> Path:
    label = label.format(side=match["side"], rest=match["rest"])
    return path.with_name(f"{match['name']}_{label}{path.suffix}")
