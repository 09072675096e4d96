"""train.py and test.py work with every registered model, dataset mode and network."""

import itertools
import re
from pathlib import Path

import pytest
from conftest import Argv
from runs import read_losses, size_of

import data
import models
from models.networks import DISCRIMINATORS, GENERATORS
from test import test as translate
from train import train

LABELS = {
    "pix2pix": {"real_A", "fake_B", "real_B"},
    "cycle_gan": {"real_A", "fake_B", "rec_A", "real_B", "fake_A", "rec_B"},
    "colorization": {"real_A", "real_B_rgb", "fake_B_rgb"},
    "template": {"real_A", "fake_B", "real_B"},
}
REFUSED = {
    *((model, "single") for model in ("pix2pix", "cycle_gan", "colorization")),
    *((model, "unaligned") for model in ("pix2pix", "colorization")),
    ("pix2pix", "colorization"),
    ("cycle_gan", "colorization"),
    ("colorization", "aligned"),
    ("colorization", "template"),
    ("template", "single"),
}
MODES = ["aligned", "colorization", "single", "template", "unaligned"]
PAIRS = [
    *itertools.product(LABELS, MODES),
    # Files that a user added: a model with its default dataset, a dataset with the template.
    *((model, "") for model in models.available() if model not in (*LABELS, "test")),
    *(("template", mode) for mode in data.available() if mode not in MODES),
]


@pytest.mark.parametrize(("model", "mode"), PAIRS)
def test_every_model_trains_and_tests_on_every_dataset(
    model: str, mode: str, argv: Argv, test_argv: Argv, tmp_path: Path
) -> None:
    try:
        flags = ["--dataset_mode", mode] if mode else []
        train(argv("--model", model, *flags, "--max_dataset_size", "2"))
    except SystemExit as stop:
        assert stop.code == 2
        assert (model, mode) in REFUSED or mode not in MODES
        assert not (tmp_path / "runs").exists()
        return
    assert (model, mode) not in REFUSED
    page = translate(test_argv())
    pictures = list((page.parent / "images").glob("*.png"))
    labels = {re.sub(r"^\d(-\d)?_", "", path.stem) for path in pictures}
    assert labels == LABELS.get(model, labels)
    assert {size_of(path) for path in pictures} == {(16, 16)}


@pytest.mark.parametrize("netG", GENERATORS)
def test_every_generator_trains(netG: str, argv: Argv, tmp_path: Path) -> None:
    side = "32" if netG.startswith("resnet") else netG.rpartition("_")[2]
    train(argv("--model", "pix2pix", "--netG", netG, "--load_size", side, "--crop_size", side,
               "--max_dataset_size", "1"))
    assert (tmp_path / "runs" / "t" / "latest_net_G.pth").is_file()


@pytest.mark.parametrize("netD", DISCRIMINATORS)
def test_every_discriminator_trains(netD: str, argv: Argv, tmp_path: Path) -> None:
    side = "256" if netD == "patch_286" else "128"
    depth = ["--n_layers_D", "3"] if netD != "n_layers" else []
    train(argv("--model", "pix2pix", *depth, "--netD", netD, "--load_size", side,
               "--crop_size", side, "--max_dataset_size", "1"))
    assert (tmp_path / "runs" / "t" / "latest_net_D.pth").is_file()


@pytest.mark.parametrize(
    ("flags", "present", "absent"),
    [
        ("pix2pix --gan_mode wgangp --norm instance", "G_GAN G_L1 D_GP", ""),
        ("pix2pix --gan_mode hinge --unconditional_D", "G_GAN G_L1 D_real D_fake", "D_GP"),
        ("pix2pix --lambda_L1 0", "G_GAN D_real", "G_L1"),
        ("pix2pix --lambda_GAN 0 --lr_policy plateau", "G_L1", "G_GAN D_real D_fake"),
        ("cycle_gan --gan_mode wgangp --lambda_identity 0", "D_A cycle_A", ""),
        ("cycle_gan --lr_policy plateau --dropout", "D_B cycle_B idt_A", ""),
        ("cycle_gan --direction BtoA --norm none", "G_A", ""),
        ("colorization --gan_mode lsgan --lr_policy cosine", "G_GAN G_L1", ""),
        ("template --lr_policy step --norm batch", "G", "G_GAN"),
    ],
)
def test_flags_that_change_losses_train(
    flags: str, present: str, absent: str, argv: Argv, tmp_path: Path
) -> None:
    train(argv("--n_epochs", "2", "--print_freq", "1", "--model", *flags.split()))
    rows = read_losses(tmp_path / "runs" / "t")
    assert len(rows) == 6
    for row in rows:
        assert set(present.split()) <= row.keys()
        assert not set(absent.split()) & row.keys()
        assert all(abs(float(row[name])) < 1e4 for name in present.split())
