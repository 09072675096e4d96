"""Decode the pixels of a DICOM file, with imagecodecs for what pydicom alone cannot decode.

Names and UIDs of the compressions (transfer syntaxes): PS3.6 of the DICOM standard, table A-1.
"""

import logging
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from data.files.dicom_tables import Array, refusal
from util.packages import MissingPackageError, package_for

# The ends of the UIDs, and the decoder in imagecodecs; 201 to 203 are HTJ2K.
_CODECS = {"51": "JPEG8", **dict.fromkeys(("57", "70"), "JPEGSOF3"),
           **dict.fromkeys(("80", "81"), "JPEGLS"),
           **dict.fromkeys(("90", "91", "201", "202", "203"), "JPEG2K")}
_PREFIX = "1.2.840.10008.1.2.4."
_ANOTHER = {"JPEG2K": "pylibjpeg pylibjpeg-openjpeg"}
# For pydicom, which asks every module with a decoder for its packages.
DECODER_DEPENDENCIES = {_PREFIX + end: ("imagecodecs",) for end in _CODECS}


def decoded(data: Any) -> tuple[Array, str]:
    """Return [F, H, W] or [F, H, W, 3], and the photometric interpretation after decoding.

    The bits above the stored ones are removed. Colours of luma and chroma become RGB.

    Raises:
        PictureError: the pixels are damaged, or their compression is unknown.
        MissingPackageError: no decoder is installed for their compression.
    """
    syntax = data.file_meta.TransferSyntaxUID
    decoder = _decoder(data, syntax)
    options: dict[str, Any] = {}
    shifted = data.get("HighBit", 0) != data.get("BitsStored", 1) - 1
    if shifted and not str(syntax).startswith(_PREFIX):  # pydicom assumes the lowest bits
        if not data.BitsStored - 1 <= data.HighBit < data.BitsAllocated:
            raise refusal(data, f"HighBit is {data.HighBit}, but BitsStored is {data.BitsStored} "
                                f"and BitsAllocated is {data.BitsAllocated}", "it is damaged")
        options["correct_unused_bits"] = False
    try:
        pixels, facts = decoder.as_array(data, **options)
    except RuntimeError as error:
        raise _damaged(data, syntax, error) from error
    if "correct_unused_bits" in options:
        pixels = pixels << (data.BitsAllocated - 1 - data.HighBit)
        pixels = pixels >> (data.BitsAllocated - data.BitsStored)
    frames = pixels if facts["number_of_frames"] > 1 else pixels[None]
    return frames, str(facts["photometric_interpretation"])


def is_available(uid: str) -> bool:
    """Return True if the installed imagecodecs can decode the transfer syntax (for pydicom)."""
    if uid not in DECODER_DEPENDENCIES or find_spec("imagecodecs") is None:
        return False
    import imagecodecs

    return getattr(getattr(imagecodecs, _codec(uid), None), "available", False) is True


def decode_frame(source: bytes, runner: Any) -> bytes:
    """Return the pixels of one frame, interleaved (the contract of pydicom's decoders)."""
    import imagecodecs

    codec = _codec(runner.transfer_syntax)
    out = None
    if codec == "JPEGLS":  # a damaged header may claim a size that takes all memory
        shape = (runner.rows, runner.columns, runner.samples_per_pixel)
        deep = runner.get_option("jls_precision", runner.bits_stored) > 8
        out = np.empty(shape if shape[2] > 1 else shape[:2], np.uint16 if deep else np.uint8)
    pixels = getattr(imagecodecs, f"{codec.lower()}_decode")(source, out=out)
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")
    return np.ascontiguousarray(pixels).tobytes()


def _decoder(data: Any, syntax: Any) -> Any:
    pixels = package_for(Path(data.filename), "pydicom.pixels")
    _register()
    try:
        decoder = pixels.get_decoder(syntax)
    except NotImplementedError as error:
        raise refusal(data, f"its pixels are {syntax.name} (TransferSyntaxUID {syntax}), which is "
                            "not read",
                      "write the frames as images, or decompress the file: gdcmconv --raw IN OUT"
                      ) from error
    only_8_bits = _codec(syntax) == "JPEG8" and decoder.available_plugins == ("pillow",)
    if not decoder.is_available or (only_8_bits and data.BitsStored > 8):
        name = syntax.name.partition(",")[0]
        raise MissingPackageError(
            f"{data.filename} is compressed ({name}), and no decoder for it is installed; "
            f"the file itself is fine: pip install -U imagecodecs, or {_other_decoder(syntax)}")
    return decoder


@cache
def _register() -> None:
    pixels = package_for(Path("a DICOM file"), "pydicom.pixels")
    # It logs a traceback for every decoder that fails, before the error.
    logging.getLogger("pydicom.pixels").setLevel(logging.CRITICAL)
    for syntax in DECODER_DEPENDENCIES:
        with suppress(ValueError):  # another thread was here
            pixels.get_decoder(syntax).add_plugin("imagecodecs", (__name__, "decode_frame"))


def _codec(syntax: str) -> str:
    return _CODECS.get(syntax.removeprefix(_PREFIX), "")


def _other_decoder(syntax: str) -> str:
    return f"pip install {_ANOTHER.get(_codec(syntax), 'pylibjpeg pylibjpeg-libjpeg')}"


def _damaged(data: Any, syntax: Any, error: Exception) -> Exception:
    """Name the decoders that failed; --verbose shows what each of them reports."""
    name = syntax.name.partition(",")[0]
    tried = [line.partition(":")[0].strip() for line in str(error).splitlines()[1:]]
    by = f" by {' and '.join(tried)}" if tried else ""
    return refusal(data, f"its pixels ({name}) cannot be decoded{by}",
                   "either the file is damaged, or another decoder can read it: "
                   f"{_other_decoder(syntax)}")
