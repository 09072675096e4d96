import gc
import os
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from chromium import started
from PIL import Image
from soak_table import soak_table

torch.set_num_threads(1)
# Triton decides when it is imported whether its kernels run in its interpreter, on the CPU.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

Argv = Callable[..., list[str]]


# The tests of all models run these in `make test`; with the rest of CUT's cases, in `make soak`.
FAST_CASES = ("test_resume_inside_an_epoch_equals_a_straight_run[cut-linear]",
              "test_every_model_trains_and_tests_on_every_dataset[cut-]")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        values = getattr(getattr(item, "callspec", None), "params", {}).values()
        if {"cut", "fastcut"} & {*map(str, values)} and item.name not in FAST_CASES:
            item.add_marker(pytest.mark.soak)


def pytest_collection_finish() -> None:
    """Exclude the imported modules from garbage collection.

    Torch alone brings a million objects. The collector would visit them again and again, for 8 % of
    the time of all tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    found = chain.from_iterable(terminalreporter.stats.values())
    lines = soak_table(report for report in found if isinstance(report, pytest.TestReport))
    if lines:
        terminalreporter.section("soak")
        terminalreporter.write("\n".join([*lines, ""]))


def draw_pictures(folder: Path, count: int, size: tuple[int, int], seed: int = 0) -> None:
    """Write ``count`` noisy PNGs of ``size`` (width, height)."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for index in range(count):
        pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")


@pytest.fixture
def dataroot(tmp_path: Path) -> Path:
    """Side-by-side pairs in train and test, single images in trainA, trainB, testA, testB."""
    root = tmp_path / "pictures"
    for phase in ("train", "test"):
        draw_pictures(root / phase, 3, (64, 32), seed=1)
        draw_pictures(root / f"{phase}A", 3, (32, 32), seed=2)
        draw_pictures(root / f"{phase}B", 3, (32, 32), seed=3)
    return root


@pytest.fixture
def argv(dataroot: Path, tmp_path: Path) -> Argv:
    """Return a function: flags -> command line of a tiny training run on the CPU.

    Without ``page`` the run writes no web page: the curves take half of the time of such a run.
    """

    def build(*flags: str, page: bool = False) -> list[str]:
        tiny = (
            f"--dataroot {dataroot} --checkpoints_dir {tmp_path / 'runs'} --name t --gpu_ids -1 "
            "--netG resnet_6blocks --netD n_layers --n_layers_D 1 --ngf 2 --ndf 2 --load_size 16 "
            "--crop_size 16 --num_threads 0 --display_id 0 --n_epochs 1 --n_epochs_decay 0"
        )
        return [*tiny.split(), *([] if page else ["--no_html"]), *flags]

    return build


@pytest.fixture
def test_argv(dataroot: Path, tmp_path: Path) -> Argv:
    """Return a function: flags -> command line that tests the run of ``argv``."""

    def build(*flags: str) -> list[str]:
        plain = f"--dataroot {dataroot} --checkpoints_dir {tmp_path / 'runs'} --name t --gpu_ids -1"
        return [*plain.split(), "--results_dir", str(tmp_path / "results"), *flags]

    return build


@pytest.fixture(scope="session")
def metric_weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return small files that replace the feature networks, by their flags."""
    from stand_ins import alexnet_file, inception_file

    folder = tmp_path_factory.mktemp("weights")
    return {"inception": inception_file(folder), "lpips_weights": alexnet_file(folder)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from started()


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a pix2pix run, labels to photos of a small demo set."""
    from demo_runs import draw_set, train_run

    folder = tmp_path_factory.mktemp("demo_run")
    return train_run(folder, draw_set(folder))
