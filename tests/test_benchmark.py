"""The benchmark's reference mode is the published one, and its figures add up."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from scripts.benchmarks import machine as benchmark_machine
from scripts.benchmarks import run as benchmark
from scripts.benchmarks import tables as benchmark_tables
from scripts.benchmarks import testing as benchmark_testing
from scripts.benchmarks import training as benchmark_training
from scripts.benchmarks.contenders import (
    Case,
    Contender,
    Epoch,
    Ours,
    Reference,
    link_pictures,
    write_pictures,
)
from scripts.benchmarks.machine import flops_per_image
from scripts.benchmarks.reference_data import reference_loader
from scripts.benchmarks.reference_networks import patchgan, resnet, unet
from scripts.benchmarks.tables import training_lines
from scripts.benchmarks.testing import by_ours, by_reference, train_briefly

CPU = torch.device("cpu")
CASES = (Case("pix2pix", "unet_128", 2, 128, 1), Case("cycle_gan", "resnet_6blocks", 2, 32, 1))


@pytest.mark.parametrize(
    ("net", "count"),
    [(lambda: unet(8, 64, "batch"), 54_413_955), (lambda: unet(7, 64, "instance"), 41_825_667),
     (lambda: resnet(9, 64, "instance"), 11_378_179), (lambda: resnet(6, 64, "batch"), 7_841_411),
     (lambda: patchgan(6, 64, "batch"), 2_768_705),
     (lambda: patchgan(3, 64, "instance"), 2_764_737)],
    ids=["unet_256", "unet_128", "resnet_9blocks", "resnet_6blocks", "D6", "D3"],
)
def test_networks_have_the_published_numbers_of_parameters(
    net: Callable[[], nn.Module], count: int
) -> None:
    with torch.device("meta"):
        assert sum(weight.numel() for weight in net().parameters()) == count


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_pictures(tmp_path, 4, side=32)
    return tmp_path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.model)
def test_both_sides_train_an_epoch(case: Case, root: Path) -> None:
    reference = Reference(case, root, CPU)
    reference.loader = reference_loader(
        case.model, root, load=case.crop, crop=case.crop, batch=case.batch, workers=0
    )
    ours = Ours(case, root, CPU, "--num_threads 0 --cache none")
    reference_nets = [net for net in vars(reference.model).values() if isinstance(net, nn.Module)]
    sides: list[tuple[Contender, list[nn.Module]]] = [
        (reference, reference_nets), (ours, list(ours.model.networks.values()))
    ]
    for contender, nets in sides:
        weights = [w for net in nets for w in net.parameters() if w.dim() > 1]
        before = [weight.detach().clone() for weight in weights]
        epoch = contender.epoch()
        assert epoch.images == 4
        assert 0 < epoch.waiting < epoch.seconds
        assert not any(map(torch.equal, weights, before))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.model)
def test_both_sides_write_the_same_pictures(case: Case, root: Path, tmp_path: Path) -> None:
    """Up to the level that the original cuts off."""
    once = replace(case, batch=1)
    run = train_briefly(once, root, CPU)
    by_reference(once, root, run, tmp_path / "reference", 3, CPU)
    images = by_ours(root, run, tmp_path / "ours", 3, CPU).parent / "images"
    names = sorted(path.name for path in images.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "reference" / "images").iterdir())
    assert len(names) == 3 * (3 if case.model == "pix2pix" else 6)
    for name in names:
        ours, reference = (np.asarray(Image.open(folder / name)).astype(int)
                           for folder in (images, tmp_path / "reference" / "images"))
        assert ours.std() > 0
        assert set(np.unique(ours - reference)) <= {0, 1}, name


def test_rates_of_a_test(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[str, str]] = []

    def record(kind: str) -> Callable[..., None]:
        return lambda *arguments: runs.append((kind, str(arguments[-1])))

    for name in ("by_reference", "by_ours", "networks_alone", "train_briefly"):
        monkeypatch.setattr(benchmark_testing, name, record(name))
    found = benchmark_testing.testing(CASES[0], root, CPU, images=3, repeats=2)
    assert [kind for kind, _ in runs[1:5]] == [
        "by_reference", "by_ours", "by_ours", "networks_alone"
    ]
    assert len(runs) == 1 + 3 * 4
    assert found["ratio"]["reference"] == (1, 1, 1)
    found["images_per_s"] = {"ours": (30.0, 20.0, 40.0)}
    found["ratio"]["ours"] = (2.0, 1.5, 2.5)
    found["cpu_s_per_image"]["ours"] = (0.05, 0.04, 0.06)
    lines = benchmark_tables.testing_lines(found).splitlines()
    assert lines[-1] == "| ours | 30.0 | 20.0 to 40.0 | 2.00 | 1.50 to 2.50 | 50.0 |"


def test_pictures_of_ones_own(root: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    link_pictures(root, tmp_path / "linked", 2)
    assert [path.name for path in sorted((tmp_path / "linked" / "trainB").iterdir())] == [
        "0.jpg", "1.jpg"
    ]
    with pytest.raises(ValueError, match="train holds 4 pictures, 5 are wanted; lower --images"):
        link_pictures(root, tmp_path / "other", 5)


def test_a_pair_of_the_reference_keeps_its_halves_together(root: Path) -> None:
    [batch] = reference_loader("pix2pix", root, load=32, crop=32, batch=4, workers=0)
    assert batch["A"].shape == batch["B"].shape == (4, 3, 32, 32)
    assert batch["A"].dtype == torch.float32
    assert -1 <= batch["A"].min() < -0.5
    assert 0.5 < batch["A"].max() <= 1


def test_work_is_counted_per_image() -> None:
    small, large = (Case("pix2pix", "unet_128", batch, 128, 1) for batch in (1, 2))
    assert flops_per_image(small, CPU) == pytest.approx(flops_per_image(large, CPU))


def test_figures_and_table() -> None:
    runs = [Epoch(10, seconds, 1.0) for seconds in (2.0, 4.0, 5.0)]
    row = benchmark_training.figures(runs, 3e9, 2**21)
    assert row["images_per_s"] == (2.5, 2.0, 5.0)
    assert row["step_images_per_s"] == (10 / 3, 2.5, 10.0)
    assert row["waiting"] == (0.25, 0.2, 0.5)
    assert row["flop_per_s"] == 7.5e9
    lines = training_lines({
        "case": "x", "flops_per_image": 3e9, "reference": row, "ours": row,
        "ratio": (1.5, 1.0, 2.0), "ceiling": 3e10, "convolutions_share": 0.75,
    }).splitlines()
    assert "| ours | 2.50 | 2.00 to 5.00 | 3.33 | 25.0 % | 0.0075 | 25 % | 2 |" in lines
    assert lines[-1].startswith("ours / reference: 1.50 (1.00 to 2.00); convolutions")
    assert "75 %" in lines[-1]


def test_convolutions_are_run_again_by_themselves(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []
    original = benchmark_machine._Convolutions

    class Counted(original):  # type: ignore[misc, valid-type]
        def __exit__(self, *error: Any) -> None:
            super().__exit__(*error)
            self.calls: list[Any] = [partial(ran.append, 1) for _ in self.calls]

    monkeypatch.setattr(benchmark_machine, "_Convolutions", Counted)
    case = Case("pix2pix", "unet_128", 1, 128, 1)
    benchmark_machine.convolution_seconds(Ours(case, root, CPU), repeats=2)
    # G: 14 layers and their gradients; D: 5 layers three times, with gradients each time.
    assert len(ran) == 2 * (2 * 14 + 2 * 3 * 5)


def test_flags_after_two_dashes_are_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[tuple[Any, ...]] = []

    def fake_training(*words: Any) -> dict[str, Any]:
        seen.append(words)
        return {}

    monkeypatch.setattr(benchmark, "ceilings", lambda device, *, seconds: {"matmul": 1e9})
    monkeypatch.setattr(benchmark, "training", fake_training)
    monkeypatch.setattr(benchmark, "training_lines", str)
    benchmark.main(["--cpu", "--images", "1", "--only", "pix2pix:16", "--json",
                    str(tmp_path / "x.json"), "--", "--num_threads", "3"])
    [(case, _, device, flags, *_)] = seen
    assert (case.batch, device, flags) == (16, CPU, "--num_threads 3")
    assert '"flags": "--num_threads 3"' in (tmp_path / "x.json").read_text()


def test_a_part_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        benchmark.main(["--cpu", "--only", "pix2pix:2"])
    assert stop.value.code == 2
    assert "pix2pix:16" in capsys.readouterr().err
