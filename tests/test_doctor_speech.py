"""When the doctor speaks, what it says, and when it keeps silent."""

import re

import pytest
import torch
from patients import PIX2PIX, Patient, hook_generators

import models
from display.reports import Advice
from options.train_options import TrainOptions
from training.doctor.diagnoses import COMPLAINTS, Watch
from training.doctor.outputs import Translation

TRAINABLE = [name for name in models.available() if name != "test"]


def test_it_says_a_thing_once_and_when_it_is_over() -> None:
    patient = Patient("--model template")
    patient.learn(looks=3, steps=1)
    weight = next(patient.model.networks["G"].parameters())
    with torch.no_grad():
        kept = weight.clone()
        weight.mul_(1000)
    for _ in range(9):
        patient.look()
    assert patient.complaints == ["exploding gradients"]
    with torch.no_grad():
        weight.copy_(kept)
    for _ in range(9):
        patient.look()
    assert patient.complaints == ["exploding gradients", "exploding gradients over"]
    assert patient.said[1].line.startswith("exploding gradients: over, the ")


def test_outputs_are_not_judged_before_enough_pictures_were_seen() -> None:
    patient = Patient(PIX2PIX)
    patient.clock.images = 0
    hook_generators(patient.model, lambda net, inputs, output: output * 0.01)
    patient.learn(looks=8, steps=1)
    assert patient.complaints == []
    assert patient.doctor.measured["spread of fake_B"] < 0.1


def test_a_run_that_goes_on_does_not_repeat_itself() -> None:
    past = [Advice(1, 1000, "mode collapse", "seen", "meaning", "remedy")]
    patient = Patient(PIX2PIX, past=past)
    hook_generators(patient.model, lambda net, inputs, output: output * 0.01 + 0.3)
    patient.learn(looks=9, steps=1)
    assert patient.complaints == []


@pytest.mark.parametrize("name", [name for name, one in COMPLAINTS.items() if one.looks_back])
def test_a_run_that_goes_on_ill_does_not_take_that_for_its_healthy_days(name: str) -> None:
    patient = Patient("--model template", past=[Advice(1, 1000, name, "seen", "meaning", "remedy")])
    for _ in range(9):
        patient.step()
        patient.look(validation={"val_l1": 1.0})
    assert patient.complaints == []


def test_a_watch_needs_some_in_a_row() -> None:
    watch = Watch(3)
    found = [watch.look(ill) for ill in (True, True, False, True, True, None, True, True)]
    assert found == [False] * 6 + [True, False]
    assert [watch.look(False) for _ in range(3)] == [False, False, True]
    assert not watch.ill


def test_what_explains_another_silences_its_beginning() -> None:
    watch = Watch(2)
    assert [watch.look(True, may_begin=False) for _ in range(5)] == [False] * 5
    assert watch.suspected
    assert watch.look(True)


@pytest.mark.parametrize("model", TRAINABLE)
def test_only_flags_that_the_run_has_are_recommended(model: str) -> None:
    flags = vars(TrainOptions().parse(["--dataroot", ".", "--gpu_ids", "-1", "--model", model]))
    for complaint in COMPLAINTS.values():
        named = re.findall(r"--(\w+)", complaint.remedy(flags))
        assert set(named) <= flags.keys()


@pytest.mark.parametrize("model", TRAINABLE)
def test_every_model_tells_how_well_it_fits(model: str) -> None:
    found = models.find_model(model)
    assert set(found.FIT) <= set(found.LOSSES)
    assert found.FIT


def test_a_model_that_shows_something_else_is_left_alone() -> None:
    patient = Patient("--model template")
    patient.step()
    patient.doctor.look_at_pictures({"mine": torch.zeros(1, 3, 32, 32)})
    assert patient.said == []
    grey = torch.zeros(1, 3, 8, 8)
    one = Translation("fake_B", grey, grey, grey, partner="target")
    assert [finding.ill for finding in patient.doctor._outputs.look([one])] == [None, None, False]
