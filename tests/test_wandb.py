"""wandb: what is logged, how a run is resumed, and training without the package."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest
from conftest import Argv
from imagined_run import losses, pictures

from display.sinks import open_sinks, wandb_sink
from options.test_options import TestOptions


def fake_wandb(calls: list[Any], *, failure: bool = False) -> Any:
    module: Any = types.ModuleType("wandb")
    module.Error = type("Error", (Exception,), {})
    module.run = None

    def login() -> None:
        if failure:
            raise module.Error("not logged in")

    def init(**named: Any) -> None:
        module.run = named
        calls.append(("init", named))

    def finish() -> None:
        module.run = None
        calls.append("finish")

    module.login = login
    module.init = init
    module.Image = lambda picture, caption: (picture.shape, caption)
    module.log = lambda values, step: calls.append((step, values))
    module.finish = finish
    return module


def display(wandb: Any, folder: Path, *, id_file: Path | None = None) -> wandb_sink.WandbRun:
    return wandb_sink.WandbRun(
        wandb, folder, project="p", name="n", options={"lr": 1}, id_file=id_file
    )


def test_losses_and_images_are_logged_over_images_seen(tmp_path: Path) -> None:
    calls: list[Any] = []
    sink = display(fake_wandb(calls), tmp_path / "new")
    sink.losses(losses(100))
    sink.pictures(pictures(200))
    sink.close()
    folder = str(tmp_path / "new")
    assert Path(folder).is_dir(), "wandb would choose another folder if it did not exist"
    assert calls == [
        ("init", {"project": "p", "name": "n", "config": {"lr": 1}, "dir": folder}),
        (100, {"G_GAN": 1.234, "G_L1": 20.1, "learning_rate": 2e-4}),
        (200, {
            "results/real_A": ((8, 8, 3), "real_A - Step 200"),
            "results/fake_B": ((8, 8, 3), "fake_B - Step 200"),
        }),
        "finish",
    ]


def test_wandb_run_is_resumed(tmp_path: Path) -> None:
    calls: list[Any] = []
    id_file = tmp_path / "wandb_id.txt"
    for images in (100, 200):
        sink = display(fake_wandb(calls), tmp_path, id_file=id_file)
        sink.losses(losses(images))
        sink.close()
    (_, first), (_, second) = (call for call in calls if call[0] == "init")
    assert first["id"] == second["id"] == id_file.read_text()
    assert first["resume"] == second["resume"] == "allow"
    other = display(fake_wandb(calls), tmp_path / "b", id_file=tmp_path / "b" / "wandb_id.txt")
    other.losses(losses(300))
    assert calls[-2][1]["id"] != first["id"]


def test_run_that_the_program_has_started_is_used(tmp_path: Path) -> None:
    calls: list[Any] = []
    wandb = fake_wandb(calls)
    wandb.run = "begun"
    display(wandb, tmp_path).losses(losses(100))
    assert [call[0] for call in calls] == [100]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (None, "pip install wandb"),
        (types.ModuleType("wandb"), "pip install wandb"),  # a folder of wandb's records
        (fake_wandb([], failure=True), "not logged in"),
    ],
)
def test_missing_wandb_or_login_is_logged_in_one_line(
    module: object,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert wandb_sink.load_wandb() is None
    assert len(caplog.records) == 1
    assert message in caplog.text
    assert caplog.messages[0].endswith("Continuing without it."), "test.py logs it too"


def test_offline_mode_needs_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    module = fake_wandb([], failure=True)
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert wandb_sink.load_wandb() is module


@pytest.mark.parametrize("name", ["t", "group/t"])
def test_a_test_logs_to_wandb_if_asked(
    name: str, monkeypatch: pytest.MonkeyPatch, test_argv: Argv, tmp_path: Path
) -> None:
    calls: list[Any] = []
    monkeypatch.setitem(sys.modules, "wandb", fake_wandb(calls))
    (tmp_path / "runs" / "t").mkdir(parents=True)
    folder = tmp_path / "results" / name / "test_latest"
    assert open_sinks(folder, TestOptions().parse(test_argv())) == []
    words = test_argv("--use_wandb", "--wandb_project_name", "p")
    (sink,) = open_sinks(folder, TestOptions().parse(words))
    sink.pictures(pictures(1))
    (_, settings), *_ = calls
    assert (settings["project"], settings["name"]) == ("p", name)
    assert "id" not in settings, "each test is a new wandb run"
