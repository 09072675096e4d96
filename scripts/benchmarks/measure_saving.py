"""Measure how long the training waits for a save, and how long the writing takes.

    python scripts/benchmarks/measure_saving.py

The state is that of pix2pix's unet_256 at full width (54.4 M parameters) with Adam's two moments
of each. The training waits only for the copy to host memory; a thread writes to the disk.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.networks import define_G
from training.saving.background_saver import Saver
from util.checkpoint import tensor_bytes
from util.flags import positive_int
from util.runtime import choose_device, describe_device, run_program
from util.text import format_bytes

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--saves", type=positive_int, default=5)
    saves = parser.parse_args(argv).saves
    device = choose_device(None)
    net = define_G("unet_256", in_channels=3, out_channels=3, width=64, norm="batch").to(device)
    optimizer = torch.optim.Adam(net.parameters())
    for weight in net.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()  # creates the moments
    state = {"networks": net.state_dict(), "optimizers": optimizer.state_dict()}
    log.info("%s on %s", format_bytes(tensor_bytes(state), digits=1), describe_device(device))
    log.info("training waits (s) | until on disk (s)")
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(saves):
            saver = Saver()
            start = time.perf_counter()
            saver.save({Path(folder) / "latest_state.pth": state})
            waited = time.perf_counter() - start
            saver.wait()
            log.info("%18.2f | %17.2f", waited, time.perf_counter() - start)


if __name__ == "__main__":
    run_program(main)
