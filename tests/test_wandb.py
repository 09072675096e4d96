"""wandb: what it is sent, and that training goes on without it."""

import sys
import types
from typing import Any

import pytest
from imagined_run import losses, pictures

from util.sinks import wandb_run
from util.visualizer import build_result_sinks


def fake_wandb(calls: list[Any], *, failure: bool = False) -> Any:
    module: Any = types.ModuleType("wandb")
    module.Error = type("Error", (Exception,), {})
    module.run = None

    def init(**named: Any) -> None:
        if failure:
            raise module.Error("not logged in")
        calls.append(("init", named))

    module.init = init
    module.Image = lambda picture, caption: (picture.shape, caption)
    module.log = lambda values, step: calls.append((step, values))
    module.finish = lambda: calls.append("finish")
    return module


def test_wandb_gets_losses_and_pictures_by_images_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setitem(sys.modules, "wandb", fake_wandb(calls))
    sink = wandb_run.WandbRun(wandb_run.connect(project="p", name="n", options={"lr": 1}))
    sink.losses(losses(100))
    sink.pictures(pictures(200))
    sink.close()
    assert calls == [
        ("init", {"project": "p", "name": "n", "config": {"lr": 1}}),
        (100, {"G_GAN": 1.234, "G_L1": 20.1}),
        (200, {
            "results/real_A": ((8, 8, 3), "real_A - Step 200"),
            "results/fake_B": ((8, 8, 3), "fake_B - Step 200"),
        }),
        "finish",
    ]


@pytest.mark.parametrize(
    ("module", "said"),
    [(None, "pip install wandb"), (fake_wandb([], failure=True), "not logged in")],
)
def test_wandb_that_cannot_be_had_is_said_in_one_line(
    module: object,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", module)
    assert wandb_run.connect(project="p", name="n", options={}) is None
    assert len(caplog.records) == 1
    assert said in caplog.text
    assert caplog.messages[0].endswith("Going on without it."), "test.py says it too"


def test_wandb_is_a_display_of_a_test_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", fake_wandb([]))
    for wanted in (True, False):
        sinks = build_result_sinks(
            name="n", use_wandb=wanted, wandb_project_name="p", options={}
        )
        assert [type(sink) for sink in sinks] == [wandb_run.WandbRun] * wanted
