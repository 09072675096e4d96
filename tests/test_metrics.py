"""Tests of every metric in the registry, including new ones."""

import hashlib
import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from conftest import Argv
from runs import read_losses
from stand_ins import disturbed, picture

import metrics
from metrics import lpips_metric
from metrics.base_metric import Metric, Settings, UndefinedError
from metrics.inception import Inception, load_inception
from metrics.metric_image import MetricImage
from metrics.palette import Palette
from scripts import evaluate
from train import train

BLACK_AND_WHITE = Palette(np.array([[0, 0, 0], [255, 255, 255]], np.uint8))
PUBLISHED = {
    "l1", "mse", "psnr", "ssim", "ms_ssim", "lpips", "fid", "kid", "lab_histogram",
    "pixel_accuracy", "class_accuracy", "mean_iou", "fcn_score",
}
DEEP = {"l1", "mse", "psnr", "ssim", "ms_ssim"}
# Metrics that use the input have their own tests.
every_metric = pytest.mark.parametrize(
    "name", [name for name in metrics.available() if not metrics.find_metric(name).needs_input]
)


@pytest.fixture
def settings(metric_weights: dict[str, Path]) -> Settings:
    return Settings(weights=metric_weights, palette=BLACK_AND_WHITE)


def create(name: str, settings: Settings) -> Metric:
    ready, left_out = metrics.create_metrics([name], settings)
    if left_out and name not in PUBLISHED:
        pytest.skip(f"the metric of a user needs more: {left_out[name]}")
    assert not left_out
    return ready[name]


def scored(name: str, settings: Settings, amount: float, count: int = 4) -> float:
    metric = create(name, settings)
    for seed in range(count):
        target = picture(seed)
        value = metric.add(disturbed(target, amount, seed), target)
        assert (value is not None) == metric.per_picture
    return metric.score().value


def test_the_published_names_exist() -> None:
    assert set(metrics.available()) >= PUBLISHED


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Add the example of docs/metrics.md as a metric; return a folder for other files."""
    text = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text()
    (tmp_path / "mine_metric.py").write_text(text.split("```python\n")[1].split("```")[0])
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "metrics.mine_metric", raising=False)
    return tmp_path


@pytest.mark.usefixtures("mine")
def test_a_metric_is_one_file() -> None:
    assert "mine" in metrics.available()
    assert scored("mine", Settings(), 0.0) == 0 < scored("mine", Settings(), 0.3)


def test_the_flag_of_a_metric_works_on_the_command_lines(
    mine: Path, dataroot: Path, argv: Argv, capsys: pytest.CaptureFixture[str]
) -> None:
    (mine / "offset_metric.py").write_text(
        "from metrics.mine_metric import Mine\n\n"
        "class Offset(Mine):\n"
        "    requires = {'mine_offset': 'file with a number that is added'}\n\n"
        "    def measure(self, fake, real):\n"
        "        file = self.settings.weights['mine_offset']\n"
        "        return super().measure(fake, real) + float(file.read_text())\n"
    )
    (mine / "offset.txt").write_text("0.25")
    flags = ("offset", "--mine_offset", str(mine / "offset.txt"))
    evaluate.main(["--fake", str(dataroot / "trainA"), "--real", str(dataroot / "trainA"),
                   "--json", str(mine / "out.json"), "--no_html", "--metrics", *flags])
    scores = json.loads((mine / "out.json").read_text())["runs"]["trainA"]["scores"]
    assert scores["offset"]["value"] == 0.25
    common = argv("--model", "pix2pix", "--no_html", "--val_phase", "test", "--val_metrics")
    train([*common, "mine", *flags])
    row = read_losses(mine / "runs" / "t")[-1]
    assert float(row["val_offset"]) == pytest.approx(float(row["val_mine"]) + 0.25)
    with pytest.raises(SystemExit, match="2"):
        train([*common, "offset", "--overwrite"])
    assert "--val_metrics offset needs weights: give --mine_offset" in capsys.readouterr().err


@every_metric
def test_the_score_is_perfect_if_outputs_equal_their_targets(name: str, settings: Settings) -> None:
    metric = metrics.find_metric(name)
    found = scored(name, settings, 0.0)
    if name == "kid":
        assert found < 0, "unbiased: sets with equal images are nearer than independent ones"
    else:
        assert found == pytest.approx(metric.perfect, abs=1e-3 if name == "fid" else 1e-6)


@every_metric
def test_more_noise_is_worse(name: str, settings: Settings) -> None:
    little, much = scored(name, settings, 0.03), scored(name, settings, 0.3)
    better = little > much if metrics.find_metric(name).higher_is_better else little < much
    assert better, (little, much)


@every_metric
def test_the_error_for_too_few_images_tells_the_least_number(name: str, settings: Settings) -> None:
    metric = create(name, settings)
    with pytest.raises(UndefinedError, match=r"^needs .*got"):
        metric.score()
    metric.add(disturbed(picture(0), 0.1), picture(0))
    try:
        assert not math.isnan(metric.score().value)
    except UndefinedError as error:
        assert "at least 2 outputs and 2 targets, got 1 and 1" in str(error)


@every_metric
@pytest.mark.parametrize(("shape", "dtype"), [
    ((180, 180, 1), "uint16"), ((180, 180, 3), "uint16"), ((180, 180, 6), "uint8"),
    ((180, 180, 5), "float32"),
])
def test_deep_images_are_measured_or_refused_in_one_line(
    name: str, shape: tuple[int, ...], dtype: str, settings: Settings
) -> None:
    metric = create(name, settings)
    target = picture(1, shape, dtype)
    fake = picture(2, shape, dtype)
    try:
        metric.add(fake, target)
    except UndefinedError as error:
        assert name not in DEEP
        assert "\n" not in str(error)
        assert target.pixels.dtype.name in str(error) or name not in PUBLISHED
        with pytest.raises(UndefinedError):  # the pair does not count
            metric.score()
    else:
        refuses = name in PUBLISHED - DEEP
        assert not refuses or (name == "lab_histogram" and shape[2] == 3)
        assert math.isfinite(metric.score().value)


@pytest.mark.parametrize("name", sorted(DEEP))
def test_sixteen_bits_give_what_eight_bits_give(name: str, settings: Settings) -> None:
    fake, target = disturbed(picture(3), 0.1), picture(3)
    deep = [
        MetricImage(image.pixels.astype(np.uint16) * 257, type(image.limits)(0, 65535))
        for image in (fake, target)
    ]
    shallow = create(name, settings).add(fake, target)
    assert create(name, settings).add(*deep) == pytest.approx(shallow, rel=1e-6)


@every_metric
def test_different_sizes_are_refused_only_by_metrics_of_pairs(
    name: str, settings: Settings
) -> None:
    metric = create(name, settings)
    if metric.paired:
        with pytest.raises(UndefinedError, match="the output has 176 x 192, the target 180 x 170"):
            metric.add(picture(1), picture(2, (170, 180, 3)))
    else:
        metric.add(picture(1), picture(2, (170, 180, 3)))


@pytest.mark.parametrize(("name", "side"), [("ssim", 11), ("ms_ssim", 44), ("lpips", 32)])
def test_the_error_names_the_smallest_side(name: str, side: int, settings: Settings) -> None:
    fits, short = (side, side + 9, 3), (side + 9, side - 1, 3)
    value = create(name, settings).add(picture(1, fits), picture(2, fits))
    assert value is not None and math.isfinite(value)
    with pytest.raises(UndefinedError, match=f"needs sides of at least {side} pixels"):
        create(name, settings).add(picture(1, short), picture(2, short))


@pytest.mark.parametrize(("name", "package"), [
    ("ms_ssim", "torchmetrics"), ("lpips", "lpips"), ("fid", "torch_fidelity"),
    ("kid", "torch_fidelity"),
])
def test_a_missing_package_is_reported_in_one_line(
    name: str, package: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [module for module in sys.modules if module.split(".")[0] == package]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, package, None)
    ready, left_out = metrics.create_metrics([name], settings)
    assert not ready
    assert left_out[name].endswith(f"pip install {package.replace('_', '-')}")
    assert "\n" not in left_out[name]


@pytest.mark.parametrize("name", ["fid", "kid", "lpips", "mean_iou"])
def test_the_report_of_a_missing_file_tells_how_to_get_it(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    ready, left_out = metrics.create_metrics([name], Settings())
    assert not ready
    flag = {"lpips": "--lpips_weights", "mean_iou": "--palette"}.get(name, "--inception")
    assert flag in left_out[name] and "\n" not in left_out[name]


def test_weights_in_the_cache_of_torch_are_found(
    metric_weights: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    file = metric_weights["lpips_weights"]
    (folder / "alexnet-owt-7be5be79.pth").symlink_to(file)
    with pytest.raises(ValueError, match="is damaged or another file: its SHA-256 begins with"):
        metrics.create_metrics(["lpips"], Settings())
    name = f"alexnet-owt-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}.pth"
    monkeypatch.setattr(lpips_metric, "WEIGHTS", replace(lpips_metric.WEIGHTS, file=name))
    (folder / name).symlink_to(file)
    assert metrics.create_metrics(["lpips"], Settings())[1] == {}


@pytest.mark.parametrize("name", ["fid", "lpips"])
def test_weights_of_another_network_are_refused(
    name: str, metric_weights: dict[str, Path], tmp_path: Path
) -> None:
    swapped = {"inception": metric_weights["lpips_weights"],
               "lpips_weights": metric_weights["inception"]}
    with pytest.raises(ValueError, match=r"alexnet-owt|weights-inception"):
        metrics.create_metrics([name], Settings(weights=swapped))


@pytest.mark.parametrize(("name", "fetched_by"), [
    ("fid", "torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url"),
    ("lpips", "torchvision.models._api.load_state_dict_from_url"),
])
def test_a_failed_download_is_reported_in_one_line(
    name: str, fetched_by: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(fetched_by, fails)
    ready, left_out = metrics.create_metrics([name], Settings(download=True))
    assert not ready
    assert "could not be downloaded (<urlopen error no network>): give it by --" in left_out[name]


class Trap:
    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (Path("trapped"),)


@pytest.mark.parametrize(("name", "flag"), [("fid", "inception"), ("lpips", "lpips_weights")])
def test_no_code_is_run_from_a_file_of_weights(
    name: str, flag: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(ValueError, match=r"trap\.pth"):
        metrics.create_metrics([name], Settings(weights={flag: tmp_path / "trap.pth"}))
    assert not (tmp_path / "trapped").exists()


def test_a_mean_of_psnr_leaves_infinity_out_with_a_note(settings: Settings) -> None:
    metric = create("psnr", settings)
    metric.add(picture(0), picture(0))
    value = metric.add(disturbed(picture(1), 0.1), picture(1))
    assert metric.score().value == value
    assert metric.score().notes == ("without 1 outputs that equal their targets: infinite",)


def test_fid_notes_number_weights_and_scaling(settings: Settings) -> None:
    metric = create("fid", settings)
    for seed in range(3):
        metric.add(picture(seed), picture(seed + 10))
    score = metric.score()
    facts = score.notes[0]
    assert "3 outputs, 3 targets" in facts and "299 x 299" in facts
    assert "not the published" in facts
    assert score.doubtful and "with fewer than 2048 look at KID" in score.notes[1]


def test_features_are_computed_once_and_those_of_outputs_are_freed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[bytes] = []
    original = Inception._compute

    def compute(self: Inception, levels: Any) -> Any:
        computed.append(levels.tobytes())
        return original(self, levels)

    monkeypatch.setattr(Inception, "_compute", compute)
    extract = load_inception(settings)
    extract._kept.clear()
    for seed in range(3):  # three validations: FID and KID, new outputs, the same targets
        ready, _ = metrics.create_metrics(["fid", "kid"], settings)
        fake, target = picture(seed, (32, 32, 3)), picture(9, (32, 32, 3))
        for metric in ready.values():
            metric.add(fake, target)
        del fake, target
    assert len(computed) == len(set(computed)) == 4
    assert len(extract._kept) == 1 and not extract._seen


@pytest.mark.parametrize("name", ["fid", "lpips"])
def test_weights_are_read_once_for_all_validations(
    name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(name, settings)

    def read(path: Path) -> bytes:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(Path, "read_bytes", read)
    create(name, settings)


def test_kid_notes_that_the_sets_share_images(settings: Settings) -> None:
    metric = create("kid", settings)
    for seed in range(4):
        metric.add(picture(seed), picture(seed + 2))
    assert "2 images are both output and target" in metric.score().notes[1]
