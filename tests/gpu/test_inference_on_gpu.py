"""Translator and test.py on a GPU: channels_last, CUDA graphs, arithmetic chosen by a check."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Argv
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from inference import Translator
from inference.arithmetic import Arithmetic
from inference.fast_forward import CALLS_BEFORE, FastForward
from inference.prepare import PicturePadding, move_to_device, normalised, prepare
from models.networks import define_G
from models.weights.published_keys import to_published
from test import test as translate
from train import train
from util import checkpoint

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU: "
                                "run make test-gpu on a machine that has one")
GPU = torch.device("cuda", 0)
NETS = {"resnet": ("resnet_6blocks", "instance", 24), "unet": ("unet_128", "batch", 128)}


@pytest.fixture(autouse=True)
def repeatable() -> Iterator[None]:
    """Let cuDNN use kernels with equal results in each call."""
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    yield
    cudnn.deterministic, cudnn.benchmark = before


def weights(folder: Path, kind: str, *, width: int = 16) -> Path:
    netG, norm, _ = NETS[kind]
    torch.manual_seed(0)
    net = define_G(3, 3, width, netG, norm, use_dropout=kind == "unet", init_type="kaiming")
    path = folder / f"{kind}.pth"
    checkpoint.save(path, to_published(net))
    return path


def load(path: Path, precision: str, *, exact: bool = False) -> Translator:
    return Translator.load(path, device=GPU, precision=precision, exact=exact,
                           no_dropout=path.stem != "unet")


def image(side: int, count: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, side // 8, side // 8, generator=generator) * 2 - 1
    return functional.interpolate(coarse, size=(side, side), mode="bilinear")


def largest(a: Tensor, b: Tensor) -> float:
    return float((a.float().cpu() - b.float().cpu()).abs().max())


def levels(images: Tensor) -> Tensor:
    return ((images.clamp(-1, 1) + 1) * 127.5).round()


@pytest.mark.parametrize("kind", NETS)
def test_graphs_equal_eager_calls_also_for_two_sizes_in_turn(kind: str, tmp_path: Path) -> None:
    """Dropout too: the masks of a replay are those of an eager call with the same seed."""
    path, side = weights(tmp_path, kind), NETS[kind][2]
    fast, eager = load(path, "fp32"), load(path, "fp32")
    eager._fast = FastForward(eager.net, eager.arithmetic, channels_last=True, record=None)
    states = []
    for number in range(CALLS_BEFORE + 4):
        for size in (side, 2 * side):
            batch = image(size, seed=number)
            result = fast.translate(batch, sample=number % 2 if kind == "unet" else 0)
            wanted = eager.translate(batch, sample=number % 2 if kind == "unet" else 0)
            assert largest(result, wanted) <= 1e-4, (number, size)
            states.append(bytes(torch.cuda.get_rng_state(GPU).tolist()))
    assert fast._fast is not None
    assert len(fast._fast._recordings) == 2
    assert len(set(states)) == 1  # the generator of the caller is not touched


@pytest.mark.parametrize("kind", NETS)
def test_channels_last_equals_the_usual_layout(kind: str, tmp_path: Path) -> None:
    path, side = weights(tmp_path, kind), NETS[kind][2]
    plain, fast = load(path, "fp32", exact=True), load(path, "fp32")
    assert not plain._fast_forward().channels_last and fast._fast_forward().channels_last
    for count in (1, 4):
        batch = image(side, count)
        # The norms of the U-Net over 2 x 2 pixels enlarge differences in the last bit.
        limit = 1e-4 if kind == "resnet" else 1e-3
        assert largest(plain.translate(batch), fast.translate(batch)) <= limit


def test_no_kernel_converts_the_layout(tmp_path: Path) -> None:
    """Norms and paddings of a ResNet keep channels_last."""
    net = define_G(3, 3, 16, "resnet_6blocks", "instance", use_dropout=False)
    net = move_to_device(prepare(net, running_statistics=False), GPU)
    layouts = []
    for module in net.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda module, inputs, output: layouts.append(
                (type(module).__name__, output.is_contiguous(memory_format=torch.channels_last))))
    with torch.no_grad():
        net(image(32, 2).to(GPU).contiguous(memory_format=torch.channels_last))
    assert [name for name, kept in layouts if not kept] == []


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_norm_and_padding_equal_those_of_torch(affine: bool, dtype: torch.dtype) -> None:
    x = (torch.randn(3, 32, 40, 24, device=GPU) * 3 + 1).to(dtype)
    weight, bias = torch.randn(2, 32, device=GPU) if affine else (None, None)
    own = normalised(x.contiguous(memory_format=torch.channels_last), weight, bias, 1e-5)
    wanted = functional.instance_norm(x.float(), weight=weight, bias=bias, eps=1e-5)
    assert largest(own, wanted) <= (2e-5 if dtype == torch.float32 else 1e-2)
    assert torch.equal(PicturePadding(3)(x), nn.ReflectionPad2d(3)(x))


@pytest.mark.parametrize("kind", NETS)
def test_the_chosen_arithmetic_is_within_one_level(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, side = weights(tmp_path, kind), NETS[kind][2]
    auto, exact = load(path, "auto"), load(path, "fp32", exact=True)
    with caplog.at_level(logging.INFO):
        for number in range(8):
            batch = image(side, 2, seed=number)
            results = levels(auto.translate(batch, is_8_bit=True)), levels(exact.translate(batch))
            if auto.arithmetic.chosen != "tf32":
                assert largest(*results) <= 1
    assert any(line.startswith("arithmetic: ") for line in caplog.messages)
    assert auto.arithmetic.chosen in ("fp16", "bf16", "tf32")


def test_a_batch_equals_single_calls(tmp_path: Path) -> None:
    for kind in NETS:
        path, side = weights(tmp_path, kind), NETS[kind][2]
        for precision in ("fp32", "tf32", "fp16"):
            translator, batch = load(path, precision), image(side, 4)
            singles = torch.cat([translator.translate(one[None]) for one in batch])
            for _ in range(CALLS_BEFORE + 2):
                together = translator.translate(batch)
            limit = 2 if precision == "fp16" else 1
            assert largest(levels(together), levels(singles)) <= limit, (kind, precision)


def test_dropout_samples_are_reproducible(tmp_path: Path) -> None:
    path, batch = weights(tmp_path, "unet"), image(128)
    first, second = load(path, "fp32"), load(path, "fp32")
    ones = [first.translate(batch, sample=sample) for _ in range(6) for sample in range(2)]
    second.translate(image(128, seed=5))
    others = [second.translate(batch, sample=sample) for _ in range(6) for sample in range(2)]
    assert all(largest(a, b) <= 1e-4 for a, b in zip(ones, others, strict=True))
    assert all(largest(a, b) <= 1e-4 for a, b in zip(ones[::2], ones[:1] * 6, strict=True))
    assert largest(ones[0], ones[1]) > 1e-3


def test_a_failed_capture_leaves_eager_calls_that_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Waits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return functional.dropout(self.conv(x) * float(x.mean()), 0.5)

    net = Waits().to(GPU)
    run = FastForward.on(net, Arithmetic("fp32", GPU), exact=False)
    x, results = image(32).to(GPU), []
    with caplog.at_level(logging.INFO), torch.no_grad():
        for _ in range(CALLS_BEFORE + 3):
            torch.manual_seed(3)
            results.append(run(x))
    assert caplog.text.count("without a CUDA graph") == 1
    assert all(largest(result, results[0]) <= 1e-6 for result in results)


PAGE = ("--model", "pix2pix", "--netG", "unet_128", "--ngf", "8", "--load_size", "128",
        "--crop_size", "128", "--gpu_ids", "0", "--num_threads", "0", "--cuda_graph", "off")


def test_pages_and_folders_of_test_py(
    argv: Argv, test_argv: Argv, dataroot: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Fast and exact results differ by at most one level, also with loader processes."""
    for index in range(20):
        pixels = ((image(128, 2, seed=index) + 1) * 127.5).round().to(torch.uint8).numpy()
        pair = np.concatenate(list(pixels.transpose(0, 2, 3, 1)), axis=1)
        Image.fromarray(pair).save(dataroot / "test" / f"{index}.png")
    train(argv(*PAGE, "--n_epochs", "1", "--max_dataset_size", "2"))
    files_only = ["--dataroot", str(dataroot / "test")]
    kinds: dict[str, list[str]] = {
        "page": [], "folder": [*files_only, "--output_dir"], "inputs": [*files_only, "--inputs"],
    }
    with caplog.at_level(logging.INFO):
        for kind, flags in kinds.items():
            for name, more in (("fast", ["--num_threads", "2"]),
                               ("exact", ["--exact", "--precision", "fp32"])):
                folder = tmp_path / f"{kind} {name}"
                words = [*flags, *[str(folder)] * (kind == "folder"), *more, "--batch_size", "2"]
                translate(test_argv("--gpu_ids", "0", *words, "--results_dir", str(folder)))
    for kind in kinds:
        files = sorted((tmp_path / f"{kind} exact").rglob("*.png"))
        assert len(files) >= 20
        for file in files:
            other = tmp_path / f"{kind} fast" / file.relative_to(tmp_path / f"{kind} exact")
            before, after = (np.asarray(Image.open(path)).astype(int) for path in (file, other))
            most = 3 if "arithmetic: tf32" in caplog.text else 1
            assert np.abs(before - after).max() <= most, file
    assert not [line for line in caplog.messages if "without a CUDA graph" in line]
    assert any(line.startswith("arithmetic: ") for line in caplog.messages)
