"""Two processes train as one does with twice the batch."""

from pathlib import Path

import processes
import pytest
import torch
from conftest import Argv, draw_pictures

from train import train
from util import checkpoint

FIVE_STEPS = 10  # pictures, two a step


def weights(run_dir: Path) -> dict[str, torch.Tensor]:
    files = sorted(run_dir.glob("latest_net_*.pth"))
    return {
        f"{path.stem} {key}": value
        for path in files
        for key, value in checkpoint.load(path).items()
    }


def draw(dataroot: Path, count: int) -> None:
    for folder, width in (("train", 64), ("trainA", 32), ("trainB", 32)):
        draw_pictures(dataroot / folder, count, (width, 32))


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("model", ["pix2pix", "cycle_gan"])
def test_two_processes_equal_one_with_twice_the_batch(
    model: str, norm: str, argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    draw(dataroot, FIVE_STEPS)
    flags = argv("--model", model, "--norm", norm, "--no_dropout", "--no_html")
    processes.run(tmp_path / "out", train, [*flags, "--name", "two", "--batch_size", "1"])
    train([*flags, "--name", "one", "--batch_size", "2"])
    one, two = (weights(tmp_path / "runs" / name) for name in ("one", "two"))
    assert one.keys() == two.keys()
    gaps = {key: float((one[key] - two[key]).abs().max()) for key in one}
    assert max(gaps.values()) < 1e-5, gaps
