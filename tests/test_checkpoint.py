import os
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from util import checkpoint
from util.files import replacing


def test_round_trip(tmp_path: Path) -> None:
    weight = torch.arange(3.0)
    checkpoint.save(
        tmp_path / "run" / "a.pth", {"weight": weight, "epoch": 4, "names": ["a"]}
    )
    loaded = checkpoint.load(tmp_path / "run" / "a.pth")
    assert torch.equal(loaded["weight"], weight)
    assert (loaded["epoch"], loaded["names"]) == (4, ["a"])


def test_an_interrupted_save_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    checkpoint.save(path, {"epoch": 1})
    with pytest.raises(KeyboardInterrupt), replacing(path) as aside:
        aside.write_bytes(b"half a fi")
        raise KeyboardInterrupt
    assert checkpoint.load(path) == {"epoch": 1}
    assert os.listdir(tmp_path) == ["a.pth"]  # noqa: PTH208  (hidden files count too)


def test_a_missing_file_names_those_that_are_there(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "5_net_G.pth", {})
    with pytest.raises(FileNotFoundError, match=r"latest_net_G\.pth.*5_net_G\.pth"):
        checkpoint.load(tmp_path / "latest_net_G.pth")


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("evil",)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", pickle.dumps(Evil(), protocol=2)])
def test_a_file_that_is_no_checkpoint_is_refused_and_never_run(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "latest_net_G.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"latest_net_G\.pth cannot be read"):
        checkpoint.load(path)
    assert not (tmp_path / "evil").exists()


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G.pth"
    checkpoint.save(path, {"weight": torch.zeros(10_000)})
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load(path)


def test_a_damaged_file_offers_the_newest_whole_one(tmp_path: Path) -> None:
    for age, name in enumerate(["latest_net_G", "iter_50_net_G", "20_net_G", "10_net_G"]):
        path = tmp_path / f"{name}.pth"
        checkpoint.save(path, {"weight": torch.zeros(10_000)})
        os.utime(path, (1000 - age, 1000 - age))
    for name in ("latest_net_G", "iter_50_net_G"):
        path = tmp_path / f"{name}.pth"
        path.write_bytes(path.read_bytes()[:20_000])
        os.utime(path, (1000, 1000))
    with pytest.raises(ValueError, match=r"whole one here is 20_net_G\.pth \(--epoch 20\)"):
        checkpoint.load(tmp_path / "latest_net_G.pth")


def draws() -> list[float]:
    return [random.random(), float(np.random.rand()), torch.rand(()).item()]


def test_random_state_survives_a_file(tmp_path: Path) -> None:
    draws()
    checkpoint.save(tmp_path / "a.pth", checkpoint.random_state())
    wanted = draws()
    draws()
    checkpoint.set_random_state(checkpoint.load(tmp_path / "a.pth"))
    assert draws() == wanted
