"""Copies of a state, and writing them in the background."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from training.saving.background_saver import BackgroundSaver, require_space, to_host
from util import checkpoint
from util.checkpoint import tensor_bytes


def test_the_copy_is_made_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change after ``save`` has returned is not in the file, although it is written later."""
    gate = threading.Event()
    original = checkpoint.save

    def slow(path: Path, state: Any) -> None:
        gate.wait(10)
        original(path, state)

    monkeypatch.setattr(checkpoint, "save", slow)
    weight = torch.zeros(3)
    with BackgroundSaver() as saver:
        saver.save({tmp_path / "a.pth": {"weight": weight, "list": [weight]}})
        weight += 1
        assert not (tmp_path / "a.pth").exists()
        gate.set()
    loaded = checkpoint.load(tmp_path / "a.pth")
    assert loaded["weight"].tolist() == loaded["list"][0].tolist() == [0, 0, 0]


def test_files_are_written_in_order_and_then_is_called_last(tmp_path: Path) -> None:
    order: list[str] = []
    with BackgroundSaver() as saver, pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save", lambda path, _: order.append(path.name))
        saver.save({tmp_path / "b": {}, tmp_path / "a": {}}, then=lambda: order.append("then"))
        saver.save({tmp_path / "c": {}})
        saver.wait()
    assert order == ["b", "a", "then", "c"]


def test_a_full_disk_is_explained_and_the_old_file_is_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "latest_state.pth"
    saver = BackgroundSaver()
    saver.save({path: {"epoch": 1}})
    saver.wait()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    saver.save({path: {"weight": torch.zeros(2**20)}})
    with pytest.raises(OSError, match=r"latest_state\.pth could not be .*No space.* 4\.0 MB"):
        saver.wait()
    assert checkpoint.load(path) == {"epoch": 1}
    saver.wait()  # the error is raised once


def test_missing_space_is_reported_before_a_save(tmp_path: Path) -> None:
    require_space(tmp_path, 1, "the first save")
    with pytest.raises(OSError, match=r"first save will take about 1073741824\.0 GB; free some"):
        require_space(tmp_path, 2**60, "the first save")


def test_sizes_and_copies_of_nested_states() -> None:
    counts = torch.zeros(2, dtype=torch.int64)
    state: OrderedDict[str, Any] = OrderedDict(a=torch.zeros(3), b=[counts, (1, "x")])
    assert tensor_bytes(state) == 3 * 4 + 2 * 8
    copy = to_host(state)
    assert type(copy) is OrderedDict
    assert copy["b"][1] == (1, "x")
    assert copy["a"].data_ptr() != state["a"].data_ptr()


def test_tensors_that_two_files_share_are_copied_once() -> None:
    weight = torch.arange(4.0)
    copy = to_host({"net": weight, "state": [weight.view(2, 2), weight[:2], weight]})
    assert copy["net"].data_ptr() == copy["state"][2].data_ptr() != weight.data_ptr()
    assert copy["state"][0].tolist() == [[0, 1], [2, 3]]
    assert copy["state"][1].tolist() == [0, 1]
