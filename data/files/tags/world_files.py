"""World files beside an image: the place of its pixels on earth, for formats without tags.

Six numbers in a text file (Esri): .pgw for .png, .jgw for .jpg, .tfw for .tif, or .wld for all.
"""

from pathlib import Path
from xml.etree import ElementTree

Files = tuple[tuple[str, bytes], ...]  # suffix to the path without its extension, content
_PLACE_TAGS = ("SRS", "GeoTransform")  # parts of an .aux.xml that are true for an output, too


def world_suffix(extension: str) -> str:
    """Return the extension of a world file: .pgw for .png, .tfw for .tiff."""
    return f".{extension[1]}{extension[-1]}w"


def is_world_file(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in (".prj", ".wld") or (len(suffix) == 4 and suffix.endswith("w"))


def find_world_files(path: Path) -> Files:
    """Return the world file of an image (with the suffix ``""``), and the files with its system."""
    extension = path.suffix.lower()
    found = []
    if len(extension) > 2:
        for suffix in (world_suffix(extension), f"{extension}w", ".wld"):
            file = next((path.with_suffix(name) for name in (suffix, suffix.upper())
                         if _exists(path.with_suffix(name))), None)
            if file:
                found.append(("", file.read_bytes()))
                break
    if _exists(path.with_suffix(".prj")):
        found.append((".prj", path.with_suffix(".prj").read_bytes()))
    if kept := _of_aux(path.with_name(f"{path.name}.aux.xml")):
        found.append((".aux.xml", kept))
    # A coordinate system alone is useless: the place is missing.
    return tuple(found) if any(suffix != ".prj" for suffix, _ in found) else ()


def write_world_files(files: Files, path: Path) -> None:
    """Write the files beside the image ``path``, under the names of its format."""
    for suffix, content in files:
        beside = path.with_suffix(suffix or world_suffix(path.suffix.lower()))
        if suffix == ".aux.xml":
            beside = path.with_name(path.name + suffix)
        beside.write_bytes(content)


def _exists(file: Path) -> bool:
    """Return False also for a name that is too long for a file."""
    try:
        return file.is_file()
    except OSError:
        return False


def _of_aux(file: Path) -> bytes:
    """Return GDAL's file about an image without its statistics; b"" if no place is in it."""
    if not _exists(file):
        return b""
    try:
        root = ElementTree.fromstring(file.read_bytes())
    except ElementTree.ParseError:
        return b""
    for part in list(root):
        if part.tag not in _PLACE_TAGS:
            root.remove(part)
    has_place = root.find("GeoTransform") is not None
    return bytes(ElementTree.tostring(root, encoding="utf-8")) if has_place else b""
