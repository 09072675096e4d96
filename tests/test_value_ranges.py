"""Images that use a small part of their type's range: one warning, with the flag to paste."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from real_sets import real_set

from data.checking.levels import levels_of, levels_of_raster, merged
from data.checking.limits import small_part
from data.checking.sample_check import check_sample, hints_about_values, spread_sample
from data.checking.value_ranges import range_faults
from data.files.image_io import read_image, write_image
from data.files.raster import Raster
from data.files.side import Side
from data.files.source import Source
from data.files.value_range import LEVELS, ValueRange
from data.record import Format, Record
from inference.generator_file import GeneratorFile
from inference.results.deep_results import DeepResults
from serving.engine import _to_tensor
from serving.static_site import _with_bytes
from serving.training_pictures import read_8bit_rgb
from util.threads import FileWriters

Pixels = npt.NDArray[Any]
rng = np.random.default_rng(0)
rows, columns = np.mgrid[:48, :48]


def patches(*values: int) -> Pixels:
    """Return a label map of areas 6 pixels wide."""
    return np.asarray(np.array(values)[(rows // 6 + 8 * (columns // 6)) % len(values)])


def photo(low: int, high: int) -> Pixels:
    """Return a ramp with noise that reaches both limits."""
    ramp = (rows + columns) / 94 * 0.9 + rng.random((48, 48)) * 0.1
    image: Pixels = (low + (high - low) * ramp).round().astype(int)
    image[0, :2] = low, high
    return image


def advised(dtype: str, *images: Pixels, given: ValueRange | None = None) -> str:
    """Return the LO,HI that the warning advises, "" without a warning."""
    levels = [levels_of(image.astype(dtype).reshape(48, 48, -1)) for image in images]
    faults = [text for _, text in range_faults("B", levels, given)]
    assert len(faults) < 2
    return faults[0].partition("--value_range_B=")[2].split(" ")[0] if faults else ""


@pytest.mark.parametrize(("dtype", "image", "wanted"), [
    ("uint8", patches(0, 1), "0,1"),
    ("uint8", np.stack([patches(0, 1)] * 3, axis=2), "0,1"),  # a mask saved as RGB
    ("uint8", np.stack([patches(0, 1), patches(1, 0)], axis=2), "0,1"),  # one-hot
    ("uint8", patches(*range(19)), "0,18"),
    ("uint8", patches(*range(19), 255), "0,18"),  # 255: ignore
    ("uint8", patches(1, 2, 3), "0,3"),
    ("uint8", np.array([0, 1, 2, 7, 8, 10, 11, 13, 18])[(columns // 9 + 3 * (rows // 11)) % 9],
     "0,18"),
    ("uint8", patches(0, 128), "0,128"),
    ("int16", patches(-1, 0, 1, 2), "-1,2"),
    ("uint16", patches(0, 1), "0,1"),
    ("uint16", patches(0, 255), "0,255"),
    ("uint16", photo(60, 940), "0,1023"),
    ("uint16", photo(0, 4095), "0,4095"),
    ("uint16", photo(800, 1754), "0,4095"),
    ("uint16", photo(0, 16383), "0,16383"),
    ("uint16", photo(412, 7963), "0,8000"),  # depth in millimetres
    ("uint16", photo(29310, 30980), "29300,31000"),  # a thermal camera
    ("int16", photo(-1024, 3071), "-1024,3071"),
    ("int16", photo(-900, 558), "-1024,3071"),
    ("int16", photo(-160, 240), "-160,240"),
    ("int16", photo(0, 1900), "0,4095"),
])
def test_the_proposed_range_is_a_sensible_one(dtype: str, image: Pixels, wanted: str) -> None:
    assert advised(dtype, image) == wanted
    low, high = (float(value) for value in wanted.split(","))
    missing = dtype == "uint8" and image.max() == 255
    assert missing or advised(dtype, image, given=ValueRange(low, high)) == ""


@pytest.mark.parametrize("image", [
    patches(0, 255), patches(0, 128, 255), patches(0, 85, 170, 255), patches(0, 50, 255),
    np.stack([patches(0, 128, 192), patches(64, 0, 128), patches(0, 128)], axis=2),
    photo(0, 255), photo(0, 60), photo(0, 30), photo(100, 140), photo(0, 12),
    np.where(rng.random((48, 48)) < 0.05, 255, 0), np.full((48, 48), 7),
])
def test_ordinary_bytes_give_no_warning(image: Pixels) -> None:
    assert advised("uint8", image) == ""


@pytest.mark.parametrize(("dtype", "image"), [
    ("uint16", photo(0, 65535)), ("uint16", photo(0, 20000)), ("int16", photo(-20000, 20000)),
])
def test_deep_images_that_use_their_type_give_no_warning(dtype: str, image: Pixels) -> None:
    assert advised(dtype, image) == ""


def test_the_range_is_that_of_all_files() -> None:
    assert advised("uint16", photo(0, 700), photo(0, 3900)) == "0,4095"
    assert advised("uint16", photo(0, 700), photo(0, 60000)) == ""
    assert advised("uint8", patches(0, 1), patches(0, 2, 5)) == "0,5"
    assert advised("uint8", patches(0, 1), np.zeros((48, 48))) == "0,1"


@pytest.mark.parametrize(("dtype", "marks", "image", "wanted"), [
    ("int16", [-2000], photo(-1024, 3071), "-1024,3071"),
    ("int16", [-32768, -2000], photo(-1000, 1800), "-1024,3071"),
    ("int16", [-9999], photo(0, 2400), "0,4095"),
    ("uint16", [65535], photo(300, 9800), "0,9800"),
    ("int16", [-32768], photo(-20000, 20000), ""),
])
def test_marks_of_missing_pixels_are_left_out(
    dtype: str, marks: list[int], image: Pixels, wanted: str
) -> None:
    image[3, : len(marks)] = marks
    assert advised(dtype, image) == wanted
    levels = levels_of(image.astype(dtype)[:, :, None])
    part = small_part(merged([levels]))
    assert part is None or part.missing == tuple(marks)
    (_, text), = range_faults("B", [levels], None)
    assert f"--nan_value={marks[-1]}" in text
    if wanted:
        (_, text), = range_faults("B", [levels], ValueRange(*map(float, wanted.split(","))))
        assert f"--nan_value={marks[-1]} leaves such pixels out" in text


def test_floating_point_has_marks_of_missing_pixels_too() -> None:
    image = photo(0, 300).astype(np.float32)[:, :, None] / 7
    image[3, 3] = -9999
    (level, text), = range_faults("B", [levels_of(image)], None)
    assert level == "error" and "--value_range_B=0,43 and --nan_value=-9999" in text
    image[3, 3] = -1  # -1, 0 and 1 may be normalised data
    (_, text), = range_faults("B", [levels_of(image)], None)
    assert "--value_range_B=-1,43, or" in text


def test_hounsfield_units_of_a_file_decide_the_proposal() -> None:
    scan = Raster(photo(-700, 1500).astype(np.float32)[:, :, None], "gray", unit="HU")
    (_, text), = range_faults("B", [levels_of_raster(scan)], None)
    assert "train with --value_range_B=-1024,3071," in text
    (_, text), = range_faults("B", [levels_of_raster(replace(scan, unit=""))], None)
    assert "train with --value_range_B=-700,1500," in text


def test_given_ranges_are_compared_with_the_values() -> None:
    mask = patches(0, 1)
    assert advised("uint8", mask, given=ValueRange(0, 255)) == "", "the user wants it so"
    assert advised("uint16", photo(0, 800), given=ValueRange(0, 4095)) == "0,1023"
    levels = [levels_of(patches(0, 200).astype(np.uint8)[:, :, None])]
    (level, text), = range_faults("A", levels, ValueRange(0, 1))
    assert level == "warning" and "those outside 0 to 1 are clipped" in text


def test_masks_of_1_among_masks_of_255_are_a_warning() -> None:
    levels = [levels_of(patches(0, high).astype(np.uint8)[:, :, None]) for high in (1, 255, 255)]
    (_, text), = range_faults("B", levels, None)
    assert "1 image of 0 and 1, but 2 of 0 and 255" in text


def test_a_mask_of_0_and_1_among_the_channels_is_a_warning() -> None:
    image = np.stack([photo(0, 255), photo(0, 200), photo(0, 255), patches(0, 1)], axis=2)
    (_, text), = range_faults("A", [levels_of(image.astype(np.uint8), "bands")], None)
    assert text.startswith("A: channel 4 holds at most 1, others up to 255; ")
    image[:, :, 3] *= 255
    assert not list(range_faults("A", [levels_of(image.astype(np.uint8), "bands")], None))


def test_types_that_differ_get_no_flag() -> None:
    images = [patches(0, 1).astype(dtype)[:, :, None] for dtype in ("uint8", "uint16")]
    texts = [text for _, text in range_faults("B", [levels_of(image) for image in images], None)]
    assert len(texts) == 2 and not any("--value_range" in text for text in texts)


@pytest.fixture
def sampled(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Callable[..., list[str]]:
    def warnings(A: Pixels, B: Pixels, side: Side | None = None) -> list[str]:
        for letter, image in (("A", A), ("B", B)):
            write_image(image.reshape(48, 48, -1), tmp_path / f"{letter}.tif")
        caplog.clear()
        sides = [Side("A", 1), side or Side("B", 1)]
        check_sample(sides, [tuple(Source((tmp_path / f"{name}.tif",)) for name in "AB")] * 30)
        return [line.message for line in caplog.records if line.levelno == logging.WARNING]

    return warnings


def test_a_page_hints_at_masks_that_look_black(tmp_path: Path) -> None:
    masks = {"A": np.eye(16, dtype=np.uint8) * 255, "B": np.eye(16, dtype=np.uint8)}
    for letter, mask in masks.items():
        write_image(mask[:, :, None], tmp_path / f"{letter}.png")
    examples = {letter: [Source((tmp_path / f"{letter}.png",))] for letter in "AB"}
    (hint,) = hints_about_values([Side("A", 1), Side("B", 1)], examples)
    assert hint.startswith("B: ") and "--value_range_B=0,1 " in hint
    (tmp_path / "B.png").write_bytes(b"damaged")
    assert hints_about_values([Side("A", 1), Side("B", 1)], examples) == []


def test_a_training_gives_one_warning_for_each_side(sampled: Callable[..., list[str]]) -> None:
    mask, scan = patches(0, 1).astype(np.uint8), photo(0, 4000).astype(np.uint16)
    of_A, of_B = sampled(scan, mask)
    assert "--value_range_A=0,4095" in of_A and "--value_range_B=0,1 " in of_B
    assert "measured on 10 of 30 images" in of_B
    assert sampled(photo(0, 200).astype(np.uint8), mask, Side("B", 1, ValueRange(0, 1))) == []
    grey = photo(0, 200).astype(np.uint8)
    line, = sampled(grey, 0 * mask)
    assert line.startswith("B: all 10 images that were checked hold 0 everywhere")
    empty = np.full((48, 48), np.nan, np.float32)
    line, = sampled(grey, empty, Side("B", 1, ValueRange(4, 9), nan_value=4.0))
    assert line.startswith("B: all 10 images that were checked have no value in any pixel")


@pytest.mark.parametrize("name", ["facades", "maps", "cat2dog", "edges2shoes", "horse2zebra"])
def test_published_sets_give_no_warning(name: str) -> None:
    for folder in real_set(name).iterdir():
        files = spread_sample(sorted(folder.glob("*.*g")), 3)
        levels = [levels_of(read_image(file).pixels) for file in files]
        assert list(range_faults("A", levels, None)) == []
        assert [small_part(image) for image in levels] == [None] * 3


@pytest.mark.parametrize(("target", "limits", "wanted"), [
    (Format("uint8", ".png"), ValueRange(0, 1), Format("uint8", ".png")),
    (Format("uint16", ".png"), ValueRange(0, 1023), Format("uint16", ".png")),
    (Format("int16", ".tif"), ValueRange(-1024, 3071), Format("int16", ".tif")),
    (Format("uint8", ".png"), ValueRange(-1, 1), Format("float32", ".png")),
])
def test_outputs_have_the_type_of_the_targets(
    target: Format, limits: ValueRange, wanted: Format
) -> None:
    for given in (Format("uint8", ".jpg"), Format("uint16", ".tif")):
        record = Record({"A": Format("uint8", ".jpg"), "B": target})
        assert record.format_for("B", given, limits) == wanted


def test_a_page_shows_masks_and_a_file_beside_it_holds_their_numbers(tmp_path: Path) -> None:
    deep = DeepResults(Record({"B": Format("uint8", ".png")}),
                       {"fake_B": Side("B", 1, ValueRange(0, 1))})
    image = torch.tensor(patches(0, 1) * 2.0 - 1)[None]
    with FileWriters() as writers:
        files = deep.write(writers, {"fake_B": image}, tmp_path / "x")
    assert files == {"fake_B": tmp_path / "x_fake_B.tif"}
    written = read_image(files["fake_B"]).pixels
    assert written.dtype == np.uint8 and np.array_equal(written[:, :, 0], patches(0, 1))
    shown = read_8bit_rgb(Source((files["fake_B"],)), ValueRange(0, 1))
    assert np.array_equal(shown[:, :, 0], patches(0, 255)), "the page to draw on shows it, too"
    assert read_8bit_rgb(Source((files["fake_B"],)), LEVELS).max() == 1


def test_the_page_to_draw_on_uses_bytes_for_the_whole_range() -> None:
    formats = {"A": Format("uint8", ".png"), "B": Format("int16", ".tif")}
    file = GeneratorFile(Path("G.pth"), "resnet_6blocks", 4, "instance", True, 1, 1,
                         ranges={"A": ValueRange(0, 1), "B": ValueRange(-1024, 3071)},
                         record=Record(formats))
    assert _with_bytes(file).ranges == {"B": ValueRange(-1024, 3071)}
    translator: Any = SimpleNamespace(input=Side("A", 1, ValueRange(0, 1)))
    drawn = _to_tensor(translator, np.array([[[0], [51], [255]]], np.uint8))
    assert torch.allclose(drawn, torch.tensor([[[-1, -0.6, 1]]]))


def test_the_warning_names_the_lowest_value_that_was_found() -> None:
    scan = photo(800, 1754).astype(np.uint16)[:, :, None]
    (_, text), = range_faults("A", [levels_of(scan)], None)
    assert "values from 800 to 1754" in text and "--value_range_A=0,4095" in text
