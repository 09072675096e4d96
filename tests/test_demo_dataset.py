"""The demo set is reproducible, aligned, has unpaired folders, and is never replaced silently."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.demo_drawing.labels import HEADS, PALETTE, Mask, Part, RgbImage, cover, draw_labels
from datasets.demo_drawing.painters import PAINTERS
from datasets.demo_drawing.photo import LOOKS, draw_photo
from datasets.demo_drawing.street import invent_street
from datasets.demo_drawing.styles import STYLES
from datasets.make_demo_dataset import FOLDERS, main, make_demo_dataset

COUNTS = {"train": 4, "val": 1, "test": 2}


def make(root: Path, *, seed: int) -> None:
    make_demo_dataset(root, size=64, train=4, val=1, test=2, seed=seed)


def read(path: Path) -> RgbImage:
    with Image.open(path) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def pictures(folder: Path) -> list[RgbImage]:
    return [read(path) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo")
    make(root, seed=3)
    return root


def test_the_layout_is_complete(demo: Path) -> None:
    assert {path.name for path in demo.iterdir()} == {*FOLDERS, "demo.json", "palette.txt"}
    for split, count in COUNTS.items():
        for domain, width in (("", 128), ("A", 64), ("B", 64)):
            names = sorted(path.name for path in (demo / f"{split}{domain}").iterdir())
            assert names == [f"{number:04d}.png" for number in range(1, count + 1)]
            assert {p.shape for p in pictures(demo / f"{split}{domain}")} == {(64, width, 3)}


def test_same_seed_gives_the_same_bytes_and_another_seed_others(demo: Path, tmp_path: Path) -> None:
    for seed, same in ((3, True), (4, False)):
        root = tmp_path / str(seed)
        make(root, seed=seed)
        again, first = contents(root), contents(demo)
        assert again.pop("palette.txt") == first.pop("palette.txt")
        assert [again[name] == first[name] for name in first] == [same] * len(first)


def test_more_pairs_keep_the_first_ones(demo: Path, tmp_path: Path) -> None:
    make_demo_dataset(tmp_path, size=64, train=2, val=0, test=0, seed=3)
    assert (tmp_path / "train/0002.png").read_bytes() == (demo / "train/0002.png").read_bytes()


def test_label_maps_hold_palette_colours_only_and_photos_do_not(demo: Path) -> None:
    assert len(set(PALETTE.values())) == len(PALETTE)
    for split in ("trainB", "valB", "testB"):
        for labels in pictures(demo / split):
            assert set(map(tuple, labels.reshape(-1, 3).tolist())) <= set(PALETTE.values())
    for photo in pictures(demo / "trainA"):
        assert len(np.unique(photo.reshape(-1, 3), axis=0)) > 500


def test_pairs_are_photo_left_and_labels_right(demo: Path) -> None:
    for split in ("val", "test"):
        for name in (path.name for path in (demo / split).iterdir()):
            pair = read(demo / split / name)
            assert np.array_equal(pair[:, :64], read(demo / f"{split}A" / name))
            assert np.array_equal(pair[:, 64:], read(demo / f"{split}B" / name))


def test_no_street_is_shared_by_train_A_train_B_val_and_test(demo: Path) -> None:
    paired = [p[:, 64:] for split in COUNTS for p in pictures(demo / split)]
    photographed = [p[:, :64] for p in pictures(demo / "train")]
    assert all(map(np.array_equal, photographed, pictures(demo / "trainA")))
    streets = paired + pictures(demo / "trainB")
    assert len({labels.tobytes() for labels in streets}) == len(streets) == 4 + 1 + 2 + 4


def contrast(photo: RgbImage, chosen: Mask, others: Mask) -> float:
    return float(abs(photo[chosen].mean(axis=0) - photo[others].mean(axis=0)).max())


def test_windows_of_the_labels_are_the_glass_of_the_photo() -> None:
    aligned, moved = [], []
    for number in range(8):
        street = invent_street(np.random.default_rng(number), 96)
        labels, photo = draw_labels(street), draw_photo(street, np.random.default_rng(number))
        window, wall = (np.all(labels == PALETTE[name], axis=2) for name in ("window", "wall"))
        aligned.append(contrast(photo, window, wall))
        both = window | wall
        elsewhere = np.roll(window, (5, 5), axis=(0, 1)) & both
        moved.append(contrast(photo, elsewhere, both & ~elsewhere))
    assert min(aligned) > 20
    # Masks that are shifted by some pixels must miss the glass; otherwise the geometry differs.
    assert sum(aligned) > 1.5 * sum(moved)


def test_every_label_and_style_can_be_painted() -> None:
    assert PAINTERS.keys() == PALETTE.keys()
    assert LOOKS.keys() == STYLES.keys()
    seen = {part.label for seed in range(40)
            for part in invent_street(np.random.default_rng(seed), 64).parts()}
    assert seen == PALETTE.keys()


@pytest.mark.parametrize("head", HEADS)
def test_a_finer_grid_fills_the_same_shape(head: str) -> None:
    part = Part("window", 3, 5, 17, 25, head=head, rise=6)
    coarse, fine = cover(part, 32), cover(part, 32, scale=4)
    assert coarse is not None and fine is not None
    reduced = fine.mask.reshape(20, 4, 14, 4).mean(axis=(1, 3))
    assert np.abs(reduced - coarse.mask).max() <= 0.7
    assert abs(reduced.sum() - coarse.mask.sum()) < 0.05 * coarse.mask.size


def test_a_part_outside_the_image_covers_nothing() -> None:
    assert cover(Part("wall", 40, 0, 50, 9), 32) is None
    inside = cover(Part("wall", -4, -4, 2, 3), 32)
    assert inside is not None and inside.mask.shape == (3, 2) and inside.mask.all()


def test_a_complete_set_is_left_alone(demo: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = {path: path.stat().st_mtime_ns for path in demo.rglob("*")}
    with caplog.at_level(logging.INFO):
        make(demo, seed=3)
    assert "complete already" in caplog.text
    assert {path: path.stat().st_mtime_ns for path in demo.rglob("*")} == before
    palette = (demo / "palette.txt").read_bytes()
    (demo / "palette.txt").unlink()
    make(demo, seed=3)
    assert (demo / "palette.txt").read_bytes() == palette


def small(root: Path, *, seed: int = 0, overwrite: bool = False) -> None:
    make_demo_dataset(root, size=32, train=1, val=0, test=0, seed=seed, overwrite=overwrite)


def test_other_parameters_are_refused_until_overwrite(tmp_path: Path) -> None:
    small(tmp_path)
    with pytest.raises(FileExistsError, match=r'"seed": 0.*"seed": 1.*--overwrite'):
        small(tmp_path, seed=1)
    old = (tmp_path / "train/0001.png").read_bytes()
    small(tmp_path, seed=1, overwrite=True)
    assert (tmp_path / "train/0001.png").read_bytes() != old


def test_other_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"but notes\.txt \(no demo\.json\).*--overwrite"):
        small(tmp_path)
    small(tmp_path, overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    (tmp_path / "train/cat.png").write_bytes(b"")
    with pytest.raises(FileExistsError, match=r"1 missing or other files, such as train/cat"):
        small(tmp_path)
    (tmp_path / "train/cat.png").unlink()
    (tmp_path / "trainB/0001.png").unlink()
    with pytest.raises(FileExistsError, match=r"such as trainB/0001\.png"):
        small(tmp_path)
    with pytest.raises(FileExistsError, match="is a file; name a folder"):
        small(tmp_path / "notes.txt")


def test_an_unfinished_set_does_not_count_as_complete(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(FileExistsError, match="no complete demo set"):
        small(tmp_path)


@pytest.mark.parametrize("size, train, val, seed, found", [
    (31, 1, 0, 0, "got 31"), (32, 0, 0, 0, "'train': 0"), (32, 1, -1, 0, "'val': -1"),
    (32, 1, 0, -1, "'seed': -1"),
])
def test_impossible_parameters_write_nothing(
    tmp_path: Path, size: int, train: int, val: int, seed: int, found: str
) -> None:
    with pytest.raises(ValueError, match=found):
        make_demo_dataset(tmp_path / "demo", size=size, train=train, val=val, test=0, seed=seed)
    assert not (tmp_path / "demo").exists()


def test_the_command_line_draws_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--size", "32", "--train", "1", "--val", "0", "--test", "0"]
    main([str(tmp_path / "demo"), *flags])
    with pytest.raises(SystemExit, match=r'error: .*"seed": 0.*asked for.*--overwrite'):
        main([str(tmp_path / "demo"), *flags, "--seed", "1"])
    with pytest.raises(SystemExit):
        main(["demo", "--train", "0"])
    assert "must be >= 1, got 0" in capsys.readouterr().err
