"""Palettes are found in label maps in spite of JPEG and scaling, and not in photos."""

from pathlib import Path

import numpy as np
import pytest
from label_scenes import COLOURS, as_jpeg, classes, scaled
from PIL import Image
from real_sets import real_set
from stand_ins import picture

from metrics.palette import NoPaletteError, Palette, find_palette, read_palette


def require_all_colours(found: Palette) -> None:
    """Require all colours and no others, each within 6 levels."""
    off = np.abs(COLOURS[:, None].astype(int) - found.colours[None]).max(axis=2)
    assert len(found) == len(COLOURS), found.colours
    assert off.min(axis=1).max() <= 6, found.colours


def test_the_colours_of_a_lossless_file_are_exact() -> None:
    found = find_palette([COLOURS[classes(seed)] for seed in range(3)])
    assert {tuple(colour) for colour in found.colours} == {tuple(colour) for colour in COLOURS}


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("side", [96, 64])
def test_noise_of_jpeg_and_mixed_edges_are_ignored(quality: int, side: int) -> None:
    maps = [scaled(as_jpeg(COLOURS[classes(seed)], quality), side) for seed in range(20)]
    assert len({tuple(colour) for colour in maps[0].reshape(-1, 3)}) > 200
    require_all_colours(find_palette(maps))


def test_nearest_colours_restore_the_labels() -> None:
    truth = classes(1)
    noisy = as_jpeg(COLOURS[truth])
    assert (Palette(COLOURS).classes(noisy) == truth).mean() > 0.95
    assert (Palette(COLOURS).classes(COLOURS[truth]) == truth).all()


def test_photos_have_no_palette() -> None:
    with pytest.raises(NoPaletteError, match=r"are not label maps: .* explain"):
        find_palette(levels for seed in range(5) if (levels := picture(seed).levels()) is not None)


def test_noise_has_no_palette() -> None:
    """No pixel equals its neighbours."""
    levels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    with pytest.raises(NoPaletteError, match=r"are not label maps: 0 colours .* explain 0%"):
        find_palette([levels])


def test_an_empty_set_has_no_palette() -> None:
    with pytest.raises(NoPaletteError, match="no label maps to find"):
        find_palette([])


def test_the_facades_have_twelve_labels_and_their_photos_none() -> None:
    files = sorted((real_set("facades") / "train").glob("*.jpg"))[:40]
    pairs = [np.asarray(Image.open(file)) for file in files]
    assert len(find_palette(pair[:, 256:] for pair in pairs)) == 12
    with pytest.raises(NoPaletteError):
        find_palette(pair[:, :256] for pair in pairs)


@pytest.mark.parametrize(("name", "text"), [
    ("labels.txt", "# colours\n0 0 170 background\n\n255,85,0 door of a house\n"),
    ("labels.json", '[{"colour": [0, 0, 170], "name": "background"}, '
                    '{"colour": [255, 85, 0], "name": "door of a house"}]'),
])
def test_a_palette_is_read_from_a_file(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    palette = read_palette(tmp_path / name)
    assert palette.colours.tolist() == [[0, 0, 170], [255, 85, 0]]
    assert [palette.name(number) for number in range(2)] == ["background", "door of a house"]


def test_the_name_of_a_label_without_name_is_its_colour(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("0 48 255\n255 80 0\n")
    assert read_palette(tmp_path / "p.txt").name(0) == "#0030ff"


@pytest.mark.parametrize("text", [
    "", "1 2 3", "1 2\n3 4", "0 0 256 a\n0 0 1 b", "1 1 1 a\n1 1 1 b", "red green blue x\n1 1 1",
    "\x89PNG",
])
def test_another_file_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text(text, encoding="latin-1")
    with pytest.raises(NoPaletteError, match=r"p\.txt is not a palette .* R G B NAME"):
        read_palette(tmp_path / "p.txt")


def test_a_missing_palette_is_reported(tmp_path: Path) -> None:
    with pytest.raises(NoPaletteError, match=r"p\.txt does not exist"):
        read_palette(tmp_path / "p.txt")
