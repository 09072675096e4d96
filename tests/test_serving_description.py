"""What the server finds out about a run: the kind of input, its palette, and samples."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from demo_runs import train_run
from PIL import Image, ImageDraw

from datasets.demo_drawing.labels import PALETTE
from metrics.palette import NoPaletteError, Palette
from serving.description import RunDescription, describe, find_kind
from serving.engine import Engine
from serving.known_palettes import KNOWN, load_own_palette, with_known_names
from serving.training_pictures import RgbPixels


@pytest.fixture(scope="module")
def engine(demo_run: Path) -> Engine:
    return Engine.load(demo_run, device="cpu")


@pytest.fixture
def moved_run(demo_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the run whose data set is missing."""
    run = tmp_path / "moved"
    shutil.copytree(demo_run, run)
    options = json.loads((run / "train_opt.json").read_text())
    (run / "train_opt.json").write_text(json.dumps(options | {"dataroot": "/nowhere"}))
    return run


def names(description: RunDescription) -> set[str]:
    return {entry.name for entry in description.directions[0].info.palette}


def test_the_demo_set_has_its_named_labels(engine: Engine, demo_run: Path) -> None:
    description = describe(engine, demo_run)
    direction, = description.directions
    assert (description.name, description.size) == ("house", (32, 32))
    info = direction.info
    assert (info.id, info.kind, len(info.samples)) == ("BtoA", "labels", 3)
    assert names(description) >= {"sky", "wall", "window", "pavement"}
    assert names(description) <= set(PALETTE)
    for entry in info.palette:
        assert PALETTE[entry.name] == tuple(entry.colour)
    assert info.palette[info.ground].name == "sky"
    test_set = demo_run.parents[1] / "demo" / "test"
    halves = np.asarray(Image.open(test_set / "0002.png"))
    np.testing.assert_array_equal(description.sample(direction, 1), halves[:, 32:])


def test_the_canvas_may_have_another_size(engine: Engine, demo_run: Path) -> None:
    description = describe(engine, demo_run, side=48)
    sample = description.sample(description.directions[0], 0)
    assert sample.shape == (48, 48, 3)
    assert {tuple(c) for c in sample.reshape(-1, 3).tolist()} <= set(PALETTE.values())


def test_without_the_data_set_the_web_page_of_the_run_is_used(
    engine: Engine, moved_run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    direction, = describe(engine, moved_run).directions
    assert (direction.info.kind, direction.info.samples) == ("labels", [])
    assert not caplog.records
    (moved_run / "web" / "images" / "epoch002_real_A.png").write_bytes(b"not an image")
    direction, = describe(engine, moved_run).directions
    assert direction.info.kind == "labels"
    assert "epoch002_real_A.png is left out" in caplog.text
    caplog.clear()
    shutil.rmtree(moved_run / "web")
    direction, = describe(engine, moved_run).directions
    assert (direction.info.kind, direction.info.palette) == ("photo", [])
    assert "/nowhere" in caplog.text
    assert "--palette FILE" in caplog.text


def test_a_given_palette_is_used(
    engine: Engine, moved_run: Path, tmp_path: Path
) -> None:
    file = tmp_path / "palette.txt"
    file.write_text("1 2 3 grass\n9 8 7 water\n")
    description = describe(engine, moved_run, palette_file=file)
    assert names(description) == {"grass", "water"}
    assert asdict(description.info("server"))["directions"][0]["palette"] == [
        {"colour": [1, 2, 3], "name": "grass"}, {"colour": [9, 8, 7], "name": "water"},
    ]
    file.write_text("nonsense")
    with pytest.raises(NoPaletteError, match=r"palette\.txt is not a palette"):
        describe(engine, moved_run, palette_file=file)


# Kinds of input


def outlines() -> RgbPixels:
    image = Image.new("RGB", (256, 256), "white")
    draw = ImageDraw.Draw(image)
    for inset in (20, 50, 80):
        draw.ellipse((inset, inset, 255 - inset, 255 - inset), outline="black", width=2)
    return np.asarray(image.resize((128, 128), Image.Resampling.BICUBIC))


def blocks(colours: list[tuple[int, int, int]]) -> RgbPixels:
    rows = np.array(colours, np.uint8)[np.arange(64) * len(colours) // 64]
    return np.repeat(rows[:, None], 64, axis=1)


def test_kinds_are_recognised() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert find_kind([outlines()], None) == ("edges", None)
    assert find_kind([noise], None) == ("photo", None)
    assert find_kind([outlines(), noise], None)[0] == "photo"
    assert find_kind([], None) == ("photo", None)
    kind, palette = find_kind([blocks([(9, 9, 9), (200, 0, 0), (0, 90, 0)])], None)
    assert (kind, len(palette or [])) == ("labels", 3)


def test_images_of_many_colours_are_photos() -> None:
    colours = [(4 * number, 0, 255 - number) for number in range(50)]
    assert find_kind([blocks(colours)], None) == ("photo", None)


# Names of colours


DEMO = Palette(np.array(list(PALETTE.values()), np.uint8), list(PALETTE))


@pytest.mark.parametrize("known", [*KNOWN.values(), DEMO], ids=[*KNOWN, "demo"])
def test_known_palettes_are_recognised_despite_noise(known: Palette) -> None:
    noise = np.random.default_rng(0).integers(-4, 5, (len(known), 3))
    colours = np.clip(known.colours + noise, 0, 255).astype(np.uint8)
    own = DEMO if known is DEMO else None
    found = with_known_names(Palette(colours[::-1]), own)
    assert list(found.names) == list(known.names)
    np.testing.assert_array_equal(found.colours, known.colours)
    assert list(with_known_names(Palette(colours[3:6]), own).names) == list(known.names)[3:6]


def test_the_palettes_of_the_papers_are_complete() -> None:
    counts = {name: len(palette) for name, palette in KNOWN.items()}
    assert counts == {"facades": 12, "facades_of_pix2pix": 12, "cityscapes": 20}


def test_the_palette_of_the_data_set_comes_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_own_palette(None) is load_own_palette(str(tmp_path)) is None
    file = tmp_path / "palette.txt"
    file.write_text("0 0 255 brick\n0 0 170 air\n9 9 9 tar\n")
    own = load_own_palette(str(tmp_path))
    assert own is not None
    found = Palette(np.array([[0, 0, 172], [0, 0, 255]], np.uint8))
    assert list(with_known_names(found).names) == ["background", "wall"]
    assert list(with_known_names(found, own).names) == ["brick", "air"]
    file.write_text("not a palette")
    assert load_own_palette(str(tmp_path)) is None
    assert "palette.txt is not a palette" in caplog.text


def test_unknown_and_named_palettes_are_unchanged() -> None:
    unknown = Palette(np.array([[0, 0, 170], [90, 90, 90]], np.uint8))
    assert with_known_names(unknown) is unknown
    own = Palette(np.array([[0, 0, 170]], np.uint8), ["water"])
    assert with_known_names(own) is own
    twice = Palette(np.array([[0, 0, 255], [0, 8, 255]], np.uint8))
    assert with_known_names(twice) is twice


# Images of more than 8 bits


def test_grey_images_of_16_bits_are_shown_and_sent_as_bytes(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (32, 32)).astype(np.uint16)
    for folder in ("trainA", "trainB", "testA"):
        (tmp_path / "deep" / folder).mkdir(parents=True)
        for number in range(2):
            Image.fromarray(16 * levels).save(tmp_path / "deep" / folder / f"{number}.png")
    limits = "--value_range_A 0,4080 --value_range_B 0,4080 --input_nc 1 --output_nc 1"
    run = train_run(tmp_path, tmp_path / "deep", f"--model pix2pix --no_dropout {limits}")
    engine = Engine.load(run, device="cpu")
    description = describe(engine, run)
    direction, = description.directions
    shown = description.sample(direction, 0)
    np.testing.assert_array_equal(shown, np.repeat(levels[:, :, None], 3, axis=2))
    pixels = levels[:, :, None]
    from_bytes, = engine.translate("AtoB", [pixels.astype(np.uint8)])
    from_values, = engine.translate("AtoB", [16 * pixels])
    np.testing.assert_array_equal(from_bytes, from_values)
    assert from_bytes.std() > 1
