"""train.py and test.py over the registries: what is registered works, whatever it is."""

import csv
import json
import re
from pathlib import Path

import pytest
import torch
from conftest import Argv, draw_pictures
from PIL import Image

import data
import models
from models.base_model import BaseModel
from models.networks import DISCRIMINATORS, GENERATORS
from options.train_options import TrainOptions
from test import test as translate
from train import train
from util import checkpoint

translate.__test__ = False  # type: ignore[attr-defined]  # not a pytest function

LABELS = {
    "pix2pix": {"real_A", "fake_B", "real_B"},
    "cycle_gan": {"real_A", "fake_B", "rec_A", "real_B", "fake_A", "rec_B"},
    "colorization": {"real_A", "real_B_rgb", "fake_B_rgb"},
    "template": {"data_A", "data_B", "output"},
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


@pytest.mark.parametrize("mode", data.available())
@pytest.mark.parametrize("model", [name for name in models.available() if name != "test"])
def test_every_model_trains_and_tests_on_every_dataset(
    model: str, mode: str, argv: Argv, test_argv: Argv, tmp_path: Path
) -> None:
    flags = ["--model", model, "--dataset_mode", mode, "--max_dataset_size", "2"]
    try:
        train(argv(*flags))
    except SystemExit as stop:
        assert stop.code == 2
        assert (model, mode) in REFUSED or model not in LABELS
        assert not (tmp_path / "runs").exists()
        return
    assert (model, mode) not in REFUSED
    page = translate(test_argv())
    pictures = list((page.parent / "images").glob("*.png"))
    labels = {re.sub(r"^\d(-\d)?_", "", path.stem) for path in pictures}
    assert labels == LABELS.get(model, labels)
    assert pictures
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
    train(argv("--model", "pix2pix", "--netD", netD, "--load_size", side, "--crop_size", side,
               "--max_dataset_size", "1"))
    assert (tmp_path / "runs" / "t" / "latest_net_D.pth").is_file()


@pytest.mark.parametrize(
    "flags",
    [
        "--model pix2pix --gan_mode wgangp --norm instance",
        "--model pix2pix --gan_mode hinge --unconditional_D",
        "--model pix2pix --lambda_L1 0",
        "--model pix2pix --lambda_GAN 0 --lr_policy plateau",
        "--model cycle_gan --gan_mode wgangp --lambda_identity 0",
        "--model cycle_gan --lr_policy plateau --dropout",
        "--model cycle_gan --direction BtoA --norm none",
        "--model colorization --gan_mode lsgan --lr_policy cosine",
        "--model template --lr_policy step --norm batch",
    ],
)
def test_switches_train(flags: str, argv: Argv, tmp_path: Path) -> None:
    train(argv("--n_epochs", "2", "--print_freq", "1", *flags.split()))
    rows = read_losses(tmp_path)
    assert len(rows) == 6
    switches = flags.split()
    assert ("D_GP" in rows[0]) == (switches[1] == "pix2pix" and "wgangp" in switches)
    assert ("G_L1" in rows[0]) == (switches[1] in ("pix2pix", "colorization") and
                                   "--lambda_L1" not in switches)
    assert ("G_GAN" in rows[0]) == ("G_L1" in rows[0] or "--lambda_L1" in switches) - (
        "--lambda_GAN" in switches
    )


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.width, picture.height


def read_losses(tmp_path: Path) -> list[dict[str, str]]:
    with (tmp_path / "runs" / "t" / "losses.csv").open() as file:
        return list(csv.DictReader(file))


def weights(run_dir: Path) -> dict[str, torch.Tensor]:
    state = checkpoint.load(run_dir / "latest_state.pth")["model"]["networks"]
    return {f"{net}.{key}": value for net in state for key, value in state[net].items()}


def test_the_last_epoch_is_saved_and_latest_too(argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "template", "--n_epochs", "2", "--n_epochs_decay", "1"))
    run_dir = tmp_path / "runs" / "t"
    assert {path.name for path in run_dir.glob("*.pth")} == {
        "3_net_G.pth", "latest_net_G.pth", "latest_state.pth",
    }
    assert not list(run_dir.rglob("*partial*"))


@pytest.mark.parametrize("by_iter", [True, False])
def test_saves_fire_when_a_multiple_of_images_is_crossed(
    by_iter: bool, argv: Argv, tmp_path: Path
) -> None:
    flags = ["--save_by_iter"] if by_iter else []
    # Batches of 2 and 1: 2, 3, 5, 6 images; multiples of 4 are crossed at 5 alone.
    train(argv("--model", "template", "--n_epochs", "2", "--batch_size", "2",
               "--save_latest_freq", "4", *flags))
    saved = {path.name for path in (tmp_path / "runs" / "t").glob("iter_*")}
    assert saved == ({"iter_5_net_G.pth"} if by_iter else set())


def test_losses_are_read_from_the_device_only_to_be_printed(
    argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    original = BaseModel.get_current_losses

    def counted(model: BaseModel) -> dict[str, float]:
        reads.append(1)
        return original(model)

    monkeypatch.setattr(BaseModel, "get_current_losses", counted)
    train(argv("--model", "pix2pix", "--n_epochs", "4", "--print_freq", "5"))
    # 12 images: lines at 5 and 10, and one for the rest of each epoch: 3, 6, 9, 12.
    assert len(reads) == 6


@pytest.mark.parametrize("model", ["pix2pix", "cycle_gan"])
def test_the_same_seed_gives_the_same_run(model: str, argv: Argv, tmp_path: Path) -> None:
    def run(name: str, *flags: str) -> dict[str, torch.Tensor]:
        train(argv("--model", model, "--dropout", "--load_size", "20", "--n_epochs", "2",
                   "--pool_size", "2", "--name", name, *flags))
        return weights(tmp_path / "runs" / name)

    first, second, other = run("a"), run("b", "--num_threads", "2"), run("c", "--seed", "1")
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("model", [name for name in models.available() if name != "test"])
def test_resume_equals_straight_run(model: str, argv: Argv, tmp_path: Path) -> None:
    """3 epochs in one go == 2 epochs, stop, go on, 1 epoch: bit for bit."""

    def run(name: str, epochs: str, *flags: str) -> None:
        train(argv("--model", model, "--dropout", "--pool_size", "2", "--name", name,
                   "--lr_policy", "constant", "--n_epochs", epochs, *flags))

    run("straight", "3")
    run("resumed", "2")
    run("resumed", "3", "--continue_train")
    straight, resumed = weights(tmp_path / "runs/straight"), weights(tmp_path / "runs/resumed")
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)


def test_bare_weights_are_gone_on_with_and_it_is_said(
    argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(argv("--model", "pix2pix"))
    (tmp_path / "runs" / "t" / "latest_state.pth").unlink()
    before = checkpoint.load(tmp_path / "runs" / "t" / "latest_net_G.pth")
    with caplog.at_level("INFO"):
        train(argv("--model", "pix2pix", "--continue_train", "--lr", "1e-12"))
    assert any("state of the optimizers and the epoch are unknown" in m for m in caplog.messages)
    after = checkpoint.load(tmp_path / "runs" / "t" / "latest_net_G.pth")
    name = next(key for key in before if key.endswith("weight"))
    torch.testing.assert_close(before[name], after[name])


def test_a_missing_discriminator_is_named(argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "pix2pix"))
    (tmp_path / "runs" / "t" / "latest_net_D.pth").unlink()
    with pytest.raises(FileNotFoundError, match=r"latest_net_D\.pth.*latest_net_G\.pth"):
        train(argv("--model", "pix2pix", "--continue_train"))


def test_a_finished_run_says_so_and_touches_nothing(argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "template"))
    before = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.*")}
    with pytest.raises(ValueError, match=r"the next epoch is 2, .* make them larger"):
        train(argv("--model", "template", "--continue_train"))
    assert {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*.*")} == before


@pytest.mark.parametrize("workers", ["0", "1"])
def test_an_unreadable_picture_ends_in_one_sentence(
    workers: str, argv: Argv, dataroot: Path
) -> None:
    broken = dataroot / "train" / "1.png"
    broken.write_bytes(broken.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"1\.png") as fault:
        train(argv("--model", "template", "--num_threads", workers))
    assert "\n" not in str(fault.value)


# ---- test.py -----------------------------------------------------------------------------------


def bytes_of(page: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (page.parent / "images").rglob("*.png")}


def test_two_tests_write_identical_pictures_and_eval_others(argv: Argv, test_argv: Argv) -> None:
    train(argv("--model", "pix2pix", "--dropout"))
    first, second = bytes_of(translate(test_argv())), bytes_of(translate(test_argv()))
    assert first == second
    evaluated = bytes_of(translate(test_argv("--eval")))
    assert evaluated["0_real_A.png"] == first["0_real_A.png"]
    assert evaluated["0_fake_B.png"] != first["0_fake_B.png"]
    other_seed = bytes_of(translate(test_argv("--seed", "1")))
    assert other_seed["0_fake_B.png"] != first["0_fake_B.png"]  # dropout is on


def test_num_test_limits_and_older_pictures_go(argv: Argv, test_argv: Argv) -> None:
    train(argv("--model", "template"))
    assert len(bytes_of(translate(test_argv()))) == 9
    page = translate(test_argv("--num_test", "2", "--batch_size", "3"))
    assert len(bytes_of(page)) == 6
    assert page.read_text().count("<h3>") == 2


@pytest.mark.parametrize(("direction", "suffix"), [("AtoB", "_A"), ("BtoA", "_B")])
def test_one_side_of_a_cycle_gan(
    direction: str, suffix: str, argv: Argv, test_argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    """The generator of the direction, with the channels that it has; sub-folders kept apart."""
    train(argv("--model", "cycle_gan", "--input_nc", "1", "--lambda_identity", "0"))
    mixed = dataroot / "mixed"
    draw_pictures(mixed / "s1", 1, (20, 20))
    draw_pictures(mixed / "s2", 1, (20, 20))
    with Image.open(mixed / "s1" / "0.png") as picture:
        picture.save(mixed / "s1" / "0.jpg")
    page = translate(
        test_argv("--model", "test", "--dataroot", str(mixed), "--direction", direction)
    )
    found = {path.relative_to(page.parent).as_posix() for path in page.parent.rglob("*.png")}
    stems = ("s1/0", "s1/0-2", "s2/0")
    assert found == {f"images/{stem}_{label}.png" for stem in stems for label in ("real", "fake")}
    run_dir = tmp_path / "runs" / "t"
    (run_dir / f"latest_net_G{suffix}.pth").unlink()
    with pytest.raises((FileNotFoundError, ValueError)):
        translate(test_argv("--model", "test", "--dataroot", str(mixed), "--model_suffix", suffix))


def test_more_pictures_of_b_than_of_a_lose_none(
    argv: Argv, test_argv: Argv, dataroot: Path
) -> None:
    train(argv("--model", "cycle_gan"))
    draw_pictures(dataroot / "testB", 5, (32, 32), seed=9)
    page = translate(test_argv())
    names = {path.name for path in (page.parent / "images").iterdir()}
    assert {"0_fake_A.png", "0-2_fake_A.png", "1-2_fake_A.png", "2_fake_A.png"} <= names
    assert len(names) == 5 * 6


@pytest.mark.parametrize(
    ("mode", "size"), [("crop", (32, 32)), ("scale_width_and_crop", (20, 20))]
)
def test_a_run_trained_on_crops_is_tested_on_whole_pictures(
    mode: str, size: tuple[int, int], argv: Argv, test_argv: Argv
) -> None:
    train(argv("--model", "template", "--preprocess", mode, "--load_size", "20"))
    page = translate(test_argv())
    assert size_of(page.parent / "images" / "0_output.png") == size


def test_a_page_with_the_published_title_and_folder(argv: Argv, test_argv: Argv) -> None:
    train(argv("--model", "template", "--save_by_iter", "--save_latest_freq", "2"))
    page = translate(test_argv("--load_iter", "2"))
    assert page.parts[-3:] == ("t", "test_latest_iter2", "index.html")
    assert "<title>Experiment = t, Phase = test, Epoch = latest</title>" in page.read_text()


def test_a_missing_epoch_names_those_that_are_there(argv: Argv, test_argv: Argv) -> None:
    train(argv("--model", "template"))
    with pytest.raises(FileNotFoundError, match=r"7_net_G\.pth.*1_net_G\.pth"):
        translate(test_argv("--epoch", "7"))


# ---- plug-ins ----------------------------------------------------------------------------------


def test_a_new_file_is_a_new_choice(
    argv: Argv, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plug" / "models").mkdir(parents=True)
    template = Path(models.__file__).with_name("template_model.py").read_text()
    ours = template.replace("TemplateModel", "BrandNewModel").replace("lambda_regr", "lambda_new")
    (tmp_path / "plug" / "models" / "brand_new_model.py").write_text(ours)
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path / "plug" / "models")])
    train(argv("--model", "brand_new", "--lambda_newession", "2"))
    saved = json.loads((tmp_path / "runs" / "t" / "train_opt.json").read_text())
    assert (saved["model"], saved["lambda_newession"]) == ("brand_new", 2.0)
    with pytest.raises(SystemExit):
        TrainOptions().parse(["--model", "brand_new", "--help"])
    text = capsys.readouterr().out
    assert "--lambda_newession" in text
    assert "brand_new" in text
