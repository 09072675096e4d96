"""The flags that dataset modes add, change and refuse."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest
from tiny_sets import make_opt

import data

LAB = {"input_nc": 1, "output_nc": 2}


def test_defaults_that_modes_change() -> None:
    parser = ArgumentParser()
    parser.add_argument("--input_nc", type=int, default=3)
    data.find_dataset("colorization").modify_commandline_options(parser, True)
    assert vars(parser.parse_args([])) == {"input_nc": 1, "output_nc": 2, "direction": "AtoB"}
    parser = ArgumentParser()
    data.find_dataset("template").modify_commandline_options(parser, True)
    assert vars(parser.parse_args([])) == {"max_dataset_size": 10, "new_dataset_option": 2.0}


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("colorization", {"input_nc": 3, "output_nc": 2}, "--input_nc is 3"),
        ("colorization", {"input_nc": 1, "output_nc": 3}, "--output_nc is 3"),
        ("colorization", LAB | {"direction": "BtoA"}, "--direction is BtoA"),
        ("unaligned", {"allow_unpaired": True}, "--allow_unpaired has no effect"),
        ("unaligned", {"pairs": Path("x.csv")}, "--pairs has no effect with --dataset_mode"),
        ("template", {"input_suffixes": ("_r",) * 3}, "--input_suffixes has no effect"),
        ("single", {"load_size": 4}, "--load_size 8 or more"),
        ("template", {"preprocess": "bogus"}, "--preprocess is 'bogus'"),
    ],
)
def test_contradictions_are_refused(name: str, changes: dict[str, Any], message: str) -> None:
    opt = make_opt(Path("nowhere"), **changes)
    with pytest.raises(ValueError, match=message):
        data.find_dataset(name).check_options(opt)
