"""Every flag of every program refuses what cannot work, and flags that nothing uses are named."""

import importlib
import logging
import math
from argparse import SUPPRESS, Action, ArgumentError, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Argv

import models
from options import sizes
from options.parser import Parser
from options.test_options import TestOptions
from options.train_options import TrainOptions
from util import runtime
from util.flags import any_path, epoch, host, run_name

SCRIPTS = ("scripts.check_dataset", "scripts.evaluate", "scripts.export", "scripts.serve",
           "scripts.live_plots", "scripts.plot_losses", "scripts.train_scorer", "scripts.ablate",
           "datasets.make_demo_dataset", "datasets.combine_A_and_B",
           "datasets.make_dataset_aligned", "datasets.prepare_cityscapes_dataset")
FREAKS = ("", "nan", "inf", "-inf", "1e400", "-1", "9" * 30, "9" * 5000, "x\0y", "x\ny", "x" * 300,
          "a/b", "..", "1,nan", "99999999", "256.1.1.1", "é", "\udce9")


@pytest.fixture
def dataroot() -> Path:
    """Replace the images of other tests: the parser opens none."""
    return Path("nowhere")


class ParserFound(BaseException):
    def __init__(self, parser: ArgumentParser) -> None:
        self.parser = parser


def parsers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ArgumentParser]]:
    for model in models.available():
        options: Any = TestOptions() if model == "test" else TrainOptions()
        yield model, options._build_parser(["--model", model, "--dataroot", "x"])

    def capture(parser: ArgumentParser, *_: object) -> Namespace:
        raise ParserFound(parser)

    for cls in (ArgumentParser, Parser):
        monkeypatch.setattr(cls, "parse_args", capture)
    for name in SCRIPTS:
        module = importlib.import_module(name)
        with pytest.raises(ParserFound) as captured:
            getattr(module, "parse", module.main)([])
        yield name, captured.value.parser


def taken(action: Action, text: str) -> Any:
    """Return the value, or None if it is refused."""
    try:
        value = action.type(text) if callable(action.type) else text
    except (ArgumentTypeError, ValueError, ArgumentError) as error:
        assert str(error)
        return None
    return None if action.choices is not None and value not in action.choices else value


def test_no_flag_takes_a_value_that_cannot_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole numbers are bounded, floats finite, texts one line, paths not empty."""
    faults, seen = [], 0
    for program, parser in parsers(monkeypatch):
        for action in parser._actions:
            if action.nargs == 0 or not action.option_strings or action.default == SUPPRESS:
                continue
            seen += 1
            for text in FREAKS:
                value = taken(action, text)
                numbers = value if isinstance(value, tuple) else [value]
                bad = (any((isinstance(number, float) and not math.isfinite(number))
                           or (isinstance(number, int) and abs(number) >= 2**63)
                           for number in numbers)
                       or (isinstance(value, Path) and text == "")
                       or (isinstance(value, str | Path) and any(c in text for c in "\0\n"))
                       or (isinstance(value, str | Path) and len(text) > 255
                       and action.dest != "token"))
                if bad:
                    faults.append(f"{program} {action.option_strings[0]} {text[:20]!r}")
    assert seen > 300
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(("flags", "wanted"), [
    ("--load_size 100000", "--load_size: must be at most 65,535 (pixels), got 100000"),
    ("--crop_size 70000", "at most 65,535"), ("--ngf 100000", "at most 4,096 (channels)"),
    ("--batch_size 999999999", "at most 65,536"), ("--num_threads 100000", "at most 1,024"),
    ("--pool_size 999999999", "at most 100,000"), ("--display_port 99999999", "at most 65,535"),
    ("--n_epochs 9999999999999999999", "at most 1,000,000,000"), ("--lr 1e308", "at most 1,000"),
    ("--init_gain 1e300", "at most 1,000,000"), ("--zoom 1,1e9", "at most 100"),
    ("--save_latest_freq 99999999999999999999", "must be < 2**63"),
    ("--netD n_layers --n_layers_D 9", "of 9 layers needs sides of at least 1536 pixels"),
    ("--dataroot=", "must be a path, got ''; the current folder is ."),
    ("--epoch ../x", "must be latest, best, 20 or iter_5000, for example, got '../x'"),
    # flags that nothing uses
    ("--lr_metric G_A", "--lr_metric: nothing uses it here; add --lr_policy plateau, or leave it"),
    ("--lambda_gp 5", "add --gan_mode wgangp, or leave it out"),
    ("--nan_limit 5", "add --on_nan skip, or leave it out"),
    ("--val_metrics ssim", "add --val_phase val, or leave it out"),
    ("--val_pictures 5", "add --val_phase val, or leave it out"),
    ("--lpips_weights x.pth", "add --val_phase val, or leave it out"),
    ("--val_phase test --pairs x.csv --lpips_weights x.pth", "add --val_metrics lpips, or"),
])
def test_limits_and_unused_flags_end_in_the_parser(
    flags: str, wanted: str, argv: Argv, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        TrainOptions().parse(argv(*flags.split()))
    assert stop.value.code == 2
    assert wanted in capsys.readouterr().err


@pytest.mark.parametrize(("script", "flags", "wanted"), [
    ("serve", "--name r --static d --port 8200 --token x",
     "--port and --token: nothing uses them here; the server, without --static, would use it"),
    ("serve", "--name r --static d --no_browser", "--no_browser: nothing uses it here"),
    ("serve", "--name r --weights_key G", "add --weights FILE, or leave it out"),
    ("export", "--to onnx --name r --num_calibrate 5",
     "add --bn_mode calibrated --calibrate PATH, or leave it out"),
    ("export", f"--to onnx --weights {__file__} --epoch 5", "the folder of a run would use it"),
    ("live_plots", "--check --port 80 --allow_host a", "--port and --allow_host: nothing uses"),
    ("live_plots", "--write_bundle x --env_path y", "the server, without --check and --write"),
    ("check_dataset", "--dataroot x --no_sheet --sheet y", "the page, without --no_sheet, would"),
    ("evaluate", "--fake a --real b --output fake_B", "--output: nothing uses it here; add --run"),
    ("evaluate", "--run a --no_html --html x", "the page, without --no_html, would use it"),
    ("evaluate", "--run a --metrics l1 --lpips_weights x", "a metric of another --metrics would"),
    ("ablate", "--dataroot x --list --strips y", "the training or the report, without --list,"),
])
def test_scripts_name_what_would_use_a_flag(
    script: str, flags: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        importlib.import_module(f"scripts.{script}").parse(flags.split())
    assert stop.value.code == 2
    assert wanted in capsys.readouterr().err


OLD = ("--lr 0.1 --lr_G 0.2 --lr_D 0.2 --lr_decay_iters 7 --init_type kaiming --init_gain 0.1 "
       "--preprocess none --display_port 80 --wandb_project_name x --no_html --update_html_freq 3")


def test_flags_of_the_reference_that_nothing_uses_only_get_a_line(
    argv: Argv, caplog: pytest.LogCaptureFixture
) -> None:
    """Defaults are never reported."""
    TrainOptions().parse(argv("--lr_decay_iters", "50", "--val_freq", "0", page=True))
    assert not any("no effect" in text for text in caplog.messages)
    caplog.set_level(logging.WARNING)
    TrainOptions().parse(argv(*OLD.split()))
    named = [text.split()[0] for text in caplog.messages if "has no effect here; " in text]
    assert named == ["--lr", "--lr_decay_iters", "--init_gain", "--load_size", "--crop_size",
                     "--update_html_freq", "--display_port", "--wandb_project_name"]
    caplog.clear()
    TrainOptions().parse(argv("--model", "template", "--lr", "0.1", "--lr_G", "1", "--lr_D", "1"))
    assert "--lr has no effect" not in caplog.text  # a model of the user may read --lr


@pytest.mark.parametrize(("convert", "good", "bad"), [
    (host, "localhost 127.0.0.1 ::1 0.0.0.0 my_host gpu-7.example.org", "256.1.1.1 a..b :x 1.2 a/"),
    (run_name, "a a/b é", "../a /a a/../b"),
    (epoch, "latest best 20 iter_5000 5_ema", "../x a/b .x"),
    (any_path, "a ../b /c *.png", "a\0b " + "x" * 256),
])
def test_names_paths_and_addresses(convert: Any, good: str, bad: str) -> None:
    for text in good.split():
        assert str(convert(text)) == text
    for text in ("", *bad.split()):
        with pytest.raises(ArgumentTypeError, match=r"got|allow"):
            convert(text)


def test_an_image_that_exceeds_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "free_memory", lambda: 8 * 2**30)
    opt = Namespace(preprocess="resize_and_crop", load_size=60_000, isTrain=False)
    with pytest.raises(ValueError, match=r"60000 pixels takes 20\.1 GB .*, and 8\.0 GB are free"):
        sizes.check(opt)
    sizes.check(Namespace(**vars(opt) | {"load_size": 30_000}))


def test_a_network_that_exceeds_the_memory_is_one_sentence(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py"])

    def main() -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ...")

    with pytest.raises(SystemExit) as stop:
        runtime.run_program(main)
    assert stop.value.code == 1
    assert "use a smaller network (--ngf)" in caplog.text
