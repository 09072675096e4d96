"""The Dockerfile: its structure, and its steps, which a soak test runs in a new environment."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from plugin_files import tracked_files

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PATTERNS = [line for line in (ROOT / ".dockerignore").read_text().splitlines()
            if line and not line.startswith("#")]


def steps(text: str) -> list[tuple[str, str]]:
    """Return the instructions with their arguments; continued lines are joined."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in
            (line.partition(" ") for line in joined.splitlines())]


STEPS = steps(DOCKERFILE)


def arguments(name: str) -> Iterator[str]:
    return (argument for step, argument in STEPS if step == name)


def is_copied(path: str) -> bool:
    """Apply .dockerignore: the last pattern that matches the file or a folder of it decides."""
    parts = path.split("/")
    names = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    copied = True
    for line in PATTERNS:
        pattern = line.removeprefix("!")
        if any(fnmatchcase(name, pattern) and name.count("/") == pattern.count("/")
               for name in names) or (pattern.startswith("**/") and any(
                   fnmatchcase(part, pattern[3:]) for part in parts)):
            copied = line.startswith("!")
    return copied


def test_the_image_has_all_files_that_the_programs_need() -> None:
    tracked = set(tracked_files())
    copied = {path for path in tracked if is_copied(path)}
    for path in ("train.py", "i2i_programs.py", ".packaging/editable_only.py", "requirements.lock",
                 "datasets/make_demo_dataset.py", "datasets/demo_drawing/house.py",
                 "serving/page/page.js", "README.md"):
        assert path in copied
    rooms = {path.split("/")[0] for path in tracked - copied if not path.startswith(".")}
    assert rooms == {"docs", "tests", "notebooks", "checkpoints"}
    for path in (".git/config", ".venv/bin/python", "datasets/mine/train/1.png", "results/x.png",
                 "checkpoints/run/latest_net_G.pth", "util/__pycache__/png.pyc"):
        assert not is_copied(path)


def test_programs_run_as_a_user_and_write_into_volumes_only() -> None:
    assert list(arguments("FROM")) == ["python:3.12-slim"]
    names = [name for name, _ in STEPS]
    assert next(arguments("USER")) == "i2i"
    assert not {"RUN", "COPY"} & set(names[names.index("USER"):])
    assert "useradd --create-home --uid 1000 i2i" in DOCKERFILE
    environment = dict(word.split("=", 1) for text in arguments("ENV") for word in text.split())
    caches = {"HOME", "XDG_CACHE_HOME", "TORCH_HOME", "MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR",
              "TRITON_CACHE_DIR"}
    assert all(environment[name].startswith("/cache") for name in caches)
    assert next(arguments("VOLUME")) == '["/work", "/cache"]'
    assert list(arguments("WORKDIR"))[-1] == "/work"


def test_packages_are_compared_with_their_hashes() -> None:
    install = next(text for text in arguments("RUN") if "requirements.lock" in text)
    commands = [part for part in re.split(r"&&|;", install) if "pip install" in part]
    assert len(commands) == 3
    assert [("--require-hashes" in part, "$TORCH_INDEX" in part) for part in commands] == [
        (True, False), (True, False), (False, True)]
    for text in arguments("RUN"):
        subprocess.run(["sh", "-n", "-c", text], check=True)


def test_the_page_has_the_commands_of_the_file() -> None:
    page = (ROOT / "docs" / "docker.md").read_text()
    for command in re.findall(r"docker build .*", DOCKERFILE):
        assert command in page
    for name in re.findall(r"^(?:ARG) (\w+)", DOCKERFILE, re.MULTILINE):
        assert f"`{name}`" in page


def build(folder: Path, python: Path, *, index: str) -> Path:
    """Run the steps of the file with ``python``, an interpreter of a new environment.

    The paths /app, /work and /cache lie in ``folder``. The step that makes the user is left out.
    Return the folder of the commands.
    """
    environment = {"PATH": f"{python.parent}:{os.environ['PATH']}", "TORCH_INDEX": index,
                   **{name: value for name, value in os.environ.items()
                      if name.lower().endswith("_proxy") or name.startswith("PIP_")}}
    place = folder
    for name, text in STEPS:
        text = re.sub(r"(?<![\w.])/(app|work|cache)\b", rf"{folder}/\1", text)
        if name == "WORKDIR":
            place = Path(text)
            place.mkdir(parents=True, exist_ok=True)
        elif name == "ENV":
            environment |= dict(word.split("=", 1) for word in text.split())
        elif name == "COPY":
            source = text.split()[0]
            for path in tracked_files() if source == "." else [source]:
                if is_copied(path):
                    (place / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / path, place / path)
        elif name == "RUN" and "useradd" not in text:
            subprocess.run(["sh", "-ec", text], cwd=place, env=environment, check=True)
    return python.parent


@pytest.mark.soak
@pytest.mark.parametrize("index", ["", "file:///no/index"], ids=["lock", "index"])
def test_the_steps_of_the_dockerfile_work(index: str, tmp_path: Path) -> None:
    """Use a new environment that finds the installed packages, so that nothing is downloaded."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "new"], check=True)
    packages, = (tmp_path / "new").glob("lib/python*/site-packages")
    (packages / "installed.pth").write_text(sysconfig.get_paths()["purelib"])
    commands = build(tmp_path, tmp_path / "new" / "bin" / "python", index=index)
    work = tmp_path / "work"
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    flags = "--dataroot demo --name x --model pix2pix --netG resnet_6blocks --ngf 4 --ndf 4 " \
            "--load_size 32 --crop_size 32 --n_epochs 1 --n_epochs_decay 0 --display_id 0"
    app = tmp_path / "app"
    for command in (f"python {app}/datasets/make_demo_dataset.py demo --train 2 --val 1 --test 1 "
                    "--size 32", f"i2i-train {flags}", "i2i-test --dataroot demo --name x"):
        program, *words = command.split()
        subprocess.run([commands / program, *words], cwd=work, env=clean, check=True)
    assert (work / "results/x/test_latest/index.html").is_file()
