"""Images and networks whose statistics differ much between a part and the whole image."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.padding import translate_any_size
from inference.prepare import prepare
from inference.tiles.box import Box
from inference.tiles.translate import TileReport, translate_tiled
from models.networks import define_G

GREY_LEVEL = 2 / 255  # in -1..1


def patchwork(height: int, width: int, patch: int = 64) -> Tensor:
    """Return [3, height, width] in -1..1: blotches, each patch with its brightness and contrast."""
    generator = torch.Generator().manual_seed(0)
    rows = []
    for _ in range(-(-height // patch)):
        row = []
        for _ in range(-(-width // patch)):
            count = int(torch.randint(2, 12, (1,), generator=generator))
            blotches = torch.rand(1, 3, count, count, generator=generator) * 2 - 1
            large = functional.interpolate(blotches, (patch, patch), mode="bilinear")
            contrast, brightness = torch.rand(2, generator=generator)
            row.append(large * contrast + brightness - 0.5)
        rows.append(torch.cat(row, dim=3))
    return torch.cat(rows, dim=2)[0, :, :height, :width].clamp(-1, 1)


def realistic(name: str, norm: str, *, width: int = 4, dropout: bool = False) -> nn.Module:
    """Return a network prepared as without --eval, whose activations keep their size."""
    torch.manual_seed(0)
    net = define_G(3, 3, width, name, norm, use_dropout=dropout, init_type="kaiming")
    return prepare(net, running_statistics=False)


@torch.no_grad()
def at_once(net: nn.Module, image: Tensor) -> Tensor:
    return translate_any_size(net, image[None])[0]


def in_tiles(
    net: nn.Module, image: Tensor, tile: int, *, halo: int | None = None, tolerance: float = 2e-3
) -> tuple[Tensor, TileReport]:
    """Translate in tiles; assert that every pixel is written exactly once."""
    height, width = image.shape[-2:]
    result = torch.full((3, height, width), torch.nan)

    def write(box: Box, part: Tensor) -> None:
        assert result[:, box.rows, box.columns].isnan().all()
        result[:, box.rows, box.columns] = part

    report = translate_tiled(
        net, lambda box: image[:, box.rows, box.columns], write, height=height, width=width,
        tile=tile, halo=halo, tolerance=tolerance,
    )
    assert not result.isnan().any()
    return result, report
