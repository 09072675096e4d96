"""Refuse files whose decoding takes far more work than their pixels need, before it begins.

The limits follow from measurements of Pillow 13 (files of 8 MB, one core of 2026):

    JPEG   every scan of a progressive file passes over all blocks: 1 ms for 2048 x 2048, so
           20 bytes a scan make minutes; a marker takes 1 us, a fill byte 0.4 us
    PNG    a chunk takes 13 us; every colour profile is inflated to 1 MB, which takes 4 ms. Pillow
           itself limits texts (1 MB each, 64 MB in all) and the pixels (no more than the header)
    GIF    only the first frame is decoded; 4 million blocks before it take 0.8 s
    WebP   only the first frame is decoded; 100,000 others take 0.1 s
    BMP    run lengths are decoded in Python: 2.4 s at most
"""

import re
import struct

MOST_SCANS = 100  # libjpeg writes 10
MOST_SEGMENTS = 5_000  # of a JPEG; 8 MB of EXIF data and profiles are 125
MOST_FILL_BYTES = 10_000
MOST_CHUNKS = 20_000  # of a PNG; libpng writes 1,000 for 8 MB
MOST_PROFILES = 4  # the standard allows one (PNG, section 5.6)

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_SOS, _EOI = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_ALONE = (0x01, *range(0xD0, 0xD9))  # markers without a length: TEM, restarts, SOI


class TooMuchWorkError(ValueError):
    """The file has more parts than any program writes; the message counts them."""


def require_usual_structure(content: bytes) -> None:
    """Count the parts of a file. Other formats need no limit, see above.

    Raises:
        TooMuchWorkError: there are more than any program writes.
    """
    if content.startswith(_JPEG):
        _check_jpeg(content)
    elif content.startswith(_PNG):
        _check_png(content)


def _check_jpeg(content: bytes) -> None:
    """Walk from marker to marker (ITU-T T.81, annex B) until the end of the image.

    What follows the end, such as the film of a "motion photo", is not decoded.
    """
    position, scans, segments, fill_bytes = len(_JPEG), 0, 0, 0
    while found := _MARKER.search(content, position):
        kind = content[found.start() + 1]
        fill_bytes += found.start() - position if not scans else 0
        position, segments = found.end(), segments + (kind not in _ALONE)
        scans += kind == _SOS
        _require("scans", scans, MOST_SCANS)
        _require("segments", segments, MOST_SEGMENTS)
        _require("bytes between its segments", fill_bytes, MOST_FILL_BYTES)
        if kind == _EOI:
            return
        if kind not in _ALONE:
            length = content[position:position + 2]
            position += max(2, struct.unpack(">H", length)[0]) if len(length) == 2 else 0


def _check_png(content: bytes) -> None:
    position, chunks, profiles = len(_PNG), 0, 0
    while len(head := content[position:position + 8]) == 8:
        length, kind = struct.unpack(">I4s", head)
        chunks, profiles = chunks + 1, profiles + (kind == b"iCCP")
        _require("chunks", chunks, MOST_CHUNKS)
        _require("colour profiles", profiles, MOST_PROFILES)
        position += length + 12  # length, kind, checksum


def _require(what: str, count: int, most: int) -> None:
    if count > most:
        raise TooMuchWorkError(f"it has more than {most:,} {what}")
