"""The docs name files and headings that exist, and the overview names every file."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from plugin_files import ROOT, tracked_files

import metrics
from models.networks import define_G

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ("compat", "data", "datasets", "display", "docs", "inference", "metrics", "models",
           "options", "scripts", "serving", "tests", "training", "util")
FILE = re.compile(
    rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./-]*\w\.(?:py|sh|js|css|html|md|txt)\b"
)
EXAMPLE = re.compile(r"\w+/(mine|x)_\w+\.py")  # a plug-in that the reader writes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_the_docs_name_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    listings = re.findall(r"^# (\S+)$", text, re.MULTILINE)  # files whose content the page shows
    missing = {name for name in FILE.findall(text) if not (ROOT / name).exists()} - {*listings}
    assert not {name for name in missing if not EXAMPLE.fullmatch(name)}


def test_the_check_sees_a_file_that_does_not_exist() -> None:
    text = "see `models/nothing.py`, python scripts/nowhere.py --name x, and docs/design.md."
    assert FILE.findall(text) == ["models/nothing.py", "scripts/nowhere.py", "docs/design.md"]
    assert FILE.findall("checkpoints/<name>/web/index.html and datasets/mine/trainA") == []
    assert EXAMPLE.fullmatch("models/mine_model.py") and not EXAMPLE.fullmatch("models/a_model.py")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    yield from (link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def overview() -> dict[str, set[str]]:
    """Return, for each folder, the files that its section of the overview names in bold."""
    text = (ROOT / "docs" / "overview.md").read_text(encoding="utf-8").replace("\\_", "_")
    sections = re.split(r"^##+ (\S+)/$", text, flags=re.MULTILINE)
    return {
        folder: set(re.findall(r"\*\*([\w.]+)\*\*", section))
        for folder, section in zip(sections[1::2], sections[2::2], strict=True)
    }


def test_the_overview_names_exactly_the_files_that_exist() -> None:
    """Plug-ins that a user added are not tracked by git and need no entry."""
    modules: dict[str, set[str]] = {}
    for path in map(PurePosixPath, tracked_files()):
        if path.suffix == ".py" and path.parts[0] in set(FOLDERS) - {"tests"}:
            modules.setdefault(str(path.parent), set()).update({path.name} - {"__init__.py"})
    named = overview()
    assert {folder: files - named.get(folder, set()) for folder, files in modules.items()} == {
        folder: set() for folder in modules
    }
    missing = [f"{folder}/{name}" for folder, names in named.items() for name in names
               if not (ROOT / folder / name).is_file()]
    assert not missing


FLAG = re.compile(r"(?<![\w-])--[a-zA-Z][\w-]*(?![\w*])")
# Flags of torchrun, Slurm, Docker, TensorBoard, pytest, pip and uv; an abbreviation, an example.
OTHER_FLAGS = {
    "--nnodes", "--nproc_per_node", "--rdzv_backend", "--rdzv_endpoint", "--rdzv_id", "--nodes",
    "--ntasks-per-node", "--gpus-per-node", "--cpus-per-task", "--shm-size", "--logdir",
    "--log-cli-level", "--lambda", "--mine_file", "--require-hashes", "--no-build-isolation",
    "--universal", "--generate-hashes", "--python-version", "--no-annotate", "--upgrade",
    "--build-constraints", "--index-url", "--rm", "--user", "--gpus", "--time",
    "--build-arg",
}


@cache
def our_flags() -> frozenset[str]:
    sources = [path for room in FOLDERS if room != "tests" for path in (ROOT / room).rglob("*.*")
               if path.suffix in (".py", ".sh")]
    flags = {flag for path in sources for flag in FLAG.findall(path.read_text(encoding="utf-8"))}
    return frozenset(flags | {f"--{flag}" for flag in metrics.requirements()})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_flag_that_the_docs_name_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    listed = set(re.findall(r'"(--[\w-]+)"', text))  # flags of plug-ins that the page shows
    assert set(FLAG.findall(text)) <= our_flags() | OTHER_FLAGS | listed


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_import_in_the_docs_works(page: Path) -> None:
    for block in python_blocks(page):
        for line in re.findall(r"^from (?:\w+\.?)+ import [\w, ]+$", block, re.MULTILINE):
            exec(line, {})


def test_the_tips_for_huge_images_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile = pytest.importorskip("tifffile")
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("slide.tif", np.zeros((48, 64, 3), np.uint8), photometric="rgb")
    net = define_G(3, 3, 2, "resnet_6blocks", "instance")
    block, = (block for block in python_blocks(ROOT / "docs" / "tips.md") if "slide.tif" in block)
    exec(block, {"net": net})
    assert tifffile.imread("fake.tif").shape == (48, 64, 3)
