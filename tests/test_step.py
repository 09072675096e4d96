"""Flags for speed and memory: equal losses, and the intended effect of each flag."""

import copy
import logging

import pytest
import torch
from conftest import Argv
from tiny_models import build, run
from torch import Tensor, nn
from torch._dynamo.utils import counters

from models.execution import speed
from train import train

STEPS = 50
PIX2PIX = "--model pix2pix --norm instance --no_dropout "


@pytest.fixture(scope="module")
def plain() -> Tensor:
    return run(build(PIX2PIX), STEPS)


def test_single_images_in_channels_last_have_the_same_gradients() -> None:
    """torch's own instance norm has wrong gradients, visible from the second step."""
    wanted = run(build(PIX2PIX), 6, images=1)
    found = run(build(PIX2PIX + "--channels_last"), 6, images=1)
    assert float(((found - wanted).abs() / wanted.abs()).max()) < 1e-3


ROUNDING = (1e-5, 3e-3)  # in the first step, and over 50 steps, in which differences grow
HALF = (5e-3, 5e-3)
COMPILING = pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch reads it


@COMPILING
@pytest.mark.parametrize(
    ("flags", "tolerances"),
    [
        ("--precision fp32", (0.0, 0.0)),
        ("--precision bf16", HALF),
        pytest.param("--precision fp16", HALF, marks=pytest.mark.soak),
        ("--channels_last", ROUNDING),
        ("--compile", ROUNDING),
        ("--grad_accum 2", ROUNDING),
        ("--checkpoint_activations", (0.0, 0.0)),
        ("--precision bf16 --channels_last --grad_accum 2 --checkpoint_activations", HALF),
    ],
)
def test_loss_curves_are_equal(
    flags: str,
    tolerances: tuple[float, float],
    plain: Tensor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Compare the mean difference of each loss, relative to its mean."""
    monkeypatch.setattr(speed, "COMPILER", "aot_eager")  # inductor takes minutes to start
    curves = run(build(PIX2PIX + flags), STEPS)
    for steps, tolerance in zip((1, STEPS), tolerances, strict=True):
        found, wanted = curves[:steps], plain[:steps]
        difference = (found - wanted).abs().mean(0) / wanted.abs().mean(0)
        assert float(difference.max()) <= tolerance
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
@pytest.mark.parametrize("flags", ["", " --precision bf16 --channels_last"])
def test_compile_compiles(flags: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "COMPILER", "aot_eager")
    torch._dynamo.reset()
    counters.clear()
    model = build(PIX2PIX + "--compile" + flags)
    keys = [list(net.state_dict()) for net in model.networks.values()]
    run(model, 2)
    assert counters["stats"]["unique_graphs"] >= 2
    assert not counters["graph_break"]
    assert keys == [list(net.state_dict()) for net in build(PIX2PIX).networks.values()]


# ---- resuming ----------------------------------------------------------------------------------


def test_a_resumed_run_uses_the_kernels_of_its_own_flags() -> None:
    """Older states contain no kernel and no scaler; channels_last has other strides."""
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


def test_the_scale_of_float16_is_saved_and_other_precisions_ignore_it() -> None:
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


def test_another_precision_on_a_resume_is_logged(
    argv: Argv, caplog: pytest.LogCaptureFixture
) -> None:
    train(argv("--model", "template", "--precision", "fp32"))
    with caplog.at_level(logging.INFO):
        train(argv("--model", "template", "--continue_train", "--n_epochs", "2",
                   "--precision", "bf16"))
    assert any("precision fp32 -> bf16" in message for message in caplog.messages)


# ---- flags and memory --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "fix"),
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
    flags: str, fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        build("--model cycle_gan " + flags)
    assert stop.value.code == 2
    assert fix in capsys.readouterr().err


@pytest.mark.parametrize("settings", [{}, {"affine": True}, {"track_running_stats": True}])
def test_instance_norm_has_equal_results(settings: dict[str, bool]) -> None:
    """Training on a CPU uses another kernel, except with running statistics."""
    torch.manual_seed(0)
    norm = nn.InstanceNorm2d(3, **settings)
    for weight in norm.parameters():
        nn.init.normal_(weight)
    fast = copy.deepcopy(norm)
    speed.Speed().prepare(nn.Sequential(fast), torch.device("cpu"))
    assert ("forward" in vars(fast)) == ("track_running_stats" not in settings)
    for _ in range(2):
        x = torch.rand(2, 3, 8, 8)
        torch.testing.assert_close(fast(x), norm(x), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(dict(fast.named_buffers()), dict(norm.named_buffers()))


def test_one_kernel_updates_all_weights() -> None:
    for optimizer in build(PIX2PIX).optimizers.values():
        assert optimizer.param_groups[0]["fused"] is True
