"""Measure the cost of displays for a training: step times with visdom in every state.

    python scripts/benchmarks/displays.py --repeats 1

Trains a small model on noise: without a display, with the web page, and with a visdom server that
is up, missing, hung (SIGSTOP) from a third of the run on, or killed after one third and restarted
after two. Starting a server keeps a core busy for seconds: one state without a display shows the
cost of that alone. The states are run in turn, so that a short load of the machine affects all of
them. The first epoch warms up and does not count. The server needs no network; its page stays
blank, which costs the training nothing.
"""

import csv
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from display.sinks.visdom_client import connect
from scripts.benchmarks.common import ROOT, in_turn, machine_facts, markdown, write_images
from scripts.command_line import new_parser
from util.flags import positive_int
from util.runtime import run_program

log = logging.getLogger(__name__)

NO_DISPLAY, WEB_PAGE = "--no_html --display_id 0", "--display_id 0"
VISDOM = "--no_html --display_port {port}"
# Label, flags of train.py, and events of the visdom server with their share of the run.
STATES: dict[str, tuple[str, str, dict[float, str]]] = {
    "none": ("none", NO_DISPLAY, {}),
    "beside": ("none, while a visdom server starts", NO_DISPLAY, {2 / 3: "start"}),
    "page": ("web page", WEB_PAGE, {}),
    "up": ("visdom, up", VISDOM, {0: "start"}),
    "missing": ("visdom, not there", VISDOM, {}),
    "hung": ("visdom, hung", VISDOM, {0: "start", 1 / 3: "hang"}),
    "restarted": ("visdom, killed and restarted", VISDOM,
                  {0: "start", 1 / 3: "kill", 2 / 3: "start"}),
}
DisplayCost = dict[str, float | str]
_IMAGES = 200  # images of an epoch
_PRINT = 20  # steps between two reports
_SERVE = (
    "import sys; sys.argv = ['visdom', '-bind_local', '-port', sys.argv[1], '-env_path', "
    "sys.argv[2]]; from visdom.server.run_server import main; main()"
)  # the usual start first fetches the files of its page


class VisdomProcess:
    """A visdom server in a process of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._command = [sys.executable, "-c", _SERVE, str(self.port), str(folder)]
        self._process: subprocess.Popen[bytes] | None = None

    def apply(self, event: str) -> None:
        if event == "start":
            quiet = subprocess.DEVNULL
            self._process = subprocess.Popen(self._command, stdout=quiet, stderr=quiet)
            for _ in range(200):
                with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                    return
                time.sleep(0.1)
            raise ValueError("visdom did not start within 20 s; is the package installed?")
        if self._process:
            self._process.send_signal(signal.SIGSTOP if event == "hang" else signal.SIGKILL)

    def points(self) -> int:
        """Return the number of points of the loss curve that the server holds."""
        client = connect(server="http://127.0.0.1", port=self.port, env="main")
        return len(json.loads(client.get_window_data("1"))["content"]["data"][0]["x"])


def main(argv: Sequence[str] | None = None) -> None:
    parser = new_parser(__doc__)
    parser.add_argument("--repeats", type=positive_int, default=3, help="runs of each state")
    parser.add_argument("--epochs", type=positive_int, default=4,
                        help=f"epochs of each run, {_IMAGES} steps each; at least 3")
    opt = parser.parse_args(argv)
    os.environ |= {"OMP_NUM_THREADS": "1", "NO_PROXY": "*"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "data", _IMAGES, side=64)
        train(folder, "none", epochs=2)  # fills the caches of the file system
        costs = in_turn({state: partial(train, folder, state, epochs=opt.epochs)
                         for state in STATES}, opt.repeats, warm_up=False)
    log.info("%s", as_table(costs, epochs=opt.epochs))


def train(folder: Path, state: str, *, epochs: int) -> DisplayCost:
    """Run train.py once while the server is in ``state``.

    Return the mean time of a step and that of the slowest report (ms), the seconds from the last
    save to the end of the process, and the points of the loss curve on the server at the end.
    """
    _, display, events = STATES[state]
    runs = Path(tempfile.mkdtemp(dir=folder))
    losses = runs / "run" / "losses.csv"
    server = VisdomProcess(runs / "visdom")
    server.apply(events.get(0, ""))
    flags = (f"--dataroot {folder / 'data'} --checkpoints_dir {runs} --name run --model pix2pix "
             "--netG unet_128 --ngf 4 --ndf 4 --load_size 128 --crop_size 128 --gpu_ids -1 "
             f"--num_threads 0 --print_freq {_PRINT} --display_freq 100 --n_epochs {epochs} "
             f"--n_epochs_decay 0 {display.format(port=server.port)}")
    process = subprocess.Popen([sys.executable, ROOT / "train.py", *flags.split()],
                               stdout=subprocess.DEVNULL)
    try:
        for share in filter(None, events):
            rows = round(share * epochs * _IMAGES / _PRINT)
            while process.poll() is None and len(read_seconds(losses)) < rows:
                time.sleep(0.1)
            server.apply(events[share])
        if process.wait() != 0:
            raise ValueError(f"train.py ended with {process.returncode}; run it by hand to see why")
        exit_seconds = time.time() - (runs / "run" / "latest_state.pth").stat().st_mtime
        seconds = read_seconds(losses)
        has_curve = state in ("up", "restarted")
        points = f"{server.points()} of {len(seconds)}" if has_curve else "-"
    finally:
        process.kill()
        server.apply("kill")
    steady = [1000 * value for value in seconds[_IMAGES // _PRINT :]]
    cost: DisplayCost = {"step": mean(steady), "slowest": max(steady), "exit": exit_seconds,
                         "curve": points}
    log.info("%s: %s", state, cost)
    return cost


def read_seconds(path: Path) -> list[float]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [float(row["seconds"] or "nan") for row in csv.DictReader(file)]


def as_table(runs: Mapping[str, Sequence[DisplayCost]], *, epochs: int) -> str:
    def column(state: str, name: str) -> list[float]:
        return [float(run[name]) for run in runs[state]]

    rows = {}
    for state in runs:
        step = median(column(state, "step"))
        rows[STATES[state][0]] = {
            "step (ms)": f"{step:.1f}",
            "against none": f"{step / median(column('none', 'step')) - 1:+.1%}",
            "slowest 20 steps (ms)": f"{median(column(state, 'slowest')):.1f}",
            "exit (s)": f"{max(column(state, 'exit')):.1f}",
            "curve": runs[state][-1]["curve"],
        }
    facts = machine_facts() | {name: version(name) for name in ("visdom", "tornado")}
    return (f"{markdown(rows)}\n\nMedians of {len(runs['none'])} runs of {(epochs - 1) * _IMAGES} "
            f"steps; exit: the longest. {', '.join(f'{k}: {v}' for k, v in facts.items())}\n")


if __name__ == "__main__":
    run_program(main)
