"""Packages that are slow to import are imported only when they are used."""

import subprocess
import sys
from pathlib import Path

import pytest

SLOW = "torchvision matplotlib visdom skimage tifffile imagecodecs scipy tensorboard wandb dominate"


@pytest.mark.parametrize("program", ["train", "test"])
def test_the_parser_imports_nothing_slow(program: str) -> None:
    script = (
        f"import sys, {program}\n"
        f"try: {program}.{program}(['--help'])\n"
        "except SystemExit: pass\n"
        f"print('loaded:', *sorted(set({SLOW.split()}) & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--dataroot" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["loaded:"]
