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

from scripts.benchmarks import parts, run, train_part
from scripts.benchmarks.common import in_turn, markdown, write_images
from scripts.benchmarks.contenders import Case, Contender, EpochTimes, ours, reference
from scripts.benchmarks.parts import by_ours, by_reference, train_briefly
from scripts.benchmarks.reference_step import patchgan, resnet, unet
from scripts.benchmarks.train_part import figures, flops_per_image

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
    write_images(tmp_path, 4, side=32)
    return tmp_path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.model)
def test_both_sides_train_an_epoch(case: Case, root: Path) -> None:
    theirs = reference(replace(case, root=root), workers=0)
    own = ours(replace(case, root=root), "--num_threads 0 --cache none")
    sides: list[tuple[Contender, list[nn.Module]]] = [
        (theirs, [*theirs.model.G, *theirs.model.D]), (own, list(own.model.networks.values()))
    ]
    for contender, nets in sides:
        weights = [w for net in nets for w in net.parameters() if w.dim() > 1]
        before = [weight.detach().clone() for weight in weights]
        epoch = contender.epoch()
        assert epoch.images == 4
        assert 0 < epoch.waiting < epoch.seconds
        assert not any(map(torch.equal, weights, before))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.model)
def test_both_sides_write_the_same_images(case: Case, root: Path, tmp_path: Path) -> None:
    """They may differ by one level, because the original does not round."""
    case = replace(case, batch=1, root=root)
    run_dir = train_briefly(case)
    by_reference(case, run_dir, tmp_path / "reference", count=3)
    images = by_ours(case, run_dir, tmp_path / "ours", count=3).parent / "images"
    names = sorted(path.name for path in images.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "reference" / "images").iterdir())
    assert len(names) == 3 * (3 if case.model == "pix2pix" else 6)
    for name in names:
        mine, theirs = (np.asarray(Image.open(folder / name)).astype(int)
                        for folder in (images, tmp_path / "reference" / "images"))
        assert mine.std() > 0
        assert set(np.unique(mine - theirs)) <= {0, 1}, name


def test_rates_of_a_test(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def record(name: str) -> Callable[..., None]:
        return lambda *arguments, **more: called.append(name)

    for name in ("by_reference", "by_ours", "networks_alone", "train_briefly"):
        monkeypatch.setattr(parts, name, record(name))
    rows = parts.testing(replace(CASES[0], root=root), images=3, repeats=2)
    assert called[1:5] == ["by_reference", "by_ours", "by_ours", "networks_alone"]
    assert len(called) == 1 + 3 * 4
    assert rows["reference"]["times reference"] == (1, 1, 1)
    assert list(rows["ours"]) == ["images/s", "times reference", "CPU ms an image"]


def test_images_of_the_user(root: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    run.provide_images(tmp_path / "linked", 2, root)
    assert [path.name for path in sorted((tmp_path / "linked" / "trainB").iterdir())] == [
        "0.jpg", "1.jpg"
    ]
    with pytest.raises(ValueError, match="train holds 4 images, 5 are wanted; lower --images"):
        run.provide_images(tmp_path / "other", 5, root)


def test_a_pair_of_the_reference_keeps_its_halves_together(root: Path) -> None:
    [batch] = Case("pix2pix", "unet_128", 4, 32, 1, root).reference_loader(workers=0)
    assert batch["A"].shape == batch["B"].shape == (4, 3, 32, 32)
    assert batch["A"].dtype == torch.float32
    assert -1 <= batch["A"].min() < -0.5
    assert 0.5 < batch["A"].max() <= 1


def test_work_is_counted_per_image() -> None:
    small, large = (Case("pix2pix", "unet_128", batch, 128, 1) for batch in (1, 2))
    assert flops_per_image(small) == pytest.approx(flops_per_image(large))


def test_figures_and_table() -> None:
    epochs = [EpochTimes(10, seconds, 1.0) for seconds in (2.0, 4.0, 5.0)]
    twice = [EpochTimes(10, 2 * epoch.seconds, 1.0) for epoch in epochs]
    row = figures(epochs, twice, flops=3e9, ceiling=3e11)
    assert row == {
        "images/s": (2.5, 2.0, 5.0), "times reference": (2, 2, 2), "waiting (%)": 25.0,
        "of the ceiling (%)": 2.5,
    }
    lines = markdown({"ours": row}).splitlines()
    assert lines[0].startswith("|  | images/s | times reference |")
    assert lines[2] == "| ours | 2.5 (2 to 5) | 2 (2 to 2) | 25 | 2.5 |"


def test_sides_take_turns_and_the_first_round_does_not_count() -> None:
    called: list[str] = []
    results = in_turn({name: partial(called.append, name) for name in "ab"}, 2)
    assert called == ["a", "b"] * 3
    assert {name: len(values) for name, values in results.items()} == {"a": 2, "b": 2}


def test_convolutions_are_run_again_by_themselves(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []
    original = train_part._Convolutions

    class Counted(original):  # type: ignore[misc, valid-type]
        def __exit__(self, *error: Any) -> None:
            super().__exit__(*error)
            self.calls: list[Any] = [partial(ran.append, 1) for _ in self.calls]

    monkeypatch.setattr(train_part, "_Convolutions", Counted)
    case = Case("pix2pix", "unet_128", 1, 128, 1, root)
    train_part.convolution_seconds(ours(case), repeats=2)
    # G: 14 layers and their gradients; D: 5 layers three times, with gradients each time.
    assert len(ran) == 2 * (2 * 14 + 2 * 3 * 5)


def test_flags_after_two_dashes_are_ours(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[Any, ...]] = []

    def fake_training(case: Case, **more: Any) -> dict[str, Any]:
        seen.append((case.batch, case.device, more["flags"]))
        return {"ours": {"images/s": 1.0}}

    monkeypatch.setattr(run, "ceilings", lambda device: {"matmul": 1e9})
    monkeypatch.setattr(run, "training", fake_training)
    caplog.set_level("INFO")
    run.main(["--cpu", "--images", "1", "--only", "pix2pix:16", "--", "--num_threads", "3"])
    assert seen == [(16, CPU, "--num_threads 3")]
    assert "flags: --num_threads 3" in caplog.text and "| ours | 1 |" in caplog.text


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run.main(["--cpu", "--only", "pix2pix:2"])
    assert stop.value.code == 2
    assert "pix2pix:16" in capsys.readouterr().err
