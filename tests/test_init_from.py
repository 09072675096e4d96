"""--init_from: a new run starts with the weights of another one, as far as they fit."""

import logging
import os
import re
from pathlib import Path

import pytest
import torch
from conftest import Argv

from train import train
from training.saving.initial_weights import initialise
from util import checkpoint

FROZEN = ("--lr", "1e-12")  # the weights stay equal to the initial ones


@pytest.fixture
def old(argv: Argv, tmp_path: Path) -> Path:
    train(argv("--model", "cycle_gan", "--name", "old", "--seed", "5"))
    return tmp_path / "runs" / "old"


def weights(run_dir: Path, name: str) -> dict[str, torch.Tensor]:
    return checkpoint.load(run_dir / f"latest_net_{name}.pth")


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.allclose(first[key], second[key]) for key in first)


def test_a_whole_run(old: Path, argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "cycle_gan", "--init_from", str(old), *FROZEN))
    for name in ("G_A", "G_B", "D_A", "D_B"):
        assert equal(weights(old, name), weights(tmp_path / "runs" / "t", name))


@pytest.mark.parametrize("is_link", [True, False])
def test_a_path_that_cannot_be_read_is_named(tmp_path: Path, is_link: bool) -> None:
    path = tmp_path / "x.pth"
    if is_link:
        path.symlink_to(tmp_path / "nothing")
    else:
        os.mkfifo(path)
    with pytest.raises(ValueError, match=r"x\.pth is a (link to a missing file|pipe)"):
        initialise({}, path, runs=tmp_path, first_generator="G")


def test_a_generator_alone_and_a_missing_discriminator(
    old: Path, argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (old / "latest_net_D_A.pth").unlink()
    with caplog.at_level(logging.INFO):
        train(argv("--model", "cycle_gan", "--init_from", str(old), *FROZEN))
    assert equal(weights(old, "G_A"), weights(tmp_path / "runs" / "t", "G_A"))
    assert f"[Network D_A] starts from random weights: {old} has none for it" in caplog.messages


@pytest.mark.parametrize(("file", "network"), [("latest_net_G_B.pth", "G_B"), ("any.pth", "G_A")])
def test_a_file_goes_to_the_network_of_its_name_or_to_the_first_generator(
    file: str, network: str, old: Path, argv: Argv, tmp_path: Path
) -> None:
    source = old / "latest_net_G_B.pth"
    copy = tmp_path / file
    copy.write_bytes(source.read_bytes())
    train(argv("--model", "cycle_gan", "--init_from", str(copy), *FROZEN))
    assert equal(weights(old, "G_B"), weights(tmp_path / "runs" / "t", network))


def test_tensors_that_do_not_fit_are_logged_with_the_reason(
    old: Path, argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The new network has one input channel instead of three, and nine blocks instead of six."""
    with caplog.at_level(logging.INFO):
        train(argv("--model", "template", "--input_nc", "1", "--netG", "resnet_9blocks",
                   "--init_from", str(old / "latest_net_G_A.pth"), *FROZEN))
    text = "\n".join(caplog.messages)
    assert "\n  model.1.weight: [2, 3, 7, 7] in the file, [2, 1, 7, 7] wanted" in text
    assert text.count("\n  model.") == 20
    assert re.search(r"\n  \.\.\. and \d+ more", text)
    new = weights(tmp_path / "runs" / "t", "G")
    assert torch.allclose(new["model.4.weight"], weights(old, "G_A")["model.4.weight"])


def test_a_folder_without_weights_is_an_error(argv: Argv, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"_net_G\.pth; checkpoints in that folder: none"):
        train(argv("--model", "template", "--init_from", str(tmp_path / "empty")))


def test_weights_that_do_not_fit_at_all_are_an_error(old: Path, argv: Argv) -> None:
    with pytest.raises(ValueError, match=r"no tensor fits\. .*Likely fix: --ngf 2"):
        train(argv("--model", "template", "--ngf", "3", "--output_nc", "1",
                   "--init_from", str(old / "latest_net_G_A.pth")))


@pytest.mark.parametrize("given", ["{old}", "old", "{old}/1", "old/1"])
def test_a_run_is_found_by_its_name_and_its_newest_epoch(
    given: str, old: Path, argv: Argv, tmp_path: Path
) -> None:
    for path in old.glob("latest_*"):
        path.unlink()
    train(argv("--model", "cycle_gan", "--init_from", given.format(old=old), *FROZEN))
    wanted = checkpoint.load(old / "1_net_G_A.pth")
    assert equal(wanted, weights(tmp_path / "runs" / "t", "G_A"))


def test_an_unknown_source_names_the_runs(old: Path, argv: Argv) -> None:
    with pytest.raises(FileNotFoundError, match=r"nor among the runs in .*: old; wanted"):
        train(argv("--model", "cycle_gan", "--init_from", "odl"))


@pytest.mark.parametrize(("given", "text"), [
    ("old/7", "old/7: {runs}/old holds no 7_net_*.pth; choose old/N, with N from 2, 10, latest,"),
    ("{runs}/old/7", "{runs}/old holds no 7_net_*.pth; choose {runs}/old/N, with N from 2, 10, "),
    ("old/10_net_D.pth", "holds no 10_net_D.pth; choose old/N, with N from 2, 10, "),
])
def test_a_missing_epoch_names_those_of_the_run(given: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for name in ("10_net_G", "2_net_G", "latest_net_G", "3_net_other"):
        (tmp_path / "old" / f"{name}.pth").touch()
    with pytest.raises(FileNotFoundError, match=re.escape(text.format(runs=tmp_path))):
        initialise({"G": torch.nn.Linear(1, 1)}, Path(given.format(runs=tmp_path)), runs=tmp_path,
                   first_generator="G")


def test_a_single_file_mentions_the_other_files_in_its_folder(
    old: Path, argv: Argv, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        train(argv("--model", "cycle_gan", "--init_from", str(old / "1_net_G_A.pth"), *FROZEN))
    beside = f"the same folder has weights of G_B, D_A, D_B: --init_from {old}/1 loads them too"
    assert beside in caplog.messages
