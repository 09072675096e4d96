"""``pip install -e .``: its dependencies are those of requirements.txt, its commands run the
programs of this folder, and no other kind of package can be built."""

import os
import re
import subprocess
import sys
import sysconfig
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import i2i_programs

ROOT = Path(__file__).parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text()  # Python 3.10 has no tomllib
COMMANDS = {"train": "train.py", "test": "test.py", "serve": "scripts/serve.py"}
RANGE = re.compile(r"^([A-Za-z][\w-]*)([<>=~!].*)?$")


def table(heading: str) -> str:
    return PYPROJECT.split(f"\n[{heading}]\n")[1].split("\n[")[0]


def ranges(lines: list[str]) -> dict[str, str]:
    """Return {package: range}; a line may be commented out, and may end with a comment."""
    texts = (re.sub(r"\s+#.*|^# ", "", line) for line in lines)
    return {match[1]: match[2] or "" for text in texts if (match := RANGE.match(text))}


def test_the_ranges_are_those_of_requirements_txt() -> None:
    required = (ROOT / "requirements.txt").read_text().splitlines()
    base = PYPROJECT.split("\ndependencies = [")[1].split("\n]")[0]
    extras = table("project.optional-dependencies")
    ours = ranges(re.findall(r'"(.+?)"', base + extras))
    assert len(ours) > 20
    assert ours == ranges(required)


def test_every_extra_is_explained() -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    extras = dict(re.findall(r"^(\w+) = \[(.*)\]$", table("project.optional-dependencies"), re.M))
    assert {"medical", "metrics", "serve", "export"} <= set(extras)
    for name, packages in extras.items():
        assert f"`{name}`" in page
        for package in ranges(re.findall(r'"(.+?)"', packages)):
            assert package in page


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_runs_its_program_as_python_does(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f'i2i-{name} = "i2i_programs:{name}"\n' in table("project.scripts")
    assert '\nif __name__ == "__main__":\n    ' in (ROOT / COMMANDS[name]).read_text()
    program = tmp_path / COMMANDS[name]
    program.parent.mkdir(exist_ok=True)
    program.write_text("import sys; print(__name__, __file__, *sys.argv, *sys.path[:1])")
    monkeypatch.setattr(i2i_programs, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", [f"bin/i2i-{name}", "--flag"])
    getattr(i2i_programs, name)()
    assert capsys.readouterr().out == f"__main__ {program} {program} --flag {tmp_path}\n"


def test_files_to_copy_are_not_built() -> None:
    spec = spec_from_file_location("editable_only", ROOT / ".packaging" / "editable_only.py")
    assert spec and spec.loader
    backend = module_from_spec(spec)
    spec.loader.exec_module(backend)
    for build in (backend.build_wheel, backend.build_sdist):
        with pytest.raises(SystemExit, match="pip install -e"):
            build("folder", None)
    assert backend.build_editable


@pytest.mark.soak
def test_an_installation_works_in_another_folder(tmp_path: Path) -> None:
    """Use a new environment with the packages of this one, and other packages of our names."""
    environment, work = tmp_path / "environment", tmp_path / "work"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    packages = next(environment.glob("lib/python*/site-packages"))
    (packages / "others.pth").write_text(sysconfig.get_paths()["purelib"])
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps",
           "--no-build-isolation", "--quiet"]
    subprocess.run([*pip, "-e", str(ROOT)], check=True)
    translator = "from inference import Translator; import i2i_programs; print(i2i_programs.FOLDER)"
    for folder in (packages / "data", work / "models"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("raise ImportError('not ours')")
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    found = subprocess.run([python, "-c", translator], cwd=tmp_path, capture_output=True,
                           text=True, env={**clean, "PYTHONPATH": str(ROOT)}, check=True)
    assert found.stdout.strip() == str(ROOT)
    for name in COMMANDS:
        shown = subprocess.run([environment / "bin" / f"i2i-{name}", "--help"], cwd=work,
                               capture_output=True, text=True, env=clean, check=True)
        assert f"usage: {Path(COMMANDS[name]).name}" in shown.stdout
    refused = subprocess.run([*pip, str(ROOT)], capture_output=True, text=True, env=clean)
    assert refused.returncode
    assert "python -m pip install -e ." in refused.stderr + refused.stdout
