"""The kernels of --fused, in Triton's interpreter: it runs them on a CPU, program by program."""

import copy
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.execution import fusion, fusion_check
from models.execution.fused import Work
from models.execution.fusion import fuse
from models.execution.fusion_check import KernelCase, can_fuse, difference
from models.execution.norm_steps import Steps
from models.execution.row_conv import BlockConv2d, use_row_conv
from models.execution.speed import Speed
from models.networks.discriminators import NLayerDiscriminator
from models.networks.resnet import ResnetGenerator
from models.networks.unet import UnetGenerator
from options.train_options import TrainOptions

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture
def interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fused modules use the kernels on the CPU (see conftest.py)."""
    pytest.importorskip("triton")
    if torch.cuda.is_available():
        pytest.skip("the kernels run on the GPU: see tests/gpu")
    monkeypatch.setattr(fusion, "_runs_on", lambda x: x.ndim == 4)


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("case", [
    KernelCase(Steps("instance", slopes=(0.0,), border=1), (2, 5, 9, 8)),
    KernelCase(Steps("instance"), (2, 5, 9, 8), residual=True),
    KernelCase(Steps("batch", slopes=(0.2, 0.0)), (3, 70, 6, 5), affine=True),
    KernelCase(Steps("instance", slopes=(0.0,), border=3), (1, 3, 4, 4)),  # each border overlaps
    KernelCase(Steps(border=3), (1, 5, 9, 7)),
    KernelCase(Steps(slopes=(0.2, 0.0)), (2, 5, 1, 1)),
], ids=str)
def test_kernels_equal_torch(case: KernelCase) -> None:
    assert difference(case, CPU, torch.float32) < 4e-6


@pytest.mark.usefixtures("interpreter")
def test_half_precision_is_rounded_once() -> None:
    case = KernelCase(Steps("instance", slopes=(0.0,), border=1), (1, 8, 9, 7))
    assert difference(case, CPU, torch.bfloat16) < 8e-3


@pytest.mark.soak
@pytest.mark.parametrize("capability", [75, 80, 90])
def test_kernels_compile_for_gpus(
    capability: int, record_property: Callable[[str, object], None]
) -> None:
    """Triton's wheel brings NVIDIA's assembler, so no GPU is needed."""
    pytest.importorskip("triton")
    program = Path(__file__).with_name("compile_kernels.py")
    run = subprocess.run([sys.executable, program, str(capability)], capture_output=True,
                         text=True, env=os.environ | {"TRITON_INTERPRET": "0"}, check=True)
    found = json.loads(run.stdout)
    name, registers, _ = max(found, key=lambda row: row[1])
    record_property("measured", f"{len(found)} kernels for {capability}, at most {registers} "
                    f"registers ({name.split()[0]})")
    assert [row for row in found if row[2] > 0] == []


@pytest.mark.parametrize("size", [(1, 3, 1, 2), (1, 64, 256, 256), (24, 64, 256, 256),
                                  (1, 512, 2, 2), (16, 128, 31, 31)])
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_the_work_is_divided_completely(size: tuple[int, ...], norm: str) -> None:
    work = Work.of(torch.empty(size, device="meta"), norm)
    assert work.images * work.pixels == size[0] * size[2] * size[3]
    assert (work.chunks - 1) * work.chunk < work.pixels <= work.chunks * work.chunk
    assert work.chunks <= work.most_chunks <= 128
    blocks = work.of_rows(work.pixels)[0] // work.images
    assert (blocks - 1) * work.rows < work.pixels <= blocks * work.rows


def build(kind: str) -> tuple[nn.Module, Tensor]:
    """Return a network with classes that ``fuse`` replaces, and an input."""
    torch.manual_seed(0)
    resnet = partial(ResnetGenerator, 3, 3, 4, norm_layer="instance", n_blocks=1)
    builders: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
        "resnet": (resnet, (1, 3, 16, 16)),
        "resnet, batch norm": (partial(resnet, norm_layer="batch"), (2, 3, 8, 8)),
        "unet": (lambda: UnetGenerator(3, 3, 5, 4), (1, 3, 32, 64)),
        "encoder-decoder": (lambda: UnetGenerator(3, 3, 5, 4, "instance", skips=False),
                            (1, 3, 32, 64)),
        "D": (lambda: NLayerDiscriminator(3, 4, norm_layer="instance"), (2, 3, 32, 24)),
    }
    make, shape = builders[kind]
    return make().double(), torch.randn(shape, dtype=torch.float64)


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("kind", ["resnet", "resnet, batch norm", "unet", "encoder-decoder", "D"])
def test_a_fused_network_equals_its_own(kind: str) -> None:
    """Biases before instance norm have the gradient 0; rounding gives them another one in torch."""
    net, x = build(kind)
    quick = copy.deepcopy(net).float().to(memory_format=torch.channels_last)
    fuse(quick)
    assert [type(one) for one in quick.modules()] != [type(one) for one in net.modules()]
    outputs = net(x), quick(x.float())
    assert difference_of(outputs[1], outputs[0]) < 3e-5
    for one in outputs:
        one.square().sum().backward()
    largest = max(float(weight.grad.abs().max()) for weight in net.parameters()
                  if weight.grad is not None)
    for own, other in zip(net.parameters(), quick.parameters(), strict=True):
        assert own.grad is not None
        assert other.grad is not None
        assert float((own.grad - other.grad).abs().max()) < 1e-4 * largest
    for kept, tracked in zip(net.buffers(), quick.buffers(), strict=True):
        assert difference_of(tracked, kept) < 1e-5


def difference_of(found: Tensor, wanted: Tensor) -> float:
    distance = (found.detach().double() - wanted.detach()).abs().max()
    return float(distance / wanted.detach().abs().max())


@pytest.mark.usefixtures("interpreter")
def test_an_activation_in_place_changes_the_input_as_before() -> None:
    layers = nn.Sequential(nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(3, 4, 3),
                           nn.InstanceNorm2d(4), nn.ReLU(inplace=True))
    quick = copy.deepcopy(layers)
    fuse(quick)
    images = [torch.linspace(-1, 1, 75).reshape(1, 3, 5, 5) for _ in range(2)]
    results = layers(images[0]), quick(images[1])
    assert torch.equal(*images)
    assert difference_of(results[1], results[0]) < 1e-5


@pytest.mark.usefixtures("interpreter")
def test_the_gradient_penalty_of_a_fused_network_is_right() -> None:
    net, x = build("D")
    quick = copy.deepcopy(net)
    fuse(quick)
    found = []
    for own in (net, quick.float()):
        image = x.to(next(own.parameters()).dtype).requires_grad_()
        gradient, = torch.autograd.grad(own(image).sum(), image, create_graph=True)
        (gradient.norm() - 1).square().backward()
        found.append([weight.grad for weight in own.parameters() if weight.ndim == 4])
    for wanted, own_gradient in zip(*found, strict=True):
        assert wanted is not None
        assert own_gradient is not None
        assert difference_of(own_gradient, wanted) < 1e-4


def test_without_a_gpu_a_fused_network_computes_as_before() -> None:
    for kind in ("resnet", "unet", "D"):
        net, x = build(kind)
        quick = copy.deepcopy(net)
        fuse(quick)
        torch.testing.assert_close(quick(x), net(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [(1, 8, 10, 10), (2, 8, 13, 9)])
def test_few_output_channels_in_blocks(size: tuple[int, ...]) -> None:
    conv = nn.Conv2d(8, 3, 7).double()
    quick = nn.Sequential(copy.deepcopy(conv))
    use_row_conv(quick, GPU)
    assert isinstance(quick[0], BlockConv2d)
    x = torch.randn(size, dtype=torch.float64)
    results = conv(x), quick(x)
    torch.testing.assert_close(results[1], results[0])
    for own in results:
        own.square().sum().backward()
    for own_weight, weight in zip(quick.parameters(), conv.parameters(), strict=True):
        torch.testing.assert_close(own_weight.grad, weight.grad)


def test_a_machine_where_the_kernels_fail_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def without_compiler(*args: object) -> float:
        raise RuntimeError("Failed to find C compiler.\nmore lines")

    for function, words in ((without_compiler, "do not run on cuda:0: Failed to find C compiler."),
                            (lambda *args: 0.5, "differ from torch by 0.5 on cuda:0"),
                            (lambda *args: float("nan"), "differ from torch by nan")):
        can_fuse.cache_clear()
        monkeypatch.setattr(fusion_check, "difference", function)
        with caplog.at_level(logging.WARNING):
            assert not can_fuse(GPU, torch.float32)
        assert words in caplog.messages[-1]
    can_fuse.cache_clear()
    monkeypatch.setattr(fusion_check, "difference", lambda *args: 1e-6)
    assert can_fuse(GPU, torch.float32)
    can_fuse.cache_clear()


@pytest.mark.parametrize(("flags", "words"), [
    ("--fused --compile", "--fused and --compile"),
    ("--fused --checkpoint_activations", "--fused and --checkpoint_activations"),
    ("--fused --channels_last off", "channels_last memory"),
])
def test_flags_that_contradict_each_other(
    flags: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        TrainOptions().parse(["--dataroot", "x", "--gpu_ids", "-1", *flags.split()])
    assert words in capsys.readouterr().err


def test_on_a_cpu_the_flag_has_no_effect() -> None:
    net, _ = build("D")
    speed = Speed(fused=True, channels_last=True)
    speed.prepare(net, CPU)
    assert not any("Fused" in type(module).__name__ for module in net.modules())
    assert list(speed.remarks(CPU)) == ["--fused has no effect, because the device is cpu"]
