"""The notebooks: stored without outputs, with flags that exist, and run from top to bottom.

``make notebooks`` runs them, as .ci/run does. It takes too long for ``make test``.
"""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from imagined_run import losses, pictures
from plugin_files import tracked_files
from test_docs import FLAG, our_flags

from display.sinks.csv_sink import CsvLog
from display.sinks.notebook_sink import NotebookOutput
from display.visualizer import Visualizer
from options.train_options import TrainOptions

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIRST_CELLS = {"".join(json.loads(path.read_text("utf-8"))["cells"][1]["source"])
               for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    book = json.loads(path.read_text("utf-8"))
    nbformat.validate(book)
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert set(book["metadata"]) == {"kernelspec", "language_info"}
    text = "\n".join("".join(cell["source"]) for cell in book["cells"])
    assert set(FLAG.findall(text)) <= our_flags() | {"--depth", "--quiet"}
    assert "GPU" in text and "Colab" in text and "from train import train" in text
    assert "from test import test" in text and "scripts/export.py" in text


def test_all_notebooks_begin_with_the_same_installation() -> None:
    assert len(NOTEBOOKS) == 3
    cell, = FIRST_CELLS
    assert cell.startswith('REPOSITORY = "https://')
    assert "git clone" in cell and "%pip install --quiet -e ." in cell


class Cell:
    """What IPython shows below a cell."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.updates = 0

    def display(self, output: Any, *, display_id: bool) -> "Cell":
        assert display_id
        self.shown.append(output)
        return self

    def update(self, output: Any) -> None:
        self.updates += 1
        self.shown[-1] = output


def test_curves_and_images_appear_in_one_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py"])
    opt = TrainOptions().parse(["--dataroot", str(tmp_path), "--name", "x", "--gpu_ids", "-1"])
    assert NotebookOutput.open(tmp_path, opt) is None  # not in a kernel
    cell = Cell()
    modules: dict[str, Any] = {
        "IPython": SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=True),
                                   version_info=(9, 0)),  # matplotlib reads it
        "IPython.display": SimpleNamespace(HTML=str, display=cell.display)}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    sink = NotebookOutput.open(tmp_path, opt)
    assert sink
    with Visualizer([CsvLog(tmp_path / "losses.csv"), sink]) as visualizer:
        visualizer.losses(losses(100))
        visualizer.pictures(pictures(100))
        visualizer.losses(losses(200))
        assert cell.updates == 0, "drawn more often than is due"
        first, = cell.shown
    last, = cell.shown
    assert cell.updates == 1
    assert (first.count("data:image/png;base64,"), last.count("data:image/png;base64,")) == (1, 2)
    opt.no_notebook = True
    assert NotebookOutput.open(tmp_path, opt) is None


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    for name in tracked_files():  # the notebook writes into the folder of the project
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=600, kernel_name="python3",
                   resources={"metadata": {"path": str(tmp_path / "notebooks")}}).execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    text = "".join(output.get("text", "") for output in outputs)
    assert "error" not in text.lower().replace("error_", ""), text
    assert "wrote checkpoints/notebook_" in text  # the exported file
    shown = [data for output in outputs for data in output.get("data", ())]
    assert shown.count("text/html") == 1 and "image/png" in shown
    html, = (output["data"]["text/html"] for output in outputs
             if "text/html" in output.get("data", ()))
    assert "loss curves" in html and "newest images" in html
