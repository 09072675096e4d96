"""Translating in tiles gives the result of translating the whole image."""

import logging
import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from patchwork import GREY_LEVEL, at_once, in_tiles, patchwork, realistic
from torch import Tensor, nn

from inference.prepare import PictureDropout, PictureNorm, prepare
from inference.tiles import translate
from inference.tiles.box import Box
from inference.tiles.grid import make_grid
from inference.tiles.norms import Moments
from inference.tiles.translate import translate_tiled
from models.networks import define_G
from models.networks.geometry import geometry
from models.networks.resnet import ResnetGenerator
from models.weights.published_keys import load_published

RECORDING = (
    Path(__file__).resolve().parents[2] / "shared/fixtures/parity/resnet_9blocks-instance.pt"
)


def train_to_negate(net: nn.Module, *, steps: int, side: int) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    images = patchwork(side, side * steps)
    for step in range(steps):
        image = images[None, :, :, step * side : (step + 1) * side]
        loss = (net(image) + image).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize(
    ("name", "norm", "size", "tile"),
    [
        ("resnet_6blocks", "instance", (301, 230), 230),
        ("resnet_6blocks", "instance", (190, 333), 171),
        ("resnet_6blocks", "batch", (301, 230), 230),
        ("resnet_9blocks", "instance", (257, 300), 290),
        ("resnet_9blocks", "batch", (257, 300), 290),
    ],
)
def test_a_resnet_in_tiles_equals_the_whole_image(
    name: str, norm: str, size: tuple[int, int], tile: int
) -> None:
    net, image = realistic(name, norm), patchwork(*size)
    result, report = in_tiles(net, image, tile)
    assert report.tiles > 1
    assert 1 < report.passes <= 6
    assert report.change <= 2e-3
    assert (result - at_once(net, image)).abs().max() <= GREY_LEVEL


def test_published_weights_in_tiles() -> None:
    if not RECORDING.exists():
        pytest.skip("the recorded weights are not part of the repository")
    recording = torch.load(RECORDING, weights_only=True)
    net = define_G(3, 3, recording["ngf"], "resnet_9blocks", "instance", recording["use_dropout"])
    load_published(net, recording["state_dict"], RECORDING.name)
    ready, image = prepare(net, running_statistics=False), patchwork(280, 300)
    for module in ready.modules():
        if isinstance(module, PictureDropout):
            module.p = 0.0
    result, _report = in_tiles(ready, image, 300)
    assert (result - at_once(ready, image)).abs().max() <= GREY_LEVEL


def test_trained_weights_in_tiles() -> None:
    torch.manual_seed(0)
    net = ResnetGenerator(3, 3, 4)
    train_to_negate(net, steps=40, side=64)
    image = patchwork(301, 230)
    for running in (False, True):
        ready = prepare(net, running_statistics=running)
        result, report = in_tiles(ready, image, 230)
        assert (report.passes == 0) == running, "running statistics need no search"
        assert (result - at_once(ready, image)).abs().max() <= GREY_LEVEL


def test_statistics_of_single_tiles_would_change_the_result() -> None:
    """If each tile had its own statistics, tiles would differ clearly from the whole image."""
    net, image = realistic("resnet_6blocks", "instance"), patchwork(301, 230)
    grid = make_grid(301, 230, geometry(net), tile=230)
    whole, worst = at_once(net, image), torch.zeros(())
    for core in grid.cores:
        box = grid.tile(core).clipped(grid.image)
        part = at_once(net, image[:, box.rows, box.columns])
        worst = torch.maximum(worst, (part - whole[:, box.rows, box.columns]).abs().max())
    assert worst > 20 * GREY_LEVEL


def test_as_many_passes_as_norms_are_exact() -> None:
    net, image = realistic("resnet_6blocks", "instance"), patchwork(200, 150)
    result, report = in_tiles(net, image, 160, tolerance=0.0)
    assert report.passes == 17
    assert (result - at_once(net, image)).abs().max() <= 1e-4


def test_the_halo_is_not_wider_than_needed() -> None:
    net, image = realistic("resnet_6blocks", "none").double(), patchwork(216, 180).double()
    whole = at_once(net, image)
    result, report = in_tiles(net, image, 168)
    assert report.passes == 0
    assert (result - whole).abs().max() <= 1e-6
    narrow, _report = in_tiles(net, image, 168, halo=32)
    assert (narrow - whole).abs().max() > 1e-4


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (129, 130)])
def test_any_size_is_tiled(size: tuple[int, int]) -> None:
    net, image = realistic("resnet_6blocks", "instance"), patchwork(*size)
    result, _report = in_tiles(net, image, 200)
    assert (result - at_once(net, image)).abs().max() <= GREY_LEVEL


def seam_contrast(image: Tensor, borders: list[int]) -> float:
    """Return the step across the borders, divided by the steps a few columns beside them."""
    steps = image.diff(dim=2).abs().mean(dim=(0, 1))
    near = [steps[border - 1 + by] for border in borders for by in (-5, -4, -3, 3, 4, 5)]
    return float(torch.stack([steps[b - 1] for b in borders]).mean() / torch.stack(near).mean())


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_a_unet_in_tiles_shows_no_seams(norm: str) -> None:
    torch.manual_seed(0)
    net = define_G(3, 3, 4, "unet_128", norm, use_dropout=True)
    train_to_negate(net, steps=60, side=128)
    ready, image = prepare(net, running_statistics=False), patchwork(300, 700, patch=50)
    for module in ready.modules():
        if isinstance(module, PictureDropout):
            module.p = 0.0
    borders = list(make_grid(300, 700, geometry(net), tile=384, halo=128).columns[1:-1])
    assert len(borders) >= 4
    result, report = in_tiles(ready, image, 384, halo=128)
    assert report.passes > 1
    whole = at_once(ready, image)
    assert seam_contrast(result, borders) <= seam_contrast(whole, borders) * 1.02
    assert (result - whole).abs().mean() <= GREY_LEVEL
    parts = pairwise((0, *borders, image.shape[2]))
    alone = torch.cat([at_once(ready, image[:, :, left:right]) for left, right in parts], dim=2)
    assert seam_contrast(alone, borders) > seam_contrast(whole, borders) * 1.5


def test_blending_keeps_equal_results() -> None:
    """A network with a receptive field of one pixel gives equal results in blended tiles."""
    net = nn.Sequential(nn.Conv2d(3, 3, 1))
    net.geometry = geometry(realistic("unet_128", "none"))  # type: ignore[assignment]
    image = patchwork(300, 410)
    result, report = in_tiles(net, image, 384, halo=128)
    assert report.tiles == 4, "300 pixels fit into a tile, 410 do not"
    torch.testing.assert_close(result, at_once(net, image))


def test_the_network_gets_one_tile_at_a_time() -> None:
    net, image = realistic("resnet_6blocks", "instance"), patchwork(500, 400)
    pixels: list[int] = []
    model = net.get_submodule("model")
    model.register_forward_hook(lambda _net, x, _out: pixels.append(x[0][:, 0].numel()))
    read: list[Box] = []

    def reading(box: Box) -> Tensor:
        read.append(box)
        return image[:, box.rows, box.columns]

    translate_tiled(net, reading, lambda box, part: None, height=500, width=400, tile=240)
    assert pixels
    assert max(pixels) <= 240**2
    assert max(max(box.height, box.width) for box in read) <= 240


def test_progress_of_a_large_image_is_logged_by_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter(range(0, 1000, 11))  # a tile takes 11 s
    monkeypatch.setattr(translate, "monotonic", lambda: next(clock))
    caplog.set_level(logging.INFO)
    progress = translate._Progress("scene.tif", tiles=8)
    progress.start("writing")
    for _ in range(8):
        progress.count()
    assert caplog.messages == ["scene.tif: writing, 2 of 8 tiles, 0:01:06 left",
                               "scene.tif: writing, 5 of 8 tiles, 0:00:33 left",
                               "scene.tif: writing, 8 of 8 tiles, 0:00:00 left"]


def test_networks_that_cannot_be_tiled_are_refused() -> None:
    ready, image = realistic("resnet_9blocks", "instance"), patchwork(200, 200)
    with pytest.raises(ValueError, match="84 pixels of context on each side, so at least 176"):
        in_tiles(ready, image, 171)
    in_tiles(ready, image[:, :171, :171], 172)  # a single tile needs no context
    with pytest.raises(ValueError, match="prepare"):
        in_tiles(define_G(3, 3, 2, "resnet_6blocks", "instance"), image, 200)
    with pytest.raises(ValueError, match="GroupNorm"):
        in_tiles(nn.Sequential(nn.Conv2d(3, 4, 1), nn.GroupNorm(2, 4)), image, 200)


def test_the_prepared_network_does_not_change() -> None:
    net, image = realistic("resnet_6blocks", "instance"), patchwork(70, 80)
    before = at_once(net, image)
    in_tiles(net, image, 200)
    assert any(isinstance(module, PictureNorm) for module in net.modules())
    assert torch.equal(at_once(net, image), before)


def test_moments_of_parts_equal_those_of_the_whole() -> None:
    features = torch.randn(1, 3, 40, 50) * torch.tensor([1e-3, 1.0, 50.0]).reshape(1, 3, 1, 1) + 1e3
    moments = Moments()
    for rows, columns in (((0, 7), (0, 50)), ((7, 40), (0, 1)), ((7, 40), (1, 50))):
        moments.add(features[..., slice(*rows), slice(*columns)])
    var, mean = torch.var_mean(features.double(), dim=(0, 2, 3), correction=0)
    assert moments.count == 40 * 50
    torch.testing.assert_close(moments.mean, mean, rtol=1e-6, atol=0)
    torch.testing.assert_close(moments.var, var, rtol=1e-3, atol=0)


@pytest.mark.parametrize("side", [1, 100, 501, 12_000])
def test_cores_cover_the_image_once(side: int) -> None:
    needs = geometry(realistic("resnet_6blocks", "none", width=1))
    grid = make_grid(side, 333, needs, tile=400)
    assert sum(core.height * core.width for core in grid.cores) == math.prod(grid.whole[2:])
    assert max(max(grid.tile(core).height for core in grid.cores), 0) <= 400
