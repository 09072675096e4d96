"""scripts/evaluate.py: value ranges, units of the files, scales of MS-SSIM, and pages."""

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from read_page import Page
from stand_ins import disturbed, picture

from data.files.image_io import read_image, write_image
from scripts.evaluate import main

Pixels = npt.NDArray[Any]
Evaluated = Callable[..., dict[str, Any]]
y, x = np.mgrid[:64, :64]
CT = (-900 + 20 * y + 3 * x).astype(np.int16)
MASK = ((x - 30) ** 2 + (y - 20) ** 2 < 150).astype(np.uint8)


@pytest.fixture
def evaluated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Evaluated:
    """Write outputs and targets, run evaluate.py, and return the entry of the JSON file."""
    caplog.set_level(logging.INFO)

    def run(fake: Pixels, real: Pixels, *flags: str, folder: str = "made") -> dict[str, Any]:
        for name, image in ((folder, fake), ("wanted", real)):
            path = tmp_path / name / ("0.tif" if image.dtype.itemsize > 1 else "0.png")
            write_image(image.reshape(*image.shape[:2], -1), path)
        out = tmp_path / "out.json"
        main(["--fake", str(tmp_path / folder), "--real", str(tmp_path / "wanted"), "--json",
              str(out), "--results_dir", str(tmp_path / "results"), "--gpu_ids", "-1", *flags])
        entry: dict[str, Any] = json.loads(out.read_text())["runs"][folder]
        return entry

    return run


def test_the_error_in_hounsfield_units_and_the_flag_are_shown(
    evaluated: Evaluated, caplog: pytest.LogCaptureFixture
) -> None:
    found = evaluated(CT + np.int16(100), CT, "--metrics", "l1")
    assert found["scores"]["l1"]["parts"] == {"in file units": pytest.approx(100)}
    line, = found["warnings"]
    assert line.startswith("value range: -32768 to 32767 (int16), by the type of the files; the "
                           "targets use 2.2 % of it (-900 to 549)")
    assert "--value_range=-1024,3071" in line
    assert any("in file units" in line and "100.0000" in line for line in caplog.messages)
    found = evaluated(CT + np.int16(100), CT, "--metrics", "l1", "--value_range=-1024,3071")
    assert found["scores"]["l1"]["value"] == pytest.approx(100 / 4095)
    assert found["scores"]["l1"]["parts"] == {"in file units": pytest.approx(100)}
    assert found["warnings"] == ["value range: -1024 to 3071, by --value_range"]


def test_marks_of_missing_pixels_are_named_and_left_out(evaluated: Evaluated) -> None:
    real = np.concatenate([CT, np.full_like(CT[:4], -2000)])
    fake = np.concatenate([CT + np.int16(100), CT[:4]])
    line, = evaluated(fake, real, "--metrics", "l1")["warnings"]
    assert "targets use 2.2 % of it (-900 to 549)" in line
    assert "give --value_range=-1024,3071 and --nan_value=-2000, without -2000" in line
    found = evaluated(fake, real, "--metrics", "l1", "--value_range=-1024,3071",
                      "--nan_value=-2000")
    assert found["scores"]["l1"]["parts"] == {"in file units": pytest.approx(100)}
    assert f"{4 * CT.shape[1]} of {real.size} pixels are left out" in found["warnings"][0]


def test_bytes_have_one_line_and_no_units(
    evaluated: Evaluated, caplog: pytest.LogCaptureFixture
) -> None:
    target = picture(0, (64, 64, 3))
    found = evaluated(disturbed(target, 0.1).pixels, target.pixels, "--metrics", "l1")
    assert found["warnings"] == [] and found["scores"]["l1"]["parts"] == {}
    assert "value range: 0 to 255 (uint8), by the type of the files" in caplog.messages


def test_masks_are_compared_by_their_range_and_shown(evaluated: Evaluated, tmp_path: Path) -> None:
    fake = np.roll(MASK, 3, axis=1)
    wrong = float((fake != MASK).mean())
    found = evaluated(fake, MASK, "--metrics", "l1")
    assert found["scores"]["l1"]["value"] == pytest.approx(wrong / 255)
    assert "give --value_range=0,1" in found["warnings"][0]
    copies = list((tmp_path / "results" / "evaluation").glob("*/index_pictures/*.png"))
    assert {read_image(copy).pixels.max() for copy in copies} == {255}, "the page shows them"
    found = evaluated(fake, MASK, "--metrics", "l1", "--value_range=0,1")
    assert found["scores"]["l1"]["value"] == pytest.approx(wrong)
    assert found["scores"]["l1"]["parts"] == {"in file units": pytest.approx(wrong)}


@pytest.mark.parametrize(("fake", "real", "words"), [
    (MASK * 255, MASK, "outputs hold 0 to 255, targets hold 0 to 1: if they have different scales"),
    (MASK * 255, MASK * np.uint16(65535), "outputs 0 to 255 (uint8), targets 0 to 65535 (uint16)"),
    (np.stack([MASK * 255] * 3, axis=2), MASK * 255, "1 pair of a grey and an RGB image"),
])
def test_other_meanings_of_the_numbers_are_named(
    evaluated: Evaluated, fake: Pixels, real: Pixels, words: str
) -> None:
    assert words in evaluated(fake, real, "--metrics", "l1")["warnings"][0]


def test_transparency_is_named(evaluated: Evaluated, tmp_path: Path) -> None:
    target = picture(0, (64, 64, 3)).pixels
    evaluated(target, target, "--metrics", "l1")
    alpha = np.full((64, 64, 1), 255, np.uint8)
    for opacity, count in ((255, 0), (7, 1)):
        alpha[:20] = opacity
        Image.fromarray(np.concatenate([target, alpha], axis=2)).save(tmp_path / "made" / "0.png")
        out = tmp_path / "out.json"
        main(["--fake", str(tmp_path / "made"), "--real", str(tmp_path / "wanted"), "--no_html",
              "--metrics", "l1", "--json", str(out)])
        warnings = json.loads(out.read_text())["runs"]["made"]["warnings"]
        named = [line for line in warnings if line.startswith("1 image with transparent pixels")]
        assert len(named) == count


def test_small_images_have_fewer_scales_under_another_name(
    evaluated: Evaluated, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = picture(0, (64, 70, 3))
    table = tmp_path / "out.csv"
    found = evaluated(disturbed(target, 0.1).pixels, target.pixels, "--metrics", "ms_ssim", "--csv",
                      str(table))
    assert list(found["scores"]) == ["ms_ssim_3_scales"]
    assert list(found["pictures"]["0"]) == ["ms_ssim_3_scales"]
    head = next(csv.reader(table.read_text().splitlines()))
    assert head == ["run", "picture", "ms_ssim_3_scales"]
    assert any(line.startswith("MS-SSIM (3 scales)  higher") for line in caplog.messages)
    page, = (tmp_path / "results" / "evaluation").glob("*/index.html")
    assert "MS-SSIM (3 scales)" in page.read_text()


def test_all_images_have_the_scales_of_the_usual_one(evaluated: Evaluated, tmp_path: Path) -> None:
    for number, side in enumerate((48, 180, 190), start=1):
        pixels = picture(number, (side, side, 3)).pixels
        for folder in ("made", "wanted"):
            write_image(pixels, tmp_path / folder / f"{number}.png")
    target = picture(0, (180, 180, 3)).pixels
    found = evaluated(target, target, "--metrics", "ms_ssim", "--no_html")
    assert found["scores"]["ms_ssim"]["count"] == 3
    assert found["skipped"]["ms_ssim"].startswith("leaves out 1 of 4 images; 1: it needs sides of ")


def test_a_page_belongs_to_its_images(
    evaluated: Evaluated, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = picture(0, (64, 64, 3)).pixels
    pages = tmp_path / "results" / "evaluation"
    for folder in ("made", "other", "made"):
        caplog.clear()
        evaluated(target, target, "--metrics", "l1", folder=folder)
    assert len(list(pages.glob("*/index.html"))) == 2
    assert "again: the same images" in caplog.text and "held another page" not in caplog.text
    page = tmp_path / "page.html"
    for folder in ("made", "other"):
        caplog.clear()
        evaluated(target, target, "--metrics", "l1", "--html", str(page), folder=folder)
    assert f"{page} held another page, which is replaced" in caplog.text


def test_runs_with_other_targets_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for run, seed in (("a", 0), ("b", 0), ("c", 1)):
        images = tmp_path / "results" / run / "test_latest" / "images"
        for label in ("fake_B", "real_B"):
            write_image(picture(seed, (64, 64, 3)).pixels, images / f"0_{label}.png")
    main(["--run", "a", "b", "c", "--metrics", "l1", "--results_dir", str(tmp_path / "results"),
          "--checkpoints_dir", str(tmp_path)])
    assert "c: 1 of 1 targets are not those of a (such as 0)" in caplog.text
    assert "b: " not in caplog.text.replace("b: 1 pair", "")
    page, = (tmp_path / "results").glob("evaluation/*/index.html")
    picture_row = json.loads(Page(page).texts["script"][0])["pictures"][0]
    assert list(picture_row["shown"]) == ["a", "target", "b", "c", "target of c"]


def test_results_of_a_run_have_the_units_of_its_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    images = tmp_path / "results" / "ct" / "test_latest" / "images"
    for label, level in (("fake_B", 51), ("real_B", 0)):
        write_image(np.full((64, 64, 1), level, np.uint8), images / f"0_{label}.png")
    (tmp_path / "ct").mkdir()
    options = {"value_range_A": "0,1", "value_range_B": "-1000.0,3000.0", "direction": "AtoB"}
    (tmp_path / "ct" / "train_opt.json").write_text(json.dumps(options))
    main(["--run", "ct", "--metrics", "l1", "--no_html", "--results_dir", str(tmp_path / "results"),
          "--checkpoints_dir", str(tmp_path)])
    assert any(line.split() == ["in", "file", "units", "800.0000"] for line in caplog.messages)
    assert "by the type of the files; -1000 to 3000 in the data set" in caplog.text


def test_each_metric_that_is_left_out_has_one_short_line(
    evaluated: Evaluated, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    found = evaluated(CT[:20, :20], CT[:20, :20], "--no_html")
    lines = [line for line in caplog.messages if line.startswith("left out: ")]
    assert len(lines) <= len(found["left_out"]) == 9
    assert max(map(len, lines)) < 150 and not any("\n" in line for line in lines)
