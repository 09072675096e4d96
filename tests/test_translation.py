"""test.py: the images that it writes, their names, and their reproducibility."""

from pathlib import Path

import pytest
from conftest import Argv, draw_pictures
from PIL import Image
from runs import bytes_of, size_of

from test import test as translate
from train import train


def test_two_tests_are_identical_and_eval_differs(argv: Argv, test_argv: Argv) -> None:
    train(argv("--model", "pix2pix", "--dropout"))
    first, second = bytes_of(translate(test_argv())), bytes_of(translate(test_argv()))
    assert first == second
    evaluated = bytes_of(translate(test_argv("--eval")))
    assert evaluated["0_real_A.png"] == first["0_real_A.png"]
    assert evaluated["0_fake_B.png"] != first["0_fake_B.png"]
    other_seed = bytes_of(translate(test_argv("--seed", "1")))
    assert other_seed["0_fake_B.png"] != first["0_fake_B.png"]  # dropout is on


def test_a_result_does_not_depend_on_earlier_images(
    argv: Argv, test_argv: Argv, dataroot: Path
) -> None:
    train(argv("--model", "pix2pix", "--dropout"))
    among_others = bytes_of(translate(test_argv()))
    for name in ("0.png", "1.png"):
        (dataroot / "test" / name).unlink()
    alone = bytes_of(translate(test_argv()))
    assert alone["2_fake_B.png"] == among_others["2_fake_B.png"]


def test_num_test_limits_the_rows_and_old_images_are_removed(argv: Argv, test_argv: Argv) -> None:
    train(argv("--model", "template"))
    assert len(bytes_of(translate(test_argv()))) == 9
    page = translate(test_argv("--num_test", "2", "--batch_size", "3"))
    assert len(bytes_of(page)) == 6
    assert page.read_text().count("<h3>") == 2


@pytest.mark.parametrize(("ratio", "size"), [("2", (32, 16)), ("0.5", (16, 32))])
def test_aspect_ratio(ratio: str, size: tuple[int, int], argv: Argv, test_argv: Argv) -> None:
    train(argv("--model", "template"))
    page = translate(test_argv("--aspect_ratio", ratio, "--num_test", "1"))
    assert {size_of(path) for path in (page.parent / "images").iterdir()} == {size}


@pytest.mark.parametrize(("direction", "suffix"), [("AtoB", "_A"), ("BtoA", "_B")])
def test_one_side_of_a_cycle_gan(
    direction: str, suffix: str, argv: Argv, test_argv: Argv, dataroot: Path, tmp_path: Path
) -> None:
    """--direction selects the generator and its channels; sub-folders stay apart."""
    train(argv("--model", "cycle_gan", "--input_nc", "1", "--lambda_identity", "0"))
    mixed = dataroot / "mixed"
    draw_pictures(mixed / "s1", 1, (20, 20))
    draw_pictures(mixed / "s2", 1, (20, 20))
    with Image.open(mixed / "s1" / "0.png") as picture:
        picture.save(mixed / "s1" / "0.jpg")
    one_sided = test_argv("--model", "test", "--dataroot", str(mixed), "--direction", direction)
    names = set(bytes_of(translate(one_sided)))
    stems = ("s1/0", "s1/0-2", "s2/0")
    assert names == {f"{stem}_{label}.png" for stem in stems for label in ("real", "fake")}
    (tmp_path / "runs" / "t" / f"latest_net_G{suffix}.pth").unlink()
    with pytest.raises(FileNotFoundError, match=rf"net_G{suffix}\.pth"):
        translate([*one_sided, "--model_suffix", suffix])


def test_a_colorization_generator_alone_is_refused(
    argv: Argv, test_argv: Argv, capsys: pytest.CaptureFixture[str]
) -> None:
    train(argv("--model", "colorization"))
    with pytest.raises(SystemExit) as stop:
        translate(test_argv("--model", "test"))
    assert stop.value.code == 2
    assert "--model colorization" in capsys.readouterr().err


def test_no_image_is_lost_if_b_has_more_than_a(
    argv: Argv, test_argv: Argv, dataroot: Path
) -> None:
    train(argv("--model", "cycle_gan"))
    draw_pictures(dataroot / "testB", 5, (32, 32), seed=9)
    names = set(bytes_of(translate(test_argv())))
    assert {"0_fake_A.png", "0-2_fake_A.png", "1-2_fake_A.png", "2_fake_A.png"} <= names
    assert len(names) == 5 * 6


@pytest.mark.parametrize(
    ("mode", "size"), [("crop", (32, 32)), ("scale_width_and_crop", (20, 20))]
)
def test_a_run_trained_on_crops_is_tested_on_whole_images(
    mode: str, size: tuple[int, int], argv: Argv, test_argv: Argv
) -> None:
    train(argv("--model", "template", "--preprocess", mode, "--load_size", "20"))
    page = translate(test_argv())
    assert size_of(page.parent / "images" / "0_fake_B.png") == size


def test_a_unet_trained_on_crops_is_tested_at_its_own_size(
    argv: Argv, test_argv: Argv, dataroot: Path
) -> None:
    for phase in ("train", "test"):
        for path in (dataroot / phase).iterdir():
            with Image.open(path) as picture:
                larger = picture.resize((300, 140))
            larger.save(path)
    train(argv("--model", "template", "--netG", "unet_128", "--preprocess", "crop",
               "--crop_size", "128", "--max_dataset_size", "1"))
    page = translate(test_argv())
    assert size_of(page.parent / "images" / "0_fake_B.png") == (128, 128)


def test_a_page_with_the_published_title_and_folder(argv: Argv, test_argv: Argv) -> None:
    train(argv("--model", "template", "--save_by_iter", "--save_latest_freq", "2"))
    page = translate(test_argv("--load_iter", "2"))
    assert page.parts[-3:] == ("t", "test_latest_iter2", "index.html")
    assert "<title>Experiment = t, Phase = test, Epoch = latest</title>" in page.read_text()


def test_the_error_for_a_missing_epoch_lists_the_others(argv: Argv, test_argv: Argv) -> None:
    train(argv("--model", "template"))
    wanted = r"7_net_G\.pth does not exist; choose --epoch from 1, latest"
    with pytest.raises(FileNotFoundError, match=wanted):
        translate(test_argv("--epoch", "7"))


@pytest.mark.parametrize("kind", ["data set", "--inputs", "--output_dir"])
def test_ctrl_c_leaves_complete_files_and_their_rows(
    kind: str, argv: Argv, test_argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(argv("--model", "template", "--no_html"))
    seeded = iter(range(2))

    def interrupted(*_: object) -> None:
        if next(seeded, None) is None:  # before the third image
            raise KeyboardInterrupt

    for module in ("inference.results.data_set", "inference.translator"):
        monkeypatch.setattr(f"{module}.seed_torch", interrupted)
    flags = {"data set": [], "--inputs": [kind], "--output_dir": [kind, str(tmp_path / "results")]}
    with pytest.raises(KeyboardInterrupt):
        translate(test_argv(*flags[kind], "--batch_size", "1"))
    files = [path for path in (tmp_path / "results").rglob("*") if path.suffix == ".png"]
    assert {path.name[0] for path in files} == {"0", "1"}
    assert all(size_of(path) for path in files)
    for page in (tmp_path / "results").rglob("index.html"):
        assert page.read_text().count("<h3>") == 2
