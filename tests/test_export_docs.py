"""The programs in docs/export.md run unchanged, without this project."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exports import create_exporter, export, generator_file
from PIL import Image

from inference.export import find_format

PAGE = Path(__file__).parents[1] / "docs" / "export.md"
# The packages of this project, and those that the runtime does not need, cannot be imported.
BLOCKED = {"onnx": ["torch", "onnx"], "torchscript": ["onnx"], "pt2": ["onnx"]}
OURS = ["models", "data", "util", "options", "metrics", "inference"]


def program_for(to: str) -> str:
    """Return the program on the page that takes files of this format."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    suffix = find_format(to).suffix
    start = f'"""python translate.py FILE{suffix} '
    program, = (block for block in blocks if block.startswith(start))
    assert len(program.splitlines()) <= 24
    return str(program)


@pytest.mark.parametrize(("to", "channels"), [("onnx", (3, 1)), ("torchscript", (1, 3)),
                                              pytest.param("pt2", (3, 3), marks=pytest.mark.soak)])
def test_the_program_translates(tmp_path: Path, to: str, channels: tuple[int, int]) -> None:
    exporter = create_exporter(generator_file(tmp_path, "unet_128", "batch", channels=channels), to)
    export(exporter, tmp_path)
    image = exporter.noise((37, 50))
    Image.fromarray(image.squeeze()).save(tmp_path / "in.png")
    blocked = f"import sys; sys.modules.update(dict.fromkeys({BLOCKED[to] + OURS}))\n"
    (tmp_path / "translate.py").write_text(blocked + program_for(to), encoding="utf-8")
    arguments = [f"tiny{find_format(to).suffix}", "in.png", "out.png"]
    done = subprocess.run(
        [sys.executable, "translate.py", *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "tiny AtoB uint8 0,255\n"
    output = np.asarray(Image.open(tmp_path / "out.png")).reshape(37, 50, channels[1])
    assert np.abs(output.astype(int) - exporter.translate(image[None])[0]).max() <= 1
