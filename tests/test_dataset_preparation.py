"""make_dataset_aligned and prepare_cityscapes_dataset: layout, pairing, label colours."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from tool_runs import draw, fault, noise, pixels, written

from datasets import make_dataset_aligned, prepare_cityscapes_dataset


def aligned(root: Path, *more: str) -> list[str]:
    make_dataset_aligned.main(["--dataset-path", str(root), *more, "--no_multiprocessing"])
    splits = make_dataset_aligned.SPLITS
    return sorted(name for name in written(root) if name.split("/")[0] in splits)


@pytest.mark.parametrize(("end_A", "end_B"), [("", ""), ("_A", "_B")])
def test_make_aligned_pairs_by_name(tmp_path: Path, end_A: str, end_B: str) -> None:
    for split, names in (("train", ["b", "a"]), ("test", ["c"])):
        for seed, name in enumerate(names):
            draw(tmp_path / f"{split}A" / f"{name}{end_A}.png", seed=seed)
            draw(tmp_path / f"{split}B" / f"{name}{end_B}.PNG", seed=seed)
    assert aligned(tmp_path) == ["test/0000.png", "train/0000.png", "train/0001.png"]
    with Image.open(tmp_path / "train" / "0000.png") as joined:  # "a", drawn with seed 1
        for left in (0, 8):
            assert joined.crop((left, 0, left + 8, 6)).tobytes() == noise(8, 6, 1).tobytes()


def test_make_aligned_refuses_other_names_unless_by_position(tmp_path: Path) -> None:
    for i in range(2):
        draw(tmp_path / "trainA" / f"photo{i}.png")
        draw(tmp_path / "trainB" / f"label{i}.png")
    argv = ["--dataset-path", str(tmp_path)]
    assert "--by_position" in fault(make_dataset_aligned.main, argv)
    assert aligned(tmp_path, "--by_position") == ["train/0000.png", "train/0001.png"]
    draw(tmp_path / "trainB" / "label9.png")
    text = fault(make_dataset_aligned.main, [*argv, "--by_position"])
    assert "2 images A and 3 images B" in text


def test_make_aligned_keeps_names_on_demand(tmp_path: Path) -> None:
    draw(tmp_path / "testA" / "sub" / "cat.png")
    draw(tmp_path / "testB" / "sub" / "cat.jpg")
    assert aligned(tmp_path, "--keep_names") == ["test/sub/cat.png"]


def test_make_aligned_joins_val_and_names_folders_that_it_leaves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for split in ("val", "holdout"):
        for side in "AB":
            draw(tmp_path / f"{split}{side}" / "1.png")
    assert aligned(tmp_path) == ["val/0000.png"]
    assert "left out, because only train, val, test are joined: holdoutA, holdoutB" in caplog.text


def test_make_aligned_names_the_missing_side(tmp_path: Path) -> None:
    draw(tmp_path / "trainA" / "1.png")
    text = fault(make_dataset_aligned.main, ["--dataset-path", str(tmp_path)])
    assert "needs both sides of a split (trainA and trainB" in text and "['trainA']" in text


COLOURS = [(128, 64, 128), (70, 70, 70), (220, 20, 60), (0, 0, 142)]


def cityscapes(root: Path, *, scenes: int = 2) -> list[str]:
    """Write a Cityscapes tree of ``scenes`` per split, 512 x 256; return the flags to read it."""
    for split in ("train", "val"):
        for i in range(scenes):
            scene = f"bonn_{i:06d}_000019"
            label = Image.new("RGBA", (512, 256), (*COLOURS[0], 255))
            for k, colour in enumerate(COLOURS):
                corner = 30 * k + 7 * i
                ImageDraw.Draw(label).ellipse((corner, 9, corner + 99, 233), (*colour, 255))
            for folder, ending, image in (
                ("leftImg8bit", "leftImg8bit", noise(512, 256, i)),
                ("gtFine", "gtFine_color", label),
            ):
                path = root / folder / split / "bonn" / f"{scene}_{ending}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                image.save(path)
    return ["--gtFine_dir", str(root / "gtFine"), "--leftImg8bit_dir", str(root / "leftImg8bit"),
            "--output_dir", str(root / "out")]


def test_cityscapes_layout_and_label_colours(tmp_path: Path) -> None:
    prepare_cityscapes_dataset.main([*cityscapes(tmp_path), "--no_multiprocessing"])
    out = tmp_path / "out"
    assert written(out) == sorted(
        f"{split}{side}/{i}{end}.png"
        for split in ("train", "test")
        for side, end in (("", ""), ("A", "_A"), ("B", "_B"))
        for i in range(2)
    )
    with Image.open(out / "testB" / "1_B.png") as label:
        assert label.size == (256, 256)
        assert {colour for _, colour in label.getcolors() or []} == set(COLOURS)
    with Image.open(out / "train" / "0.png") as joined:
        halves = [joined.crop((left, 0, left + 256, 256)).tobytes() for left in (0, 256)]
    assert halves == [pixels(out / "trainA" / "0_A.png")[2], pixels(out / "trainB" / "0_B.png")[2]]


def test_cityscapes_counts_no_hidden_file(tmp_path: Path) -> None:
    argv = cityscapes(tmp_path, scenes=1)
    for folder, ending in (("leftImg8bit", "leftImg8bit"), ("gtFine", "gtFine_color")):
        for split in ("train", "val"):
            hidden = tmp_path / folder / split / "bonn" / f"._bonn_000000_000019_{ending}.png"
            hidden.write_bytes(b"resource fork")
    prepare_cityscapes_dataset.main([*argv, "--no_multiprocessing"])
    assert len(written(tmp_path / "out")) == 6


def test_cityscapes_refuses_unequal_sizes(tmp_path: Path) -> None:
    argv = cityscapes(tmp_path, scenes=1)
    draw(next((tmp_path / "gtFine" / "val" / "bonn").iterdir()))
    assert "2 pairs differ in size" in fault(prepare_cityscapes_dataset.main, argv)


def test_cityscapes_names_an_empty_folder(tmp_path: Path) -> None:
    argv = cityscapes(tmp_path, scenes=1)
    argv[1] = str(tmp_path / "nowhere")
    assert "--gtFine_dir" in fault(prepare_cityscapes_dataset.main, argv)


def test_cityscapes_refuses_a_photo_without_label(tmp_path: Path) -> None:
    argv = cityscapes(tmp_path)
    next((tmp_path / "gtFine" / "val" / "bonn").iterdir()).unlink()
    assert "1 images without a partner" in fault(prepare_cityscapes_dataset.main, argv)
    assert not (tmp_path / "out").exists()


def test_cityscapes_refuses_to_replace_other_images(tmp_path: Path) -> None:
    argv = cityscapes(tmp_path, scenes=1)
    draw(tmp_path / "out" / "train" / "0.png")
    assert "--overwrite" in fault(prepare_cityscapes_dataset.main, argv)
    assert pixels(tmp_path / "out" / "train" / "0.png")[1] == (8, 6)
