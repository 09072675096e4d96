"""train.py and test.py on 16-bit images, arrays, single folders and mixed sizes."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from conftest import Argv
from PIL import Image
from runs import bytes_of, size_of
from tiny_sets import noise, write_noise

from data.files.image_io import read_image, write_image
from inference import memory_budget
from inference.results.to_page import name_of_weights
from test import test as translate
from train import train


def draw_deep(folder: Path, count: int, shape: tuple[int, int, int], extension: str) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for index in range(count):
        write_image(rng.integers(0, 65536, shape).astype(np.uint16), folder / f"{index}{extension}")


@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_a_16_bit_grey_set_trains_and_returns_16_bit(
    tmp_path: Path, argv: Argv, test_argv: Argv, extension: str
) -> None:
    root = tmp_path / "deep"
    for side in ("trainA", "trainB", "testA", "testB"):
        draw_deep(root / side, 2, (20, 24, 1), extension)
    flags = ["--dataroot", str(root), "--model", "pix2pix", "--input_nc", "1", "--output_nc", "1"]
    train(argv(*flags))
    page = translate(test_argv("--dataroot", str(root)))
    # The page shows a PNG of 8 bits; the result of 16 bits lies beside it.
    assert read_image(page.parent / "images" / "0_fake_B.png").pixels.dtype == np.uint8
    assert read_image(page.parent / "images" / "0_fake_B.tif").pixels.dtype == np.uint16
    assert 'href="images/0_fake_B.tif"' in page.read_text(encoding="utf-8")
    translate(test_argv("--dataroot", str(root / "testA"), "--output_dir", str(tmp_path / "out")))
    output = read_image(tmp_path / "out" / f"0{extension}")
    assert output.pixels.dtype == np.uint16
    assert output.pixels.shape == (20, 24, 1)
    assert (output.pixels % 257).any()  # not 8 bits times 257


def test_a_set_of_5_channels_trains(tmp_path: Path, argv: Argv, test_argv: Argv) -> None:
    root = tmp_path / "bands"
    for side, channels in (("trainA", 5), ("trainB", 1), ("testA", 5)):
        draw_deep(root / side, 2, (20, 20, channels), ".npy")
    flags = ["--dataroot", str(root), "--model", "pix2pix", "--input_nc", "5", "--output_nc", "1"]
    train(argv(*flags))
    translate(test_argv("--dataroot", str(root), "--output_dir", str(tmp_path / "out")))
    output = np.load(tmp_path / "out" / "1.npy")
    assert (output.dtype, output.shape) == (np.uint16, (20, 20))


def test_stacked_files_train_and_translate(tmp_path: Path, argv: Argv, test_argv: Argv) -> None:
    root = tmp_path / "stacks"
    for folder in ("trainA", "testA"):
        (root / folder).mkdir(parents=True)
        for name in ("x_r.tif", "x_nir.tif"):
            tifffile.imwrite(root / folder / name, np.arange(400, dtype=np.uint16).reshape(20, 20))
    write_noise(root / "trainB", "x.png", width=20, height=20)
    train(argv("--dataroot", str(root), "--model", "pix2pix", "--input_nc", "2",
               "--input_suffixes", "_r,_nir"))
    translate(test_argv("--dataroot", str(root), "--output_dir", str(tmp_path / "out")))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x.png"]  # as the target


def test_the_run_saves_value_ranges(tmp_path: Path, argv: Argv, test_argv: Argv) -> None:
    root = tmp_path / "scans"
    for side in ("trainA", "trainB"):
        (root / side).mkdir(parents=True)
        values = np.linspace(-1000, 3000, 400, dtype=np.float32).reshape(20, 20)
        tifffile.imwrite(root / side / "x.tif", values)
    flags = ["--dataroot", str(root), "--model", "pix2pix", "--input_nc", "1", "--output_nc", "1"]
    with pytest.raises(ValueError, match=r"from -1000 to 3000.*--value_range_A LO,HI"):
        train(argv(*flags))
    ranges = ["--value_range_A", "-1000,3000", "--value_range_B", "-500,2000"]
    train(argv(*flags, *ranges, "--overwrite"))
    out = tmp_path / "out"
    translate(test_argv("--dataroot", str(root / "trainA"), "--output_dir", str(out)))
    output = tifffile.imread(out / "x.tif")
    assert output.dtype == np.float32
    assert -500 <= output.min() < output.max() <= 2000
    (tmp_path / "runs" / "t" / "train_opt.json").unlink()  # train_opt.txt has the same values
    again = tmp_path / "again"
    translate(test_argv("--dataroot", str(root / "trainA"), "--output_dir", str(again)))
    assert np.array_equal(tifffile.imread(again / "x.tif"), output)


def test_pairs_folders_and_inputs_alone_give_equal_results(
    tmp_path: Path, argv: Argv, test_argv: Argv, dataroot: Path
) -> None:
    train(argv("--model", "pix2pix", "--direction", "BtoA", "--dropout"))
    for folder in ("testA", "testB"):
        shutil.rmtree(dataroot / folder)
    plain = ["--preprocess", "none"]
    in_pairs = bytes_of(translate(test_argv(*plain)))
    apart = tmp_path / "apart"
    for path in sorted((dataroot / "test").iterdir()):
        with Image.open(path) as pair:
            for side, left in (("testA", 0), ("testB", 32)):
                (apart / side).mkdir(parents=True, exist_ok=True)
                pair.crop((left, 0, left + 32, 32)).save(apart / side / path.name)
    in_folders = bytes_of(translate(test_argv("--dataroot", str(apart), *plain)))
    assert in_folders == in_pairs
    page = translate(test_argv("--dataroot", str(apart / "testB")))
    alone = bytes_of(page)
    for name in ("0", "1", "2"):
        assert alone[f"{name}_fake.png"] == in_pairs[f"{name}_fake_B.png"]
        assert alone[f"{name}_real.png"] == in_pairs[f"{name}_real_A.png"]
    out = tmp_path / "out"
    translate(test_argv("--dataroot", str(dataroot / "test"), "--output_dir", str(out)))
    for name in ("0", "1", "2"):
        assert np.array_equal(
            read_image(out / f"{name}.png").pixels,
            read_image(page.parent / "images" / f"{name}_fake.png").pixels,
        )


def test_every_image_gives_one_result_of_its_size(
    tmp_path: Path, argv: Argv, test_argv: Argv
) -> None:
    train(argv("--model", "cycle_gan"))
    folder, sizes = tmp_path / "mixed", {}
    for index in range(37):
        name = Path(f"sub{index % 3}", f"{index}.{('png', 'jpg', 'bmp', 'tif')[index % 4]}")
        sizes[name] = (1 + index * 7 % 40, 1 + index * 11 % 30)
        (folder / name.parent).mkdir(parents=True, exist_ok=True)
        noise(*sizes[name], seed=index).save(folder / name)
    for batch, out in (("1", "one"), ("4", "four")):
        translate(test_argv("--dataroot", str(folder), "--output_dir", str(tmp_path / out),
                            "--batch_size", batch))
        lossless = {name: name.with_suffix(".png") if name.suffix == ".jpg" else name
                    for name in sizes}
        files = {p.relative_to(tmp_path / out) for p in (tmp_path / out).rglob("*") if p.is_file()}
        assert files == set(lossless.values())
        assert all(size_of(tmp_path / out / lossless[name]) == sizes[name] for name in sizes)
    for name in lossless.values():
        one, four = (read_image(tmp_path / out / name).pixels for out in ("one", "four"))
        assert np.abs(one.astype(int) - four).max() <= 1  # rounding


@pytest.mark.parametrize(("direction", "suffix"), [("AtoB", "A"), ("BtoA", "B")])
def test_direction_selects_one_of_two_generators(
    tmp_path: Path, argv: Argv, test_argv: Argv, dataroot: Path, direction: str, suffix: str
) -> None:
    train(argv("--model", "cycle_gan"))
    path = str(dataroot / f"test{suffix}")
    by_run, by_file = tmp_path / "run", tmp_path / "file"
    translate(test_argv("--dataroot", path, "--output_dir", str(by_run), "--direction", direction))
    weights = str(tmp_path / "runs" / "t" / f"latest_net_G_{suffix}.pth")
    translate(test_argv("--dataroot", path, "--output_dir", str(by_file), "--weights", weights))
    for name in ("0.png", "1.png", "2.png"):
        assert (by_run / name).read_bytes() == (by_file / name).read_bytes()


def test_weights_of_two_runs_have_two_pages(tmp_path: Path) -> None:
    for run in ("maps", "facades"):
        assert name_of_weights(tmp_path / run / "latest_net_G.pth") == f"{run}_latest_net_G"
        (tmp_path / run).mkdir()
        assert name_of_weights(tmp_path / run) == run


def test_colorization_translates_photos_of_any_size(
    tmp_path: Path, argv: Argv, test_argv: Argv
) -> None:
    train(argv("--model", "colorization"))
    write_noise(tmp_path / "photos", "x.png", width=31, height=21)
    translate(test_argv("--dataroot", str(tmp_path / "photos"), "--output_dir",
                        str(tmp_path / "out")))
    assert read_image(tmp_path / "out" / "x.png").pixels.shape == (21, 31, 3)


def test_existing_results_are_kept(
    tmp_path: Path, argv: Argv, test_argv: Argv, dataroot: Path
) -> None:
    train(argv("--model", "pix2pix"))
    flags = ["--dataroot", str(dataroot / "testA"), "--output_dir", str(tmp_path / "out")]
    translate(test_argv(*flags, "--num_test", "2"))
    (tmp_path / "out" / "0.png").write_bytes(b"kept")
    translate(test_argv(*flags, "--skip_existing"))
    assert (tmp_path / "out" / "0.png").read_bytes() == b"kept"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "2.png"]
    with pytest.raises(ValueError, match=r"would lie beside .*0\.png under the same name"):
        translate(test_argv(*flags[:2], "--output_dir", str(dataroot / "testA")))


def test_samples_differ_by_dropout(
    tmp_path: Path, argv: Argv, test_argv: Argv, dataroot: Path
) -> None:
    train(argv("--model", "pix2pix", "--dropout"))
    flags = ["--dataroot", str(dataroot / "testA"), "--num_test", "1", "--samples", "3"]
    translate(test_argv(*flags, "--output_dir", str(tmp_path / "out")))
    files = [(tmp_path / "out" / f"0_{number}.png").read_bytes() for number in (1, 2, 3)]
    assert len(set(files)) == 3
    assert len(bytes_of(translate(test_argv(*flags)))) == 4  # real, and three samples


def test_unreadable_images_are_errors_or_skipped(
    tmp_path: Path, argv: Argv, test_argv: Argv, dataroot: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    (dataroot / "train" / "bad.png").write_text("not an image")
    with pytest.raises(ValueError, match=r"bad\.png cannot be read"):
        train(argv("--model", "pix2pix"))
    train(argv("--model", "pix2pix", "--on_bad_image", "skip", "--overwrite"))
    assert caplog.text.count("skipped:") == 1
    assert "1 of 4 left out" in caplog.text
    (dataroot / "testA" / "bad.png").write_text("not an image")
    flags = ["--dataroot", str(dataroot / "testA"), "--output_dir", str(tmp_path / "out")]
    with pytest.raises(ValueError, match=r"bad\.png cannot be read"):
        translate(test_argv(*flags))
    translate(test_argv(*flags, "--on_bad_image", "skip"))
    assert "3 of 4 images translated" in caplog.text
    assert len(list((tmp_path / "out").iterdir())) == 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--samples 2", "--samples works on images of their own size"),
        ("--tile 512", "--tile works on"),
        ("--skip_existing", "--skip_existing needs --output_dir"),
        ("--output_dir out --aspect_ratio 2", "leave --aspect_ratio out"),
        ("--inputs --samples 2 --eval", "--samples differ only by dropout"),
        ("--weights nowhere.pth", "--weights nowhere.pth does not exist"),
    ],
)
def test_flags_without_effect_are_refused(
    argv: Argv, test_argv: Argv, flags: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    train(argv("--model", "pix2pix"))
    with pytest.raises(SystemExit) as stop:
        translate(test_argv(*flags.split()))
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_huge_images_are_translated_in_windows(
    tmp_path: Path, argv: Argv, test_argv: Argv, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("INFO")
    train(argv("--model", "cycle_gan"))
    (tmp_path / "large").mkdir()
    pixels = np.asarray(noise(300, 260))
    tifffile.imwrite(tmp_path / "large" / "x.tif", pixels, photometric="rgb")
    (tmp_path / "large" / "bad.tif").write_bytes(b"not an image")
    flags = ["--dataroot", str(tmp_path / "large"), "--on_bad_image", "skip", "--output_dir"]
    translate(test_argv(*flags, str(tmp_path / "tiled"), "--tile", "160"))
    assert "300 x 260 in " in caplog.text
    assert "1 of 2 images translated" in caplog.text
    translate(test_argv(*flags, str(tmp_path / "whole"), "--tile", "0"))
    tiled, whole = (read_image(tmp_path / out / "x.tif").pixels for out in ("tiled", "whole"))
    assert tiled.shape == whole.shape == (260, 300, 3)
    assert np.abs(tiled.astype(int) - whole).max() <= 1

    (tmp_path / "large" / "x.tif").unlink()
    noise(300, 260).save(tmp_path / "large" / "y.png")
    monkeypatch.setattr(memory_budget, "WHOLE_BYTES", 10**12)
    translate(test_argv(*flags, str(tmp_path / "tiled"), "--tile", "160"))
    assert np.array_equal(read_image(tmp_path / "tiled" / "y.tif").pixels, tiled)
    with pytest.raises(ValueError, match=r"y\.png has 300 x 260 pixels.*--output_dir"):
        translate(test_argv("--dataroot", str(tmp_path / "large" / "y.png")))


def test_a_list_of_pairs_is_used_again_on_the_same_folder(
    tmp_path: Path, argv: Argv, test_argv: Argv, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    root = tmp_path / "listed"
    write_noise(root / "x", "1.png", "2.png", width=20, height=20)
    write_noise(root / "y", "1.png", "2.png", width=20, height=20)
    (root / "pairs.csv").write_text("A,B,phase\nx/1.png,y/1.png,train\nx/2.png,y/2.png,test\n")
    flags = ["--dataroot", str(root)]
    train(argv(*flags, "--model", "pix2pix", "--pairs", str(root / "pairs.csv")))
    page = translate(test_argv(*flags))
    assert sorted(bytes_of(page)) == ["x/2_fake_B.png", "x/2_real_A.png", "x/2_real_B.png"]
