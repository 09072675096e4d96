import io
import logging
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
import torch

from util.console.log_lines import ConsoleLog
from util.interrupts import explained
from util.random_states import seed_everything
from util.runtime import choose_device, describe_device, run_program, set_arithmetic

ROOT = Path(__file__).resolve().parents[1]


def test_the_cpu_can_be_requested() -> None:
    assert choose_device([]) == torch.device("cpu")
    assert describe_device(torch.device("cpu")).startswith("cpu (")


@pytest.mark.parametrize(
    ("cuda", "mps", "wanted"),
    [(True, False, "cuda:0"), (False, True, "mps"), (False, False, "cpu"), (True, True, "cuda:0")],
)
def test_the_best_device_is_the_default(
    cuda: bool, mps: bool, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device(None) == torch.device(wanted)


def test_one_process_uses_the_first_of_several_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert choose_device([2, 0]) == torch.device("cuda", 2)
    with pytest.raises(ValueError, match="torch sees 3 CUDA devices"):
        choose_device([3])


def test_each_of_several_processes_gets_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has rank 3 of 4, and is the second one on its machine."""
    names = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2",
             "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert choose_device(None) == torch.device("cuda", 1)
    assert choose_device([0, 2]) == torch.device("cuda", 2)
    assert choose_device([]) == torch.device("cpu")
    with pytest.raises(ValueError, match="started 2 processes on this machine"):
        choose_device([0])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match=r"there are 1 \(0\)"):
        choose_device(None)


@pytest.mark.parametrize("fault", [ValueError, FileNotFoundError, PermissionError])
def test_a_mistake_of_the_user_is_reported_without_a_traceback(
    fault: type[Exception], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py"])

    def main() -> None:
        raise fault("x is not y")

    with caplog.at_level(logging.INFO), pytest.raises(SystemExit) as stop:
        run_program(main)
    assert stop.value.code == 1
    assert "error: x is not y" in caplog.text
    monkeypatch.setattr("sys.argv", ["train.py", "--verbose"])
    with pytest.raises(fault):
        run_program(main)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("text", ["", "the last 3 images are lost"])
def test_a_signal_is_reported_in_one_line(
    number: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    def main() -> None:
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt as stop:
            raise explained(stop, text) from None

    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as stop:
        run_program(main, interrupted="Interrupted before the first step")
    assert stop.value.code == 128 + number
    assert caplog.messages == [text or "Interrupted before the first step"]
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("program", ["train.py", "test.py", "scripts/evaluate.py",
                                     "scripts/export.py", "scripts/serve.py"])
def test_programs_handle_signals_before_they_import_torch(program: str) -> None:
    """A traceback from the middle of an import does not help anybody."""
    text = (ROOT / program).read_text()
    first = text.index("    interrupts.quit_at_signals()")
    rooms = r"^(?:from|import) (?:data|metrics|models|inference|serving|scripts|util\.)\b"
    own = re.findall(rooms, text[:first], re.MULTILINE)
    assert own == []
    done = subprocess.run(
        [sys.executable, "-c", "import os, sys; from util import interrupts; "
         "interrupts.quit_at_signals(); assert 'torch' not in sys.modules; "
         "os.kill(os.getpid(), 2)"],
        cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "Interrupted\n", "")


def test_a_line_that_a_signal_handler_logs_while_another_is_written_is_not_lost(
    tmp_path: Path
) -> None:
    class Busy(io.FileIO):
        def write(self, text: Any) -> int:
            raise RuntimeError("reentrant call inside BufferedWriter")

    with Busy(tmp_path / "out", "w") as file:
        ConsoleLog(file).emit(logging.makeLogRecord({"msg": "stopping"}))
    assert (tmp_path / "out").read_text() == "stopping\n"


def test_other_exceptions_keep_their_traceback() -> None:
    with pytest.raises(KeyError):
        run_program(lambda: {"present": 1}["missing"])


def test_a_seed_determines_the_random_numbers() -> None:
    seed_everything(3)
    first = torch.rand(2)
    seed_everything(3)
    assert torch.equal(first, torch.rand(2))


@pytest.fixture
def arithmetic() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
    torch.backends.cudnn.benchmark = False
    torch.set_flush_denormal(False)


@pytest.mark.parametrize(
    ("precision", "tf32"), [("default", (False, True)), ("fp32", (False, False)),
                            ("tf32", (True, True)), ("bf16", (False, True))],
)
def test_arithmetic(precision: str, tf32: tuple[bool, bool], arithmetic: None) -> None:
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, True
    set_arithmetic(precision)
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == tf32
    assert not torch.backends.cudnn.benchmark
    set_arithmetic(precision, equal_sizes=True)
    assert torch.backends.cudnn.benchmark
    if torch.set_flush_denormal(True):  # the CPU can
        assert float(torch.tensor(1e-30) * torch.tensor(1e-10)) == 0.0


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_large_tensors_are_allocated_on_the_heap() -> None:
    """glibc keeps freed heap memory; mapped memory is returned to the system at once."""
    program = (
        "import torch\n"
        "from util.runtime import keep_freed_memory\n"
        "def is_on_heap(tensor):\n"
        "    lines = open('/proc/self/maps').read().splitlines()\n"
        "    heap = next(line for line in lines if line.endswith('[heap]'))\n"
        "    low, high = (int(end, 16) for end in heap.split()[0].split('-'))\n"
        "    return low <= tensor.data_ptr() < high\n"
        "new = lambda: torch.empty(25 * 2**20, dtype=torch.uint8)\n"
        "first = new()\n"  # it is kept: glibc would learn from freeing it
        "print(is_on_heap(first))\n"
        "keep_freed_memory()\n"
        "print(is_on_heap(new()))\n"
    )
    plain = {name: value for name, value in os.environ.items()
             if not name.startswith(("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD"))}
    answers = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True,
                                      env=plain)
    assert answers == "False\nTrue\n"


def test_the_program_continues_if_its_reader_closes_the_pipe(tmp_path: Path) -> None:
    """The program in ``train.py ... | head`` ends normally and prints no error."""
    program = (
        "import logging, pathlib, sys\n"
        "from util.runtime import run_program\n"
        "def main():\n"
        "    sys.stdin.readline()\n"
        "    for number in range(3): logging.info('line %d', number)\n"
        "    pathlib.Path(sys.argv[1]).write_text('done')\n"
        "run_program(main)\n"
    )
    done = tmp_path / "done"
    with subprocess.Popen([sys.executable, "-c", program, str(done)], cwd=ROOT, text=True,
                          stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdout.close()
        process.stdin.write("go\n")
        process.stdin.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert done.read_text() == "done"
