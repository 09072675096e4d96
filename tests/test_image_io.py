"""Every kind of image file is read as pixels with all their bits."""

import os
import shlex
import struct
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, features

from data.files import image_io, reading
from data.files.image_io import can_hold, extension_for, read_image, read_size, write_image
from data.files.pillow_files import PictureError
from data.files.raster import Raster, as_channels, stack_rasters
from data.files.side import Side
from data.files.source import Source
from data.files.value_range import ValueRange, of_dtype
from util.packages import MissingPackageError


def ramp(dtype: str, channels: int, height: int = 6, width: int = 9) -> Any:
    count = height * width * channels
    if dtype == "float32":
        values = np.linspace(-1.5, 3e4, count)
    else:
        limits = np.iinfo(dtype)
        values = np.linspace(limits.min, limits.max, count).round()
    return values.astype(dtype).reshape(height, width, channels)


@pytest.mark.parametrize("extension", [".png", ".tif", ".npy", ".bmp", ".webp", ".ppm"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_written_pixels_come_back(
    tmp_path: Path, dtype: str, channels: int, extension: str
) -> None:
    pixels, path = ramp(dtype, channels), tmp_path / f"x{extension}"
    if not can_hold(extension, pixels):
        with pytest.raises(ValueError, match=rf"cannot hold {channels} channels of {dtype}"):
            write_image(pixels, path)
        assert not list(tmp_path.iterdir())
        return
    write_image(pixels, path)
    found = read_image(path)
    if extension in (".webp", ".ppm", ".bmp"):  # some of them have no grey
        assert np.array_equal(as_channels(found, channels, source=path), pixels)
        return
    assert found.pixels.dtype == dtype
    assert np.array_equal(found.pixels, pixels)
    assert found.size == read_size(path) == (9, 6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_every_level_is_unchanged_by_tensor_and_back(dtype: str) -> None:
    levels = np.arange(np.iinfo(dtype).min, np.iinfo(dtype).max + 1).astype(dtype)
    pixels = levels.reshape(16, -1, 1)
    full = of_dtype(dtype)
    assert full is not None
    tensor = full.to_tensor(pixels)
    assert (float(tensor.min()), float(tensor.max())) == (-1, 1)
    assert tensor.dtype == torch.float32
    assert np.array_equal(full.from_tensor(tensor, dtype), pixels)


def test_8_bits_are_scaled_as_in_the_reference() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    wanted = torch.arange(256).view(1, 16, 16).float() / 127.5 - 1.0
    assert torch.equal(ValueRange(0, 255).to_tensor(pixels), wanted)


def test_a_given_range_clips_and_comes_back() -> None:
    window = ValueRange(-1000, 3000)
    pixels = np.array([[[-2000.0], [-1000.0], [1000.0], [3000.0], [9000.0]]], np.float32)
    tensor = window.to_tensor(pixels)
    assert tensor.flatten().tolist() == [-1, -1, 0, 1, 1]
    back = window.from_tensor(tensor, np.int16)
    assert back.flatten().tolist() == [-1000, -1000, 1000, 3000, 3000]
    with pytest.raises(ValueError, match="LO < HI, got 5,5"):
        ValueRange(5, 5)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_the_range_of_bytes_clips_deeper_images_too(dtype: str) -> None:
    pixels = np.array([[[0], [255], [300]]], dtype)
    assert ValueRange(0, 255).to_tensor(pixels).flatten().tolist() == [-1, 1, 1]


def test_nan_becomes_black() -> None:
    values = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0]).view(1, 1, 4)
    assert ValueRange(0, 65535).from_tensor(values, np.uint16).flatten().tolist() == [
        0, 65535, 0, 32768,
    ]


@pytest.mark.parametrize(
    ("mode", "colour", "channels"),
    [("1", "gray", 1), ("L", "gray", 1), ("LA", "gray_alpha", 2), ("P", "rgb", 3),
     ("RGB", "rgb", 3), ("RGBA", "rgba", 4), ("CMYK", "rgb", 3), ("YCbCr", "rgb", 3)],
)
def test_pillow_modes_become_pixels(tmp_path: Path, mode: str, colour: str, channels: int) -> None:
    extension = {"CMYK": "tif", "YCbCr": "jpg"}.get(mode, "png")
    Image.new("RGB", (8, 4), "white").convert(mode).save(tmp_path / f"x.{extension}")
    raster = read_image(tmp_path / f"x.{extension}")
    assert (raster.colour, raster.channels) == (colour, channels)
    assert raster.pixels.min() >= 254


def test_a_palette_with_transparency_has_alpha(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.save(tmp_path / "x.png", transparency=b"\x00\x80")
    raster = read_image(tmp_path / "x.png")
    assert raster.pixels[0, 0].tolist() == [200, 100, 50, 0x80]
    half = [round(255 + (level - 255) * 0x80 / 255) for level in (200, 100, 50)]
    assert as_channels(raster, 3, source="x")[0, 0].tolist() == half


def test_grey_of_16_bits_keeps_them_all(tmp_path: Path) -> None:
    pixels = ramp("uint16", 1)[:, :, 0]
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert np.array_equal(read_image(tmp_path / "x.png").pixels[:, :, 0], pixels)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_tiff_layouts_are_read(tmp_path: Path, compression: str | None, planar: str) -> None:
    pixels = ramp("uint16", 5)
    stored = pixels if planar == "contig" else np.moveaxis(pixels, 2, 0)
    tifffile.imwrite(tmp_path / "x.tif", stored, planarconfig=planar, compression=compression,
                     photometric="minisblack")
    assert np.array_equal(read_image(tmp_path / "x.tif").pixels, pixels)
    assert read_size(tmp_path / "x.tif") == (9, 6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_tiff_pages_become_channels(tmp_path: Path, dtype: str) -> None:
    pixels = ramp(dtype, 7)
    tifffile.imwrite(tmp_path / "x.tif", np.moveaxis(pixels, 2, 0), photometric="minisblack")
    raster = read_image(tmp_path / "x.tif")
    assert raster.colour == "bands"
    assert np.array_equal(raster.pixels, pixels)


def test_tiff_with_pages_of_two_sizes_is_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "x.tif") as tiff:
        for side in (4, 8):
            tiff.write(np.zeros((side, side), np.uint16))
    with pytest.raises(PictureError, match=r"x\.tif holds 2 images .*4 x 4, 8 x 8"):
        read_image(tmp_path / "x.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_deep_tiff_is_turned_upright_like_a_shallow_one(
    tmp_path: Path, orientation: int
) -> None:
    pixels = ramp("uint8", 1)[:, :, 0]
    tag = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "deep.tif", pixels.astype(np.uint16), extratags=tag)
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=_exif(orientation))
    deep, shallow = read_image(tmp_path / "deep.tif"), read_image(tmp_path / "x.png")
    assert np.array_equal(deep.pixels, shallow.pixels)
    assert read_size(tmp_path / "deep.tif") == read_size(tmp_path / "x.png") == shallow.size


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def test_npz_holds_one_array(tmp_path: Path) -> None:
    pixels = ramp("float32", 5)
    np.savez_compressed(tmp_path / "x.npz", bands=pixels)
    assert np.array_equal(read_image(tmp_path / "x.npz").pixels, pixels)
    assert read_size(tmp_path / "x.npz") == (9, 6)
    np.savez(tmp_path / "x.npz", a=pixels, b=pixels)
    with pytest.raises(PictureError, match=r"x\.npz holds 2 arrays \(a, b\), one is wanted"):
        read_image(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros(4), r"shape \[4\]; an image is"),
        (np.zeros((0, 4)), r"shape \[0, 4\]"),
        (np.full((2, 2), 2**30), "beyond 16777216 they lose digits here, as float32: subtract"),
        (np.zeros((2, 2), complex), "complex128; real numbers are wanted"),
        (np.array([[{"a": 1}]], dtype=object), "cannot be read as an image .*Python objects"),
    ],
)
def test_arrays_that_are_no_images(tmp_path: Path, array: Any, reason: str) -> None:
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(PictureError, match=rf"x\.npy.*{reason}"):
        read_image(tmp_path / "x.npy")


def test_arrays_of_other_dtypes_are_converted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_logged", set())
    for given, wanted in [("bool", "uint8"), ("int8", "int16"), (">u2", "uint16"),
                          ("float64", "float32"), ("float16", "float32"), ("int64", "float32")]:
        np.save(tmp_path / "x.npy", np.ones((2, 3), given))
        pixels = read_image(tmp_path / "x.npy").pixels
        assert pixels.dtype == wanted
        assert (pixels == (255 if given == "bool" else 1)).all()
    assert caplog.text.count("read as 255 and 0. Outputs in the format of such files are") == 1


@pytest.mark.parametrize("extension", ["png", "tif", "npy", "npz", "jpg", "dcm"])
@pytest.mark.parametrize("read", [read_image, read_size])
def test_damaged_files_are_named(tmp_path: Path, extension: str, read: Any) -> None:
    if extension == "dcm":
        pytest.importorskip("pydicom", reason="reads DICOM")
    path = tmp_path / f"x.{extension}"
    for content in (b"", b"no image at all, but a line of text"):
        path.write_bytes(content)
        with pytest.raises(PictureError, match=rf"x\.{extension} cannot be read"):
            read(path)


@pytest.mark.parametrize(
    ("raised", "text"),
    [(kind, "it is damaged or cut off") for kind in (
        ZeroDivisionError, AttributeError, RecursionError, OverflowError, AssertionError, KeyError,
        Image.DecompressionBombError, Image.DecompressionBombWarning, zlib.error, struct.error,
    )] + [(MemoryError, "it needs more memory than is free")],
)
def test_any_error_of_a_decoder_names_the_file(
    tmp_path: Path, raised: type[Exception], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(path: Path) -> Raster:
        raise raised("inside")

    monkeypatch.setitem(image_io._READERS, ".npy", decode)
    with pytest.raises(PictureError, match=rf"x\.npy cannot be read .*{text}") as caught:
        read_image(tmp_path / "x.npy")
    assert type(caught.value.__cause__) is raised  # --verbose shows it


def test_a_truncated_deep_png_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    write_image(ramp("uint16", 3, 40, 40), path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(PictureError, match=r"x\.png cannot be read"):
        read_image(path)


def test_dicom_values_are_rescaled(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom", reason="reads DICOM")
    stored = ramp("uint16", 1)[:, :, 0] // 16
    _write_dicom(pydicom, tmp_path / "x.dcm", stored)
    raster = read_image(tmp_path / "x.dcm")
    assert raster.pixels.dtype == np.float32
    assert np.array_equal(raster.pixels[:, :, 0], stored * 2.0 - 1024)
    assert read_size(tmp_path / "x.dcm") == (9, 6)


def test_dicom_with_bright_lows_is_inverted_equally_in_all_files(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom", reason="reads DICOM")
    for darkest in (0, 1000):  # of 12 bits
        stored = np.array([[darkest, 2000]], np.uint16)
        _write_dicom(pydicom, tmp_path / "x.dcm", stored, "MONOCHROME1")
        pixels = read_image(tmp_path / "x.dcm").pixels[0, :, 0]
        assert pixels.tolist() == [(4095 - darkest) * 2 - 1024, (4095 - 2000) * 2 - 1024]


@pytest.mark.parametrize(
    ("name", "package"),
    [("x.dcm", "pydicom"), ("x.tif", "tifffile"), ("x.png", "imagecodecs")],
)
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    write_image(ramp("uint16", 3), tmp_path / "x.png")
    for lacking in ("pydicom", "tifffile", "imagecodecs"):
        monkeypatch.setitem(sys.modules, lacking, None)
    with pytest.raises(MissingPackageError, match=rf"{name} needs .* pip install {package}"):
        read_image(tmp_path / name)


def test_common_images_need_no_further_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lacking in ("pydicom", "tifffile", "imagecodecs"):
        monkeypatch.setitem(sys.modules, lacking, None)
    for name, pixels in [("a.png", ramp("uint8", 3)), ("b.jpg", ramp("uint8", 1)),
                         ("c.png", ramp("uint16", 1)), ("d.npy", ramp("float32", 5))]:
        write_image(pixels, tmp_path / name)
        assert read_image(tmp_path / name).pixels.dtype == pixels.dtype


def _write_dicom(
    pydicom: Any, path: Path, stored: Any, interpretation: str = "MONOCHROME2"
) -> None:
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data = pydicom.dataset.FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = (
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID,
    )
    data.Rows, data.Columns = stored.shape
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelRepresentation, data.SamplesPerPixel = 0, 1
    data.PhotometricInterpretation = interpretation
    data.RescaleSlope, data.RescaleIntercept = 2, -1024
    data.PixelData = stored.astype("<u2").tobytes()
    data.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_possible_conversions_of_channels(dtype: str) -> None:
    white = int(np.iinfo(dtype).max)
    grey = Raster(np.full((2, 2, 1), white // 3, dtype), "gray")
    assert as_channels(grey, 3, source="x").tolist() == [[[white // 3] * 3] * 2] * 2
    red = np.zeros((1, 1, 4), dtype)
    red[..., 0] = white
    assert as_channels(Raster(red, "rgba"), 3, source="x").tolist() == [[[white] * 3]]
    assert as_channels(Raster(red, "rgba"), 4, source="x").tolist() == red.tolist()
    luma = as_channels(Raster(red[..., :3], "rgb"), 1, source="x")
    assert abs(int(luma[0, 0, 0]) - 0.299 * white) <= 1


def test_impossible_conversions_of_channels_name_the_file() -> None:
    bands = Raster(np.zeros((4, 6, 5), np.uint16), "bands")
    wanted = r"a\.npy is 6 x 4, 5 channels \(bands\), uint16, but 3 wanted"
    with pytest.raises(PictureError, match=wanted):
        as_channels(bands, 3, source="a.npy")


def test_stacked_files_must_agree() -> None:
    raster = Raster(np.zeros((4, 6, 1), np.uint16), "gray")
    both = stack_rasters([raster, raster], ["a_r.tif", "a_nir.tif"])
    assert (both.channels, both.colour) == (2, "bands")
    other = Raster(np.zeros((4, 5, 1), np.uint16), "gray")
    with pytest.raises(PictureError, match=r"a_r\.tif is 6 x 4.*a_nir\.tif.* is 5 x 4"):
        stack_rasters([raster, other], ["a_r.tif", "a_nir.tif"])


@pytest.mark.parametrize(
    ("dtype", "channels", "wanted", "kept"),
    [("uint8", 3, ".jpg", ".png"), ("uint8", 3, ".bmp", ".bmp"), ("uint8", 5, ".png", ".tif"),
     ("uint16", 1, ".png", ".png"), ("uint16", 3, ".jpg", ".png"), ("float32", 1, ".png", ".tif"),
     ("float32", 2, ".npy", ".npy"), ("int16", 1, ".dcm", ".tif"), ("uint8", 1, ".TIFF", ".tiff")],
)
def test_the_format_keeps_the_pixels(
    dtype: str, channels: int, wanted: str, kept: str
) -> None:
    assert extension_for(ramp(dtype, channels), wanted) == kept


def test_a_flat_avif_is_read_and_a_pipe_is_refused(tmp_path: Path) -> None:
    if features.check("avif"):  # type: ignore[no-untyped-call, unused-ignore]
        Image.new("RGB", (1024, 1024), (9, 80, 200)).save(tmp_path / "flat.avif")
        assert read_image(tmp_path / "flat.avif").size == (1024, 1024)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(PictureError, match="a pipe, a socket or a device"):
        read_image(tmp_path / "pipe.png")


def test_the_former_import_path_reads_and_writes(tmp_path: Path) -> None:
    from data import image_io as former

    former.write_image(ramp("uint8", 1, 4, 3), tmp_path / "x.png")
    assert former.read_size(tmp_path / "x.png") == former.read_image(tmp_path / "x.png").size


def test_a_palette_of_colours_in_one_channel_gives_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_logged", set())
    mask = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    mask.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128, 128, 0, 128])
    assert mask.mode == "P"
    mask.save(tmp_path / "m.png")
    side = Side("B", 1, channels_flag="--output_nc")
    for channels in (3, 1, 1):
        replace(side, channels=channels).read(Source((tmp_path / "m.png",)))
    assert caplog.text.count("has a palette: with --output_nc 1") == 1
    code = shlex.split(caplog.text.partition("python -c ")[2])[0]
    monkeypatch.setattr(sys, "argv", ["-c", str(tmp_path / "m.png")])
    exec(code, {})
    assert side.read(Source((tmp_path / "m.png",))).ravel().tolist() == [0, 1, 2, 3, 4, 5]
    mask.putpalette([level for level in (0, 90, 9, 1, 2, 3) for _ in "RGB"])
    mask.save(tmp_path / "grey.gif")
    monkeypatch.setattr(reading, "_logged", set())
    caplog.clear()
    side.read(Source((tmp_path / "grey.gif",)))
    assert not caplog.text


def test_errors_about_missing_flags_name_the_type_in_the_file(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(-100, 200).reshape(15, 20))
    source = Source((tmp_path / "x.npy",))
    with pytest.raises(PictureError, match="holds int64 from -100 to 199") as caught, \
            reading.naming_skip_flag("error"):
        Side("B", 1).read(source)
    assert "on_bad_image" not in str(caught.value), "leaving out all images is no way out"
