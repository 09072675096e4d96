"""--init_from: a new run from other weights, as far as they fit."""

import logging
from pathlib import Path

import pytest
import torch
from conftest import Argv

from train import train
from util import checkpoint

FROZEN = ("--lr", "1e-12")  # the weights stay what they were at the start


@pytest.fixture
def old(argv: Argv, tmp_path: Path) -> Path:
    train(argv("--model", "cycle_gan", "--name", "old", "--seed", "5"))
    return tmp_path / "runs" / "old"


def weights(run_dir: Path, name: str) -> dict[str, torch.Tensor]:
    return checkpoint.load(run_dir / f"latest_net_{name}.pth")


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.allclose(one[key], other[key]) for key in one)


def test_a_whole_run(old: Path, argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "cycle_gan", "--init_from", str(old), *FROZEN))
    for name in ("G_A", "G_B", "D_A", "D_B"):
        assert equal(weights(old, name), weights(tmp_path / "runs" / "t", name))


def test_a_generator_alone_and_a_missing_discriminator(
    old: Path, argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (old / "latest_net_D_A.pth").unlink()
    with caplog.at_level(logging.INFO):
        train(argv("--model", "cycle_gan", "--init_from", str(old), *FROZEN))
    assert equal(weights(old, "G_A"), weights(tmp_path / "runs" / "t", "G_A"))
    assert f"[Network D_A] starts anew: {old} has none" in caplog.messages


@pytest.mark.parametrize(("file", "network"), [("latest_net_G_B.pth", "G_B"), ("any.pth", "G_A")])
def test_a_file_goes_to_the_network_of_its_name_or_to_the_first_generator(
    file: str, network: str, old: Path, argv: Argv, tmp_path: Path
) -> None:
    source = old / "latest_net_G_B.pth"
    copy = tmp_path / file
    copy.write_bytes(source.read_bytes())
    train(argv("--model", "cycle_gan", "--init_from", str(copy), *FROZEN))
    assert equal(weights(old, "G_B"), weights(tmp_path / "runs" / "t", network))


def test_what_does_not_fit_is_named_with_the_reason(
    old: Path, argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One input channel instead of three, nine blocks instead of six."""
    with caplog.at_level(logging.INFO):
        train(argv("--model", "template", "--input_nc", "1", "--netG", "resnet_9blocks",
                   "--init_from", str(old / "latest_net_G_A.pth"), *FROZEN))
    text = caplog.text
    assert "left out model.1.weight: [2, 3, 7, 7] in the file, [2, 1, 7, 7] wanted" in text
    assert "left out model.18.conv_block.5.weight: not in the file" in text
    new = weights(tmp_path / "runs" / "t", "G")
    assert torch.allclose(new["model.4.weight"], weights(old, "G_A")["model.4.weight"])


def test_nothing_to_take_is_an_error(argv: Argv, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"latest_net_G\.pth; checkpoints there: none"):
        train(argv("--model", "template", "--init_from", str(tmp_path / "empty")))
