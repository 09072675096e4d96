"""Fast calls of networks in a test: arithmetic chosen by a check, CUDA graphs for equal sizes.

A CPU stands for the GPU: see tests/gpu/test_inference_on_gpu.py for the real one.
"""

import logging
from collections.abc import Callable

import pretend_graph
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.arithmetic import Arithmetic, Images, levels_apart
from inference.fast_forward import CALLS_BEFORE, MOST_GRAPHS, FastForward
from inference.prepare import PicturePadding, normalised, prepare
from models.networks import define_G

CPU = torch.device("cpu")
CHANNELS_LAST = torch.channels_last


def network(*, dropout: bool) -> nn.Module:
    torch.manual_seed(0)
    net = define_G(3, 3, 2, "resnet_6blocks", "instance", use_dropout=dropout)
    return prepare(net, running_statistics=False)


def fast(net: nn.Module, recorded: list[object] | None = None) -> FastForward:
    def record(step: Callable[[], None]) -> Callable[[], None]:
        if recorded is not None:
            recorded.append(step)
        return pretend_graph.record(step)

    arithmetic = Arithmetic("default", CPU)
    arithmetic.may_record = True
    return FastForward(net, arithmetic, channels_last=True, record=record)


def call(run: Callable[[Tensor], Tensor], side: int, seed: int = 0) -> Tensor:
    image = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    with torch.no_grad():
        return run(image)


@pytest.mark.parametrize("dropout", [False, True])
def test_graphs_of_alternating_sizes_equal_plain_calls(dropout: bool) -> None:
    net = network(dropout=dropout)
    recorded: list[object] = []
    run = fast(net, recorded)
    outputs = []
    for number in range(CALLS_BEFORE + 3):
        for side in (16, 20):
            output = call(run, side, seed=number)
            torch.testing.assert_close(output, call(net, side, seed=number))
            outputs.append((output, output.clone()))
    assert len(recorded) == 2
    assert all(torch.equal(*pair) for pair in outputs)  # later replays do not change them


def test_the_random_state_is_the_same_with_and_without_a_capture() -> None:
    net = network(dropout=True)
    run, draws = fast(net), []
    for _ in range(CALLS_BEFORE + 2):
        call(run, 16)
        draws.append(float(torch.rand(())))
    assert len(set(draws)) == 1


def test_the_graphs_of_the_sizes_used_last_are_kept() -> None:
    recorded: list[object] = []
    run = fast(nn.Conv2d(3, 3, 1), recorded)
    for side in range(MOST_GRAPHS + 1):
        for _ in range(CALLS_BEFORE + 1):
            call(run, 8 + side)
    assert len(recorded) == MOST_GRAPHS + 1
    call(run, 9)
    assert len(recorded) == MOST_GRAPHS + 1
    call(run, 8)  # was dropped
    call(run, 9)
    assert len(recorded) == MOST_GRAPHS + 2


class Waits(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * float(x.mean())


class Two(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


@pytest.mark.parametrize("net", [Waits(), Two()])
def test_a_network_that_cannot_be_captured_runs_eagerly(
    net: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    recorded: list[object] = []
    run = fast(net, recorded)
    with caplog.at_level(logging.INFO):
        for _ in range(CALLS_BEFORE + 3):
            torch.testing.assert_close(call(run, 8), call(net, 8))
    assert len(recorded) == 1
    assert caplog.text.count("without a CUDA graph") == 1


def test_graphs_are_dropped_if_an_image_needs_their_memory() -> None:
    class LargeFails(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            if x.shape[-1] > 16 and run._recordings:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    recorded: list[object] = []
    run = fast(LargeFails(3, 3, 1), recorded)
    for _ in range(CALLS_BEFORE + 1):
        call(run, 8)
    assert torch.equal(call(run, 32), call(run.net, 32))
    call(run, 8)
    assert len(recorded) == 2


def test_large_inputs_and_gradients_need_no_graph() -> None:
    recorded: list[object] = []
    run = fast(nn.Conv2d(3, 3, 1), recorded)
    small, large = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 1025, 1024)
    for _ in range(CALLS_BEFORE + 2):
        assert run(small).requires_grad
        with torch.no_grad():
            run(large)
    assert not recorded


# ---- arithmetic --------------------------------------------------------------------------------


class Outputs:
    """``fp32`` gives 0; the other arithmetic is ``error`` levels away, in each call another."""

    def __init__(self, arithmetic: Arithmetic, *errors: float) -> None:
        self.arithmetic, self.errors, self.batch = arithmetic, errors, 0
        self.used: list[str] = []

    def run(self, *, is_8_bit: bool = True) -> None:
        def compute() -> Images:
            self.last = self.arithmetic.current
            reduced = self.last in ("fp16", "bf16")
            error = self.errors[min(self.batch, len(self.errors) - 1)] / 127.5
            return {"fake": torch.full((1, 3, 2, 2), error if reduced else 0.0)}

        self.arithmetic.run(compute, is_8_bit=is_8_bit)
        self.used.append(self.last)
        self.batch += 1


def auto(*candidates: str) -> Arithmetic:
    return Arithmetic("auto", CPU, candidates=candidates)


@pytest.mark.parametrize(("errors", "used", "lines"), [
    ([0.4], "fp16 fp16 fp16 fp16 fp16", ["fp16, chosen because the first batch differs"]),
    ([0.6, 0.1], "tf32 tf32 tf32 tf32 tf32", ["tf32, because the first batch differs in fp16 and "
                                              "bf16"]),
    ([float("nan")], "tf32 tf32 tf32 tf32 tf32", ["tf32, because"]),
    # The third and the fifth batch are not checked.
    ([0.1, 0.9, 5.0, 0.9, 5.0], "fp16 fp16 fp16 fp16 fp16", ["fp16, chosen"]),
    ([0.1, 0.9, 5.0, 1.1], "fp16 fp16 fp16 tf32 tf32", ["fp16, chosen", "tf32 from batch 4 on"]),
])
def test_16_bits_are_used_while_checked_outputs_are_close(
    errors: list[float], used: str, lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    outputs = Outputs(auto("fp16", "bf16"), *errors)
    with caplog.at_level(logging.INFO):
        for _ in used.split():
            outputs.run()
    assert " ".join(outputs.used) == used
    assert len(caplog.messages) == len(lines)
    assert all(line in message for line, message in zip(lines, caplog.messages, strict=True))


def test_outputs_of_more_bits_and_flags_given_by_hand_are_not_checked() -> None:
    outputs = Outputs(auto("fp16"), 0.1)
    outputs.run(is_8_bit=False)
    outputs.run()
    outputs.run(is_8_bit=False)
    assert outputs.used == ["default", "fp16", "default"]
    for precision in ("default", "fp32", "tf32", "bf16", "fp16"):
        outputs = Outputs(Arithmetic(precision, CPU), 90)
        for is_8_bit in (True, False, True):
            outputs.run(is_8_bit=is_8_bit)
        assert outputs.used == [precision] * 3
    assert Arithmetic.of("auto", torch.device("cuda"), exact=True).chosen == "default"
    assert Arithmetic.of("bf16", torch.device("cuda"), exact=True).chosen == "bf16"
    with pytest.raises(ValueError, match="'half' is unknown; choose from auto, default"):
        Arithmetic("half", CPU)


@pytest.mark.parametrize(("own", "of_main", "used"), [
    (0.9, "fp16", "fp16"), (0.1, "tf32", "tf32"), (0.1, "", "fp16"), (None, "bf16", "bf16"),
])
def test_processes_take_the_choice_of_the_main_one(
    own: float | None, of_main: str, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.arithmetic.from_main", lambda make: of_main)
    outputs = Outputs(auto("fp16"), own or 0, 0.9)
    if own:
        outputs.run()
    differs = outputs.arithmetic.agree()
    assert differs == (own is not None and outputs.used[0] != used)
    outputs.run()
    assert outputs.used[-1] == used


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_real_network_is_compared_in_16_bits(precision: str) -> None:
    net = network(dropout=False)
    arithmetic = auto(precision)
    run = FastForward(net, arithmetic, channels_last=True, record=None)
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    dtypes = []
    net.model[1].register_forward_hook(  # type: ignore[index, union-attr]
        lambda module, inputs, output: dtypes.append(output.dtype))
    with torch.no_grad():
        images = arithmetic.run(lambda: {"fake": run(image)}, is_8_bit=True)
        exact = {"fake": net(image)}
    assert images["fake"].dtype == torch.float32
    assert levels_apart(images, exact) <= 1
    assert dtypes[:2] == [torch.float32, getattr(torch, {"bf16": "bfloat16", "fp16": "half"}
                                                 [precision])]


# ---- layers that keep channels_last ------------------------------------------------------------


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_norm_of_channels_last_images_is_that_of_torch(
    affine: bool, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = (torch.randn(2, 5, 24, 20, generator=generator) * 3 + 1).to(dtype)
    weight, bias = torch.randn(2, 5, generator=generator) if affine else (None, None)
    own = normalised(x.contiguous(memory_format=CHANNELS_LAST), weight, bias, 1e-5)
    assert own.dtype == dtype and own.is_contiguous(memory_format=CHANNELS_LAST)
    wanted = functional.instance_norm(x.float(), weight=weight, bias=bias, eps=1e-5)
    torch.testing.assert_close(own, wanted.to(dtype), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("padding", [1, 3, (1, 2, 3, 0)])
def test_padding_is_that_of_torch(padding: int | tuple[int, int, int, int]) -> None:
    x = torch.rand(2, 3, 6, 5).contiguous(memory_format=CHANNELS_LAST)
    torch_padding = nn.ReflectionPad2d(padding)
    own = PicturePadding(torch_padding.padding)(x)
    assert torch.equal(own, torch_padding(x))
    assert own.is_contiguous(memory_format=CHANNELS_LAST)
