"""combine_A_and_B keeps every pixel and image, or fails with a message."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from tool_runs import draw, fault, noise, pixels, written

from datasets import combine_A_and_B

ROOT = Path(__file__).resolve().parents[1]


def folders(root: Path) -> list[str]:
    return ["--fold_A", str(root / "A"), "--fold_B", str(root / "B"), "--fold_AB", str(root / "AB")]


def combine(root: Path, *more: str) -> list[str]:
    """Run combine_A_and_B and return the files in AB."""
    combine_A_and_B.main([*folders(root), *more, "--no_multiprocessing"])
    return written(root / "AB")


def test_combine_keeps_every_pixel_of_splits_and_sub_folders(tmp_path: Path) -> None:
    names = ["train/1", "train/deep/er/1", "val/cat.101"]
    for seed, name in enumerate(names):
        draw(tmp_path / "A" / f"{name}.png", seed=seed)
        draw(tmp_path / "B" / f"{name}.BMP", seed=seed + 9)
    assert combine(tmp_path) == sorted(f"{name}.png" for name in names)
    for seed, name in enumerate(names):
        expected = Image.new("RGB", (16, 6))
        expected.paste(noise(8, 6, seed), (0, 0))
        expected.paste(noise(8, 6, seed + 9), (8, 0))
        assert pixels(tmp_path / "AB" / f"{name}.png") == ("RGB", (16, 6), expected.tobytes())


def test_combine_takes_images_without_splits_and_ignores_hidden_files(tmp_path: Path) -> None:
    for side in "AB":
        draw(tmp_path / side / "1.JPeG")
        (tmp_path / side / "._1.png").write_bytes(b"resource fork")
        (tmp_path / side / "notes.txt").write_text("no image")
    assert combine(tmp_path) == ["1.png"]


def test_combine_enters_linked_folders_and_survives_a_loop(tmp_path: Path) -> None:
    for side in "AB":
        draw(tmp_path / f"elsewhere{side}" / "1.png")
        (tmp_path / side).mkdir()
        (tmp_path / side / "train").symlink_to(tmp_path / f"elsewhere{side}")
        (tmp_path / side / "loop").symlink_to(tmp_path / side)
    assert combine(tmp_path) == ["train/1.png"]


def test_combine_lists_missing_partners_of_both_sides_and_writes_nothing(tmp_path: Path) -> None:
    for side in "AB":
        draw(tmp_path / side / "both.png")
    for i in range(22):
        draw(tmp_path / "A" / f"only_{i:02d}.png")
    draw(tmp_path / "B" / "strange.png")
    text = fault(combine_A_and_B.main, folders(tmp_path))
    assert "23 images without a partner" in text and "--allow_unpaired" in text
    assert "only_19.png has no B" in text and "only_20" not in text and "and 3 more" in text
    assert not (tmp_path / "AB").exists()
    assert combine(tmp_path, "--allow_unpaired") == ["both.png"]


def test_combine_without_any_pair_fails_even_if_unpaired_are_allowed(tmp_path: Path) -> None:
    draw(tmp_path / "A" / "1_A.png")
    draw(tmp_path / "B" / "1_B.png")
    text = fault(combine_A_and_B.main, [*folders(tmp_path), "--allow_unpaired"])
    assert "0 pairs" in text and "--use_AB" in text


@pytest.mark.parametrize("folder_B", ["A", "B"])
def test_use_AB_matches_the_ends_in_one_folder_or_two(tmp_path: Path, folder_B: str) -> None:
    draw(tmp_path / "A" / "train" / "1_A.png", seed=1)
    draw(tmp_path / folder_B / "train" / "1_B.jpg", seed=2)
    argv = folders(tmp_path)
    argv[3] = str(tmp_path / folder_B)
    combine_A_and_B.main([*argv, "--use_AB", "--no_multiprocessing"])
    assert written(tmp_path / "AB") == ["train/1.png"]
    draw(tmp_path / "A" / "train" / "2.png")
    assert "do not end in _A" in fault(combine_A_and_B.main, [*argv, "--use_AB"])


def test_unequal_sizes_are_listed_and_resized_only_on_demand(tmp_path: Path) -> None:
    draw(tmp_path / "A" / "1.png", size=(8, 6))
    draw(tmp_path / "B" / "1.png", size=(4, 3), seed=1)
    text = fault(combine_A_and_B.main, folders(tmp_path))
    assert "8x6" in text and "4x3" in text and "--resize_to" in text
    assert not (tmp_path / "AB").exists()
    combine(tmp_path, "--resize_to", "A", "--resample", "nearest")
    with Image.open(tmp_path / "AB" / "1.png") as joined:
        right = joined.crop((8, 0, 16, 6))
    assert joined.size == (16, 6)
    assert right.tobytes() == noise(4, 3, 1).resize((8, 6), Image.Resampling.NEAREST).tobytes()
    combine(tmp_path, "--resize_to", "B", "--overwrite")
    assert pixels(tmp_path / "AB" / "1.png")[1] == (8, 3)


def test_two_extensions_of_one_name_are_refused(tmp_path: Path) -> None:
    for path in ("A/1.png", "A/1.jpg", "B/1.png"):
        draw(tmp_path / path)
    assert "keep one of each" in fault(combine_A_and_B.main, folders(tmp_path))


def test_an_unreadable_image_is_named_and_the_others_are_written(tmp_path: Path) -> None:
    for path in ("A/1.png", "A/2.png", "B/1.png", "B/2.png"):
        draw(tmp_path / path, size=(64, 64))
    whole = (tmp_path / "B" / "1.png").read_bytes()
    (tmp_path / "B" / "1.png").write_bytes(whole[: len(whole) // 2])
    text = fault(combine_A_and_B.main, folders(tmp_path))
    assert "1 pairs could not be written" in text and str(tmp_path / "B" / "1.png") in text
    assert written(tmp_path / "AB") == ["2.png"]


def test_num_imgs_counts_per_split(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for name in ("train/1", "train/2", "train/3", "val/1"):
        for side in "AB":
            draw(tmp_path / side / f"{name}.png")
    assert combine(tmp_path, "--num_imgs", "2") == ["train/1.png", "train/2.png", "val/1.png"]
    assert "split train: 3 pairs, 2 used" in caplog.text and "3 images written" in caplog.text


def test_existing_output_is_kept_unless_overwrite(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for side in "AB":
        draw(tmp_path / side / "1.png")
    combine(tmp_path)
    combine(tmp_path)
    assert "0 images written, 1 existed already" in caplog.text
    before = pixels(tmp_path / "AB" / "1.png")
    draw(tmp_path / "A" / "1.png", seed=5)
    assert "--overwrite" in fault(combine_A_and_B.main, folders(tmp_path))
    assert pixels(tmp_path / "AB" / "1.png") == before
    combine(tmp_path, "--overwrite")
    assert pixels(tmp_path / "AB" / "1.png") != before


def test_images_of_an_earlier_run_are_pointed_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("A/1.png", "B/1.png", "AB/old.jpg"):
        draw(tmp_path / path)
    combine(tmp_path)
    assert "old.jpg" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [({1: "A", 3: "A"}, "--use_AB"), ({5: "A/AB"}, "is inside"), ({1: "none"}, "not a folder")],
)
def test_impossible_folders_are_refused(
    tmp_path: Path, change: dict[int, str], message: str
) -> None:
    for side in "AB":
        draw(tmp_path / side / "1.png")
    argv = folders(tmp_path)
    for position, folder in change.items():
        argv[position] = str(tmp_path / folder)
    assert message in fault(combine_A_and_B.main, argv)


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    draw(tmp_path / "A" / "1.png")
    (tmp_path / "B").mkdir()
    assert "holds no image" in fault(combine_A_and_B.main, folders(tmp_path))


def test_the_pool_works_under_spawn(tmp_path: Path) -> None:
    for side in "AB":
        for i in range(3):
            draw(tmp_path / side / f"{i}.png", seed=i)
    program = tmp_path / "driver.py"
    program.write_text(
        "import multiprocessing, sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from datasets import combine_A_and_B\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method('spawn')\n"
        f"    combine_A_and_B.main({folders(tmp_path)!r})\n"
    )
    subprocess.run([sys.executable, str(program)], check=True, timeout=120)
    assert written(tmp_path / "AB") == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize(
    "tool", ["combine_A_and_B", "make_dataset_aligned", "prepare_cityscapes_dataset"]
)
def test_tools_start_from_the_repository_root(tool: str) -> None:
    command = [sys.executable, f"datasets/{tool}.py", "--help"]
    shown = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert "--overwrite" in shown.stdout
