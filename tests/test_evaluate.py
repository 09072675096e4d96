"""scripts/evaluate.py: the images that it compares, its log and its files."""

import csv
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from label_scenes import COLOURS, as_jpeg, classes
from PIL import Image
from read_page import Page
from stand_ins import disturbed, picture

from data.files.image_io import read_size, write_image
from scripts.evaluate import main
from util.runtime import run_program

ROOT = Path(__file__).resolve().parents[1]
QUICK = ("--metrics", "l1", "psnr", "ssim")


@pytest.fixture(autouse=True)
def no_fetched_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture
def log_text(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(caplog.messages)


def evaluated(tmp_path: Path, *flags: str) -> dict[str, Any]:
    """Run evaluate.py and return the runs of its JSON file."""
    out = tmp_path / "out.json"
    runs_dir = ["--checkpoints_dir", str(tmp_path / "runs")] if "--run" in flags else []
    main([*flags, "--results_dir", str(tmp_path / "results"), *runs_dir, "--gpu_ids", "-1",
          "--json", str(out)])
    runs: dict[str, Any] = json.loads(out.read_text())["runs"]
    return runs


def page_of(tmp_path: Path) -> Path:
    """Return the only page."""
    page, = (tmp_path / "results" / "evaluation").glob("*/index.html")
    return page


def write_results(
    tmp_path: Path, run: str = "a", *, amount: float = 0.1, count: int = 3,
    page: str = "test_latest",
) -> Path:
    """Write input, output and target of each image, like test.py."""
    images = tmp_path / "results" / run / page / "images"
    for seed in range(count):
        target = picture(seed, (40, 48, 3))
        write_image(target.pixels, images / f"{seed}_real_B.png")
        write_image(disturbed(target, amount, seed).pixels, images / f"{seed}_fake_B.png")
        write_image(255 - target.pixels, images / f"{seed}_real_A.png")
    return images.parent


def write_folders(tmp_path: Path, *, count: int = 3, ending: str = ".png") -> list[str]:
    for seed in range(count):
        target = picture(seed, (40, 48, 3))
        write_image(disturbed(target, 0.1, seed).pixels, tmp_path / "made" / "x" / f"{seed}.png")
        write_image(target.pixels, tmp_path / "wanted" / "x" / f"{seed}{ending}")
    return ["--fake", str(tmp_path / "made"), "--real", str(tmp_path / "wanted")]


def test_runs_are_compared_side_by_side(tmp_path: Path, log_text: Any) -> None:
    write_results(tmp_path, "good", amount=0.05)
    write_results(tmp_path, "bad", amount=0.3)
    table = tmp_path / "out.csv"
    found = evaluated(tmp_path, "--run", "good", "bad", *QUICK, "--csv", str(table))
    good, bad = (found[run]["scores"] for run in ("good", "bad"))
    assert good["l1"]["value"] < bad["l1"]["value"]
    assert good["ssim"]["value"] > bad["ssim"]["value"]
    pictures = found["good"]["pictures"]
    assert list(pictures) == ["0", "1", "2"]
    mean = np.mean([picture["l1"] for picture in pictures.values()])
    assert good["l1"]["value"] == pytest.approx(mean)
    assert f"{good['psnr']['value']:.2f} ±" in log_text()

    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [(row["run"], row["picture"]) for row in rows][:2] == [("good", ""), ("good", "0")]
    assert float(rows[1]["l1"]) == pictures["0"]["l1"] and len(rows) == 8

    page = Page(page_of(tmp_path))
    assert page.texts["th"][:2] == ["good", "bad"]
    data = json.loads(page.texts["script"][0])
    shown = data["pictures"][0]["shown"]
    assert shown == {
        "input": "../../good/test_latest/images/0_real_A.png",
        "good": "../../good/test_latest/images/0_fake_B.png",
        "target": "../../good/test_latest/images/0_real_B.png",
        "bad": "../../bad/test_latest/images/0_fake_B.png",
    }


def test_the_newest_results_with_targets_are_taken(tmp_path: Path, log_text: Any) -> None:
    older, newer = write_results(tmp_path), write_results(tmp_path, page="val_20", count=2)
    os.utime(older / "images", (1, 1))
    inputs_alone = tmp_path / "results" / "a" / "photos_latest" / "images"
    write_image(picture(0).pixels, inputs_alone / "x_real.png")
    write_image(picture(0).pixels, inputs_alone / "x_fake.png")
    assert len(evaluated(tmp_path, "--run", "a", *QUICK)["a"]["pictures"]) == 2
    assert str(newer) in log_text()
    assert len(evaluated(tmp_path, "--run", str(older), *QUICK)["a/test_latest"]["pictures"]) == 3


def test_an_error_tells_how_to_get_missing_results(
    tmp_path: Path, log_text: Any
) -> None:
    run = tmp_path / "runs" / "maps"
    run.mkdir(parents=True)
    (run / "train_opt.json").write_text('{"dataroot": "datasets/maps"}')
    argv = ["--run", "maps", "--results_dir", str(tmp_path), "--checkpoints_dir",
            str(tmp_path / "runs")]
    with pytest.raises(SystemExit) as ended:
        run_program(lambda: main(argv))
    assert ended.value.code == 1
    assert "no results of the run maps" in log_text()
    assert "python test.py --dataroot datasets/maps --name maps" in log_text()


@pytest.mark.parametrize("argv", [
    [], ["--fake", "x"], ["--real", "x"], ["--run", "a", "--fake", "x", "--real", "y"],
    ["--run", "a", "--metrics", "nothing"],
])
def test_bad_flags_end_with_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2


def test_a_warning_tells_that_sets_have_different_images(tmp_path: Path, log_text: Any) -> None:
    write_results(tmp_path, "a", count=3)
    write_results(tmp_path, "b", count=2)
    evaluated(tmp_path, "--run", "a", "b", *QUICK)
    assert "b has 2 images, a has 3, and they are not the same" in log_text()


def test_folders_are_paired_by_paths_and_other_images_are_listed(
    tmp_path: Path, log_text: Any
) -> None:
    flags = write_folders(tmp_path, ending=".bmp")
    shutil.copy(tmp_path / "made" / "x" / "0.png", tmp_path / "made" / "0.png")
    shutil.copy(tmp_path / "wanted" / "x" / "0.bmp", tmp_path / "wanted" / "lonely.bmp")
    found = evaluated(tmp_path, *flags, *QUICK)
    assert list(found["made"]["pictures"]) == ["x/0", "x/1", "x/2"]
    assert "without a partner: 2 images" in log_text()
    assert str(tmp_path / "made" / "0.png") in log_text() and "lonely.bmp" in log_text()
    assert "without a partner: 2 images" in page_of(tmp_path).read_text()


def test_an_output_without_target_is_reported(tmp_path: Path, log_text: Any) -> None:
    images = write_results(tmp_path) / "images"
    (images / "1_real_B.png").unlink()
    found = evaluated(tmp_path, "--run", "a", *QUICK)["a"]
    assert list(found["pictures"]) == ["0", "2"] and "a: 2 pairs" in log_text()
    assert "without a partner: 1 image (" in log_text()
    assert str(images / "1_fake_B.png") in log_text()


def test_a_page_is_kept_if_nothing_could_be_measured(tmp_path: Path) -> None:
    flags = write_folders(tmp_path)
    evaluated(tmp_path, *flags, *QUICK)
    page = page_of(tmp_path)
    before = page.read_text()
    with pytest.raises(ValueError, match="no metric has a score, so nothing is written"):
        evaluated(tmp_path, *flags, "--metrics", "fid", "lpips")
    assert page.read_text() == before


def test_names_may_hold_any_digits(tmp_path: Path) -> None:
    """A superscript two is a digit, but not a number."""
    for folder in ("made", "wanted"):
        for name in ("5²", "10", "9"):
            write_image(picture(0, (12, 12, 3)).pixels, tmp_path / folder / f"{name}.png")
    found = evaluated(tmp_path, "--fake", str(tmp_path / "made"), "--real",
                      str(tmp_path / "wanted"), "--metrics", "l1")
    assert list(found["made"]["pictures"]) == ["5²", "9", "10"]


def test_folders_without_any_pair_are_refused(tmp_path: Path) -> None:
    flags = write_folders(tmp_path)
    (tmp_path / "made" / "x").rename(tmp_path / "made" / "y")
    with pytest.raises(ValueError, match=r"no image in .* has the path of one in .*--unpaired"):
        main(flags)


def test_unpaired_folders_are_compared_as_sets(
    tmp_path: Path, metric_weights: dict[str, Path], log_text: Any
) -> None:
    flags = write_folders(tmp_path)
    (tmp_path / "wanted" / "x" / "2.png").unlink()
    found = evaluated(tmp_path, *flags, "--unpaired", "--inception",
                      str(metric_weights["inception"]), "--metrics", "l1", "kid", "fid",
                      "lab_histogram")["made"]
    assert set(found["scores"]) == {"kid", "fid", "lab_histogram"}
    assert "pairs" in found["left_out"]["l1"]
    assert "3 outputs, 2 targets" in log_text()
    assert log_text().index("\nKID") < log_text().index("\nFID"), "few pictures: KID comes first"


def test_a_test_of_data_without_pairs_is_recognised(tmp_path: Path, log_text: Any) -> None:
    write_results(tmp_path, "horses")
    (tmp_path / "runs" / "horses").mkdir(parents=True)
    (tmp_path / "runs" / "horses" / "test_opt.json").write_text('{"dataset_mode": "unaligned"}')
    found = evaluated(tmp_path, "--run", "horses")["horses"]
    assert set(found["scores"]) == {"lab_histogram"}
    assert "images without pairs" in log_text()


def test_the_other_direction_of_a_cyclegan_can_be_chosen(tmp_path: Path) -> None:
    images = write_results(tmp_path, "horses") / "images"
    for seed in range(3):
        shutil.copy(images / f"{seed}_real_A.png", images / f"{seed}_fake_A.png")
    found = evaluated(tmp_path, "--run", "horses", "--output", "fake_A", *QUICK)["horses"]
    assert found["scores"]["l1"]["value"] == 0
    with pytest.raises(ValueError, match="no images fake_C; outputs there: fake_B, fake_A"):
        evaluated(tmp_path, "--run", "horses", "--output", "fake_C")


def test_all_metrics_run_or_report_why_not(tmp_path: Path, log_text: Any) -> None:
    evaluated(tmp_path, *write_folders(tmp_path))
    lines = [line for line in log_text().splitlines() if line.startswith("left out")]
    assert any("FID, KID: each needs" in line and "--inception" in line for line in lines)
    assert any("LPIPS needs" in line and "--lpips_weights" in line for line in lines)
    assert any("MS-SSIM suits no image" in line for line in lines)
    assert any("Mean IoU" in line and "--palette" in line for line in lines)


def test_equal_folders_are_perfect(tmp_path: Path) -> None:
    write_folders(tmp_path)
    folder = str(tmp_path / "wanted")
    scores = evaluated(tmp_path, "--fake", folder, "--real", folder)["wanted"]["scores"]
    assert scores["l1"]["value"] == 0 and scores["psnr"]["value"] == "Infinity"
    assert scores["ssim"]["value"] == scores["lab_histogram"]["value"] == pytest.approx(1)


def test_label_maps_are_compared_by_their_colours(tmp_path: Path, log_text: Any) -> None:
    for seed in range(8):
        truth = COLOURS[classes(seed)]
        for folder, levels in (("made", truth), ("wanted", as_jpeg(truth, 90))):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(levels).save(tmp_path / folder / f"{seed}.png")
    flags = ("--fake", str(tmp_path / "made"), "--real", str(tmp_path / "wanted"),
             "--metrics", "mean_iou", "pixel_accuracy")
    scores = evaluated(tmp_path, *flags)["made"]["scores"]
    assert "6 colours of labels found" in log_text()
    assert scores["mean_iou"]["value"] > 0.9 and len(scores["mean_iou"]["parts"]) == 6

    (tmp_path / "p.txt").write_text("0 0 222 back\n0 48 255 wall\n")
    scores = evaluated(tmp_path, *flags, "--palette", str(tmp_path / "p.txt"))["made"]["scores"]
    assert set(scores["mean_iou"]["parts"]) == {"back", "wall"}


@pytest.mark.parametrize(("ending", "dtype", "channels"), [
    (".tif", "uint16", 5), (".npy", "float32", 2), (".png", "uint16", 1),
])
def test_deep_images_have_scores_and_small_copies_on_the_page(
    tmp_path: Path, ending: str, dtype: str, channels: int
) -> None:
    target = picture(0, (40, 48, channels), dtype)
    fake = target.pixels.copy()
    fake[:20] = 0
    write_image(target.pixels, tmp_path / "wanted" / f"0{ending}")
    write_image(fake, tmp_path / "made" / f"0{ending}")
    flags = ["--fake", str(tmp_path / "made"), "--real", str(tmp_path / "wanted"), *QUICK]
    if dtype == "float32":
        with pytest.raises(ValueError, match=r"floating point has no range .*--value_range"):
            evaluated(tmp_path, *flags)
        flags += ["--value_range", "0,1"]
    value = evaluated(tmp_path, *flags)["made"]["scores"]["l1"]["value"]
    assert value == pytest.approx(target.unit[:20].sum() / target.unit.size)
    copies = page_of(tmp_path).with_name("index_pictures")
    if ending != ".png":
        assert [read_size(file) for file in copies.iterdir()] == [(48, 40)] * 2


def test_deep_outputs_beside_the_png_files_are_mentioned(tmp_path: Path, log_text: Any) -> None:
    images = write_results(tmp_path) / "images"
    write_image(picture(0, (40, 48, 1), "uint16").pixels, images / "0_fake_B.tif")
    evaluated(tmp_path, "--run", "a", *QUICK)
    assert "not the 1 file with the numbers of the data set (0_fake_B.tif)" in log_text()


def test_the_help_text_imports_nothing_slow() -> None:
    code = (
        "import sys\nfrom scripts.evaluate import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "slow = {'skimage', 'scipy', 'torchmetrics', 'lpips', 'torch_fidelity', 'torchvision'}\n"
        "print('loaded:', *slow & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--inception" in done.stdout and done.stdout.splitlines()[-1].split() == ["loaded:"]


def test_unreadable_images_are_named_and_left_out_on_request(
    tmp_path: Path, log_text: Any
) -> None:
    images = write_results(tmp_path) / "images"
    expected = evaluated(tmp_path, "--run", "a", "--metrics", "l1")["a"]["pictures"]
    bad = images / sorted(path.name for path in images.glob("*_fake_B.png"))[0]
    bad.write_bytes(bad.read_bytes()[:99])
    with pytest.raises(ValueError, match=rf"{bad.name} .*--on_bad_image skip"):
        evaluated(tmp_path, "--run", "a", "--metrics", "l1")
    run = evaluated(tmp_path, "--run", "a", "--metrics", "l1", "--on_bad_image", "skip")["a"]
    assert run["pictures"] == {name: expected[name] for name in sorted(expected)[1:]}
    assert bad.name in log_text() and "unreadable: 1 pair of 3" in log_text()


def test_missing_pixels_of_the_targets_of_a_run_do_not_count(
    tmp_path: Path, log_text: Any
) -> None:
    images = write_results(tmp_path) / "images"
    masks = [np.zeros((40, 48, 1), np.uint8) for _ in range(3)]
    masks[0][:5, :9] = masks[1][:] = 255
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "train_opt.json").write_text('{"nan_value": "400.0,400.0"}')
    evaluated(tmp_path, "--run", "a", "--metrics", "l1", "--no_html")
    assert "3 targets without a file *_missing.png" in log_text()
    errors = {}
    for seed, mask in enumerate(masks):
        write_image(mask, images / f"{seed}_real_B_missing.png")
        fake, real = (np.asarray(Image.open(images / f"{seed}_{side}_B.png"), float) / 255
                      for side in ("fake", "real"))
        if not mask.all():
            errors[str(seed)] = (fake - real)[mask[..., 0] == 0]
    found = evaluated(tmp_path, "--run", "a", "--metrics", "l1", "mse", "psnr", "ssim")["a"]
    scores = {name: score["value"] for name, score in found["scores"].items()}
    assert scores["l1"] == pytest.approx(np.mean([np.abs(e).mean() for e in errors.values()]))
    assert scores["mse"] == pytest.approx(np.mean([(e ** 2).mean() for e in errors.values()]))
    assert scores["psnr"] == pytest.approx(
        np.mean([-10 * np.log10((e ** 2).mean()) for e in errors.values()]))
    assert found["scores"]["ssim"]["count"] == found["scores"]["l1"]["count"] == 2
    assert f"{5 * 9 + 40 * 48} of {3 * 40 * 48} pixels are left out" in log_text()
    assert "leaves out 1 of 3 images; 1: it compares pixels, but none has a value" in log_text()


def test_a_results_page_in_the_folder_of_outputs_is_recognised(tmp_path: Path) -> None:
    images = write_results(tmp_path) / "images"
    folders = [images.parent.parent, images.parent, images]
    wanted = write_folders(tmp_path)[-1]
    for folder in folders:
        with pytest.raises(ValueError, match=f"no image in .*give --run {images.parent},"):
            evaluated(tmp_path, "--fake", str(folder), "--real", wanted)
    write_image(picture(0, (40, 48, 1), "uint16").pixels, images / "0_fake_B.tif")
    for folder in folders:
        inside = (images / "0_fake_B.png").relative_to(folder)
        with pytest.raises(ValueError, match=rf"(?s)give --run {images.parent},.*  {inside} and "):
            evaluated(tmp_path, "--fake", str(folder), "--real", wanted)
    for file in images.glob("*_real_B.png"):
        file.unlink()
    with pytest.raises(ValueError, match=r"remove one of each:\n  images/0_fake_B.png and images"):
        evaluated(tmp_path, "--fake", str(images.parent), "--real", wanted)
