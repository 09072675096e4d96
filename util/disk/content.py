"""Recognise files by their first bytes, not by their names."""

import re
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

_HEAD = 512  # bytes
# (position, bytes there) -> what the file is, and what to do.
_KINDS = {
    (0, b"version https://git-lfs"): "is a pointer of Git LFS without the content: git lfs pull",
    (128, b"DICM"): "is a DICOM file",
    (0, b"%PDF"): "is a PDF file: export its images",
    (0, b"\x76\x2f\x31\x01"): "is an OpenEXR image: convert it to floating-point TIFF",
    (0, b"\x00\x00\x00\x0cJXL "): "is a JPEG XL image: convert it to PNG",
    (0, b"\xff\x0a"): "is a JPEG XL image: convert it to PNG",
    (0, b"8BPS"): "is a Photoshop file: export it as PNG",
    (0, b"\x89HDF\r\n"): "is an HDF5 file: save its arrays as .npy, or its weights by torch.save",
    (0, b"Rar!"): "is a RAR archive: unpack it",
    (0, b"\x1f\x8b"): "is compressed by gzip: unpack it",
    (0, b"7z\xbc\xaf"): "is a 7z archive: unpack it",
    (0, b"\xfd7zXZ"): "is compressed by xz: unpack it",
    (0, b"BZh"): "is compressed by bzip2: unpack it",
    **{(4, b"ftyp" + brand): "is a HEIC image: convert it to PNG"
       for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")},
}
# (position, bytes there) -> the usual extension of the image format.
_FORMATS = {
    (128, b"DICM"): ".dcm", (0, b"\x89PNG\r\n\x1a\n"): ".png", (0, b"\xff\xd8\xff"): ".jpg",
    (0, b"II*\0"): ".tif", (0, b"MM\0*"): ".tif", (0, b"II+\0"): ".tif", (0, b"MM\0+"): ".tif",
    (0, b"\x93NUMPY"): ".npy", (0, b"GIF8"): ".gif", (8, b"WEBP"): ".webp",
    (0, b"\0\0\0\x0cjP  "): ".jp2", (0, b"\xff\x4f\xff\x51"): ".j2k", (0, b"#?"): ".hdr",
}
# The start of DICOM without its first 132 bytes: element 0002,00xx or 0008,00xx, with its type or
# a short length.
_BARE_DICOM = re.compile(rb"[\x02\x08]\0.\0([A-Z]{2}|.\0\0\0)|\0\x08\0.[A-Z]{2}", re.DOTALL)
# The element with the kind of a DICOM object, in the header or behind it, in its encodings.
_KIND = re.compile(rb"(?:\x02\0\x02\0|\x08\0\x16\0|\0\x08\0\x16)(?:UI..|..\0\0)([\d.]+)", re.DOTALL)
# Kinds without pixels (PS3.6 of the DICOM standard, table A-1): DICOMDIR, spectra, waveforms,
# presentation states, raw data, registrations, mappings, reports, documents, RT structures, plans.
_WITHOUT_IMAGE = re.compile(
    rb"1\.2\.840\.10008\.(1\.3\.10|5\.1\.4\.1\.1\.(4\.2|9\..*|11\..*|66(\.[12356])?|67|88\..*"
    rb"|104\..*|481\.([3-9]|1\d|2[0-2])))")


def extension_of(path: Path) -> str:
    """Return the usual extension of the file's format, by its first bytes; ".dcm" for DICOM.

    If they show none, or the file cannot be read, return the extension of its name in lower case.
    """
    own, head = path.suffix.lower(), first_bytes(path)
    # A file may be both: DICOM leaves 128 bytes free, which may be the start of a TIFF.
    is_tiff = own in (".tif", ".tiff") and head[:2] in (b"II", b"MM")
    return own if is_tiff else format_of(head) or own


def format_of(head: bytes) -> str:
    """Return the usual extension of an image format that the first bytes show; "" for others."""
    found = (extension for (place, start), extension in _FORMATS.items()
             if head[place:].startswith(start))
    return next(found, ".dcm" if _BARE_DICOM.match(head) else "")


def is_dicom_without_image(path: Path) -> bool:
    """Return True for a DICOM object of a kind that has no pixels, such as DICOMDIR."""
    head = first_bytes(path)
    kind = _KIND.search(head)
    return bool(kind and format_of(head) == ".dcm" and _WITHOUT_IMAGE.fullmatch(kind[1]))


def first_bytes(path: Path) -> bytes:
    """Return up to 512 bytes; b"" if it cannot be read, or is a pipe, a socket or a device."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(_HEAD)
    return b""


def foreign_content(path: Path) -> str:
    """Return "is a web page ...: <what to do>"; "" if the content is not recognised.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "is empty"
    if is_safetensors(path):
        return ""
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "is a web page (HTML), not the file behind the link: download it again"
    known = next((text for (place, start), text in _KINDS.items()
                  if head[place:].startswith(start)), "")
    if known:
        return known
    if head.startswith(b"PK\3\4"):
        return _zip_content(path)
    # The first field of the protobuf is a number; the second is the name of the writer.
    if head[:1] == b"\x08" and (path.suffix.lower() == ".onnx" or b"pytorch" in head[:16]):
        return "is an ONNX graph, not weights: give the .pth file that it was exported from"
    if not head.strip(b"\0"):
        return "is damaged: it begins with zeros, copy it again"
    with suppress(tarfile.TarError):
        return _tar_content(path)
    return ""


def is_safetensors(path: Path) -> bool:
    """Return True for a file that begins with the length of its JSON header (safetensors)."""
    with path.open("rb") as file:
        head = file.read(9)
    return head[8:] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size


def is_archive(path: Path) -> bool:
    """Return True for a ZIP archive, also for one with a damaged end."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # it says that it is a part of an archive on several disks
        return True


def _zip_content(path: Path) -> str:
    """Describe a ZIP archive; "" for those that torch.save writes."""
    if not is_archive(path):
        return "is damaged: it is an archive whose end is missing, copy it again"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    # The version, the encoding of a name or an offset may be damaged, too.
    except (zipfile.BadZipFile, RuntimeError, ValueError, EOFError, OSError):
        return "is damaged: it is an archive whose list of files is wrong, copy it again"
    folders = {name.rpartition("/")[0].partition("/")[2].partition("/")[0] for name in names}
    if "code" in folders:
        return ("is a TorchScript program (torch.jit.save), not weights: give the .pth file that "
                "it was exported from; torch.jit.load runs it")
    if any(name.endswith("archive_format") for name in names):
        return ("is an exported program (torch.export), not weights: give the .pth file that it "
                "was exported from")
    if any(name.endswith("data.pkl") for name in names):
        return ""
    return f"is a ZIP archive of {', '.join(names[:3])}: unpack it"


def _tar_content(path: Path) -> str:
    with tarfile.open(path, "r:") as archive:  # a compressed one would be unpacked to the end
        names = archive.getnames()
    if {"pickle", "storages", "tensors"} <= set(names):
        return ("is in the tar format of PyTorch before 0.1.10, which cannot be read without "
                "running code from it. If you trust it: python -c \"import torch; torch.save("
                "torch.load('IN.pth', weights_only=False), 'OUT.pth')\"")
    return f"is a tar archive of {', '.join(names[:3])}: unpack it"
