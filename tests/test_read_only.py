"""A read-only folder ends the program with one sentence that names the fix.

The refusal is simulated: for root, who may run the tests, no folder is read-only.
"""

import errno
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Argv

from test import test as translate
from train import train
from util import checkpoint
from util.files import NotWritableError, write_text
from util.runtime import run_program

SENTENCE = r"could not be written \(Read-only file system: .*\); make its folder writable .* choose"


def refuse(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, ending: str | tuple[str, ...]
) -> None:
    """Make ``owner.name`` fail for paths with this ending, as on a read-only disk."""
    original = getattr(owner, name)

    def call(path: Any, *arguments: Any, **options: Any) -> Any:
        if str(path).endswith(ending):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return original(path, *arguments, **options)

    monkeypatch.setattr(owner, name, call)


@pytest.mark.parametrize(
    ("owner", "name", "ending", "named"),
    [
        (Path, "mkdir", "runs/t", "runs/t"),  # --checkpoints_dir
        (os, "open", "t/.lock", "runs/t"),  # the run's folder
        (Path, "touch", ".json", "train_opt.json"),
        (Path, "touch", ".pth", "latest_state.pth"),
    ],
)
def test_training_names_what_cannot_be_written_and_the_fix(
    owner: Any, name: str, ending: str, named: str, argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, owner, name, ending)
    with pytest.raises(NotWritableError, match=SENTENCE) as fault:
        train(argv("--model", "template"))
    message = str(fault.value)
    assert message.split(" could not")[0].endswith(named)
    assert "--checkpoints_dir" in message
    assert not re.search(r"Errno|\n| are free", message)


def test_an_earlier_file_stays_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.save(tmp_path / "a.pth", {"weight": torch.ones(1)})
    write_text(tmp_path / "a.txt", "old")
    refuse(monkeypatch, Path, "touch", "")
    with pytest.raises(NotWritableError, match=r"a\.pth"):
        checkpoint.save(tmp_path / "a.pth", {})
    with pytest.raises(NotWritableError, match=r"a\.txt"):
        write_text(tmp_path / "a.txt", "new")
    assert checkpoint.load(tmp_path / "a.pth")["weight"].tolist() == [1]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_run_in_a_read_only_folder_can_be_tested(
    argv: Argv, test_argv: Argv, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    train(argv("--model", "template", "--no_html"))
    refuse(monkeypatch, Path, "touch", (".partial.txt", ".partial.json"))
    page = translate(test_argv())
    assert page.is_file()
    assert "the options of this test are not saved: " in caplog.text


@pytest.mark.parametrize("flags", ["", "--inputs", "--output_dir out"])
def test_a_result_that_cannot_be_written_ends_the_test(
    flags: str, argv: Argv, test_argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    train(argv("--model", "template", "--no_html"))
    refuse(monkeypatch, Path, "touch", (".1_fake_B.partial.png", ".1_fake.partial.png",
                                        "out/.1.partial.png"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        run_program(lambda: translate(test_argv(*flags.split())))
    assert end.value.code == 1
    assert re.search(rf"error: \S*1\S*\.png {SENTENCE}", caplog.text)
    pages = (tmp_path / "results").rglob("index.html")
    assert all("<h3>1" not in page.read_text() for page in pages)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full: free some space, or choose another folder"),
     (errno.EFBIG, "the file is larger than ulimit -f allows")],
)
def test_a_full_disk_is_named_with_the_file(
    number: int, words: str, argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=rf"t/train_opt\.txt could not be written: {words}"):
        train(argv("--model", "template"))


def test_a_limit_on_the_size_of_files_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's own writer does not report why it failed."""
    def failing(*_: Any) -> None:
        raise RuntimeError("unexpected pos 64 vs 0")

    monkeypatch.setattr(checkpoint, "file_size_limit", lambda: 2**20)
    monkeypatch.setattr(torch, "save", failing)
    with pytest.raises(OSError, match=r"ulimit -f allows files of 1\.0 MB"):
        checkpoint.save(tmp_path / "a.pth", {"weight": torch.zeros(2**20)})
