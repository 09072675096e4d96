"""Pixels without a value (NaN, infinity, nodata): --nan_value, from the file to the losses."""

from argparse import ArgumentTypeError
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from tiny_models import build
from tiny_sets import make_opt, write_noise
from torch import Tensor
from torch.nn.functional import l1_loss

from data import find_dataset
from data.augment import AppliedAugmentation, affine, warp
from data.base_dataset import Batch
from data.checking.checks import check_blank, check_missing, check_values
from data.checking.facts import facts_of_row
from data.checking.layout import SourceRow
from data.checking.value_ranges import range_faults
from data.files.image_io import read_image, write_image
from data.files.metadata import Metadata
from data.files.pillow_files import PictureError
from data.files.raster import Pixels, Raster, stack_rasters
from data.files.side import Side
from data.files.source import Source
from data.files.value_range import ValueRange
from data.loader import Loader
from data.missing import part_missing
from data.record import Format
from data.resizing import resize
from data.transforms import Recipe
from inference.translator import Translator
from metrics import create_metrics
from metrics.base_metric import Settings, UndefinedError
from metrics.evaluation import Example, evaluate
from metrics.metric_image import MetricImage
from metrics.pixel_pairs import require_all_pixels
from models.comparison import Comparison
from models.losses import l1_of_known, share_of_known
from models.networks import define_G
from models.pixels import BatchPixels
from models.weights.published_keys import to_published
from training.doctor.doctor import _with_means
from util import checkpoint
from util.flags import nan_value

DEPTH = ValueRange(400, 700)


def depth(*hole: slice, side: int = 16) -> Pixels:
    """Return a plane, float32 [side, side, 1], with NaN in ``hole``."""
    y, x = np.mgrid[0:side, 0:side]
    values: Pixels = (400 + x + 2 * y).astype(np.float32)[:, :, None]
    if hole:
        values[hole] = np.nan
    return values


def pair_batches(folder: Path, **changes: Any) -> list[Batch]:
    """Return the batches of 3 pairs: photos, and depths of which the first two have holes."""
    write_noise(folder / "trainA", "0.png", "1.png", "2.png", width=16, height=16)
    for index, hole in enumerate([(slice(4), slice(6)), (slice(9, 12), slice(3, 16)), ()]):
        write_image(depth(*hole), (folder / "trainB").joinpath(f"{index}.npy"))
    opt = make_opt(folder, **({"output_nc": 1, "value_range_B": (400, 700), "load_size": 16,
                               "crop_size": 16, "nan_value": (0, 400)} | changes))
    dataset = find_dataset("aligned")(opt)
    dataset.pictures.open_cache(opt.cache)
    loader = Loader(dataset, batch_size=3, num_workers=0, shuffle=False, seed=0)
    return list(loader)


# --- losses ---

MASKS = torch.zeros(3, 2, 4, 5, dtype=torch.bool)
MASKS[0, :, :2] = MASKS[1, 0, 1, 1] = True  # different holes, none in the last image


def test_the_loss_is_the_mean_over_known_values_and_has_no_gradient_elsewhere() -> None:
    image = torch.randn(MASKS.shape, requires_grad=True)
    target = torch.randn(MASKS.shape)
    loss = l1_of_known(image, target, MASKS)
    torch.testing.assert_close(loss, (image - target)[~MASKS].abs().mean())
    gradient, = torch.autograd.grad(loss, image)
    assert torch.equal(gradient == 0, MASKS)
    known = gradient[~MASKS].abs()
    torch.testing.assert_close(known, torch.full_like(known, 1 / len(known)))


def test_without_a_hole_the_loss_is_that_of_torch_to_the_bit() -> None:
    image, target = torch.randn(3, 2, 31, 17, requires_grad=True), torch.randn(3, 2, 31, 17)
    wanted = l1_loss(image, target)
    for mask in (None, torch.zeros_like(target, dtype=torch.bool)):
        loss = l1_of_known(image, target, mask)
        assert torch.equal(loss, wanted)
        assert torch.equal(*torch.autograd.grad(loss, image), *torch.autograd.grad(
            wanted, image, retain_graph=True))


def test_without_any_value_the_loss_is_zero() -> None:
    image = torch.randn(1, 1, 3, 3, requires_grad=True)
    loss = l1_of_known(image, torch.zeros(1, 1, 3, 3), torch.ones(1, 1, 3, 3, dtype=torch.bool))
    loss.backward()
    assert loss == 0
    assert image.grad is not None
    assert torch.equal(image.grad, torch.zeros_like(image))


def test_the_losses_of_processes_average_to_that_of_the_whole_batch() -> None:
    image, target = torch.randn(MASKS.shape), torch.randn(MASKS.shape)
    whole = l1_of_known(image, target, MASKS)
    share = share_of_known(MASKS)
    parts = [l1_of_known(image[i : i + 1], target[i : i + 1], MASKS[i : i + 1], share)
             for i in range(3)]
    torch.testing.assert_close(torch.stack(parts).mean(), whole)


@pytest.mark.parametrize("flags", ["--model pix2pix", "--model cycle_gan --dataset_mode aligned",
                                   "--model template", "--model pix2pix --direction BtoA"])
def test_discriminators_see_the_fill_value_in_outputs_too(flags: str) -> None:
    model = build(flags + " --norm instance --no_dropout --nan_value 0")
    side = "A" if "BtoA" in flags else "B"
    other = "B" if side == "A" else "A"
    real = torch.rand(2, 3, 32, 32) * 2 - 1
    missing = torch.zeros_like(real, dtype=torch.bool)
    missing[0, :, :9] = True
    batch: Any = {other: torch.rand(2, 3, 32, 32), side: real.masked_fill(missing, 0.5),
                  f"{side}_missing": missing, f"{other}_missing": torch.zeros_like(missing),
                  "A_paths": ["x"] * 2, "B_paths": ["x"] * 2}
    seen: list[Tensor] = []
    for name, net in model.networks.items():
        if name in ("D", "D_A"):
            net.register_forward_pre_hook(lambda net, args: seen.append(args[0]))
    model.set_input(batch)
    assert torch.equal(model.missing_B, missing)  # type: ignore[arg-type]
    model.optimize_parameters()
    assert all(torch.isfinite(torch.tensor(list(model.get_current_losses().values()))))
    assert bool(seen) == ("template" not in flags)
    for image in seen:  # rows of outputs, or targets; in one pass both
        assert (image[:: len(real), -3:, :9] == 0.5).all()


# --- files ---

@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_nodata_of_a_geotiff_is_missing(dtype: str, tmp_path: Path) -> None:
    nodata = {"uint8": 255, "int16": -9999, "uint16": 0, "int32": -(2**31)}.get(dtype, -3.4e38)
    values = np.arange(1, 13, dtype=dtype).reshape(3, 4)
    values[1, 2] = nodata
    tifffile.imwrite(tmp_path / "x.tif", values,
                     extratags=[(42113, "s", 0, f"{nodata:.15g} ", True)])
    raster = read_image(tmp_path / "x.tif")
    assert raster.missing is not None
    assert np.argwhere(raster.missing).tolist() == [[1, 2, 0]]
    side = Side("A", 1, ValueRange(0, 12), nan_value=3)
    image = side.to_tensor(side.convert(raster, source="x"))
    assert image.isnan().nonzero().tolist() == [[0, 1, 2]]
    assert side.fill(image)[0, 1, 2] == image[0, 0, 2]
    with pytest.raises(PictureError, match=r"x\.tif: 1 of 12 pixels are missing .*nodata value"):
        Side("A", 1, ValueRange(0, 12)).convert(raster, source=tmp_path / "x.tif")


def test_a_colour_is_missing_if_all_its_channels_are_nodata(tmp_path: Path) -> None:
    values = np.full((2, 3, 3), 7, np.uint8)
    values[0, 0], values[0, 1] = 0, (0, 7, 0)
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="rgb",
                     extratags=[(42113, "s", 0, "0", True)])
    raster = read_image(tmp_path / "x.tif")
    assert raster.missing is not None
    assert np.argwhere(raster.missing.all(axis=2)).tolist() == [[0, 0]]
    grey = Side("A", 1, nan_value=51)
    image = grey.to_tensor(grey.convert(raster, source="x"))
    assert image.isnan().nonzero().tolist() == [[0, 0, 0]]
    assert grey.fill(image)[0, 0, 0] == pytest.approx(51 / 127.5 - 1)


def test_halves_and_stacks_keep_their_missing_pixels(tmp_path: Path) -> None:
    write_image(depth(slice(1), slice(3)), tmp_path / "x.npy")
    left, right = (Source((tmp_path / "x.npy",), half) for half in ("left", "right"))
    raster = left.read()
    assert left.cut(raster).missing is not None
    assert right.cut(raster).missing is None
    stack = stack_rasters([raster, Raster(depth(), "gray")], "xy")
    assert stack.missing is not None
    assert stack.missing.sum(axis=(0, 1)).tolist() == [3, 0]


@pytest.mark.parametrize(("text", "values"), [("-9999", (-9999, -9999)), ("0,-1e30", (0, -1e30))])
def test_the_flag_takes_one_number_or_two(text: str, values: tuple[float, float]) -> None:
    assert nan_value(text) == values
    with pytest.raises(ArgumentTypeError, match="V for both sides, or VA,VB, got ',400'"):
        nan_value(",400")


# --- geometry ---

@pytest.mark.parametrize("size", [(5, 7), (16, 16), (40, 33)])
@pytest.mark.parametrize("by", ["pillow", "torch"])
def test_scaling_mixes_no_value_with_a_missing_one(size: tuple[int, int], by: str) -> None:
    pixels = np.full((16, 16, 1), 5, np.float32)
    pixels[3:6, 2:9] = pixels[12, 12] = np.nan
    scaled = resize(pixels, size, by=by)
    missing = np.isnan(scaled)
    np.testing.assert_allclose(scaled[~missing], 5, rtol=1e-6)
    width, height = size
    for y, x in np.ndindex(height, width):  # by definition: any part of the new pixel
        part = pixels[y * 16 // height : -(-(y + 1) * 16 // height),
                      x * 16 // width : -(-(x + 1) * 16 // width)]
        assert missing[y, x, 0] == np.isnan(part).any()
    assert np.array_equal(missing, part_missing(np.isnan(pixels), size))


def test_away_from_holes_scaling_changes_nothing() -> None:
    whole, holed = depth(side=32), depth(slice(3), slice(3), side=32)
    a, b = resize(whole, (20, 20)), resize(holed, (20, 20))
    np.testing.assert_allclose(a[8:, 8:], b[8:, 8:], rtol=1e-6)


def test_rotation_takes_the_holes_along() -> None:
    pixels = np.full((32, 32, 1), 5, np.float32)
    pixels[4:10, 4:10] = np.nan
    matrix = affine((32, 32), radians=np.pi / 2, zoom=1.0, shift=(0, 0))
    turned = warp(pixels, matrix, (0, 0, 32, 32), nearest=False)
    missing = np.isnan(turned)
    assert missing[5:9, 23:27].all()
    assert missing.sum() < 8 * 8 + 1
    np.testing.assert_allclose(turned[~missing], 5, rtol=1e-5)


def test_flips_crops_and_augmentation_keep_both_sides_aligned() -> None:
    recipe = Recipe("crop", 16, 12, flip=True)
    pixels = depth(slice(2, 9), slice(1, 8))
    for seed in range(4):
        draw = recipe.draw((16, 16), Random(seed), source=Path("x"))
        mask = np.isnan(pixels).astype(np.float32)
        assert np.array_equal(np.isnan(draw(pixels)), draw(mask) > 0)


def test_colours_and_cutout_leave_missing_pixels_missing() -> None:
    image = torch.rand(3, 6, 6)
    image[:, 1, 2] = torch.nan
    augment = AppliedAugmentation(brightness=1.2, contrast=0.8, saturation=1.1, hue=0.1, cutout=4,
                                  centre=(0.5, 0.5))
    changed = augment.jitter(image)
    assert torch.equal(changed.isnan(), image.isnan())
    assert torch.equal(augment.cut_out(changed).isnan(), image.isnan())


# --- batches ---

@pytest.mark.parametrize("changes", [{}, {"cache": "ram"}, {"load_size": 20, "crop_size": 12},
                                     {"direction": "BtoA", "input_nc": 1, "output_nc": 3}])
def test_a_batch_holds_filled_images_and_masks(changes: dict[str, Any], tmp_path: Path) -> None:
    batch, = pair_batches(tmp_path, **changes)
    missing = batch["B_missing"]
    assert not batch["A_missing"].any()
    assert missing.any(dim=(1, 2, 3)).tolist() == [True, True, False] or "load_size" in changes
    assert missing.shape == batch["B"].shape
    assert (batch["B"][missing] == -1).all()  # 400 is black
    assert (batch["B"][~missing] > -1.0 + 1e-6).float().mean() > 0.99


def test_without_the_flag_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"0\.npy: 24 of 256 pixels are missing .*--nan_value V"):
        pair_batches(tmp_path, nan_value=None)


# --- written files ---

@pytest.mark.parametrize(("dtype", "nodata", "written", "tag"), [
    ("float32", None, np.nan, "nan"), ("float32", -9999, -9999, "-9999"),
    ("int16", -9999, -9999, "-9999"), ("uint8", 255, 255, "255"), ("uint8", -9999, 7, None),
])
def test_a_written_tiff_names_what_is_missing(
    dtype: str, nodata: float | None, written: float, tag: str | None, tmp_path: Path
) -> None:
    pixels = np.full((2, 3, 1), 7, dtype)
    pixels[1, 1] = 255 if nodata == 255 else 7  # a known value that looks like nodata
    missing = np.zeros((2, 3), bool)
    missing[0, 0] = True
    write_image(pixels, tmp_path / "x.tif", Metadata(missing, nodata))
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        assert file.pages.first.tags.valueof(42113) == tag
        np.testing.assert_equal(file.asarray()[0, 0], pixels.dtype.type(written))
    again = read_image(tmp_path / "x.tif").missing
    assert (again is None) == (tag is None)
    assert again is None or np.argwhere(again).tolist() == [[0, 0, 0]]


# --- a number outside of the range that marks missing pixels ---

@pytest.mark.parametrize(("dtype", "limits", "marker", "found"), [
    ("int16", ValueRange(-1024, 3071), -2000, True), ("int16", None, -2000, True),
    ("uint16", ValueRange(400, 7000), 0, True), ("float32", ValueRange(0, 5), -9999, True),
    ("uint16", ValueRange(0, 7000), 0, False), ("uint16", None, 0, False),
    ("uint8", None, 0, False), ("int16", ValueRange(-1024, 3071), -1024, False),
])
def test_nan_value_marks_pixels_if_the_range_excludes_it(
    dtype: str, limits: ValueRange | None, marker: float, found: bool
) -> None:
    pixels = np.full((3, 4, 1), 500 if dtype != "float32" else 2).astype(dtype)
    pixels[1, 2] = 250 if dtype == "uint8" and marker < 0 else marker
    side = Side("B", 1, limits, nan_value=marker)
    marked = side.mark(Raster(pixels, "gray"))
    assert (marked.nodata == marker) == found
    converted = side.convert(Raster(pixels, "gray"), source="x.tif")
    assert np.argwhere(np.isnan(converted)).tolist() == ([[1, 2, 0]] if found else [])


def test_an_output_of_a_marked_input_names_the_marker(tmp_path: Path) -> None:
    scan = np.full((3, 4, 1), 500, np.int16)
    scan[1, 2] = -2000
    marked = Side("B", 1, nan_value=-2000).mark(Raster(scan, "gray"))
    assert marked.missing is not None
    output = Metadata(marked.missing[:, :, 0], Format.of(marked, tmp_path / "x.tif").nodata)
    write_image(np.zeros((3, 4, 1), np.int16), tmp_path / "x.tif", output)
    again = read_image(tmp_path / "x.tif")
    assert again.nodata == -2000 and again.pixels[1, 2] == -2000


# --- checks and metrics ---

def test_the_check_ignores_missing_values_and_reports_them(tmp_path: Path) -> None:
    write_image(depth(slice(5), slice(9)), tmp_path / "x.npy")
    row = SourceRow("", "B", (Source((tmp_path / "x.npy",)),))
    facts = facts_of_row(row)
    levels = facts.facts[0].levels
    assert (levels.low, levels.high) == (409, 445)
    issue, = check_missing([facts], allowed=False)
    assert "pixels without a value (NaN, infinity, nodata) in 1 of 1 image; " in issue.text
    assert "--nan_value" in issue.text
    assert "45 of 256" in issue.entries[0].text
    assert not list(check_missing([facts], allowed=True))
    write_image(np.full((4, 4, 1), np.nan, np.float32), tmp_path / "x.npy")
    empty = facts_of_row(row)
    assert not list(check_values([empty], {})), "0 is not a value of this file"
    issue, = check_blank([empty])
    assert issue.entries[0].text.endswith("has no value in any pixel")
    text, = (text for _, text in range_faults("B", [levels], None))
    assert "409 to 445" in text


def test_metrics_leave_missing_pixels_out(tmp_path: Path) -> None:
    write_image(depth(slice(6), slice(30), side=32), tmp_path / "real.npy")
    write_image(depth(slice(3, 9), slice(2), side=32) + 10, tmp_path / "fake.npy")
    real, fake = (MetricImage.read(tmp_path / name, ValueRange(400, 500))
                  for name in ("real.npy", "fake.npy"))
    metrics, _ = create_metrics(["l1", "mse", "psnr", "ssim"], Settings())
    found = evaluate([Example("x", fake, real)], metrics)
    assert found.scores["l1"].value == pytest.approx(0.1)
    assert found.scores["mse"].value == pytest.approx(0.01)
    assert found.scores["psnr"].value == pytest.approx(20)
    assert 0.9 < found.scores["ssim"].value < 1
    assert found.warnings == [f"{6 * 30 + 3 * 2} of 1024 pixels are left out: they have no value "
                              "in the output or in the target"]
    with pytest.raises(UndefinedError, match="needs all pixels, but 186 of 1024"):
        require_all_pixels(fake, real)


def test_ssim_of_known_windows_equals_that_of_the_part(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = [rng.uniform(0, 1, (32, 40, 1)).astype(np.float32) for _ in range(2)]
    limits, hole = ValueRange(0, 1), np.zeros((32, 40), bool)
    hole[:, :16] = True
    ssim, = create_metrics(["ssim"], Settings())[0].values()
    part = ssim.add(*(MetricImage(image[:, 16:], limits) for image in images))
    whole = ssim.add(MetricImage(images[0], limits), MetricImage(images[1], limits, missing=hole))
    assert whole == pytest.approx(part)


@pytest.mark.parametrize(("comparison", "side"), [
    (Comparison.paired("a", "b", "c"), "B"),
    (Comparison.paired("a", "b", "c", from_target_side=True), "A"),
    (Comparison.cycle("a", "b", "c", "d"), "A"),
    (Comparison.cycle("a", "b", "c", "d", from_target_side=True), "B"),
])
def test_a_comparison_has_the_mask_of_its_second_image(comparison: Comparison, side: str) -> None:
    pixels = BatchPixels.__new__(BatchPixels)
    pixels.missing_A, pixels.missing_B = torch.zeros(1), torch.ones(1)
    assert pixels.missing_in(comparison) is getattr(pixels, f"missing_{side}")
    assert pixels.missing_targets(0, [Comparison.unpaired("a", "b", "d")]) == {}
    pixels.missing_A, pixels.missing_B = (torch.zeros(2, 2, 1, 1, dtype=torch.bool)
                                          for _ in range(2))
    getattr(pixels, f"missing_{side}")[1, 0] = True
    masks = [pixels.missing_targets(index, [comparison]) for index in range(2)]
    target = "a" if comparison.back else "c"
    assert [list(mask) for mask in masks] == [[target], [target]]
    assert [mask[target].tolist() for mask in masks] == [[[False]], [[True]]]


def test_the_doctor_gives_all_images_their_means_in_holes() -> None:
    images, missing = torch.randn(2, 3, 8, 8), torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    missing[0, :, :3] = True
    flat = _with_means(images, missing)
    torch.testing.assert_close(flat.mean(dim=(2, 3))[0], images[0, :, 3:].mean(dim=(1, 2)))
    assert torch.equal(flat[1], images[1])


def test_a_translator_fills_missing_pixels_and_marks_them_again(tmp_path: Path) -> None:
    net = define_G(1, 1, 2, "resnet_6blocks", "instance")
    checkpoint.save(tmp_path / "x.pth", to_published(net))
    ranges: dict[str, Any] = {"value_range_A": (400, 500), "value_range_B": (0, 1)}
    translate = Translator.load(tmp_path / "x.pth", device="cpu", nan_value=400.0, no_dropout=True,
                                **ranges)
    given = depth(slice(5), slice(7))
    made = translate(given)
    assert np.array_equal(np.isnan(made), np.isnan(given))
    filled = translate(np.where(np.isnan(given), np.float32(400), given))
    assert np.array_equal(made[5:], filled[5:])
    with pytest.raises(PictureError, match=r"35 of 256 pixels are missing .*nan_value=V"):
        Translator.load(tmp_path / "x.pth", device="cpu", no_dropout=True, **ranges)(given)
