"""Find the images to translate: a file, a folder, a glob, or the input side of a data set."""

import glob
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from data.discovery.folders import EXTENSIONS, is_picture, name_formats
from data.discovery.image_folder import find_images
from data.discovery.leftovers import is_leftover
from data.discovery.pair_folders import Folders, candidate_folders, holds_picture
from data.discovery.stacks import sources_of_files, without_suffix
from data.files.image_io import read_size
from data.files.pillow_files import PictureError
from data.files.source import Source
from data.record import Record
from util.disk.file_names import natural_key, without_extension
from util.files import fault_of
from util.text import pluralise, similar

log = logging.getLogger(__name__)
Cut = Literal["auto", "always", "never"]
_CHECKED = 50  # files whose shapes show whether a folder holds pairs


@dataclass(frozen=True)
class Input:
    """``name`` of the result: a relative path without extension, different for every input."""

    source: Source
    name: Path


def find_inputs(
    path: Path, *, phase: str, letter: str, record: Record, cut_pairs: Cut = "auto",
    suffixes: Sequence[str] = ()
) -> list[Input]:
    """Return the inputs of ``path``: a file, a folder with its sub-folders, or a pattern (a/*.png).

    If ``path`` is a data set, the inputs are those of ``phase`` and side ``letter``. ``cut_pairs``
    takes the half of ``letter`` from files that hold A | B; "auto" recognises them by the shape of
    the training pairs.

    Raises:
        FileNotFoundError: there are no images.
        ValueError: ``path`` is a single file, but not an image.
    """
    root, files = _files(path, phase=phase, letter=letter)
    half: Literal["left", "right"] = "left" if letter == "A" else "right"

    def is_pair(source: Source) -> bool:
        if cut_pairs == "auto":
            return len(source.files) == 1 and _has_shape(record.is_pair, source.path)
        return cut_pairs == "always"

    sources = [replace(source, half=half) if is_pair(source) else source
               for source in sources_of_files(files, suffixes)]
    paths = [source.path.relative_to(root) for source in sources]
    stems = [path.with_name(without_suffix(without_extension(path).name, suffixes))
             for path in paths]
    # If x.jpg and x.png exist, the extension becomes part of the name, also beside x.jpg.png.
    taken = Counter(stems) + Counter(paths)
    inputs = [Input(source, stem if taken[stem] == 1 else path)
              for source, stem, path in zip(sources, stems, paths, strict=True)]
    return sorted(inputs, key=lambda item: natural_key(item.name.as_posix()))


def title_of(path: Path) -> str:
    """Return a title for the results: the stem of a file, or the name of the (pattern's) folder."""
    return without_extension(path).name if path.is_file() else _above(path).resolve().name


def is_data_set(dataroot: Path, phase: str, *, dataset_mode: str, record: Record) -> bool:
    """Return True if ``dataroot`` holds the phase, with targets, in the layout of the mode."""
    if dataset_mode == "aligned":
        return _holds_pairs(dataroot, phase, record)
    if dataset_mode == "unaligned":
        return Folders(dataroot, dataroot / f"{phase}A", dataroot / f"{phase}B").exist
    return dataset_mode not in ("colorization", "template") or (dataroot / phase).is_dir()


def is_pattern(path: Path) -> bool:
    return _above(path) != path


def _holds_pairs(dataroot: Path, phase: str, record: Record) -> bool:
    if any(folders.exist for folders in candidate_folders(dataroot, phase)):
        return True
    if not phase or not holds_picture(dataroot / phase):
        return False
    if not record.formats:  # runs without a record had pairs side by side
        return True
    files = find_images(dataroot, phase, limit=_CHECKED)
    return 2 * sum(_has_shape(record.looks_like_pair, file) for file in files) > len(files)


def _has_shape(test: Callable[[tuple[int, int]], bool], file: Path) -> bool:
    try:
        return test(read_size(file))
    except PictureError:  # reading the image will raise the error
        return False


def _files(path: Path, *, phase: str, letter: str) -> tuple[Path, list[Path]]:
    """Return the folder that names are relative to, and the files."""
    if path.is_file():
        if not is_picture(path):
            raise ValueError(f"{path} is not an image by its name or content, found: "
                             f"{name_formats([path])}; known are {' '.join(EXTENSIONS)}")
        if glob.has_magic(path.name):
            matches = [file for file in path.parent.glob(path.name) if file.name != path.name]
            if matches:
                log.warning("%s is the name of a file, so it is not used as a pattern; %s "
                            "would match too", path, pluralise(len(matches), "other file"))
        return path.parent, [path]
    if is_pattern(path):
        root = _above(path)
        found = [file for file in root.glob(str(path.relative_to(root))) if not file.is_dir()
                 and not any(map(is_leftover, file.relative_to(root).parts))]
        matches = [file for file in found if file.is_file()]
        if odd := sorted(set(found) - set(matches)):
            log.warning("left out: %s", ", ".join(f"{file} {fault_of(file)}" for file in odd))
        files = [file for file in matches if is_picture(file)]
        others = name_formats(set(matches) - set(files))
        if not files:
            raise FileNotFoundError(f"no image matches {path}, found: {others or 'nothing'}; quote "
                                    "the pattern, or check it")
        if others:
            log.warning("%s: files in formats that are not read are left out: %s", path, others)
        return root, files
    if not path.is_dir() and (path.exists() or path.is_symlink()):
        raise ValueError(f"{path} {fault_of(path)}; give an image or a folder of images")
    folder = _input_folder(path, phase, letter)
    return folder, find_images(folder)


def _input_folder(dataroot: Path, phase: str, letter: str) -> Path:
    """Return the folder with the inputs of a phase; ``dataroot`` itself if it is no data set."""
    if not phase:
        return dataroot
    halves = [folders.A if letter == "A" else folders.B
              for folders in candidate_folders(dataroot, phase)]
    candidates = [*halves, dataroot / phase]
    folder = next((folder for folder in candidates if holds_picture(folder)), dataroot)
    if folder != dataroot:
        log.info("%s is a data set: the images of %s are translated", dataroot, folder)
    elif phase != "test":  # the default
        phases = [name for name in ("train", "val", "test")
                  if holds_picture(dataroot / name) or holds_picture(dataroot / f"{name}A")]
        if phases:
            raise FileNotFoundError(f"{dataroot} has no images of the phase {phase}, found: "
                                    f"{', '.join(phases)}; check --phase{similar(phase, phases)}")
    return folder


def _above(path: Path) -> Path:
    """Return the part of a pattern before the first wildcard; names may contain [brackets] too."""
    for part in (*reversed(path.parents), path):
        if glob.has_magic(part.name) and not part.exists():
            return part.parent
    return path
