"""The estimated memory of a training step, and smaller steps that fit."""

import random
from argparse import Namespace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from small_steps import GB, a_batch, options

import models
from models.execution.replicas import Replicas, alone
from training.memory.advice import StepAdvice, StepPlan
from training.memory.estimate import StepMemory, Tally
from util import free_memory
from util.random_states import random_state
from util.text import format_bytes

TRAINABLE = [name for name in models.available() if name != "test"]


def advice(flags: str, available: int) -> StepAdvice:
    opt = options(flags)
    return StepAdvice(opt, a_batch(opt), available)


def estimate(opt: Namespace) -> int:
    shapes = {"A": (1, opt.input_nc, 1, 1), "B": (1, opt.output_nc, 1, 1), "A_paths": None}
    images = opt.batch_size * opt.grad_accum
    memory = StepMemory(opt, shapes | {"B_paths": None})
    return memory.peak_of_tensors(images, opt.crop_size, opt.crop_size)


@pytest.mark.parametrize(
    ("model", "flags"),
    [
        *((model, "") for model in TRAINABLE),
        pytest.param("cycle_gan", "--batch_size 1 --grad_accum 2", marks=pytest.mark.soak),
        ("cycle_gan", "--checkpoint_activations"),
        ("pix2pix", "--precision bf16"),
        ("pix2pix", "--channels_last"),
    ],
)
def test_the_estimate_equals_the_tensors_of_a_real_step(model: str, flags: str) -> None:
    opt = options(f"--model {model} --batch_size 2 --pool_size 0 {flags}")
    with Tally() as real:
        own = models.find_model(model)(opt)
        for _ in range(2):
            real.peak = real.held
            own.set_input(a_batch(opt))
            own.optimize_parameters()
    assert estimate(opt) == pytest.approx(real.peak, rel=0.05)


def test_full_pools_and_buckets_of_several_processes_are_included(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    opt = options("--model cycle_gan --pool_size 0")
    bare = estimate(opt)
    opt.pool_size = 50
    assert estimate(opt) - bare == 2 * 50 * 3 * 64 * 64 * 4
    opt.pool_size = 0
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "LOCAL_RANK", "MASTER_PORT"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    weights = models.find_model("cycle_gan")(opt).networks.values()
    assert estimate(opt) - bare == 4 * sum(w.numel() for n in weights for w in n.parameters())


def test_the_estimate_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    opt = options("--model cycle_gan --dropout --precision fp16")
    before, flags = random_state(), dict(vars(opt))
    estimate(opt)
    after = random_state()
    assert torch.equal(before["torch"], after["torch"])
    assert before["python"] == after["python"] == random.getstate()
    assert vars(opt) == flags
    assert not caplog.messages


def test_alone_hides_the_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    two = Namespace(world_size=2)
    monkeypatch.setattr("models.execution.replicas.current_process", lambda: two)
    device = torch.device("cpu")
    assert Replicas(device).size == 2
    with alone():
        assert Replicas(device).size == 1
    assert Replicas(device).size == 2


@pytest.mark.parametrize(("share", "flags"), [
    pytest.param(0.5, "", marks=pytest.mark.soak), (0.7, " --grad_accum 2"), (0.95, ""),
])
def test_the_advised_batch_fits_and_the_next_does_not(share: float, flags: str) -> None:
    flags = "--model pix2pix --norm instance --batch_size 9" + flags
    needed = advice(flags, GB).need(StepPlan.of(options(flags)))
    result = advice(flags, int(share * needed))
    batch, crop = result.largest_batch(), result.largest_crop()
    assert 0 < batch < 9
    assert 32 <= crop < 64
    assert crop % 4 == 0
    given = result.given
    for fits, larger in (
        (StepPlan(batch, 64, given.grad_accum), StepPlan(batch + 1, 64, given.grad_accum)),
        (StepPlan(9, crop, given.grad_accum), StepPlan(9, crop + 4, given.grad_accum)),
    ):
        assert result.need(fits) <= result.limit < result.need(larger)


def test_a_unet_has_no_smaller_crop_than_its_depth_allows() -> None:
    result = advice("--model pix2pix --netG unet_128 --crop_size 128 --load_size 128", 1)
    assert result.largest_crop() == result.largest_batch() == 0
    assert result.describe_fixes().startswith("no smaller batch fits; --checkpoint_activations")


def test_flags_that_save_memory_are_named_with_their_saving() -> None:
    flags = "--model pix2pix --norm instance --batch_size 6"
    needed = advice(flags, GB).need(StepPlan(6, 64))
    result = advice(flags, int(0.8 * needed))
    accumulated = StepPlan(3, 64, grad_accum=2)
    checkpointed = StepPlan(6, 64, checkpoint_activations=True)
    assert list(result.memory_savings().values()) == [accumulated, checkpointed]
    saved = format_bytes(needed - result.need(accumulated))
    words = f"--batch_size 3 --grad_accum 2 (the same step) would save {saved}, which is enough"
    assert words in result.describe_fixes()
    assert "bf16" not in result.describe_fixes()  # on a CPU it saves nothing


def test_the_gpu_is_not_used_and_bf16_is_named() -> None:
    opt = options("--model pix2pix --norm instance --batch_size 2")
    opt.device = torch.device("cuda", 0)
    result = StepAdvice(opt, a_batch(opt), 1)
    on_a_cpu = advice("--model pix2pix --norm instance", 1)  # with a larger overhead
    assert 0 < result.need(StepPlan(2, 64)) < on_a_cpu.need(StepPlan(2, 64))
    assert "--precision bf16 would save" in result.describe_fixes()


def test_images_that_are_not_cropped_count_with_their_own_size() -> None:
    opt = options("--model template --preprocess none")
    batch = a_batch(opt)
    batch["A"] = batch["B"] = torch.zeros(1, 3, 32, 96)
    result = StepAdvice(opt, batch, 1)
    assert result.largest_crop() == 0
    assert "images of 96 x 32 pixels needs" in result.describe_need()


def test_the_limit_of_a_process_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    free = free_memory.free_memory()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = {resource.RLIMIT_AS: (used + free // 2, -1), resource.RLIMIT_DATA: (-1, -1)}
    monkeypatch.setattr(resource, "getrlimit", limits.get)
    assert 0.3 * free < free_memory.free_memory() < 0.6 * free
