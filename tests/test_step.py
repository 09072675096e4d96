"""Switches of speed and memory: what is learned stays, and each does what it is for."""

import copy
import logging
from collections.abc import Iterator

import pytest
import torch
from conftest import Argv
from tiny_models import build, run
from torch import Tensor, nn
from torch._dynamo.utils import counters

import models
from models import step
from models.base_model import BaseModel
from models.networks import DISCRIMINATORS, GENERATORS, define_D, define_G
from train import train
from util.runtime import set_arithmetic

TRAINABLE = [name for name in models.available() if name != "test"]
STEPS = 50


PIX2PIX = "--model pix2pix --norm instance --no_dropout "


@pytest.fixture(scope="module")
def plain() -> Tensor:
    return run(build(PIX2PIX), STEPS)


def test_single_pictures_in_channels_last_have_the_same_gradients() -> None:
    """torch's own instance norm gets them wrong, which shows from the second step on."""
    wanted = run(build(PIX2PIX), 6, pictures=1)
    found = run(build(PIX2PIX + "--channels_last"), 6, pictures=1)
    assert float(((found - wanted).abs() / wanted.abs()).max()) < 1e-3


ROUNDING = (1e-5, 3e-3)  # in the first step, and over 50, in which a GAN magnifies it
HALF = (5e-3, 5e-3)
COMPILING = pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch's own look at inputs


@COMPILING
@pytest.mark.parametrize(
    ("flags", "tolerances"),
    [
        ("--precision fp32", (0.0, 0.0)),
        ("--precision bf16", HALF),
        ("--precision fp16", HALF),
        ("--channels_last", ROUNDING),
        ("--compile", ROUNDING),
        ("--grad_accum 2", ROUNDING),
        ("--checkpoint_activations", (0.0, 0.0)),
        ("--precision bf16 --channels_last --grad_accum 2 --checkpoint_activations", HALF),
    ],
)
def test_loss_curves_stay(
    flags: str,
    tolerances: tuple[float, float],
    plain: Tensor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Mean difference relative to the mean loss, of each loss."""
    monkeypatch.setattr(step, "COMPILER", "aot_eager")  # inductor takes minutes to begin
    curves = run(build(PIX2PIX + flags), STEPS)
    for steps, tolerance in zip((1, STEPS), tolerances, strict=True):
        found, wanted = curves[:steps], plain[:steps]
        apart = (found - wanted).abs().mean(0) / wanted.abs().mean(0)
        assert float(apart.max()) <= tolerance
    assert not torch.equal(curves[0], curves[-1])


def test_losses_are_float32_while_networks_are_not() -> None:
    model = build(PIX2PIX + "--precision bf16")
    seen: list[torch.dtype] = []
    for net in model.networks.values():
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(lambda *call: seen.append(call[2].dtype))
    run(model, 1)
    assert set(seen) == {torch.bfloat16}
    assert {loss.dtype for loss in model.losses.values()} == {torch.float32}
    assert {w.dtype for net in model.networks.values() for w in net.parameters()} == {torch.float32}


def test_channels_last_reaches_the_weights_and_the_layers() -> None:
    model = build(PIX2PIX + "--channels_last")
    seen: list[bool] = []
    first = next(m for m in model.networks["G"].modules() if isinstance(m, nn.Conv2d))

    def last(tensor: Tensor) -> bool:
        return tensor.is_contiguous(memory_format=torch.channels_last)

    first.register_forward_hook(lambda *call: seen.append(last(call[2])))
    run(model, 1)
    assert seen == [True]
    assert last(first.weight)


@COMPILING
def test_compile_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "COMPILER", "aot_eager")
    torch._dynamo.reset()
    counters.clear()
    model = build(PIX2PIX + "--compile")
    keys = [list(net.state_dict()) for net in model.networks.values()]
    run(model, 2)
    assert counters["stats"]["unique_graphs"] >= 2
    assert not counters["graph_break"]
    assert keys == [list(net.state_dict()) for net in build(PIX2PIX).networks.values()]


# ---- parts of a batch, and recomputing --------------------------------------------------------


@pytest.mark.parametrize("model", TRAINABLE)
@pytest.mark.parametrize("gan_mode", ["lsgan", "wgangp"])
def test_accumulated_steps_are_those_of_the_whole_batch(model: str, gan_mode: str) -> None:
    """Of 3 pictures in 2 parts too: the last batch of an epoch may be short."""
    flags = f"--model {model} --norm instance --no_dropout --gan_mode {gan_mode} "
    whole = build(flags, torch.float64)
    parts = build(flags + "--grad_accum 2", torch.float64)
    torch.manual_seed(1)
    wanted = run(whole, 3, pictures=3)
    torch.manual_seed(1)
    torch.testing.assert_close(run(parts, 3, pictures=3), wanted, rtol=1e-9, atol=1e-12)


def test_only_a_part_of_the_batch_is_in_a_network_at_once() -> None:
    model = build("--model template --grad_accum 4")
    sizes: list[int] = []
    first = next(m for m in model.networks["G"].modules() if isinstance(m, nn.Conv2d))
    first.register_forward_hook(lambda *call: sizes.append(len(call[2])))
    run(model, 1, pictures=8)
    assert sizes == [2] * 8  # each part once forwards, and once more for its gradients


def test_an_accumulated_step_is_one_step_of_the_clock(
    argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    original = models.find_model("template").set_input

    def set_input(model: BaseModel, batch: dict[str, Tensor]) -> None:
        sizes.append(len(batch["A"]))
        original(model, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(models.find_model("template"), "set_input", set_input)
    train(argv("--model", "template", "--grad_accum", "2", "--n_epochs", "2"))
    assert sizes == [2, 1, 2, 1]


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("netG", ["resnet_6blocks", "unet_128"])
def test_recomputed_gradients_and_statistics_are_the_same(netG: str, norm: str) -> None:
    def learn(checkpoint: bool) -> tuple[list[Tensor], list[Tensor], int]:
        torch.manual_seed(0)
        net = define_G(netG, in_channels=3, out_channels=3, width=2, norm=norm, dropout=True)
        step.Speed(checkpoint=checkpoint).prepare(net, torch.device("cpu"))
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            images = net(torch.rand(2, 3, 128, 128))
        images.square().mean().backward()
        gradients = [weight.grad for weight in net.parameters() if weight.grad is not None]
        return gradients, list(net.buffers()), sum(kept.values())

    gradients, statistics, memory = learn(checkpoint=True)
    plain_gradients, plain_statistics, plain_memory = learn(checkpoint=False)
    assert memory < 0.8 * plain_memory
    torch.testing.assert_close(gradients, plain_gradients, rtol=0, atol=0)
    torch.testing.assert_close(statistics, plain_statistics, rtol=0, atol=0)


# ---- one pass instead of two -------------------------------------------------------------------


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("name", ["resnet_6blocks", "basic"])
def test_one_pass_gives_what_two_passes_give(name: str, norm: str) -> None:
    torch.manual_seed(0)
    if name in GENERATORS:
        net = define_G(name, in_channels=3, out_channels=3, width=2, norm=norm)
    else:
        assert name in DISCRIMINATORS
        net = define_D(name, in_channels=3, width=2, norm=norm)
    net.double()
    calls: list[int] = []
    net.register_forward_hook(lambda *call: calls.append(len(call[2])))
    one, other = torch.rand(2, 2, 3, 32, 32, dtype=torch.float64)
    found = step.in_one_pass(net, one, other)
    assert calls == ([2, 2] if norm == "batch" else [4])
    torch.testing.assert_close(found, [net(one), net(other)], rtol=1e-9, atol=1e-12)


def test_pictures_of_two_sizes_go_one_after_another() -> None:
    net = define_D("basic", in_channels=3, width=2)
    small, large = step.in_one_pass(net, torch.rand(1, 3, 32, 32), torch.rand(2, 3, 64, 32))
    assert (len(small), len(large)) == (1, 2)


def test_cycle_gan_sends_each_picture_through_three_passes_of_G() -> None:
    model = build("--model cycle_gan")
    sizes: dict[str, list[int]] = {"G_A": [], "G_B": [], "D_A": []}
    for name, found in sizes.items():
        model.networks[name].register_forward_hook(
            lambda *call, found=found: found.append(len(call[2]))
        )
    run(model, 1, pictures=1)
    assert sizes == {"G_A": [2, 1], "G_B": [3], "D_A": [1, 2]}


# ---- going on ----------------------------------------------------------------------------------


def test_a_state_of_other_kernels_goes_on_with_those_of_now() -> None:
    """Older states name no kernel and hold no scaler; channels_last lies otherwise in memory."""
    before = build(PIX2PIX)
    run(before, 3)
    state = copy.deepcopy(before.state_dict())
    del state["scalers"]
    for optimizer in state["optimizers"].values():
        for group in optimizer["param_groups"]:
            group["fused"] = None
    after = build(PIX2PIX + "--channels_last")
    after.load_state_dict(state)
    for optimizer in after.optimizers.values():
        assert optimizer.param_groups[0]["fused"] is True
        for weight, values in optimizer.state.items():
            assert values["exp_avg"].stride() == weight.stride()
    torch.testing.assert_close(run(after, 2), run(before, 2), rtol=1e-3, atol=1e-4)


def test_the_scale_of_float16_is_saved_and_needs_no_float16_to_be_read() -> None:
    before = build(PIX2PIX + "--precision fp16")
    run(before, 1)
    before.scalers["G"].update(new_scale=64.0)
    state = copy.deepcopy(before.state_dict())
    after = build(PIX2PIX + "--precision fp16")
    after.load_state_dict(state)
    assert after.scalers["G"].get_scale() == 64.0
    other = build(PIX2PIX + "--precision bf16")
    other.load_state_dict(state)
    run(other, 1)


def test_another_precision_on_a_resume_is_named(
    argv: Argv, caplog: pytest.LogCaptureFixture
) -> None:
    train(argv("--model", "template", "--precision", "fp32"))
    with caplog.at_level(logging.INFO):
        train(argv("--model", "template", "--continue_train", "--n_epochs", "2",
                   "--precision", "bf16"))
    assert any("precision fp32 -> bf16" in message for message in caplog.messages)


# ---- flags and memory --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "way_out"),
    [
        ("--compile --grad_accum 2", "leave out --compile"),
        ("--compile --checkpoint_activations", "leave out --compile"),
        ("--cuda_graph --grad_accum 2", "leave out --cuda_graph"),
        ("--cuda_graph --checkpoint_activations", "leave out --cuda_graph"),
        ("--cuda_graph --on_nan skip", "leave one of them out"),
        ("--precision fp16 --gan_mode wgangp", "use --precision bf16"),
    ],
)
def test_flags_that_cannot_work_together(
    flags: str, way_out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        build("--model cycle_gan " + flags)
    assert stop.value.code == 2
    assert way_out in capsys.readouterr().err


@pytest.fixture
def arithmetic() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
    torch.backends.cudnn.benchmark = False
    torch.set_flush_denormal(False)


@pytest.mark.parametrize(
    ("precision", "tf32"), [("default", (False, True)), ("fp32", (False, False)),
                            ("tf32", (True, True)), ("bf16", (False, True))],
)
def test_arithmetic(precision: str, tf32: tuple[bool, bool], arithmetic: None) -> None:
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, True
    set_arithmetic(precision)
    found = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    assert found == tf32
    assert not torch.backends.cudnn.benchmark
    set_arithmetic(precision, equal_sizes=True)
    assert torch.backends.cudnn.benchmark
    if torch.set_flush_denormal(True):  # the CPU can
        assert float(torch.tensor(1e-30) * torch.tensor(1e-10)) == 0.0


@pytest.mark.parametrize("kind", [{}, {"affine": True}, {"track_running_stats": True}])
def test_instance_norm_stays_what_it_was(kind: dict[str, bool]) -> None:
    """By another kernel in a training on a CPU; with running statistics by torch's own."""
    torch.manual_seed(0)
    norm = nn.InstanceNorm2d(3, **kind)
    for weight in norm.parameters():
        nn.init.normal_(weight)
    fast = copy.deepcopy(norm)
    step.Speed().prepare(nn.Sequential(fast), torch.device("cpu"))
    assert ("forward" in vars(fast)) == ("track_running_stats" not in kind)
    for _ in range(2):
        x = torch.rand(2, 3, 8, 8)
        torch.testing.assert_close(fast(x), norm(x), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(dict(fast.named_buffers()), dict(norm.named_buffers()))


def test_one_kernel_updates_all_weights() -> None:
    for optimizer in build(PIX2PIX).optimizers.values():
        assert optimizer.param_groups[0]["fused"] is True
