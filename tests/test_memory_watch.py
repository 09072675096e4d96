"""The warning before a step that is too large, and the error when memory is full."""

import re

import pytest
import torch
from conftest import Argv
from small_steps import GB, a_batch, options

import models
from models.base_model import BaseModel
from train import train
from training.memory import watch
from training.memory.advice import StepAdvice, StepPlan
from training.memory.watch import MemoryWatch, upper_bound
from util.runtime import run_program


@pytest.mark.parametrize("flags", ["", "--norm instance --gan_mode wgangp", "--model cycle_gan",
                                   "--model cycle_gan --gan_mode wgangp --batch_size 3",
                                   "--model cycle_gan --netG resnet_9blocks --ndf 8"])
def test_no_network_of_this_project_exceeds_the_bound(flags: str) -> None:
    opt = options("--model pix2pix " + flags)
    batch = a_batch(opt)
    bound = upper_bound(opt, models.find_model(opt.model)(opt), batch)
    assert StepAdvice(opt, batch, GB).need(StepPlan.of(opt)) < bound


def test_a_step_that_is_too_large_is_warned_about_before_it_is_taken(
    argv: Argv, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "bytes_for_a_step", lambda model: 100_000)
    train(argv("--model", "template", "--batch_size", "3"))
    warnings = [line for line in caplog.messages if line.startswith("warning: a step with")]
    assert len(warnings) == 1
    assert "--batch_size 3 and --crop_size 16 needs about" in warnings[0]


def test_nothing_is_estimated_if_the_bound_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "StepAdvice", None)
    monkeypatch.setattr(watch, "available_bytes", lambda device: 4 * GB)
    opt = options()
    memory = MemoryWatch(opt, models.find_model(opt.model)(opt))
    batch = a_batch(opt)
    with memory:
        assert list(memory.watch([batch])) == [batch]


FULL = "[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: ..."


@pytest.mark.parametrize(
    "error",
    [RuntimeError(FULL), MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried ...")],
)
def test_full_memory_is_explained_in_one_sentence(
    error: Exception, argv: Argv, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def optimize_parameters(model: BaseModel) -> None:
        if "image" not in model.image_paths:  # the names in the estimate
            raise error
        step(model)

    template = models.find_model("template")
    step = template.optimize_parameters
    monkeypatch.setattr(template, "optimize_parameters", optimize_parameters)
    with pytest.raises(SystemExit) as stop:
        run_program(lambda: train(argv("--model", "template", "--batch_size", "3")))
    assert stop.value.code == 1
    sentence = (
        r"--batch_size 3 and --crop_size 16 needs about \d+ MB, and .* were available, but "
        r"fragmented or partly taken by other programs; --batch_size 2 would fit; "
        r"--batch_size 1 --grad_accum 3 \(the same step\) would save \d+ MB"
    )
    assert re.search(sentence, caplog.messages[-1]), caplog.messages[-1]


def test_a_model_that_reads_values_gets_the_sentence_without_figures(
    argv: Argv, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def optimize_parameters(model: BaseModel) -> None:
        if torch.zeros(()).item() == 0:
            raise MemoryError

    template = models.find_model("template")
    monkeypatch.setattr(template, "optimize_parameters", optimize_parameters)
    with pytest.raises(SystemExit):
        run_program(lambda: train(argv("--model", "template", "--batch_size", "3")))
    wanted = ("--batch_size 3", "--crop_size 16", "--grad_accum", "--checkpoint_activations")
    assert all(word in caplog.messages[-1] for word in wanted)
    assert "needs about" not in caplog.messages[-1]


def test_other_errors_are_not_reported_as_full_memory() -> None:
    opt = options()
    memory = MemoryWatch(opt, models.find_model(opt.model)(opt))
    with pytest.raises(RuntimeError, match="shapes"), memory:
        for _ in memory.watch([a_batch(opt)]):
            raise RuntimeError("shapes")
