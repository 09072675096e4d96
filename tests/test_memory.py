"""Which images are translated in tiles, and the size of the tiles."""

from pathlib import Path

import pytest
import torch
from patchwork import realistic

from inference import memory_budget
from inference.memory_budget import MemoryBudget, bytes_per_pixel
from inference.tiles.grid import make_grid
from models.networks.geometry import geometry
from util import free_memory
from util.free_memory import available_bytes

MB = 2**20


@pytest.mark.parametrize("name", ["resnet_6blocks", "unet_128"])
def test_the_estimate_grows_with_the_width_and_covers_a_layer(name: str) -> None:
    narrow, wide = (bytes_per_pixel(realistic(name, "instance", width=w), 3) for w in (4, 16))
    assert 2 < wide / narrow < 5
    first_layer = 16 * 4 if name.startswith("resnet") else 16 * 4 / 4  # float32, full or half size
    assert wide > 2 * first_layer


def test_images_that_fit_into_memory_are_not_tiled() -> None:
    net = realistic("resnet_6blocks", "instance", dropout=True)
    budget = MemoryBudget(net, 3, free_bytes=500 * MB)
    assert budget.tile_for(256, 256) is None
    tile = budget.tile_for(12_000, 12_000)
    assert tile is not None
    assert tile % 4 == 0
    assert bytes_per_pixel(net, 3) * tile**2 <= 250 * MB
    make_grid(12_000, 12_000, geometry(net), tile=tile)


def test_too_little_memory_is_an_error() -> None:
    with pytest.raises(MemoryError, match=r"need \d+ MB .*and 1 MB are available.*at least"):
        net = realistic("resnet_6blocks", "none")
        MemoryBudget(net, 3, free_bytes=2 * MB).tile_for(900, 900)


def test_free_memory_of_this_machine() -> None:
    assert available_bytes(torch.device("cpu")) > 10 * MB
    net = realistic("resnet_6blocks", "none", width=1)
    assert MemoryBudget(net, 3).tile_for(16, 16) is None


@pytest.mark.parametrize(
    ("limit", "free"), [(str(300 * MB), 150 * MB), ("max", None), (None, None)]
)
def test_limit_of_a_container_without_its_file_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, free: int | None
) -> None:
    if limit:
        (tmp_path / "memory.max").write_text(limit + "\n")
        (tmp_path / "memory.current").write_text(f"{290 * MB}\n")
        (tmp_path / "memory.stat").write_text(f"anon 5\nfile {140 * MB}\n")
    monkeypatch.setattr(free_memory, "CONTROL_GROUP", tmp_path)
    monkeypatch.setattr(free_memory, "_free_in_machine", lambda: 1000 * MB)
    assert available_bytes(torch.device("cpu")) == (free or 1000 * MB)


def test_a_batch_may_not_fit_although_each_image_does(monkeypatch: pytest.MonkeyPatch) -> None:
    net = realistic("resnet_6blocks", "none")
    image_bytes = bytes_per_pixel(net, 3) * 64 * 64 / memory_budget.SHARE
    monkeypatch.setattr(memory_budget, "available_bytes", lambda device: int(2.5 * image_bytes))
    budget = MemoryBudget(net, 3)
    assert budget.tile_for(64, 64) is None
    assert [budget.fits(count, 64, 64) for count in (1, 2, 3)] == [True, True, False]
