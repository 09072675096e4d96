"""Uploads: files that take too much work are refused, and decoding can be ended."""

import io
import struct
import time
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="fastapi is not installed")

from fastapi import HTTPException

from data.files.image_io import raster_of_pil
from data.files.pillow_files import upright
from serving.uploads.decoder import decode
from serving.uploads.decoders import Decoders, _rebuilt
from serving.uploads.structure import TooMuchWorkError, require_usual_structure

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
START, SCAN = b"\xff\xd8", b"\xff\xda\0\x08\1\1\0\1\x3f\0\0\x7f\xff\xd0\x12"
PNG = b"\x89PNG\r\n\x1a\n"


def encoded(image: Image.Image, name: str, **flags: object) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **flags)
    return file.getvalue()


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


@pytest.mark.parametrize(("content", "words"), [
    (START + SCAN * 101 + b"\xff\xd9", "100 scans"),
    (START + b"\xff\xc2\0\x02" + b"\xff" * 50 + SCAN * 101, "100 scans"),
    (START + b"\xff\xfe\0\x02" * 5001, "5,000 segments"),
    (START + b"\xff\xdd\0\4\0\0" * 5001, "5,000 segments"),
    (START + b"\xff" * 10_002 + b"\xda", "10,000 bytes between"),
    (START + b"\0" * 10_002 + b"\xff\xda", "10,000 bytes between"),
    (PNG + chunk(b"tEXt", b"a\0b") * 20_001, "20,000 chunks"),
    (PNG + chunk(b"IDAT") * 20_001, "20,000 chunks"),
    (PNG + chunk(b"iCCP", b"k\0\0" + zlib.compress(b"a" * 1000)) * 5, "4 colour profiles"),
])
def test_files_with_too_many_parts_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(TooMuchWorkError, match=words):
        require_usual_structure(content)
    assert decode(content, pixels=10**6, side=1000)[0]["fault"] == "work"


def test_usual_files_pass() -> None:
    image = Image.fromarray(PIXELS)
    profile = b"p" * 200_000
    jpeg = encoded(image, "JPEG", progressive=True, icc_profile=profile, comment=b"\xff\xda" * 999)
    require_usual_structure(jpeg + b"\xff\xda\0\x02" * 200)  # the film of a motion photo
    require_usual_structure(encoded(image, "PNG", icc_profile=profile))
    for end in range(2, len(jpeg), 997):
        require_usual_structure(jpeg[:end])


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_decoded_images_equal_those_of_the_readers(mode: str, name: str) -> None:
    image = Image.fromarray(PIXELS)
    if mode == "I;16":
        image = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257)
    else:
        image = image.convert("L").convert(mode) if mode == "LA" else image.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    flags: dict[str, object] = {"exif": exif} if name in ("JPEG", "PNG", "WEBP") else {}
    if mode in ("L", "P", "RGB") and name == "PNG":
        flags["transparency"] = (9, 9, 9) if mode == "RGB" else 9
    try:
        content = encoded(image, name, **flags)
    except (OSError, ValueError):
        pytest.skip("the format has no such mode")
    with Image.open(io.BytesIO(content)) as read:
        wanted = raster_of_pil(upright(read, "x"), source="x")  # type: ignore[arg-type]
    answer, data = decode(content, pixels=10**6, side=1000)
    made = raster_of_pil(upright(_rebuilt(answer, data), "x"), source="x")  # type: ignore[arg-type]
    assert made.colour == wanted.colour
    np.testing.assert_array_equal(made.pixels, wanted.pixels)


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    opened = Decoders(10**6, 1000, processes=1)
    yield opened
    opened.close()


def slow_file() -> bytes:
    """Return a BMP of a run for every pixel, which Pillow decodes in about half a second."""
    palette, runs = bytes(1024), b"\1\5" * 990_000
    head = struct.pack("<IHHI", 14 + 40 + 1024 + len(runs), 0, 0, 14 + 40 + 1024)
    facts = struct.pack("<IiiHHIIiiII", 40, 1000, 1000, 1, 8, 1, len(runs), 0, 0, 256, 256)
    return b"BM" + head + facts + palette + runs


def test_decoding_ends_at_the_deadline(decoders: Decoders) -> None:
    content = encoded(Image.fromarray(PIXELS), "PNG")
    assert decoders(content, time.monotonic() + 60).size == (30, 20)
    process, = decoders._idle
    with pytest.raises(HTTPException, match="503"):
        decoders(slow_file(), time.monotonic() - 0.2)
    assert process.returncode is not None
    np.testing.assert_array_equal(decoders(content, time.monotonic() + 60), PIXELS)


def test_only_the_exceeded_limit_is_named(decoders: Decoders) -> None:
    for size, words in (((10, 1001), "at most 1,000 on a side are accepted: send a smaller"),
                        ((1001, 1001), "at most 1,000 on a side are accepted: send a smaller")):
        with pytest.raises(HTTPException, match=f"413: the image has .*{words}") as caught:
            decoders(encoded(Image.new("L", size), "PNG"), time.monotonic() + 60)
        assert "--max_pixels" not in str(caught.value)
    answer, _ = decode(encoded(Image.new("L", (1000, 1000)), "PNG"), pixels=10**5, side=1000)
    with pytest.raises(HTTPException, match=r"at most 1,000,000 are accepted: .*--max_pixels"):
        raise decoders._refusal(answer["fault"], answer["text"], b"")


def test_an_ended_process_is_replaced(decoders: Decoders) -> None:
    content = encoded(Image.fromarray(PIXELS), "PNG")
    process, = decoders._idle
    process.kill()
    process.wait()
    assert decoders(content, time.monotonic() + 60).size == (30, 20)
