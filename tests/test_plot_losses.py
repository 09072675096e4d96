"""scripts/plot_losses.py: how runs are read, and losses chosen or refused."""

from pathlib import Path

import pytest
from imagined_run import EPOCH_SIZE, losses
from PIL import Image

from display.sinks.csv_sink import CsvLog
from scripts.plot_losses import choose, find_epoch_size, main, read_run, tables


def train(run_dir: Path, *all_images: int, **values: float) -> Path:
    run_dir.mkdir(parents=True, exist_ok=True)
    log = CsvLog(run_dir / "losses.csv")
    for images in all_images:
        log.losses(losses(images, **values))
    return run_dir


def test_renamed_tables_are_earlier_parts_of_the_run(tmp_path: Path) -> None:
    """Rows that the later table repeats replace those of the earlier table."""
    train(tmp_path, 200, 400, 600, G=1.0)
    train(tmp_path, 600, 800, G=2.0, D=3.0)
    assert [path.name for path in tables(tmp_path)] == ["losses.1.csv", "losses.csv"]
    run = read_run(tmp_path, x="epochs")
    assert run.epochs == [1.5, 2.0, 2.5, 3.0]
    assert run.losses["G"] == [1.0, 1.0, 2.0, 2.0]
    assert run.losses["D"][2:] == [3.0, 3.0]


def test_ten_tables_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(11):
        train(tmp_path, 100 * (number + 1), **{f"L{number}": 1.0})
    assert [path.name for path in tables(tmp_path)][-3:] == [
        "losses.9.csv", "losses.10.csv", "losses.csv"
    ]


def test_images_on_the_axis(tmp_path: Path) -> None:
    assert read_run(train(tmp_path, 200, 400, 600, G=1.0), x="images").epochs == [200, 400, 600]


@pytest.mark.parametrize("columns", ["epoch,images,G", "epoch,images,epoch_images,G"])
def test_epoch_size_is_read_off_the_table(tmp_path: Path, columns: str) -> None:
    rows = [(1, 200), (1, 400), (2, 600), (2, 800), (3, 900)]
    lines = [",".join(map(str, [epoch, images, *[(images - 1) % EPOCH_SIZE + 1] *
                                ("epoch_images" in columns), 1])) for epoch, images in rows]
    (tmp_path / "losses.csv").write_text("\n".join([columns, *lines, "3,"]))
    assert find_epoch_size([tmp_path / "losses.csv"]) == EPOCH_SIZE


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_runs_with_different_losses_are_compared(tmp_path: Path, ending: str) -> None:
    train(tmp_path / "a", 200, 400, G=1.0, D=float("nan"))
    train(tmp_path / "b", 400, G=2.0, other=3.0)
    picture = tmp_path / f"x.{ending}"
    main(["a", str(tmp_path / "b"), "--checkpoints_dir", str(tmp_path), "--output", str(picture)])
    if ending == "png":
        with Image.open(picture) as image:
            assert image.size[0] > 1000
    if ending == "svg":
        assert picture.read_text().count('id="axes_') == 3
    runs = {name: read_run(tmp_path / name, x="epochs") for name in ("a", "b")}
    assert choose(runs, None) == ["G", "D", "other"]
    assert choose(runs, ["other", "lr"]) == ["other", "lr"]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["none"], "runs in .*: a, empty$"),
        (["a", "--losses", "G", "X"], "X: no run has them; there are G and lr"),
        (["a", "--output", "x.jpg"], r"\.svg, \.png or \.pdf"),
        (["empty"], "no losses yet"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, flags: list[str], expected: str) -> None:
    train(tmp_path / "a", 200, G=1.0)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "losses.csv").write_text("epoch,images,epoch_images,G\n")
    with pytest.raises((ValueError, OSError), match=expected):
        main([*flags, "--checkpoints_dir", str(tmp_path)])
