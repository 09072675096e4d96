"""What a server finds out about a run: what is drawn, in which colours, and samples of it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from demo_runs import train_run
from PIL import Image, ImageDraw

from datasets.demo_drawing.labels import PALETTE
from metrics.palette import NoPaletteError, Palette
from serving.description import Description, describe, find_kind
from serving.engine import Engine
from serving.known_palettes import (
    CITYSCAPES,
    FACADES,
    FACADES_OF_PIX2PIX,
    load_own_palette,
    named,
)
from serving.training_pictures import Levels


@pytest.fixture(scope="module")
def engine(demo_run: Path) -> Engine:
    return Engine.load(demo_run, device="cpu")


@pytest.fixture
def moved_run(demo_run: Path, tmp_path: Path) -> Path:
    """The run in another place, whose training pictures are gone."""
    run = tmp_path / "moved"
    shutil.copytree(demo_run, run)
    options = json.loads((run / "train_opt.json").read_text())
    (run / "train_opt.json").write_text(json.dumps(options | {"dataroot": "/nowhere"}))
    return run


def names(description: Description) -> set[str]:
    palette = description.directions[0].palette
    assert palette is not None
    return set(palette.names)


def test_the_demo_set_is_drawn_in_its_labels(engine: Engine, demo_run: Path) -> None:
    description = describe(engine, demo_run)
    one, = description.directions
    assert (description.name, description.size) == ("house", (32, 32))
    assert (one.direction, one.kind, len(one.samples)) == ("BtoA", "labels", 3)
    assert one.palette is not None
    assert names(description) >= {"sky", "wall", "window", "pavement"}
    assert names(description) <= set(PALETTE)
    for number, colour in enumerate(one.palette.colours.tolist()):
        assert PALETTE[one.palette.name(number)] == tuple(colour)
    assert one.palette.name(one.ground) == "sky"
    test_set = demo_run.parents[1] / "demo" / "test"
    halves = np.asarray(Image.open(test_set / "0002.png"))
    np.testing.assert_array_equal(description.sample(one, 1), halves[:, 32:])


def test_the_canvas_may_have_another_size(engine: Engine, demo_run: Path) -> None:
    description = describe(engine, demo_run, side=48)
    sample = description.sample(description.directions[0], 0)
    assert sample.shape == (48, 48, 3)
    assert {tuple(c) for c in sample.reshape(-1, 3).tolist()} <= set(PALETTE.values())


def test_where_the_pictures_are_gone_the_page_of_the_run_helps(
    engine: Engine, moved_run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, = describe(engine, moved_run).directions
    assert (one.kind, list(one.samples)) == ("labels", [])
    assert not caplog.records
    (moved_run / "web" / "images" / "epoch002_real_A.png").write_bytes(b"no picture")
    one, = describe(engine, moved_run).directions
    assert one.kind == "labels"
    assert "epoch002_real_A.png is left out" in caplog.text
    caplog.clear()
    shutil.rmtree(moved_run / "web")
    one, = describe(engine, moved_run).directions
    assert (one.kind, one.palette) == ("photo", None)
    assert "/nowhere" in caplog.text
    assert "--palette FILE" in caplog.text


def test_a_palette_that_is_given_is_taken(
    engine: Engine, moved_run: Path, tmp_path: Path
) -> None:
    file = tmp_path / "palette.txt"
    file.write_text("1 2 3 grass\n9 8 7 water\n")
    description = describe(engine, moved_run, palette_file=file)
    assert names(description) == {"grass", "water"}
    entry, = description.as_json()["directions"]
    assert entry["palette"] == [
        {"colour": [1, 2, 3], "name": "grass"}, {"colour": [9, 8, 7], "name": "water"},
    ]
    file.write_text("nonsense")
    with pytest.raises(NoPaletteError, match=r"palette\.txt is no palette"):
        describe(engine, moved_run, palette_file=file)


# Kinds of pictures


def outlines() -> Levels:
    picture = Image.new("RGB", (256, 256), "white")
    draw = ImageDraw.Draw(picture)
    for inset in (20, 50, 80):
        draw.ellipse((inset, inset, 255 - inset, 255 - inset), outline="black", width=2)
    return np.asarray(picture.resize((128, 128), Image.Resampling.BICUBIC))


def blocks(colours: list[tuple[int, int, int]]) -> Levels:
    rows = np.array(colours, np.uint8)[np.arange(64) * len(colours) // 64]
    return np.repeat(rows[:, None], 64, axis=1)


def test_kinds_are_told_apart() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert find_kind([outlines()], None) == ("edges", None)
    assert find_kind([noise], None) == ("photo", None)
    assert find_kind([outlines(), noise], None)[0] == "photo"
    assert find_kind([], None) == ("photo", None)
    kind, palette = find_kind([blocks([(9, 9, 9), (200, 0, 0), (0, 90, 0)])], None)
    assert (kind, len(palette or [])) == ("labels", 3)


def test_many_colours_are_no_labels() -> None:
    colours = [(4 * number, 0, 255 - number) for number in range(50)]
    assert find_kind([blocks(colours)], None) == ("photo", None)


# Names of colours


@pytest.mark.parametrize("known", [FACADES, PALETTE, FACADES_OF_PIX2PIX, CITYSCAPES])
def test_known_palettes_are_recognised_in_spite_of_noise(
    known: dict[str, tuple[int, int, int]]
) -> None:
    noise = np.random.default_rng(0).integers(-4, 5, (len(known), 3))
    colours = np.clip(np.array(list(known.values())) + noise, 0, 255).astype(np.uint8)
    own = Palette(np.array(list(PALETTE.values())), list(PALETTE)) if known is PALETTE else None
    found = named(Palette(colours[::-1]), own)
    assert dict(zip(found.names, map(tuple, found.colours.tolist()), strict=True)) == known
    few = named(Palette(colours[3:6]), own)
    assert list(few.names) == list(known)[3:6]


def test_the_palette_of_the_data_set_comes_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_own_palette(None) is load_own_palette(str(tmp_path)) is None
    file = tmp_path / "palette.txt"
    file.write_text("0 0 255 brick\n0 0 170 air\n9 9 9 tar\n")
    own = load_own_palette(str(tmp_path))
    assert own is not None
    found = Palette(np.array([[0, 0, 172], [0, 0, 255]], np.uint8))
    assert list(named(found).names) == ["background", "wall"]
    assert list(named(found, own).names) == ["brick", "air"]
    file.write_text("not a palette")
    assert load_own_palette(str(tmp_path)) is None
    assert "palette.txt is no palette" in caplog.text


def test_unknown_and_named_palettes_stay() -> None:
    unknown = Palette(np.array([[0, 0, 170], [90, 90, 90]], np.uint8))
    assert named(unknown) is unknown
    own = Palette(np.array([[0, 0, 170]], np.uint8), ["water"])
    assert named(own) is own
    twice = Palette(np.array([[0, 0, 255], [0, 8, 255]], np.uint8))
    assert named(twice) is twice


# Pictures of more than 8 bits


def test_deep_grey_pictures_are_shown_and_sent_as_bytes(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (32, 32)).astype(np.uint16)
    for folder in ("trainA", "trainB", "testA"):
        (tmp_path / "deep" / folder).mkdir(parents=True)
        for number in range(2):
            Image.fromarray(16 * levels).save(tmp_path / "deep" / folder / f"{number}.png")
    limits = "--value_range_A 0,4080 --value_range_B 0,4080 --input_nc 1 --output_nc 1"
    run = train_run(tmp_path, tmp_path / "deep", f"--model pix2pix --no_dropout {limits}")
    engine = Engine.load(run, device="cpu")
    description = describe(engine, run)
    one, = description.directions
    shown = description.sample(one, 0)
    np.testing.assert_array_equal(shown, np.repeat(levels[:, :, None], 3, axis=2))
    pixels = levels[:, :, None]
    from_bytes, = engine.translate("AtoB", [pixels.astype(np.uint8)])
    from_values, = engine.translate("AtoB", [16 * pixels])
    np.testing.assert_array_equal(from_bytes, from_values)
    assert from_bytes.std() > 1
