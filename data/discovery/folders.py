"""List the image files of a folder."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from PIL import features

from data.discovery.leftovers import is_backup_or_part, is_leftover
from data.files.reading import log_once
from util.disk.content import first_bytes, format_of, is_dicom_without_image
from util.text import listing

_JPEG2000 = (".j2c", ".j2k", ".jp2", ".jpc", ".jpf", ".jpx")
_OPTIONAL = {"avif": (".avif",), "jpg_2000": _JPEG2000}  # parts that Pillow may be built without
EXTENSIONS = tuple(sorted((
    ".bmp", ".dcm", ".dib", ".gif", ".hdr", ".jfif", ".jpe", ".jpeg", ".jpg", ".npy", ".npz",
    ".pbm", ".pcx", ".pfm", ".pgm", ".png", ".pnm", ".ppm", ".qoi", ".ras", ".sgi", ".tga", ".tif",
    ".tiff", ".webp",
    *(e for part in _OPTIONAL.keys() & features.get_supported() for e in _OPTIONAL[part]),
)))
# Formats that are not read -> how to convert them.
_CONVERSIONS = {
    (".avif", *_JPEG2000): "this Pillow cannot read them: pip install -U Pillow",
    (".heic", ".heif", ".hif", ".ico", ".jxl", ".jxr"): "convert: magick x{} x.png",
    (".exr",): "convert to floating-point TIFF: magick x{} -define quantum:format=floating-point "
               "-depth 32 x.tif",
    (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".raw", ".rw2", ".srw"):
        "develop to TIFF: darktable-cli x{} x.tif",
    (".ai", ".eps", ".pdf", ".psb", ".psd", ".svg", ".xcf"): "export as PNG",
    (".avi", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"):
        "write the frames: ffmpeg -i x{} frame%06d.png",
    (".h5", ".hdf", ".hdf5", ".mat", ".mha", ".mhd", ".nii", ".nrrd", ".zarr"):
        "save every image as an array [H, W] or [H, W, C], .npy",
}
_WAYS_OUT = {extension: advice.format(extension)
             for extensions, advice in _CONVERSIONS.items() for extension in extensions}

_MOST_ENDINGS = 8  # in a message


def is_picture(path: Path) -> bool:
    """Return True for a known extension, in any letter case, unless it is a leftover or a backup.

    DICOM is recognised by its content, whatever its name; other images if they have no extension.
    A ``.hdr`` file counts if it is a Radiance image: remote sensing has text headers of that name.
    A ``.dcm`` file counts unless it has no pixels.
    """
    if is_leftover(path.name) or is_backup_or_part(path.name):
        return False
    known = path.suffix.lower() in EXTENSIONS
    if known and path.suffix.lower() not in (".hdr", ".dcm"):
        return True
    return _shows_image(path) if path.is_file() else known


@cache
def _shows_image(path: Path) -> bool:
    """Open the file to see what it holds; once, because folders are listed several times."""
    extension, found = path.suffix.lower(), format_of(first_bytes(path))
    if ".dcm" in (extension, found):
        return not is_dicom_without_image(path)
    return found == ".hdr" if extension == ".hdr" else bool(found and not extension)


def name_formats(files: Iterable[Path]) -> str:
    """Return "2 .txt, 3 .exr (<how to convert them>)" for files that are not read."""
    counts = Counter(map(_kind, files))
    others = [kind for kind in sorted(counts) if kind.startswith(".") and not way_out(kind)]
    if len(others) > _MOST_ENDINGS:
        counts[f"files with other endings ({', '.join(others[:3])}, ...)"] = sum(
            counts.pop(kind) for kind in others)
    return ", ".join(f"{count} {kind}{way_out(kind)}" for kind, count in sorted(counts.items()))


def way_out(extension: str) -> str:
    """Return how to convert files of this extension, in brackets; "" if that is unknown."""
    advice = _WAYS_OUT.get(extension.lower())
    return f" ({advice})" if advice else ""


def _kind(path: Path) -> str:
    if is_dicom_without_image(path):
        return "DICOM without an image"
    return path.suffix.lower() or "no extension"


def visible_files(folder: Path) -> Iterator[Path]:
    """Yield all files below ``folder`` in no particular order, without leftovers.

    Linked sub-folders are entered, but not links back to a folder that is being walked. Pipes,
    sockets and devices are left out, which is logged.

    Raises:
        OSError: a folder cannot be read; the message names it.
    """
    return _walk(folder, frozenset())


def _walk(folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not is_leftover(entry.name)]
    special = []
    for entry in visible:
        kind = _kind_of_entry(entry)
        if kind == "folder":
            yield from _walk(Path(entry.path), above | {here})
        elif kind == "file":
            yield Path(entry.path)
        else:
            special.append(entry.name)
    if special:
        log_once("%s: left out, because they are pipes, sockets or devices:\n%s", folder,
                 listing(sorted(special)), key=("special", folder))


def _kind_of_entry(entry: os.DirEntry[str]) -> Literal["folder", "file", "special"]:
    """Return "file" also for links to nothing or to themselves: reading them raises an error."""
    try:
        if entry.is_dir():
            return "folder"
        return "file" if entry.is_file() or not os.path.exists(entry.path) else "special"  # noqa: PTH110
    except OSError:
        return "file"
