"""When the doctor reports a problem, when it does not, and the text of its reports."""

import re

import pytest
import torch
from watched_training import PIX2PIX, WatchedTraining, hook_generators

import models
from display.reports import Advice
from options.train_options import TrainOptions
from training.doctor.diagnoses import DIAGNOSES, DiagnosisState
from training.doctor.outputs import Translation

TRAINABLE = [name for name in models.available() if name != "test"]
PROJECT_MODELS = {"pix2pix", "cycle_gan", "colorization", "template"}


def test_a_problem_is_reported_when_it_begins_and_when_it_is_over() -> None:
    training = WatchedTraining("--model template")
    training.learn(checks=3, steps=1)
    weight = next(training.model.networks["G"].parameters())
    with torch.no_grad():
        original = weight.clone()
        weight.mul_(1000)
    for _ in range(9):
        training.check()
    assert training.complaints == ["exploding gradients"]
    with torch.no_grad():
        weight.copy_(original)
    for _ in range(9):
        training.check()
    assert training.complaints == ["exploding gradients", "exploding gradients over"]
    assert training.advice[1].line.startswith("exploding gradients: over, the ")


def test_outputs_are_not_reported_before_enough_images_were_seen() -> None:
    training = WatchedTraining(PIX2PIX)
    training.clock.images = 0
    hook_generators(training.model, lambda net, inputs, output: output * 0.01)
    training.learn(checks=8, steps=1)
    assert training.complaints == []
    assert training.doctor.measured["spread of fake_B"] < 0.1


def test_a_resumed_run_does_not_repeat_a_report() -> None:
    past = [Advice(1, 1000, "mode collapse", "seen", "meaning", "remedy")]
    training = WatchedTraining(PIX2PIX, past=past)
    hook_generators(training.model, lambda net, inputs, output: output * 0.01 + 0.3)
    training.learn(checks=9, steps=1)
    assert training.complaints == []


@pytest.mark.parametrize("name", [
    name for name, diagnosis in DIAGNOSES.items() if diagnosis.needs_baseline
])
def test_a_resumed_run_has_no_baseline_that_could_end_a_problem(name: str) -> None:
    past = [Advice(1, 1000, name, "seen", "meaning", "remedy")]
    training = WatchedTraining("--model template", past=past)
    for _ in range(9):
        training.step()
        training.check(validation={"val_l1": 1.0})
    assert training.complaints == []


def test_a_state_changes_after_consecutive_checks() -> None:
    state = DiagnosisState(3)
    results = (True, True, False, True, True, None, True, True)
    assert [state.add(present) for present in results] == [False] * 6 + [True, False]
    assert [state.add(False) for _ in range(3)] == [False, False, True]
    assert not state.active


def test_an_explained_diagnosis_does_not_begin() -> None:
    state = DiagnosisState(2)
    assert [state.add(True, may_begin=False) for _ in range(5)] == [False] * 5
    assert state.suspected
    assert state.add(True)


@pytest.mark.parametrize("model", TRAINABLE)
def test_only_flags_that_the_run_has_are_recommended(model: str) -> None:
    flags = vars(TrainOptions().parse(["--dataroot", ".", "--gpu_ids", "-1", "--model", model]))
    for diagnosis in DIAGNOSES.values():
        named = re.findall(r"--(\w+)", diagnosis.remedy(flags))
        assert set(named) <= flags.keys()


@pytest.mark.parametrize("model", TRAINABLE)
def test_every_model_names_the_losses_that_measure_its_fit(model: str) -> None:
    cls = models.find_model(model)
    assert set(cls.FIT) <= set(cls.LOSSES)
    assert cls.FIT or model not in PROJECT_MODELS, "FIT is optional in the model of a user"


def test_a_model_with_other_visuals_is_not_checked() -> None:
    training = WatchedTraining("--model template")
    training.step()
    training.doctor.check_images({"mine": torch.zeros(1, 3, 32, 32)})
    assert training.advice == []
    grey = torch.zeros(1, 3, 8, 8)
    translation = Translation("fake_B", grey, grey, grey, partner="target")
    findings = training.doctor._outputs.check([translation])
    assert [finding.present for finding in findings] == [None, None, False]
