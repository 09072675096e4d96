"""The flags of the augmentation and --nearest: bad values, resumed runs, and tests."""

import logging
import sys
from pathlib import Path

import pytest
from conftest import Argv

from data.augment import Augmentation
from options.test_options import TestOptions
from options.train_options import TrainOptions

AUGMENTED = [
    "--flip_vertical", "--turn_90", "--rotate", "10", "--zoom", "0.9,1.25", "--translate", "0.1",
    "--colour_jitter", "0.2,0.1,0,0.05", "--cutout", "4",
]


def trained(argv: Argv, *flags: str) -> None:
    options = TrainOptions()
    options.save(options.parse(argv("--model", "pix2pix", *flags)))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--rotate 181", "must be in 0 <= x <= 180 (degrees), got 181"),
        ("--rotate -5", "degrees"),
        ("--zoom 1.1", "LO,HI such as 0.9,1.1"),
        ("--zoom 1.2,0.9", "LO above HI"),
        ("--zoom 0,1", "must be > 0"),
        ("--translate 1", "0 <= x < 1"),
        ("--colour_jitter 0.1,0.1,0.1,0.6", "hue (0 to 0.5)"),
        ("--colour_jitter 0,0,0,0,0", "up to four numbers"),
        ("--colour_jitter 1.5", "0 to 1"),
        ("--colour_jitter red", "must be a number, got 'red'"),
        ("--cutout -1", "must be >= 0"),
        ("--cutout 16", "--cutout 16 would hide whole images of --crop_size 16"),
        ("--nearest C", "must be A, B or AB"),
        ("--input_nc 4 --colour_jitter 0.1,0,0.2", "--input_nc is 4; .* --colour_jitter 0.1,0"),
        ("--nearest A --colour_jitter 0.1", "--nearest A declares them as labels"),
        ("--nearest B --direction BtoA --colour_jitter 0.1", "--nearest B declares"),
        ("--model colorization --nearest A", "--nearest has no effect with --dataset_mode colo"),
        ("--model colorization --colour_jitter 0,0,0.1", "need 3 channels"),
    ],
)
def test_train_refuses(
    flags: str, message: str, argv: Argv, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        TrainOptions().parse(argv("--model", "pix2pix", *flags.split()))
    assert stop.value.code == 2
    first, _, second = message.partition(" .* ")
    error = capsys.readouterr().err
    assert first in error and second in error


def test_off_by_default(argv: Argv) -> None:
    opt = TrainOptions().parse(argv())
    assert {name: getattr(opt, name) for name in vars(Augmentation())} == vars(Augmentation())
    assert opt.nearest == ""


def test_missing_torchvision_is_named(
    argv: Argv, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.transforms.v2.functional", None)
    TrainOptions().parse(argv("--rotate", "3"))
    with pytest.raises(SystemExit):
        TrainOptions().parse(argv("--colour_jitter", "0.1"))
    assert "pip install torchvision" in capsys.readouterr().err


@pytest.mark.parametrize("text_alone", [False, True])
def test_a_resumed_run_keeps_it_and_a_change_is_reported(
    text_alone: bool, argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trained(argv, *AUGMENTED)
    if text_alone:
        (tmp_path / "runs" / "t" / "train_opt.json").unlink()
    caplog.set_level(logging.INFO)
    options = TrainOptions()
    opt = options.parse(argv("--continue_train"))
    options.save(opt)
    assert (opt.flip_vertical, opt.turn_90, opt.rotate, opt.cutout) == (True, True, 10, 4)
    assert (opt.zoom, opt.translate) == ((0.9, 1.25), 0.1)
    assert opt.colour_jitter == (0.2, 0.1, 0, 0.05)
    assert not any("changed since" in message for message in caplog.messages)
    opt = options.parse(argv("--continue_train", "--rotate", "5", "--cutout", "0"))
    options.save(opt)
    assert (opt.rotate, opt.cutout, opt.translate) == (5, 0, 0.1)
    change = "cutout 4 -> 0, rotate 10.0 -> 5.0"
    assert f"changed since the run was started: {change}" in caplog.messages


@pytest.mark.parametrize("flag", [word for word in AUGMENTED if word.startswith("--")])
def test_a_test_has_none_of_the_flags(
    flag: str, argv: Argv, test_argv: Argv, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(argv, *AUGMENTED)
    assert not hasattr(TestOptions().parse(test_argv()), flag[2:])
    with pytest.raises(SystemExit):
        TestOptions().parse(test_argv(flag, "1"))
    assert f"unrecognized arguments: {flag}" in capsys.readouterr().err


def test_a_test_scales_labels_as_the_run_did(argv: Argv, test_argv: Argv) -> None:
    trained(argv, "--nearest", "A")
    assert TestOptions().parse(test_argv()).nearest == "A"
    assert TestOptions().parse(test_argv("--nearest", "AB")).nearest == "AB"


@pytest.mark.parametrize(
    ("model", "trained_as", "flags", "sides"),
    [
        ("pix2pix", "AtoB", "", "AB"),
        ("pix2pix", "BtoA", "", "BA"),  # the input, B, is A of a one-sided test
        ("cycle_gan", "AtoB", "--model_suffix _A", "AB"),
        ("cycle_gan", "BtoA", "--model_suffix _A", "BA"),
        ("cycle_gan", "AtoB", "--model_suffix _B --direction BtoA", "AB"),
        ("cycle_gan", "AtoB", "--model_suffix _B", "BA"),
    ],
)
def test_a_one_sided_test_reads_the_options_of_its_input_side(
    model: str, trained_as: str, flags: str, sides: str, argv: Argv, test_argv: Argv
) -> None:
    options = TrainOptions()
    options.save(options.parse(argv(
        "--model", model, "--direction", trained_as, "--nearest", "B",
        "--value_range_A", "0,10", "--value_range_B", "0,20",
    )))
    opt = TestOptions().parse(test_argv("--model", "test", *flags.split()))
    assert {"AB": "B", "BA": "A"}[sides] == opt.nearest
    assert opt.value_range_A == (0, 10 if sides == "AB" else 20)
    assert opt.value_range_B == (0, 20 if sides == "AB" else 10)
