"""requirements.lock has hashes and pins everything; docs/licences.md has all of its packages."""

import re
from pathlib import Path

import pytest

from scripts import list_licences
from scripts.list_licences import pinned, rows, with_rows

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
PIN = re.compile(r"^[a-z0-9-]+==[\w.]+( ; [^\n]+)? \\\n"
                 r"(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+", re.MULTILINE)


def test_every_line_of_the_lock_is_a_pin_or_its_hash() -> None:
    comments = "".join(line for line in LOCK.splitlines(keepends=True) if line.startswith("#"))
    assert PIN.sub("", LOCK) == comments
    assert "://" not in LOCK  # no registry: each user has one
    assert comments.split("command:\n#    ")[1] in (ROOT / "docs/licences.md").read_text()


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_the_lock_pins_what_is_required(file: str) -> None:
    names = re.findall(r"^([A-Za-z][\w-]*)", (ROOT / file).read_text(), re.MULTILINE)
    assert names
    assert {name.lower() for name in names} <= set(pinned(LOCK))


def test_both_versions_of_a_package_cover_all_supported_pythons() -> None:
    split = {name: re.findall(rf"^{name}==\S+ ; (.+?) \\$", LOCK, re.MULTILINE)
             for name in ("numpy", "scipy", "matplotlib", "fastapi")}
    for markers in split.values():
        assert sorted(markers) == ["python_full_version < '3.11'", "python_full_version >= '3.11'"]


def test_the_makefile_installs_by_hashes() -> None:
    recipe = (ROOT / "Makefile").read_text().split("$(STAMP): requirements.lock")[1]
    recipe = recipe.split("@touch")[0]
    installs = [line for line in recipe.splitlines() if "pip install" in line]
    assert len(installs) == 2
    assert all("--require-hashes" in line for line in installs)
    assert "--no-build-isolation" in installs[1]  # a build would fetch setuptools without a hash


def test_every_pinned_package_has_a_licence() -> None:
    table = (ROOT / "docs/licences.md").read_text()
    licences = rows(table)
    assert list(licences) == pinned(LOCK)
    assert with_rows(table, licences) == table
    assert "BSD 2-Clause License" in (ROOT / "LICENSE").read_text()


def test_an_unknown_licence_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Write rows of installed packages, keep those of others, and drop those without a pin."""
    (tmp_path / "docs").mkdir()
    table = tmp_path / "docs/licences.md"
    table.write_text("# Licences\n\n| package | licence |\n| --- | --- |\n| gone | MIT |\n"
                     "| only-elsewhere | ISC |\n")
    lock = tmp_path / "requirements.lock"
    lock.write_text("only-elsewhere==1 \\\npytest==9 \\\nunheard-of==1 \\\n")
    monkeypatch.setattr(list_licences, "ROOT", tmp_path)
    monkeypatch.setattr(list_licences, "TABLE", table)
    with pytest.raises(SystemExit, match="licence of unheard-of is unknown"):
        list_licences.main([])
    lock.write_text("only-elsewhere==1 \\\npytest==9 \\\n")
    list_licences.main([])
    assert rows(table.read_text()) == {"only-elsewhere": "ISC", "pytest": "MIT"}
