"""The programs in docs/export.md run as they stand, with nothing of this project."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exports import export, exporter, generator_file
from PIL import Image

from inference.export import find_format

PAGE = Path(__file__).parents[1] / "docs" / "export.md"
# Roots of this project, and what the runtime does not need, cannot be imported.
BLOCKED = {"onnx": ["torch", "onnx"], "torchscript": ["onnx"], "pt2": ["onnx"]}
OURS = ["models", "data", "util", "options", "metrics"]


def program(to: str) -> str:
    """The block of the page that names the format's suffix first."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    suffix = find_format(to).suffix
    found = [block for block in blocks if block.startswith(f'"""python translate.py FILE{suffix} ')]
    assert len(found) == 1
    assert len(found[0].splitlines()) <= 24
    return str(found[0])


@pytest.mark.parametrize(("to", "channels"), [("onnx", (3, 1)), ("torchscript", (1, 3)),
                                              ("pt2", (3, 3))])
def test_the_program_translates(tmp_path: Path, to: str, channels: tuple[int, int]) -> None:
    one = exporter(generator_file(tmp_path, "unet_128", "batch", channels=channels), to)
    export(one, tmp_path)
    picture = one.noise((37, 50))
    Image.fromarray(picture.squeeze()).save(tmp_path / "in.png")
    blocked = f"import sys; sys.modules.update(dict.fromkeys({BLOCKED[to] + OURS}))\n"
    (tmp_path / "translate.py").write_text(blocked + program(to), encoding="utf-8")
    words = [f"tiny{find_format(to).suffix}", "in.png", "out.png"]
    done = subprocess.run(
        [sys.executable, "translate.py", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "tiny AtoB uint8 0,255\n"
    made = np.asarray(Image.open(tmp_path / "out.png")).reshape(37, 50, channels[1])
    assert np.abs(made.astype(int) - one.translate(picture[None])[0]).max() <= 1
