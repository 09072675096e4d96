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
    assert run.epochs == [0.5, 1.0, 1.5, 2.0]
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


@pytest.mark.parametrize(("size", "every"), [(400, 100), (250, 100), (1096, 100), (50, 100)])
@pytest.mark.parametrize(
    "line",
    [
        "[Rank 0] (epoch: {}, iters: {}, time: 0.1, data: 0.2) , G_L1: {}, D_real: nan\n",
        "(epoch: {}, iters: {}, time: 0.088) G_L1: {} D_real: nan ",
    ],
)
def test_a_log_of_another_program_ends_its_epochs_at_whole_numbers(
    tmp_path: Path, size: int, every: int, line: str
) -> None:
    rows = [divmod(images - 1, size) for images in range(every, 4 * size + 1, every)]
    lines = [line.format(epoch + 1, image + 1, 2.5) for epoch, image in rows]
    (tmp_path / "loss_log.txt").write_text("\n".join(["==== Training Loss (now) ====", *lines]))
    run = read_run(tmp_path, x="images")
    assert run.epochs == pytest.approx(list(range(every, 4 * size + 1, every)))
    assert run.losses["G_L1"] == [2.5] * len(rows)
    assert list(run.broken()) == ["D_real"]


def test_a_run_that_another_program_began_has_both_parts(tmp_path: Path) -> None:
    """The part that losses.csv holds too is taken from there."""
    text = "".join(f"(epoch: {epoch}, iters: 400, time: 0.1, data: 0.2) G: 9.000 \n"
                   for epoch in (1, 2, 3))
    (tmp_path / "loss_log.txt").write_text(text)
    train(tmp_path, 1200, 1600, G=1.23456)
    run = read_run(tmp_path, x="epochs")
    assert (run.epochs, run.losses["G"]) == ([1, 2, 3, 4], [9.0, 9.0, 1.23456, 1.23456])


def test_the_losses_of_one_run_are_grouped(tmp_path: Path) -> None:
    train(tmp_path / "a", 200, 400, G_GAN=1.0, G_L1=30.0, D_real=0.5, D_fake=0.4)
    main([str(tmp_path / "a"), "--output", str(tmp_path / "x.svg")])
    assert (tmp_path / "x.svg").read_text().count('id="axes_') == 3
    main([str(tmp_path / "a"), "--losses", "lr", "G_L1", "--output", str(tmp_path / "x.svg")])
    assert (tmp_path / "x.svg").read_text().count('id="axes_') == 2


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
