"""scripts/check_dataset.py finds each fault of a set, and nothing in a good set."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from real_sets import real_set
from scenes import SIDE, scene, side_by_side, write_scenes
from tiny_sets import write_noise

from scripts.check_dataset import main


def check(root: Path, *flags: str, code: int | None = None) -> dict[str, Any]:
    """Return level and kind -> lines of that issue. ``code``: exit code, None for 0."""
    out = root.parent / "findings.json"
    argv = ["--dataroot", str(root), "--json", str(out), "--sheet", str(root.parent / "sheet.html")]
    if code is None:
        main([*argv, *flags])
    else:
        with pytest.raises(SystemExit) as ended:
            main([*argv, *flags])
        assert ended.value.code == code
    found = json.loads(out.read_text())["findings"]
    lines: dict[str, Any] = {}
    for issue in found:
        texts = [entry["text"].replace(f"{root}/", "") for entry in issue["entries"]]
        lines[f"{issue['level']} {issue['kind']}"] = texts or issue["text"]
    return lines


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_scenes(tmp_path / "set")
    return tmp_path / "set"


def test_a_good_set_has_no_issues(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert check(root) == {}
    assert "train: 12 pairs, A 64x64 rgb uint8, B 64x64 rgb uint8" in caplog.messages
    assert "found nothing wrong" in caplog.messages


@pytest.mark.parametrize("name", ["facades", "cat2dog"])
def test_published_sets_have_no_issues(name: str, tmp_path: Path) -> None:
    assert check(linked(name, tmp_path), "--phases", "test") == {}


def linked(name: str, folder: Path) -> Path:
    (folder / name).symlink_to(real_set(name))
    return folder / name


def test_a_damaged_file_is_named_and_the_others_are_checked(root: Path) -> None:
    damaged = root / "train" / "3.png"
    damaged.write_bytes(damaged.read_bytes()[:200])
    found = check(root, code=1)
    assert list(found) == ["error unreadable"]
    assert found["error unreadable"][0].startswith("train/3.png cannot be read")


def test_a_test_image_in_the_training_set_is_an_error_also_in_another_format(
    root: Path,
) -> None:
    Image.open(root / "test" / "101.png").save(root / "train" / "x.bmp")
    assert check(root, code=1) == {"error leak": ["train/x.bmp = test/101.png"]}


def test_copies_within_a_phase_are_a_warning(root: Path) -> None:
    Image.open(root / "train" / "1.png").save(root / "train" / "x.png")
    assert check(root) == {"warning copies": ["train/1.png = train/x.png"]}


def test_one_input_with_two_targets_is_a_warning(root: Path) -> None:
    side_by_side(scene(1)[0], scene(50)[1], root / "train" / "x.png")
    found = check(root)
    assert found["warning copies"] == ["train/1.png = train/x.png"]


def test_blank_images_are_no_copies(root: Path) -> None:
    for name in ("0", "1"):
        A, _ = scene(int(name))
        side_by_side(A, np.full_like(A, 7), root / "train" / f"{name}.png")
    assert check(root) == {
        "warning blank": [f"train/{name}.png (right half) holds 7 everywhere" for name in (0, 1)]
    }


def test_exchanged_pairs_are_found(root: Path) -> None:
    for seed in (2, 5):
        A, B = scene(seed)
        side_by_side(B, A, root / "train" / f"{seed}.png")
    assert check(root) == {"warning swapped": ["train/2.png", "train/5.png"]}


def test_sides_that_look_alike_are_never_called_exchanged(tmp_path: Path) -> None:
    for seed in range(12):
        photo, _ = scene(seed)
        lighter = (photo.astype(int) + 3).clip(0, 255).astype(np.uint8)
        sides = (lighter, photo) if seed in (2, 5) else (photo, lighter)
        side_by_side(*sides, tmp_path / "set" / "train" / f"{seed}.png")
    assert check(tmp_path / "set") == {}


@pytest.mark.parametrize(("right", "down"), [(6, 0), (0, -5), (-4, 4)])
def test_a_shifted_image_is_found_with_its_shift(root: Path, right: int, down: int) -> None:
    A, B = scene(4)
    side_by_side(A, np.roll(B, (down, right), (0, 1)), root / "train" / "4.png")
    found = check(root)
    assert list(found) == ["warning misaligned"]
    (line,) = found["warning misaligned"]
    steps = {way: int(count) for count, way in re.findall(r"(\d+) pixels? (to the \w+|\w+)", line)}
    assert abs(steps.get("to the right", 0) - steps.get("to the left", 0) + right) <= 1
    assert abs(steps.get("down", 0) - steps.get("up", 0) + down) <= 1


def test_pairs_without_common_edges_are_never_called_moved(tmp_path: Path) -> None:
    for seed in range(12):
        side_by_side(scene(seed)[0], scene(seed + 50)[1], tmp_path / "s" / "train" / f"{seed}.png")
    assert "warning misaligned" not in check(tmp_path / "s")


def test_pairs_of_two_folders_that_differ_in_size_are_errors(tmp_path: Path) -> None:
    write_noise(tmp_path / "s" / "trainA", "1.png", "2.png", width=20)
    write_noise(tmp_path / "s" / "trainB", "1.png", width=20)
    write_noise(tmp_path / "s" / "trainB", "2.png", "3.png", width=30)
    found = check(tmp_path / "s", code=1)
    assert found["error size of pairs"] == ["trainA/2.png is 20 x 20, trainB/2.png is 30 x 20"]
    assert "3.png" in found["error without partner"]


def test_damage_without_a_partner_is_found_and_each_issue_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write_noise(tmp_path / "s" / "trainA", "1.png", "2.png")
    write_noise(tmp_path / "s" / "trainB", "1.png")
    (tmp_path / "s" / "trainB" / "3.png").touch()
    (tmp_path / "s" / "trainA" / "notes.txt").touch()
    found = check(tmp_path / "s", code=1)
    (line,) = found["error unreadable"]
    assert line.startswith("trainB/3.png cannot be read as an image (it is empty)")
    assert "1 of 2 images without a partner cannot be read" in caplog.text
    assert caplog.text.count("are pairs;") == 1
    assert caplog.text.count("left out: 1 .txt") == 1
    logging.getLogger("data.discovery.image_folder").warning("heard again")
    assert "heard again" in caplog.text


def test_folders_whose_names_do_not_pair_are_two_sets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write_noise(tmp_path / "s" / "trainA", "1.png", "2.png")
    write_noise(tmp_path / "s" / "trainB", "x.png", "y.png", width=30)
    check(tmp_path / "s")
    assert "--dataset_mode unaligned" in caplog.messages


@pytest.mark.parametrize("folder", ["", "train"])
def test_single_images_are_not_cut_into_pairs(tmp_path: Path, folder: str) -> None:
    write_noise(tmp_path / "s" / folder, "1.png", "2.png", width=24, height=20)
    Image.new("L", (24, 20)).save(tmp_path / "s" / folder / "gray.png")
    found = check(tmp_path / "s")
    prefix = f"{folder}/" if folder else ""
    assert found == {
        "warning mixed kinds": [f"{prefix}gray.png is gray uint8"],
        "warning blank": [f"{prefix}gray.png holds 0 everywhere"],
    }


def test_floating_point_needs_the_proposed_range(tmp_path: Path) -> None:
    folder = tmp_path / "s" / "train"
    folder.mkdir(parents=True)
    for level in (-1000, 3000):
        np.save(folder / f"{level}.npy", np.array([[level, 0.5]], np.float32))
    found = check(tmp_path / "s", "--dataset_mode", "colorization", code=1)
    text = found["error value range"]
    assert "2 float32 images with values from -1000 to 3000" in text
    flag = next(word for word in text.replace(",", ", ").split() if word.startswith("--value"))
    assert flag == "--value_range_A=-1000,"
    assert check(
        tmp_path / "s", "--dataset_mode", "colorization", "--value_range_A=-1000,3000"
    ) == {}


def test_the_proposed_range_is_not_reported_as_too_narrow(tmp_path: Path) -> None:
    folder = tmp_path / "s" / "train"
    folder.mkdir(parents=True)
    np.save(folder / "1.npy", np.array([[-999.75734, 1999.5531]], np.float32))
    flags = ("--dataset_mode", "colorization")
    text = check(tmp_path / "s", *flags, code=1)["error value range"]
    flag = text[text.index("--value") :].split(", or")[0]
    assert check(tmp_path / "s", *flags, flag) == {}
    assert "clipped" in check(tmp_path / "s", *flags, "--value_range_A=0,1")["warning value range"]


def test_twelve_bits_in_sixteen_are_a_warning(tmp_path: Path) -> None:
    folder = tmp_path / "s" / "train"
    folder.mkdir(parents=True)
    np.save(folder / "1.npy", np.array([[0, 4095]], np.uint16))
    found = check(tmp_path / "s", "--dataset_mode", "colorization")
    assert "--value_range_A=0,4095" in found["warning value range"]


def test_channels_that_no_network_takes_together_are_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "s" / "train"
    folder.mkdir(parents=True)
    for bands in (5, 6):
        values = np.random.default_rng(bands).integers(0, 256, (4, 4, bands), dtype=np.uint8)
        np.save(folder / f"{bands}.npy", values)
    found = check(tmp_path / "s", "--dataset_mode", "colorization", code=1)
    assert found == {"error mixed kinds": ["train/6.npy is 6 bands uint8"]}


def test_phases_of_a_list(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    write_noise(tmp_path / "s", "a.png", "b.png", "c.png", "d.png")
    (tmp_path / "s" / "pairs.csv").write_text("a.png,b.png,train\nc.png,d.png,holdout\n")
    check(tmp_path / "s", "--pairs", str(tmp_path / "s" / "pairs.csv"))
    assert [line.split(",")[0] for line in caplog.messages if "1 pair," in line] == [
        "train: 1 pair", "holdout: 1 pair"
    ]


def test_the_sheet_is_one_file_with_the_images_in_it(root: Path) -> None:
    Image.open(root / "test" / "101.png").save(root / "train" / "<x>.png")
    check(root, code=1)
    page = (root.parent / "sheet.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 4 + 2 * 16
    assert "&lt;x&gt;.png" in page
    assert '<span class="flag">--dataset_mode</span> aligned' in page
    assert "<x>" not in page
    assert 'src="' in page
    assert all(part.startswith("data:") for part in page.split('src="')[1:])
    assert f"{SIDE}x{SIDE}" in page


def test_an_empty_set_gives_the_error_of_a_training(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    with pytest.raises(FileNotFoundError, match="does not exist"):
        main(["--dataroot", str(tmp_path / "s"), "--no_sheet"])


def test_palettes_are_mentioned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    write_noise(tmp_path / "s" / "trainA", "1.png", width=20)
    write_noise(tmp_path / "s" / "trainB", "1.png", width=20)
    path = tmp_path / "s" / "trainB" / "1.png"
    Image.open(path).convert("P").save(path)
    check(tmp_path / "s")
    assert any("1 of 1 image with a palette, read as its colours" in line
               for line in caplog.messages)
