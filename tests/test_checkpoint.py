import os
import pickle
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from util import checkpoint
from util.files import replacing
from util.random_states import random_state, set_random_state


def test_round_trip(tmp_path: Path) -> None:
    weight = torch.arange(3.0)
    checkpoint.save(
        tmp_path / "run" / "a.pth", {"weight": weight, "epoch": 4, "names": ["a"]}
    )
    loaded = checkpoint.load(tmp_path / "run" / "a.pth")
    assert torch.equal(loaded["weight"], weight)
    assert (loaded["epoch"], loaded["names"]) == (4, ["a"])


def test_an_interrupted_save_leaves_the_old_file_intact(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    checkpoint.save(path, {"epoch": 1})
    with pytest.raises(KeyboardInterrupt), replacing(path) as aside:
        aside.write_bytes(b"half a fi")
        raise KeyboardInterrupt
    assert checkpoint.load(path) == {"epoch": 1}
    assert os.listdir(tmp_path) == ["a.pth"]  # noqa: PTH208  (hidden files count too)


def test_the_error_for_a_missing_file_names_the_epochs_in_its_folder(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "5_net_G.pth", {})
    with pytest.raises(FileNotFoundError, match=r"latest_net_G\.pth .* --epoch from 5$"):
        checkpoint.load(tmp_path / "latest_net_G.pth")


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("evil",)


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"", "is damaged"), (b"no checkpoint", "is damaged"), (b"hello\nworld\n", "is damaged"),
     (b"PK\3\4" + bytes(300), "is damaged"), (pickle.dumps(Evil(), protocol=2), "holds code")],
)
def test_a_file_that_is_not_a_checkpoint_is_refused_and_never_run(
    content: bytes, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "latest_net_G.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"latest_net_G\.pth {what}") as fault:
        checkpoint.load(path)
    assert_own_words(fault)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("value", "named"), [(Evil(), r"\w+\.mkdir"), (torch.nn.ReLU(), r".*ReLU")]
)
def test_code_in_a_checkpoint_is_named_and_never_run(
    value: object, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": value}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=rf"code \({named}\), which is never run") as fault:
        checkpoint.load(tmp_path / "a.pth")
    assert_own_words(fault)
    assert not (tmp_path / "evil").exists()


def assert_own_words(fault: pytest.ExceptionInfo[ValueError]) -> None:
    """Fail if the message has torch's advice to disable weights_only, or text of its zip reader."""
    assert not re.search(r"weights_only|miniz|\n", str(fault.value))


@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_damage_inside_a_file_is_detected(part: float, tmp_path: Path) -> None:
    """torch itself would load such a file, with wrong numbers."""
    path = tmp_path / "latest_net_G.pth"
    checkpoint.save(path, {"weight": torch.rand(100_000), "bias": torch.rand(2000)})
    content = bytearray(path.read_bytes())
    start = int(len(content) * part)
    content[start : start + 400] = bytes(255 - byte for byte in content[start : start + 400])
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"latest_net_G\.pth is damaged"):
        checkpoint.load(path)


@pytest.mark.parametrize(("entry", "place", "bit"), [
    (b"PK\1\2", 38, 0x10),  # marked as a folder: torch would return unset memory
    (b"PK\6\7", 4, 1), (b"PK\6\7", 16, 2),  # a part of an archive on several disks
])
def test_a_flipped_bit_in_the_list_of_entries_is_detected(
    entry: bytes, place: int, bit: int, tmp_path: Path
) -> None:
    path = tmp_path / "latest_net_G.pth"
    checkpoint.save(path, {"weight": torch.rand(40)})
    content = bytearray(path.read_bytes())
    starts = [match.start() for match in re.finditer(re.escape(entry), content)]
    assert starts
    for start in starts:
        content[start + place] ^= bit
        path.write_bytes(content)
        content[start + place] ^= bit
        with pytest.raises(ValueError, match=r"latest_net_G\.pth is damaged"):
            checkpoint.load(path)
        assert checkpoint.newest_intact([path]) is None


def test_a_file_from_before_pytorch_1_6_has_no_checksums(tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G.pth"
    torch.save({"weight": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    assert checkpoint.load(path)["weight"].tolist() == [1, 1]


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G.pth"
    checkpoint.save(path, {"weight": torch.zeros(10_000)})
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load(path)


def test_a_damaged_file_names_the_newest_intact_one(tmp_path: Path) -> None:
    for age, name in enumerate(["latest_net_G", "iter_50_net_G", "20_net_G", "10_net_G"]):
        path = tmp_path / f"{name}.pth"
        checkpoint.save(path, {"weight": torch.zeros(10_000)})
        os.utime(path, (1000 - age, 1000 - age))
    for name in ("latest_net_G", "iter_50_net_G"):
        path = tmp_path / f"{name}.pth"
        path.write_bytes(path.read_bytes()[:20_000])
        os.utime(path, (1000, 1000))
    with pytest.raises(ValueError, match=r"20_net_G\.pth \(--epoch 20\)"):
        checkpoint.load(tmp_path / "latest_net_G.pth")


def draws() -> list[float]:
    return [random.random(), float(np.random.rand()), torch.rand(()).item()]


def test_random_state_survives_a_file(tmp_path: Path) -> None:
    draws()
    checkpoint.save(tmp_path / "a.pth", random_state())
    wanted = draws()
    draws()
    set_random_state(checkpoint.load(tmp_path / "a.pth"))
    assert draws() == wanted


@pytest.mark.parametrize(
    ("files", "advice"),
    [
        ([], "no network was saved here, perhaps the training ended before: repeat the train.py"),
        (["latest_state.pth"], r"repeat the train\.py command with --continue_train$"),
        (["100_net_G.pth", "5_net_G.pth", "10_net_G.pth", "5_net_D.pth", "7_net_D.pth",
          "best_net_G.pth"], r"_net_G\.pth does not exist; choose --epoch from 5, 10, 100, best$"),
    ],
)
def test_a_missing_file_of_weights_has_a_way_out(
    files: list[str], advice: str, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=advice):
        checkpoint.load(tmp_path / "latest_net_G.pth")
