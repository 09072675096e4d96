"""Recognise by its first bytes a file that holds something else than its name promises."""

from pathlib import Path

_HEAD = 512  # bytes
# (position, bytes there) -> what the file is, and what to do.
_KINDS = {
    (0, b"version https://git-lfs"): "is a pointer of Git LFS without the content: git lfs pull",
    (0, b"%PDF"): "is a PDF file: export its images",
    (0, b"\x76\x2f\x31\x01"): "is an OpenEXR image: convert it to floating-point TIFF",
    (0, b"\x00\x00\x00\x0cJXL "): "is a JPEG XL image: convert it to PNG",
    (0, b"\xff\x0a"): "is a JPEG XL image: convert it to PNG",
    (0, b"8BPS"): "is a Photoshop file: export it as PNG",
    (0, b"\x89HDF\r\n"): "is an HDF5 file: save its arrays as .npy, or its weights by torch.save",
    (0, b"Rar!"): "is a RAR archive: unpack it",
    (0, b"\x1f\x8b"): "is compressed by gzip: unpack it",
    (0, b"7z\xbc\xaf"): "is a 7z archive: unpack it",
    **{(4, b"ftyp" + brand): "is a HEIC image: convert it to PNG"
       for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")},
}


def foreign_content(path: Path) -> str:
    """Return "is a web page ...: <what to do>"; "" if the content is not recognised.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "is empty"
    if head.lstrip(b"\xef\xbb\xbf \r\n\t")[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "is a web page (HTML), not the file behind the link: download it again"
    return next((text for (place, start), text in _KINDS.items()
                 if head[place:].startswith(start)), "")
