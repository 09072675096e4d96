"""The console commands of ``pip install -e .``: i2i-train, i2i-test and i2i-serve.

They run the files of this folder, as ``python train.py`` does, from any working directory.
"""

import runpy
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def train() -> None:
    _run("train.py")


def test() -> None:
    _run("test.py")


def serve() -> None:
    _run("scripts/serve.py")


def _run(program: str) -> None:
    """Run a file of this folder as the main program, with the arguments of the command line.

    This folder becomes the first place for imports: other installed packages may have names such as
    ``data``, and Python has a package ``test``.
    """
    sys.path.insert(0, str(FOLDER))
    runpy.run_path(str(FOLDER / program), run_name="__main__")
