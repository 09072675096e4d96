"""Facts about the plug-in files in the checkout, which may include files that a user added."""

import subprocess
from argparse import ArgumentParser
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import Argv

import data
import models
from options.train_options import TrainOptions

ROOT = Path(__file__).resolve().parents[1]


@cache
def tracked_files() -> frozenset[str]:
    """Return the project's own files, such as "data/loader.py"; skip the test without git."""
    try:
        listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if not listing.stdout:
        pytest.skip("the checkout is not a git repository")
    return frozenset(listing.stdout.splitlines())


def dataset_defaults(mode: str) -> dict[str, Any]:
    """Return the defaults of the flags that the dataset's file adds or changes."""
    parser = ArgumentParser(add_help=False)
    data.find_dataset(mode).modify_commandline_options(parser, is_train=True)
    return vars(parser.parse_args([]))


def plateau_flags(model: str, argv: Argv) -> list[str]:
    """Return --lr_metric with a loss of the model, or no flag if the model has a default."""
    if TrainOptions().parse(argv("--model", model)).lr_metric:
        return []
    losses = models.find_model(model).LOSSES
    return ["--lr_metric", losses[0]] if losses else pytest.skip(f"{model} declares no LOSSES")
