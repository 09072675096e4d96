"""Training in two processes equals training in one process with twice the batch size."""

import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import processes
import pytest
import torch
from conftest import Argv, draw_pictures
from PIL import Image
from runs import differences, load_state, logged, read_losses

from data.base_dataset import Batch
from data.epoch_order import EpochOrder
from models.base_model import BaseModel
from models.pix2pix_model import Pix2PixModel
from test import test as translate
from train import train
from training.launcher import launch
from training.saving.run_saver import RunSaver
from util import checkpoint
from util.distributed import Process, current_process

ROOT = Path(__file__).resolve().parent.parent
PLAIN = ("--no_dropout", "--no_html", "--print_freq", "1")


def draw(dataroot: Path, count: int) -> None:
    for folder, width in (("train", 64), ("trainA", 32), ("trainB", 32)):
        draw_pictures(dataroot / folder, count, (width, 32))


def weights(run_dir: Path) -> dict[str, torch.Tensor]:
    networks = checkpoint.load(run_dir / "latest_state.pth")["model"]["networks"]
    return {f"{name}.{key}": value for name in networks for key, value in networks[name].items()}


@contextmanager
def double() -> Iterator[None]:
    """Train in float64, because rounding differences grow in float32.

    Adam turns the rounding error of a gradient that should be 0, such as that of a bias before an
    instance norm, into a full step; and L1 is not differentiable at 0.
    """
    add, take = BaseModel.add_network, BaseModel.take

    def take_double(model: BaseModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        a, b = take(model, batch)
        return a.double(), b.double()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            BaseModel, "add_network",
            lambda m, name, net, **role: add(m, name, net.double(), **role),
        )
        patch.setattr(BaseModel, "take", take_double)
        yield


def train_all(runs: Sequence[Sequence[str]], ports: Sequence[int]) -> None:
    for argv, port in zip(runs, ports, strict=True):
        os.environ["MASTER_PORT"] = str(port)
        train(argv)


def train_all_double(runs: Sequence[Sequence[str]], ports: Sequence[int]) -> None:
    with double():
        train_all(runs, ports)


def test_two_processes_equal_one_with_twice_the_batch(
    argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    """Test five steps, and an epoch in which the second process has no image in the last step."""
    draw(dataroot, 10)
    cases = [("pix2pix", "instance", 10), ("pix2pix", "batch", 10), ("cycle_gan", "instance", 10),
             ("cycle_gan", "batch", 10), ("cycle_gan", "instance", 5)]
    runs = [argv("--model", model, "--norm", norm, "--max_dataset_size", str(count), *PLAIN)
            for model, norm, count in cases]
    twos = [[*flags, "--name", f"two{index}"] for index, flags in enumerate(runs)]
    # All runs use the same two processes, one run after another.
    ports = [processes.free_port() for _ in runs]
    processes.run(tmp_path / "out", train_all_double, twos, ports)
    for index, flags in enumerate(runs):
        with double():
            train([*flags, "--name", f"one{index}", "--batch_size", "2"])
        single, parallel = (weights(tmp_path / "runs" / f"{n}{index}") for n in ("one", "two"))
        assert single.keys() == parallel.keys()
        gaps = {key: float((single[key] - parallel[key]).abs().max()) for key in single}
        worst = max(gaps, key=lambda key: gaps[key])
        assert gaps[worst] < 1e-8, (cases[index], worst, gaps[worst])
        rows = [read_losses(tmp_path / "runs" / f"{n}{index}") for n in ("one", "two")]
        for ours, theirs in zip(*rows, strict=True):
            assert ours["images"] == theirs["images"]
            for name in ("G_GAN", "G_L1") if cases[index][0] == "pix2pix" else ("G_A", "cycle_B"):
                assert float(ours[name]) == pytest.approx(float(theirs[name]), abs=2e-5)


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("start", [0, 4, 10])
def test_each_image_is_used_once_and_all_processes_take_equally_many_steps(
    world_size: int, batch_size: int, start: int
) -> None:
    orders = [
        EpochOrder(10, seed=3, shuffle=True, batch_size=batch_size, rank=rank,
                   world_size=world_size)
        for rank in range(world_size)
    ]
    whole = list(EpochOrder(10, seed=3, shuffle=True))
    seen, steps = [], set()
    for order in orders:
        order.start = start
        indices = list(order)
        assert len(indices) == len(order)
        steps.add(-(-len(indices) // batch_size))
        for step in range(-(-len(indices) // batch_size)):
            first = start + step * batch_size * world_size
            own = order.share(first).own
            mine = indices[step * batch_size : (step + 1) * batch_size][:own]
            assert set(mine) <= set(whole[first : first + batch_size * world_size])
            seen += mine
    assert sorted(seen) == sorted(whole[start:])
    assert len(steps) == 1


@pytest.mark.parametrize("world_size", [1, 2, 3, 12])
@pytest.mark.parametrize("batch_size", [1, 2, 4, 16])
def test_processes_take_turns_with_the_batches_of_one(world_size: int, batch_size: int) -> None:
    def batches(rank: int, of: int) -> list[list[int]]:
        order = EpochOrder(10, seed=0, shuffle=False, batch_size=batch_size, rank=rank,
                           world_size=of, whole_batches=True)
        indices = list(order)
        assert len(order) == len(indices)
        return [indices[i : i + batch_size] for i in range(0, len(indices), batch_size)]

    single = batches(0, 1)
    assert [batches(rank, world_size) for rank in range(world_size)] == [
        single[rank::world_size] for rank in range(world_size)]


def interrupted(argv: Sequence[str], stopped: Sequence[str], ports: Sequence[int]) -> None:
    """Send a signal to the second process after 2 images; both stop after 4; resume the run."""
    train_all([argv], ports[:1])
    original = RunSaver.save_if_due

    def save_if_due(saver: RunSaver, *, now: bool) -> None:
        original(saver, now=now)
        if saver.clock.images == 2 and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGTERM)

    RunSaver.save_if_due = save_if_due  # type: ignore[method-assign, assignment]
    with pytest.raises(SystemExit) as stop:
        train_all([stopped], ports[1:2])
    assert stop.value.code == 128 + signal.SIGTERM
    RunSaver.save_if_due = original  # type: ignore[method-assign]
    torch.manual_seed(99)  # the resumed run must not depend on earlier work of this process
    train_all([[*stopped, "--continue_train"]], ports[2:])


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_signal_to_one_process_stops_all_and_the_run_resumes_exactly(
    argv: Argv, dataroot: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    draw(dataroot, 5)
    flags = argv("--model", "cycle_gan", "--dropout", "--pool_size", "2", "--n_epochs", "2",
                 "--no_html", "--print_freq", "1")
    ports = [processes.free_port() for _ in range(3)]
    processes.run(tmp_path / "out", interrupted, [*flags, "--name", "straight"],
                  [*flags, "--name", "stopped"], ports)
    straight, stopped = (tmp_path / "runs" / name for name in ("straight", "stopped"))
    assert differences(load_state(straight), load_state(stopped)) == []
    assert logged(straight) == logged(stopped)
    # Only the main process logs, and each step once. The fifth image is a step of its own.
    assert [row["images"] for row in read_losses(straight)] == ["2", "4", "5", "7", "9", "10"]
    state = checkpoint.load(straight / "latest_state.pth")
    assert len(state["other_processes"]) == 1
    pools = state["model"]["pools"]["fake_A"]["images"]
    others = state["other_processes"][0]["pools"]["fake_A"]["images"]
    assert not torch.equal(pools[0], others[0])
    main, other = ((tmp_path / "out" / f"{rank}.txt").read_text() for rank in (0, 1))
    assert "stopping after this step" not in main + other
    assert "stopped and saved" in main
    assert "stopped and saved" not in other
    assert "(epoch" not in other
    train([*flags, "--name", "stopped", "--continue_train", "--n_epochs", "3"])
    assert "saved by 2 processes, resumed with 1" in caplog.text
    assert read_losses(stopped)[-1]["images"] == "15"


def faulty(not_a_number: Sequence[str], partly: Sequence[str], ports: Sequence[int]) -> None:
    """One process has NaN in every step; then a model calls a part of its network directly."""
    take = BaseModel.take

    def take_nan(model: BaseModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        a, b = take(model, batch)
        return (a * float("nan"), b) if os.environ["RANK"] == "1" else (a, b)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseModel, "take", take_nan)
        train_all([not_a_number], ports[:1])

    def forward(model: Pix2PixModel) -> None:
        model.fake_B = model.netG.get_submodule("model")(model.real_A)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pix2PixModel, "forward", forward)
        train_all([partly], ports[1:])


def test_processes_agree_on_a_nan_and_report_diverging_weights(
    argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    draw(dataroot, 5)
    flags = argv("--model", "pix2pix", "--norm", "instance", *PLAIN)
    ports = [processes.free_port() for _ in range(2)]
    started = processes.start(tmp_path / "out", faulty, [*flags, "--on_nan", "skip"],
                              [*flags, "--name", "partly"], ports)
    assert processes.finish(started) == [1, 1]
    text = (tmp_path / "out" / "0.txt").read_text()
    skipped = [line for line in text.splitlines() if "batch skipped (" in line]
    assert [line.count(".png") for line in skipped] == [2, 2]  # the files of both processes
    # In the third and last step that process has no image, and its NaN is ignored.
    assert [row["images"] for row in read_losses(tmp_path / "runs" / "t")] == ["5"]
    assert all(value.isfinite().all() for value in weights(tmp_path / "runs" / "t").values())
    assert "error: the weights of network G differ between the processes" in text


def killed(argv: Sequence[str]) -> None:
    def save_if_due(saver: RunSaver, *, now: bool) -> None:
        if saver.clock.images == 2 and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)

    RunSaver.save_if_due = save_if_due  # type: ignore[method-assign, assignment]
    train(argv)


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_a_killed_process_ends_the_other_with_the_reason(
    argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    flags = argv("--model", "template", *PLAIN)
    codes = processes.finish(processes.start(tmp_path / "out", killed, flags))
    assert codes == [1, -signal.SIGKILL]
    assert "process 0 of 2 lost the connection" in (tmp_path / "out" / "0.txt").read_text()


def test_launched_processes_are_ended_when_one_is_killed(
    argv: Argv, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """``launch``, which --gpu_ids 0,1 calls, here on the CPU."""
    program = tmp_path / "program.py"
    program.write_text(
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
        "from test_distributed import killed\n"
        "from util.runtime import run_program\n"
        "run_program(lambda: killed(sys.argv[1:]))\n"
    )
    with pytest.raises(ChildProcessError, match="process 1 of 2 was killed by SIGKILL"):
        launch(program, argv("--model", "template", *PLAIN), processes=2)
    assert "process 0 of 2 lost the connection to the others" in capfd.readouterr().out


def test_several_gpus_start_as_many_processes(
    argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr("sys.argv", ["train.py"])
    started: list[tuple[Sequence[str], int]] = []

    def launch(program: Path, words: Sequence[str], *, processes: int) -> None:
        started.append((words, processes))

    monkeypatch.setattr("train.launch", launch)
    words = argv("--model", "template", "--gpu_ids", "0,2")
    train(words)
    assert started == [(words, 2)]


def test_one_process_under_torchrun_is_a_plain_training(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LOCAL_RANK": "0", "RANK": "0", "WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    train(argv("--model", "template", *PLAIN))
    assert "other_processes" not in checkpoint.load(tmp_path / "runs" / "t" / "latest_state.pth")


def test_a_world_without_torchrun_is_refused() -> None:
    assert current_process({}) == Process()
    assert current_process({"LOCAL_RANK": "1"}) == Process(local_rank=1, launched=True)
    with pytest.raises(ValueError, match="RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT is not set"):
        current_process({"WORLD_SIZE": "2"})


def train_and_translate(
    runs: Sequence[Sequence[str]], tests: Sequence[Sequence[str]], ports: Sequence[int]
) -> None:
    train_all(runs, ports[: len(runs)])
    for argv, port in zip(tests, ports[len(runs) :], strict=True):
        os.environ["MASTER_PORT"] = str(port)
        translate(argv)


def files_below(folder: Path) -> dict[Path, bytes]:
    """Return the contents of all files; times and paths of pages are left out."""
    contents = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")
                if path.is_file()}
    return {path: re.sub(rb"\d\d \w{3} \d{4}, \d\d:\d\d", b"", content)
            if path.suffix == ".html" else content for path, content in contents.items()}


def test_one_process_validates_and_all_take_the_same_decision(
    argv: Argv, test_argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    """The weights equal those without validation, and both processes stop at the same step.

    Two processes of test.py then write the same files as one.
    """
    draw_pictures(dataroot / "val", 3, (64, 32), seed=9)
    plain = argv("--model", "pix2pix", "--norm", "batch", "--n_epochs", "2", "--no_html")
    without = [*plain, "--name", "without"]
    with_it = [*plain, "--name", "with", "--val_phase", "val", "--ema", "0.9"]
    # With a learning rate near 0 the values stop improving.
    stopping = [*plain, "--name", "stopping", "--val_phase", "val", "--early_stop", "1",
                "--n_epochs", "30", "--lr", "1e-12"]
    # The same two processes translate images of several sizes, one of which cannot be read.
    draw_pictures(dataroot / "mixed" / "sub", 3, (24, 20))
    draw_pictures(dataroot / "mixed", 5, (16, 28))
    (dataroot / "mixed" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    mixed = ["--dataroot", str(dataroot / "mixed"), "--on_bad_image", "skip", "--batch_size", "2"]
    tests = {"data": ["--batch_size", "2"], "inputs": mixed, "folder": [*mixed, "--output_dir"]}
    draw_pictures(dataroot / "test", 5, (64, 32), seed=8)
    with Image.open(dataroot / "test" / "0.png") as image:
        image.save(dataroot / "test" / "0.bmp")

    def translations(kind: str) -> list[list[str]]:
        folders = {name: tmp_path / kind / name for name in tests}
        return [test_argv("--name", "without", *flags, *[str(folders[name])] * (name == "folder"),
                          "--results_dir", str(folders[name])) for name, flags in tests.items()]

    ports = [processes.free_port() for _ in range(6)]
    processes.run(tmp_path / "out", train_and_translate, [without, with_it, stopping],
                  translations("two"), ports)
    runs = tmp_path / "runs"
    for flags in translations("one"):
        translate(flags)
    assert files_below(tmp_path / "one") == files_below(tmp_path / "two")
    assert len(files_below(tmp_path / "two")) == 6 * 3 + 8 * 2 + 8 + 2
    printed = (tmp_path / "out" / "0.txt").read_text() + (tmp_path / "out" / "1.txt").read_text()
    assert printed.count("skipped: ") == 2
    assert printed.count("8 images translated; results page") == 1
    assert "8 of 9 images translated into" in printed
    assert differences(weights(runs / "without"), weights(runs / "with")) == []
    assert (runs / "with" / "best_net_G_ema.pth").is_file()
    state = load_state(runs / "stopping")
    assert state[".best.waited"] == 1
    assert state[".clock.epoch"] < 30
    assert "stopped at the end of epoch" in (tmp_path / "out" / "0.txt").read_text()
