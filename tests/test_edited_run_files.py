"""Files of a run that a person has edited: an error names the file, the fault and the way out."""

import json
import math
import re
from argparse import Action, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.record import load_record
from display.curve_file import read_curves
from display.sinks.csv_sink import CsvLog
from display.sinks.doctor_log_sink import read_advice
from inference.export.card import _loss_log, _metrics
from inference.find_generator import find_generator
from options.run_file import convert_saved
from options.test_options import TestOptions
from options.train_options import TrainOptions
from training.validation.best import Best
from util.run_folder.networks import load_network_entries
from util.run_folder.options import load_options

BEST = Best("l1", higher_is_better=False, patience=0, images="4 pictures")
JSON_FILES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "options": ("train_opt.json", load_options),
    "networks": ("networks.json", load_network_entries),
    "pictures": ("pictures.json", load_record),
    "best": ("best.json", BEST.rename_in),
    "card": ("best.json", lambda folder: _metrics(folder, [])),
}
TABLES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "losses": ("losses.csv", lambda folder: CsvLog.open(folder, Namespace(val_values=[]))),
    "card losses": ("losses.csv", _loss_log),
    "doctor": ("doctor.csv", lambda folder: read_advice(folder / "doctor.csv")),
    "old options": ("train_opt.txt", load_options),
}
NOT_TEXT = ["\ufeffa".encode("utf-16"), b"\xff\xfe", b"{\"a\": \"\xe9\"}", b"a,\xe9\n1,2\n"]
NOT_JSON = [b"", b"[]", b"5", b"null", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\0" * 50,
            b'{"a": ' + b"9" * 5000 + b"}"]


@pytest.mark.parametrize("name", [*JSON_FILES, *TABLES])
@pytest.mark.parametrize("content", [*NOT_TEXT, *NOT_JSON, None])
def test_a_damaged_file_is_named(name: str, content: bytes | None, tmp_path: Path) -> None:
    file, read = (JSON_FILES | TABLES)[name]
    if content is None:
        (tmp_path / file).mkdir()
    else:
        (tmp_path / file).write_bytes(content)
    try:
        read(tmp_path)
    except ValueError as error:
        text = str(error)
        assert re.search(rf"{file} (is|has) .*; .*(delete|move|correct)", text), text
        assert "\n" not in text
        assert len(text) < 600
    else:
        assert name in TABLES and content in NOT_JSON  # incomplete lines are ignored


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "train_opt.json").write_text('\ufeff{"ngf": 4}', encoding="utf-8")
    assert load_options(tmp_path) == {"ngf": 4}


def test_numbers_beyond_all_bounds_in_a_table_are_left_out(tmp_path: Path) -> None:
    huge = "9" * 400
    (tmp_path / "losses.csv").write_text("epoch,images,epoch_images,G\n"
                                         f"{huge},{huge},{huge},1\n1,4,{huge},1\n1,4,4,1\n")
    assert len(read_curves(tmp_path / "losses.csv", epoch_size=4).epochs) <= 2


VALUES: list[Any] = [None, True, -1, 0, 3.5, 1e30, 10**30, "", "x", "-5", "nan", [], [1], {},
                     {"a": 1}, "../../x", math.nan, math.inf, "1,2", [[1]], "\u00e9"]
GENERATOR = {"netG": "resnet_6blocks", "ngf": 4, "norm": "instance", "no_dropout": True,
             "input_nc": 3, "output_nc": 3}


def test_options_are_accepted_as_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "train_opt.json").touch()
    parser = TrainOptions()._build_parser(["--dataroot", ".", "--model", "pix2pix"])
    for action in parser._actions:
        for value in VALUES if action.option_strings and action.dest != "help" else ():
            try:
                found = convert_saved({action.dest: value}, parser, tmp_path)[action.dest]
            except ValueError as error:
                assert f"train_opt.json has {action.dest} = " in str(error)
                continue
            if value is None:
                assert parser.get_default(action.dest) is None
            elif action.nargs == 0 or isinstance(value, bool):
                assert isinstance(value, bool) and isinstance(action.const, bool)
            elif isinstance(value, list) and action.nargs not in ("+", "*"):
                assert found == value
                assert action.dest == "gpu_ids"
            elif not isinstance(value, list) and found != []:
                assert found == typed(action, str(value)), (action.dest, value)


def typed(action: Action, text: str) -> Any:
    converted = action.type(text) if callable(action.type) else text
    return [converted] if action.nargs in ("+", "*") else converted


@pytest.mark.parametrize("key", [*GENERATOR, "direction", "model", "input_suffixes",
                                 "value_range_A", "nan_value", "crop_size"])
def test_wrong_options_of_a_generator_are_named(key: str, tmp_path: Path) -> None:
    """Programs that load a generator do not parse the options of a training."""
    (tmp_path / "latest_net_G.pth").write_bytes(b"")
    refused = 0
    for value in VALUES:
        (tmp_path / "train_opt.json").write_text(json.dumps({**GENERATOR, key: value}))
        try:
            find_generator(tmp_path)
        except ValueError as error:
            refused += "train_opt.json has" in str(error) or "called" in str(error)
    assert refused >= 9


@pytest.mark.parametrize(("key", "in_training", "in_test"), [
    ("ngff", "did you mean ngf?", "did you mean ngf?"),
    ("nan_vlaue", "did you mean nan_value?", "did you mean nan_value?"),
    ("lambda_L2", "did you mean lambda_L1?", ""),
    ("n_epoch", "did you mean n_epochs?", ""), ("foo", "has no effect\n", ""),
    ("lr", "", ""), ("val_values", "", ""),
])
def test_names_that_are_no_options_are_logged(
    key: str, in_training: str, in_test: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "run").mkdir()
    saved = {"model": "pix2pix", "isTrain": True, "ndf": 4, "netD": "basic", key: 1}
    (tmp_path / "run" / "train_opt.json").write_text(json.dumps(saved))
    run = ["--dataroot", ".", "--name", "run", "--checkpoints_dir", str(tmp_path)]
    for options, flags, wanted in ((TrainOptions(), ["--continue_train"], in_training),
                                   (TestOptions(), [], in_test)):
        caplog.clear()
        options._build_parser([*run, *flags])
        assert wanted in caplog.text
        line = f"train_opt.json has {key}, which is not an option"
        assert caplog.text.count(line) == bool(wanted)


def test_a_model_that_is_not_here_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model test would translate both halves of a pair."""
    for folder in ("run", "testA", "testB"):
        (tmp_path / folder).mkdir()
    (tmp_path / "run" / "train_opt.json").write_text('{"model": "pix2pixx"}')
    run = ["--dataroot", str(tmp_path), "--name", "run", "--checkpoints_dir", str(tmp_path)]
    for options, flags in ((TrainOptions(), ["--continue_train"]), (TestOptions(), [])):
        with pytest.raises(SystemExit):
            options.parse([*run, *flags])
        error = capsys.readouterr().err
        assert "train_opt.json has model = 'pix2pixx', which is not valid: the models " in error
        assert "did you mean pix2pix?" in error
    assert TestOptions().read_choice([*run, "--model", "test"]).model == "test"
    assert TestOptions().read_choice([*run, "--inputs"]).model == "test"  # needs only the generator
