"""--ema: the formula, the files, and resumed runs."""

from pathlib import Path

import pytest
import torch
from conftest import Argv
from runs import bytes_of, differences, load_state
from tiny_models import build, run
from torch import nn

import models
from inference.find_generator import find_generator
from inference.translator import Translator
from models.averages import Averages
from models.networks.unet import UnetGenerator
from test import test as translate
from train import train
from util import checkpoint

TRAINABLE = [name for name in models.available() if name != "test"]


def net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))


def test_ten_steps_equal_the_plain_formula() -> None:
    """Weights and running statistics are averaged; the counter of batches is copied."""
    trained = net()
    averages = Averages({"G": trained}, 0.4)
    wanted: dict[str, torch.Tensor] = {}
    for n in range(10):
        with torch.no_grad():
            for weight in trained.parameters():
                weight.add_(torch.randn_like(weight))
            trained(torch.randn(2, 2, 4, 4))
        averages.update()
        d = min(0.4, n / (n + 9))
        for key, tensor in trained.state_dict().items():
            value = tensor.double()
            wanted[key] = d * wanted[key] + (1 - d) * value if n else value
    averaged = averages.weights["G"]
    assert averaged.keys() == wanted.keys()
    assert averaged["1.num_batches_tracked"] == 10
    del wanted["1.num_batches_tracked"]
    for key, tensor in wanted.items():
        torch.testing.assert_close(averaged[key].double(), tensor, rtol=1e-5, atol=1e-6)
        assert not torch.equal(averaged[key], trained.state_dict()[key])


def test_the_first_average_is_a_copy() -> None:
    trained = net()
    averages = Averages({"G": trained}, 0.999)
    with torch.no_grad():
        trained.get_parameter("0.weight").fill_(7)
    averages.update()
    assert torch.equal(averages.weights["G"]["0.weight"], torch.full((3, 2, 1, 1), 7.0))


def test_averages_keep_their_memory() -> None:
    averages = Averages({"G": net()}, 0.9)
    addresses = [tensor.data_ptr() for tensor in averages.weights["G"].values()]
    state = {"steps": 3, "weights": {"G": {key: value.clone() + 1 for key, value in
                                           averages.weights["G"].items()}}}
    averages.load_state_dict(state)
    averages.update()
    assert [tensor.data_ptr() for tensor in averages.weights["G"].values()] == addresses
    assert averages.steps == 4


def test_the_state_of_other_networks_is_refused() -> None:
    averages = Averages({"G": net()}, 0.9)
    with pytest.raises(ValueError, match="the average of G"):
        averages.load_state_dict({"steps": 1, "weights": {"G": {"0.weight": torch.zeros(1)}}})


@pytest.mark.parametrize(
    ("model", "averaged"), [("pix2pix", ["G"]), ("cycle_gan", ["G_A", "G_B"])]
)
def test_discriminators_have_no_average(model: str, averaged: list[str]) -> None:
    built = build(f"--model {model} --ema 0.9")
    built.setup(built.opt)
    assert built.parts.averages is not None
    assert list(built.parts.averages.weights) == averaged


def test_training_does_not_depend_on_the_average(argv: Argv, tmp_path: Path) -> None:
    flags = argv("--model", "pix2pix", "--n_epochs", "2", "--no_html")
    train([*flags, "--name", "plain"])
    train([*flags, "--name", "ema", "--ema", "0.9"])
    plain, ema = (load_state(tmp_path / "runs" / name) for name in ("plain", "ema"))
    own = {key: value for key, value in ema.items() if not key.startswith(".model.averages")}
    assert len(own) < len(ema)
    del plain[".model.averages"]
    assert differences(plain, own) == []


def test_a_resumed_run_has_the_same_average(argv: Argv, tmp_path: Path) -> None:
    flags = argv("--model", "pix2pix", "--ema", "0.9", "--no_html")
    train([*flags, "--name", "straight", "--n_epochs", "3"])
    train([*flags, "--name", "stopped", "--n_epochs", "1"])
    runs = tmp_path / "runs"
    state = checkpoint.load(runs / "stopped" / "latest_state.pth")
    assert state["model"]["averages"]["steps"] == 3
    train([*flags, "--name", "stopped", "--n_epochs", "3", "--continue_train"])
    assert differences(load_state(runs / "straight"), load_state(runs / "stopped")) == []


def test_files_have_published_names_and_the_test_loads_them(
    argv: Argv, test_argv: Argv, tmp_path: Path
) -> None:
    train(argv("--model", "pix2pix", "--netG", "unet_128", "--load_size", "128", "--crop_size",
               "128", "--ema", "0.9", "--no_html", "--lr", "0.01"))
    folder = tmp_path / "runs" / "t"
    names = {path.name for path in folder.glob("*_net_*.pth")}
    assert names == {f"{label}_net_{name}.pth" for label in ("1", "latest")
                     for name in ("G", "G_ema", "D")}
    plain = checkpoint.load(folder / "latest_net_G.pth")
    averaged = checkpoint.load(folder / "latest_net_G_ema.pth")
    assert plain.keys() == averaged.keys()
    assert "model.model.0.weight" in averaged
    assert not torch.equal(plain["model.model.0.weight"], averaged["model.model.0.weight"])

    plain_page = bytes_of(translate(test_argv()))
    ema_page = bytes_of(translate(test_argv("--ema")))
    assert plain_page["0_real_A.png"] == ema_page["0_real_A.png"]
    assert plain_page["0_fake_B.png"] != ema_page["0_fake_B.png"]
    assert (tmp_path / "results" / "t" / "test_latest_ema" / "index.html").is_file()

    image = torch.zeros(1, 3, 128, 128)
    by_run = Translator.load(folder, device="cpu", ema=True)(image)
    by_file = Translator.load(
        folder / "latest_net_G_ema.pth", device="cpu", no_dropout=False
    )(image)
    assert torch.equal(by_run, by_file)
    assert isinstance(Translator.load(folder, device="cpu").file.build(), UnetGenerator)
    assert not torch.equal(by_run, Translator.load(folder, device="cpu")(image))


def test_inputs_are_translated_with_the_average(
    argv: Argv, test_argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    train(argv("--model", "cycle_gan", "--ema", "0.9", "--no_html", "--lr", "0.01"))
    inputs = ["--dataroot", str(dataroot / "testA")]
    plain = translate(test_argv(*inputs, "--output_dir", str(tmp_path / "plain")))
    mean = translate(test_argv(*inputs, "--output_dir", str(tmp_path / "mean"), "--ema"))
    assert (plain / "0.png").read_bytes() != (mean / "0.png").read_bytes()


def test_a_run_without_averages_is_refused(argv: Argv, test_argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "template", "--no_html"))
    with pytest.raises(FileNotFoundError, match=r"latest_net_G_ema.pth does not exist.*none"):
        translate(test_argv("--ema"))
    with pytest.raises(FileNotFoundError, match="train with --ema"):
        find_generator(tmp_path / "runs" / "t", ema=True)
    with pytest.raises(ValueError, match="is one file"):
        find_generator(tmp_path / "runs" / "t" / "latest_net_G.pth", ema=True)


@pytest.mark.parametrize("model", TRAINABLE)
def test_every_model_averages_its_steps(model: str) -> None:
    built = build(f"--model {model} --ema 0.5")
    built.setup(built.opt)
    assert built.parts.averages is not None
    for _ in range(2):
        run(built, steps=1)
        built.parts.averages.update()
    for name, averaged in built.parts.averages.weights.items():
        own = built.networks[name].state_dict()
        assert any(not torch.equal(averaged[key], own[key]) for key in own)
