"""The contract between models/base_model.py and a model file.

The model in tests/own/contrast_model.py has two networks in addition to G and D, networks with
several inputs and outputs, and two optimizers for one loss.
"""

import json
import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import processes
import pytest
import torch
from conftest import Argv, draw_pictures
from runs import differences, load_state, logged, read_losses
from tiny_models import build
from torch import Tensor, nn
from torch.optim import SGD, AdamW

import models
from inference import Translator
from models.base_model import BaseModel
from models.execution import speed
from models.execution.speed import Speed, in_one_pass
from models.pix2pix_model import Pix2PixModel
from scripts.export import main as export
from test import test as translate
from train import train
from training.clock import Clock
from training.memory.estimate import StepMemory
from util import checkpoint

OWN = Path(__file__).parent / "own"
CONTRAST = ("--model", "contrast", "--batch_size", "2", "--print_freq", "1", "--no_html")


def use_own_models() -> None:
    if str(OWN) not in models.__path__:
        models.__path__.append(str(OWN))


@pytest.fixture(autouse=True)
def own_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(OWN)])


# ---- network -----------------------------------------------------------------------------------


# torch.compile reads the gradient of an input that is not a leaf.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize(
    "flags",
    ["--precision bf16", "--channels_last", "--batch_size 1 --grad_accum 2",
     "--checkpoint_activations", "--compile",
     "--precision bf16 --channels_last --batch_size 1 --grad_accum 2 --checkpoint_activations"],
)
def test_several_inputs_and_outputs_under_every_speed_flag(
    flags: str, argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The losses equal those of a run without the flag, within the precision of its arithmetic."""
    monkeypatch.setattr(speed, "COMPILER", "aot_eager")  # inductor takes minutes to start
    train(argv(*CONTRAST, "--name", "plain", "--lr_policy", "constant"))
    train(argv(*CONTRAST, "--name", "fast", "--lr_policy", "constant", *flags.split()))
    plain, fast = (read_losses(tmp_path / "runs" / name) for name in ("plain", "fast"))
    assert len(plain) == len(fast) > 0
    for wanted, found in zip(plain, fast, strict=True):
        for name in ("G_GAN", "NCE", "D"):
            tolerance = 0.03 if "bf16" in flags else 1e-4
            assert float(found[name]) == pytest.approx(float(wanted[name]), rel=tolerance)


def train_contrast(argv: Sequence[str]) -> None:
    use_own_models()
    train(argv)


def test_several_inputs_and_outputs_in_two_processes(
    argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    for folder in ("trainA", "trainB"):
        draw_pictures(dataroot / folder, 4, (32, 32))
    flags = [*CONTRAST[:2], *CONTRAST[4:]]
    processes.run(tmp_path / "out", train_contrast, argv(*flags, "--name", "two"))
    found = checkpoint.load(tmp_path / "runs" / "two" / "latest_state.pth")["model"]["networks"]
    assert set(found) == {"G", "F", "D", "J"}


class TwoOutputs(nn.Module):
    """Two input tensors -> a list of two tensors with different numbers of axes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, a: Tensor, b: Tensor | None = None, *, gain: float = 1.0) -> list[Tensor]:
        mixed = self.conv(a if b is None else a + b) * gain
        return [mixed, mixed.mean(dim=(2, 3))]


@pytest.mark.parametrize("settings", [
    Speed(), Speed(batch_parts=2), Speed(channels_last=True), Speed(precision="bf16"),
])
def test_a_prepared_network_passes_all_arguments(settings: Speed) -> None:
    torch.manual_seed(0)
    plain, fast = TwoOutputs(), TwoOutputs()
    fast.load_state_dict(plain.state_dict())
    settings.prepare(fast, torch.device("cpu"))
    a, b = torch.randn(2, 3, 3, 5, 5)
    for wanted, found in zip(plain(a, b, gain=2.0), fast(a, b, gain=2.0), strict=True):
        assert found.dtype == torch.float32
        assert torch.allclose(found, wanted, atol=0.05 if settings.precision == "bf16" else 1e-6)
    halves = in_one_pass(fast, a, b)
    assert [part.shape for part in halves[1]] == [(3, 3, 5, 5), (3, 3)]


def test_a_number_for_a_batch_cannot_be_accumulated() -> None:
    class Mean(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean()

    net = Mean()
    Speed(batch_parts=2).prepare(net, torch.device("cpu"))
    with pytest.raises(ValueError, match="one value for each image, or leave the flag out"):
        net(torch.zeros(2, 3, 4, 4, requires_grad=True))


# ---- roles -------------------------------------------------------------------------------------


def test_roles_decide_what_is_averaged_and_tested(
    argv: Argv, test_argv: Argv, tmp_path: Path
) -> None:
    train(argv(*CONTRAST, "--ema", "0.9"))
    folder = tmp_path / "runs" / "t"
    assert {path.name for path in folder.glob("*_ema.pth")} == {"1_net_G_ema.pth",
                                                                "latest_net_G_ema.pth"}
    for name in ("F", "D", "J"):
        assert (folder / f"latest_net_{name}.pth").is_file()
        (folder / f"latest_net_{name}.pth").unlink()  # a test needs the generator only
    page = translate(test_argv())
    assert len(list(page.parent.glob("images/*_fake_B.png"))) == 3


def test_a_test_that_registers_a_discriminator_does_not_load_it(
    argv: Argv, test_argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(argv("--model", "template"))
    template = models.find_model("template")
    build_parts = template.__init__

    def with_discriminator(model: BaseModel, opt: object) -> None:
        build_parts(model, opt)  # type: ignore[arg-type]
        model.add_discriminator("D", 3)

    monkeypatch.setattr(template, "__init__", with_discriminator)
    assert translate(test_argv()).is_file()


def test_an_unknown_role_is_refused() -> None:
    model = build("--model template")
    with pytest.raises(ValueError, match="role is 'judge'; choose from generator, discriminator"):
        model.add_network("X", nn.Conv2d(1, 1, 1), role="judge")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="two networks are called G"):
        model.add_network("G", nn.Conv2d(1, 1, 1))


# ---- optimizers --------------------------------------------------------------------------------


def groups(model: BaseModel) -> dict[str, float]:
    return {name: float(optimizer.param_groups[0]["lr"])
            for name, optimizer in model.optimizers.items()}


def test_two_time_scales_and_moments() -> None:
    """Heusel et al. 2017: D learns at a rate of its own."""
    model = build("--model pix2pix --lr_G 0.0001 --lr_D 0.0004 --beta2 0.9")
    assert groups(model) == {"G": 1e-4, "D": 4e-4}
    assert model.optimizers["D"].param_groups[0]["betas"] == (0.5, 0.9)
    model.update_learning_rate(150)
    factor = 1 - 50 / 101
    assert groups(model) == pytest.approx({"G": 1e-4 * factor, "D": 4e-4 * factor})
    assert groups(build("--model pix2pix --lr_D 0.0004")) == {"G": 2e-4, "D": 4e-4}


def test_any_optimizer_with_its_own_settings() -> None:
    model = build("--model contrast")
    assert groups(model) == {"G": 2e-4, "F": 1e-3, "D": 2e-4}
    model.update_learning_rate(101)
    assert groups(model)["F"] == pytest.approx(1e-3 * (1 - 1 / 101))
    net = model.add_network("X", nn.Linear(2, 2))
    decay = model.add_optimizer("X", net.parameters(), AdamW, lr=0.1, betas=(0.1, 0.2),
                                weight_decay=0.3)
    assert isinstance(decay, AdamW)
    assert (decay.param_groups[0]["betas"], decay.param_groups[0]["weight_decay"]) == (
        (0.1, 0.2), 0.3,
    )
    several = model.add_optimizer(
        "Y", [{"params": [net.weight]}, {"params": [net.bias], "lr": 0.5}], SGD, lr=0.25,
        momentum=0.9,
    )
    model.update_learning_rate(150)
    assert [group["lr"] for group in several.param_groups] == pytest.approx(
        [0.25 * (1 - 50 / 101), 0.5 * (1 - 50 / 101)]
    )
    with pytest.raises(TypeError, match="LBFGS calls a closure"):
        model.add_optimizer("Z", net.parameters(), torch.optim.LBFGS)
    with pytest.raises(ValueError, match="create it with add_optimizer; there are G, F, D"):
        model.update(SGD(net.parameters(), lr=1.0), net(torch.zeros(1, 2)).sum())


def test_one_loss_may_update_several_optimizers() -> None:
    """One backward pass has the same result as two optimizers of plain torch."""
    model = build("--model template")
    net = model.add_network("X", nn.Linear(2, 1))
    first = model.add_optimizer("first", [net.weight], SGD, lr=0.1)
    second = model.add_optimizer("second", [net.bias], SGD, lr=0.2)
    weight, bias = net.weight.detach().clone(), net.bias.detach().clone()
    x = torch.tensor([[3.0, 4.0]])
    model.update([first, second], net(x).sum())
    assert torch.allclose(net.weight, weight - 0.1 * x)
    assert torch.allclose(net.bias, bias - 0.2)


# ---- comparisons -------------------------------------------------------------------------------

VALIDATION = ("--val_phase", "test", "--val_pictures", "2", "--no_html")


def test_unrelated_pairs_do_not_select_the_best_checkpoint(
    argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        train(argv(*CONTRAST, *VALIDATION))
    best = json.loads((tmp_path / "runs" / "t" / "best.json").read_text())
    assert set(best["values"]) == {"val_lab_histogram"}
    assert any("fake_B with the set of real_B" in message for message in caplog.messages)


@pytest.mark.parametrize("model", ["contrast", "pix2pix"])
def test_metrics_of_pairs_are_refused_without_pairs(
    model: str, argv: Argv, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if model == "pix2pix":  # the data set declares whether there are pairs, not the model
        monkeypatch.setattr(Pix2PixModel, "check_options", staticmethod(lambda opt: None))
    with pytest.raises(SystemExit) as stop:
        train(argv("--model", model, "--dataset_mode", "unaligned", *VALIDATION,
                   "--val_metrics", "l1"))
    assert stop.value.code == 2
    text = capsys.readouterr().err
    assert "--val_metrics l1: compares an output with its target" in text
    assert "has no pairs; choose from" in text and "lab_histogram" in text


def test_the_doctor_does_not_check_colours_without_a_reference() -> None:
    from watched_training import WatchedTraining

    training = WatchedTraining("--model contrast")
    training.learn(checks=2, steps=1)
    assert not any(name.startswith("correlation") for name in training.doctor.measured)
    assert any(name.startswith("grid") for name in training.doctor.measured)


# ---- parts that depend on features ---------------------------------------------------------------


def test_probing_changes_nothing() -> None:
    model = build("--model pix2pix --norm batch --dropout")
    net = model.networks["G"]
    before = {key: value.clone() for key, value in net.state_dict().items()}
    random_state = torch.get_rng_state()
    output = model.probe(net, 3)
    assert output.shape == (1, 3, 32, 32) and not output.requires_grad
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(module.training for module in net.modules())


def test_the_head_has_the_sizes_of_the_features() -> None:
    head = build("--model contrast --ngf 5").networks["F"]
    assert [tuple(weight.shape) for weight in head.parameters() if weight.ndim == 2] == [
        (8, 5), (8, 10),
    ]


def test_the_memory_of_a_model_with_a_probed_part_is_estimated() -> None:
    """The estimate builds the model from tensors without values, and probes it there."""
    opt = build("--model contrast").opt
    shapes = {"A": (1, 3, 32, 32), "B": (1, 3, 32, 32), "A_paths": None, "B_paths": None}
    memory = StepMemory(opt, shapes)
    assert memory.peak(4, 32, 32) > memory.peak(2, 32, 32) > 0


def test_a_model_with_a_probed_part_resumes_exactly(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop in the middle of epoch 2 by Ctrl-C. The patches are drawn from torch's generator."""
    flags = ["--model", "contrast", "--n_epochs", "2", "--n_epochs_decay", "1", "--ema", "0.9",
             "--no_html", "--print_freq", "1"]
    train(argv(*flags, "--name", "straight"))
    advance = Clock.advance

    def interrupted(clock: Clock, images: int) -> None:
        advance(clock, images)
        if clock.images == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Clock, "advance", interrupted)
        train(argv(*flags, "--name", "stopped"))
    train(argv(*flags, "--name", "stopped", "--continue_train"))
    straight, stopped = tmp_path / "runs" / "straight", tmp_path / "runs" / "stopped"
    assert differences(load_state(straight), load_state(stopped)) == []
    assert logged(straight) == logged(stopped)


# ---- generators by role, outside of the training -----------------------------------------------


@pytest.fixture
def renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same model with a generator called T and a discriminator called G."""
    text = (OWN / "contrast_model.py").read_text().replace('"D"', '"G"', 2)
    text = text.replace('add_network("G", net', 'add_network("T", net')
    text = text.replace('add_discriminator("D"', 'add_discriminator("G"')
    folder = tmp_path / "renamed"
    folder.mkdir()
    (folder / "odd_model.py").write_text(text)
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(folder)])
    return "odd"


def test_generators_are_found_by_role(
    renamed: str, argv: Argv, test_argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    """A generator that its model builds itself is translated, tested and exported."""
    train(argv("--model", renamed, "--ema", "0.5", "--no_html"))
    folder = tmp_path / "runs" / "t"
    assert (folder / "latest_net_T_ema.pth").is_file()
    assert not (folder / "latest_net_G_ema.pth").exists()
    assert len(list(translate(test_argv()).parent.glob("images/*_fake_B.png"))) == 3
    translator = Translator.load(folder, device="cpu")
    assert translator.file.path.name == "latest_net_T.pth"
    image = torch.rand(3, 16, 16) * 2 - 1
    wanted = checkpoint.load(folder / "latest_net_T.pth")
    assert all(torch.equal(value, wanted[key])
               for key, value in translator.net.state_dict().items())
    assert translator(image).shape == (3, 16, 16)
    photos = [*test_argv("--output_dir", str(tmp_path / "out"))]
    photos[photos.index("--dataroot") + 1] = str(dataroot / "testA")
    assert len(list(translate(photos).glob("*.png"))) == 3
    export(["--name", "t", "--checkpoints_dir", str(tmp_path / "runs"), "--to", "torchscript"])
    assert list((folder / "export").glob("*.pt"))


def test_a_damaged_list_of_networks_is_named(argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "template", "--no_html"))
    (tmp_path / "runs" / "t" / "networks.json").write_text("{")
    with pytest.raises(ValueError, match=r"networks.json is damaged .*delete it"):
        Translator.load(tmp_path / "runs" / "t")
    (tmp_path / "runs" / "t" / "networks.json").unlink()
    assert Translator.load(tmp_path / "runs" / "t").file.path.name == "latest_net_G.pth"
