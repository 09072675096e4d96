"""A training step runs few files of this project."""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from conftest import Argv

import train as program
from train import train

ROOT = Path(__file__).parents[1]
MOST_FILES = 12


@pytest.mark.parametrize("model", ["pix2pix", "cycle_gan"])
def test_a_training_step_runs_at_most_twelve_files(
    model: str, argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Count files from the loop of train.py on, except the loader and the displays."""
    files: set[str] = set()

    def trace(frame: FrameType, event: str, argument: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and ".venv" not in path.parts:
            files.add(path.relative_to(ROOT).as_posix())

    step = program.step

    def traced(*args: Any) -> None:
        sys.setprofile(trace)
        try:
            step(*args)
        finally:
            sys.setprofile(None)

    monkeypatch.setattr(program, "step", traced)
    flags = ["--netG", "unet_128", "--crop_size", "128", "--load_size", "128"]
    train(argv("--model", model, *(flags if model == "pix2pix" else [])))
    counted = sorted(name for name in files if not name.startswith(("display/", "data/", "tests/")))
    assert f"models/{model}_model.py" in counted
    assert len(counted) <= MOST_FILES, "\n".join(counted)
