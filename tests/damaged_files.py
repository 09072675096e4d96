"""Small valid images of every format, and damaged copies of them, for tests of the readers."""

import io
import random
import struct
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from dicom_writer import slope, write
from PIL import Image

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def _photo(shape: tuple[int, ...] = (23, 31, 3), dtype: str = "uint8") -> Any:
    """Return noise: every byte of a compressed file of it matters."""
    return np.random.default_rng(0).integers(0, 255, shape).astype(dtype)


def _pil(name: str, image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def _tif(pixels: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, metadata=None, **options)
    return file.getvalue()


def _array(save: Callable[..., None], *arrays: Any) -> bytes:
    file = io.BytesIO()
    save(file, *arrays)
    return file.getvalue()


def _npy_2() -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, _photo(dtype="float32"), version=(2, 0))
    return file.getvalue()


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x112] = 6
    return exif


def _dicom() -> bytes:
    file = io.BytesIO()
    write(file, _photo((23, 31), "uint16"), BitsStored=12, HighBit=11, **slope(2, -1000))
    return file.getvalue()


def samples() -> dict[str, bytes]:
    """Return name -> content of a valid file; the name ends with its extension."""
    rgb, grey = Image.fromarray(_photo()), Image.fromarray(_photo((23, 31)))
    deep = _photo((23, 31), "uint16") * 257
    float_bands = _photo((23, 31, 5), "float32")
    Image.init()
    found: dict[str, bytes | bytearray] = {
        "rgb.png": _pil("PNG", rgb), "exif.png": _pil("PNG", rgb, exif=_exif()),
        "grey.png": _pil("PNG", grey), "palette.png": _pil("PNG", rgb.quantize(16)),
        "alpha.png": _pil("PNG", rgb.convert("RGBA")), "bits.png": _pil("PNG", grey.convert("1")),
        "grey16.png": _pil("PNG", Image.fromarray(deep)),
        "rgb16.png": imagecodecs.png_encode(_photo(dtype="uint16") * 257),
        "base.jpg": _pil("JPEG", rgb, exif=_exif()), "grey.jpg": _pil("JPEG", grey),
        "progressive.jpg": _pil("JPEG", rgb, progressive=True),
        "restart.jpg": _pil("JPEG", rgb, restart_marker_rows=1),
        "cmyk.jpg": _pil("JPEG", rgb.convert("CMYK")),
        "rgb.bmp": _pil("BMP", rgb), "palette.bmp": _pil("BMP", rgb.quantize(16)),
        "rgb.ppm": _pil("PPM", rgb), "plain.ppm": b"P3\n3 2\n255\n" + b"1 20 255 " * 6,
        "one.gif": _pil("GIF", rgb.quantize(16)),
        "frames.gif": _pil("GIF", rgb, save_all=True, append_images=[grey.convert("RGB")] * 2),
        "lossy.webp": _pil("WEBP", rgb), "lossless.webp": _pil("WEBP", rgb, lossless=True),
        "alpha.webp": _pil("WEBP", rgb.convert("RGBA"), exif=_exif()),
        "plain.tif": _tif(_photo(), photometric="rgb", rowsperstrip=5),
        "lzw.tif": _pil("TIFF", rgb, compression="tiff_lzw"),
        "packbits.tif": _pil("TIFF", rgb, compression="packbits"),
        "jpeg.tif": _pil("TIFF", rgb, compression="jpeg"),
        "group4.tif": _pil("TIFF", grey.convert("1"), compression="group4"),
        "deflate.tif": _tif(_photo((23, 31), "uint16"), compression="zlib", rowsperstrip=5),
        "lzw16.tif": _tif(_photo((23, 31), "uint16"), compression="lzw", predictor=2),
        "tiles.tif": _tif(float_bands, tile=(16, 16), compression="zlib", photometric="minisblack",
                          planarconfig="contig"),
        "planar.tif": _tif(_photo((3, 23, 31)), photometric="rgb", planarconfig="separate"),
        "pages.tif": _tif(_photo((3, 23, 31), "uint16"), photometric="minisblack"),
        "big.tif": _tif(_photo((23, 31), "int16"), bigtiff=True),
        "rgb.npy": _array(np.save, _photo()), "v2.npy": _npy_2(),
        "fortran.npy": _array(np.save, np.asfortranarray(_photo(dtype="int32"))),
        "plain.npz": _array(np.savez, _photo()),
        "packed.npz": _array(np.savez_compressed, _photo(dtype="float64")),
        "slice.dcm": _dicom(),
    }
    found |= {f"rgb.{name.lower()}": _pil(name, rgb) for name in ("TGA", "PCX", "SGI", "QOI")}
    found |= {f"rgb.{end}": _pil(name, rgb) for name, end in (("JPEG2000", "jp2"), ("AVIF", "avif"))
              if name in Image.SAVE}
    found |= {
        "interlaced.png": _interlaced(rgb),
        "rgb16.ppm": b"P6\n31 23\n65535\n" + _photo(dtype="uint16").tobytes(),
        "grey.pfm": b"Pf\n31 23\n-1.0\n" + _photo((23, 31), "float32").tobytes(),
        "photo.hdr": imagecodecs.rgbe_encode(_photo(dtype="float32"), header=True),
    }
    return {name: bytes(content) for name, content in found.items()}


def _interlaced(image: Image.Image) -> bytes:
    """Encode with Adam7 (PNG, 8.2): Pillow reads such files and writes none."""
    import zlib

    pixels = np.asarray(image)
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
              (1, 0, 2, 1))
    rows = b"".join(b"\0" + row.tobytes() for top, left, down, right in passes
                    for row in pixels[top::down, left::right])
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 1)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return a copy with flipped bits, bytes set, cut, inserted or doubled, or extreme numbers."""
    data = bytearray(content)
    # Most faults hit the first 200 bytes: headers decide sizes.
    last = rng.choice((min(64, len(data)), min(200, len(data)), len(data)))
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        if not data:
            break
        place, how = rng.randrange(min(last, len(data))), rng.randrange(7)
        if how == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[place] = rng.choice((0, 255, rng.randrange(256)))
        elif how == 2:
            del data[rng.randrange(len(data)):]
        elif how == 3:
            del data[place:place + rng.choice((1, 2, 4, 30))]
        elif how == 4:
            data[place:place] = rng.randbytes(rng.choice((1, 2, 4, 30)))
        elif how == 5:
            data[place:place] = data[place:place + rng.choice((4, 12, 60))]
        else:
            kind = rng.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
            size = struct.calcsize(kind)
            number = rng.choice((*EXTREMES, 2**40, 2**63, 2**64 - 1)) & (256**size - 1)
            data[place:place + size] = struct.pack(kind, number)
    return bytes(data)
