"""The process that decodes uploads: ``python -m serving.uploads.decoder PIXELS SIDE``.

It reads requests from stdin, and writes answers to stdout:

    request   8 bytes: length L (big-endian); L bytes: the image file
    answer    a line of JSON; "length" bytes: the pixels, as Image.tobytes returns them

It imports only Pillow, so it starts in 50 ms and takes 20 MB. The system ends it if a file needs
more computing time or memory than ``decode`` allows; serving/uploads/decoders.py then starts
another one. Signals are left to the server, which closes stdin at its end.
"""

import io
import json
import signal
import struct
import sys
import time
import warnings
from contextlib import suppress
from typing import Any

from PIL import Image, UnidentifiedImageError

from serving.uploads.structure import TooMuchWorkError, require_usual_structure

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # decoders that clients may reach
SECONDS, SECONDS_PER_MEGAPIXEL = 3.0, 2.0  # of computing; usual images take 0.05 per megapixel
MEMORY, MEMORY_PER_PIXEL = 2**30, 24  # bytes; a pixel takes 4, and there are a few copies
ORIENTATION = 0x0112  # of EXIF


def decode(content: bytes, *, pixels: int, side: int) -> tuple[dict[str, Any], bytes]:
    """Decode the first image of a file; return the answer and the bytes of the pixels.

    ``pixels``, ``side``: the largest image. The answer holds mode, size and orientation, or
    "fault" (pixels, side, format, work, damage) and "text".
    """
    try:
        require_usual_structure(content)
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if limit := exceeded_limit(image, pixels, side):
                return _fault(limit, f"the image has {image.width} x {image.height} pixels"), b""
            _allow_seconds(SECONDS_PER_MEGAPIXEL * image.width * image.height / 1e6)
            image.load()
            return _described(image)
    except TooMuchWorkError as error:
        return _fault("work", str(error)), b""
    except UnidentifiedImageError:
        return _fault("format", ""), b""
    except Exception as error:  # of any type: a damaged file may raise a MemoryError
        return _fault("damage", type(error).__name__), b""


def exceeded_limit(image: Image.Image, pixels: int, side: int) -> str:
    """Return "side", "pixels" or ""; ``side``: the limit of the longer side, in pixels."""
    if max(image.size) > side:
        return "side"
    return "pixels" if image.width * image.height > pixels else ""


def _fault(kind: str, text: str) -> dict[str, Any]:
    return {"fault": kind, "text": text, "length": 0}


def _described(image: Image.Image) -> tuple[dict[str, Any], bytes]:
    """Palettes and single transparent colours are replaced, as ``raster_of_pil`` does it."""
    orientation = 1
    with suppress(Exception):  # damaged EXIF data; the image is not turned then
        orientation = int(image.getexif().get(ORIENTATION, 1))
    profile = image.info.get("icc_profile", b"") if image.mode == "CMYK" else b""
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("1", "L", "LA") else "RGBA")
    elif image.mode == "P":
        image = image.convert("RGB")
    content = image.tobytes()
    described = {"mode": image.mode, "size": image.size, "orientation": orientation,
                 "profile": profile.hex(), "length": len(content)}
    return described, content


def _allow_seconds(seconds: float, *, from_now: bool = False) -> None:
    """Let the system end this process after so many further seconds of computing time."""
    try:
        import resource
    except ImportError:  # Windows; there --max_seconds is the only limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if not from_now and soft == resource.RLIM_INFINITY:  # not in a process of ``main``
        return
    start = time.process_time() if from_now else soft
    resource.setrlimit(resource.RLIMIT_CPU, (int(start + seconds + 0.999), hard))


def _limit_memory(size: int) -> None:
    with suppress(ImportError, ValueError, OSError):  # Windows, macOS
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def main() -> None:
    pixels, side = map(int, sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal sends them to all processes
        signal.signal(number, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # ``pixels`` is the limit
    Image.preinit()
    _limit_memory(MEMORY + MEMORY_PER_PIXEL * pixels)
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(8)) == 8:
        content = source.read(struct.unpack(">Q", head)[0])
        _allow_seconds(SECONDS, from_now=True)
        answer, data = decode(content, pixels=pixels, side=side)
        target.write(json.dumps(answer).encode() + b"\n" + data)
        target.flush()


if __name__ == "__main__":
    main()
