"""Scripts and notebooks typed for the original implementation (tests/old_style)."""

import copy
import csv
import runpy
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Argv
from PIL import Image

import data
import models
from options import script_options
from options.test_options import TestOptions
from options.train_options import TrainOptions
from test import test as run_test
from train import train
from util import get_data, html, util
from util.visualizer import Visualizer, save_images

OLD_STYLE = Path(__file__).with_name("old_style")
Script = Callable[..., dict[str, Any]]


def opened(path: Path) -> Any:
    with Image.open(path) as image:
        image.load()
    return image


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_options, "start_logging", lambda: None)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    def run(name: str, *argv: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", [name, *argv])
        left = runpy.run_path(str(OLD_STYLE / f"{name}.py"), run_name="__main__")
        if "visualizer" in left:
            left["visualizer"].close()
        return left

    return run


def losses_of(run: Path) -> list[dict[str, str]]:
    with (run / "losses.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_typed_loop_trains_as_train_py_does(
    argv: Argv, test_argv: Argv, script: Script, tmp_path: Path
) -> None:
    flags = ("--model", "cycle_gan", "--n_epochs", "2", "--n_epochs_decay", "2", "--print_freq",
             "1", "--save_epoch_freq", "2", "--pool_size", "2")
    train(argv(*flags, "--name", "ours"))
    left = script("train_2018", *argv(*flags, "--name", "theirs"))
    wanted = losses_of(tmp_path / "runs" / "ours")
    assert len(left["seen"]) == len(wanted) == 12
    for (_, losses), row in zip(left["seen"], wanted, strict=True):
        assert losses == {name: float(row[name]) for name in losses}
    one, two = (tmp_path / "runs" / name / "latest_net_G_A.pth" for name in ("ours", "theirs"))
    assert one.read_bytes() == two.read_bytes()
    log = (tmp_path / "runs" / "theirs" / "loss_log.txt").read_text()
    assert log.splitlines()[1].startswith("(epoch: 1, iters: 1, time: ")
    page = run_test(test_argv("--name", "theirs"))  # the folder is one of a run
    assert "real_A" in page.read_text()
    with pytest.raises(SystemExit):  # a second run does not overwrite the first one
        script("train_2018", *argv(*flags, "--name", "theirs"))
    again = script("train_2018", *argv(*flags, "--name", "ours", "--continue_train",
                                       "--epoch_count", "4"))
    assert len(again["seen"]) == 3  # from weights, so the state of train.py is put aside
    states = {path.name for path in (tmp_path / "runs" / "ours").glob("latest_state*")}
    assert states == {"latest_state.before_script.pth"}
    assert script("train_2018", *argv(*flags, "--name", "ours", "--continue_train",
                                      "--n_epochs_decay", "2"))["opt"].epoch_count == 5


def test_a_typed_test_writes_the_images_of_the_original(
    argv: Argv, test_argv: Argv, script: Script, tmp_path: Path
) -> None:
    train(argv("--model", "pix2pix"))
    flags = test_argv("--model", "pix2pix", "--num_test", "2")
    script("test_2018", *flags)
    folder = tmp_path / "results" / "t" / "test_latest"
    names = {f"{number}_{label}.png" for number in (0, 1)
             for label in ("real_A", "fake_B", "real_B")}
    assert {path.name for path in (folder / "images").iterdir()} == names
    assert all(name in (folder / "index.html").read_text() for name in names)
    typed = np.asarray(opened(folder / "images" / "1_real_A.png")).astype(int)
    run_test([*flags, "--no_flip"])
    ours = np.asarray(opened(folder / "images" / "1_real_A.png")).astype(int)
    assert (ours - typed).min() >= 0 and (ours - typed).max() <= 1  # cut off, not rounded


def test_notebook_cells(
    argv: Argv, test_argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["kernel"])
    flags = ("--model", "pix2pix", "--n_epochs", "2", "--print_freq", "1")
    cells: dict[str, Any] = {
        "TRAIN": [*argv(*flags, page=True)], "TEST": test_argv("--model", "pix2pix")}
    for cell in (OLD_STYLE / "notebook_2025.py").read_text().split("# %%")[1:]:
        exec(compile(f"#{cell}", "cell", "exec"), cells)
    cells["visualizer"].close()
    rows = losses_of(tmp_path / "runs" / "t")
    assert [row["images"] for row in rows] == ["2", "3", "5", "6"]
    assert rows[0]["seconds"] == "0.25" and float(rows[0]["lr"]) == 2e-4
    web = tmp_path / "runs" / "t" / "web"
    assert (web / "images" / "epoch002_fake_B.png").exists() and (web / "index.html").exists()
    own = tmp_path / "results" / "own"
    assert {path.name for path in (own / "images").iterdir()} >= {
        "0_fake_B.png", "1_fake_B.png", "2_fake_B.png"}
    page = (own / "index.html").read_text()
    assert 'content="5"' in page and "another row" in page and 'href="images/0_real_B.png"' in page
    assert opened(own / "wide.png").size == (32, 16)
    assert np.array_equal(cells["images"][0], np.asarray(opened(own / "images/0_fake_B.png")))


def test_each_epoch_of_a_typed_loop_has_its_own_order(
    argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", *argv("--model", "pix2pix")])
    opt = TrainOptions().parse()
    opt.batchSize, opt.dataroot = 3, str(opt.dataroot)
    loader = data.CustomDatasetDataLoader(opt).load_data()
    orders = [next(iter(loader))["A_paths"] for _ in range(4)]
    assert len({tuple(order) for order in orders}) > 1
    loader.set_epoch(1)
    assert next(iter(loader))["A_paths"] == orders[0]
    assert len(loader) == 3 == len(loader.dataset) and loader.dataset[0]["A"].dtype == torch.float32


def test_a_change_after_parse_changes_what_depends_on_it(
    argv: Argv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    words = [word for word in argv("--model", "pix2pix", "--dropout") if word != "--gpu_ids"]
    words.remove("-1")
    monkeypatch.setattr(sys, "argv", ["x", *words])
    opt = TrainOptions().parse()
    assert (opt.device, opt.gpu_ids, opt.precision) == (torch.device("cuda", 0), [0], "tf32")
    assert opt.cuda_graph is False  # the loop of the user runs eagerly
    other = copy.deepcopy(opt)
    for gpus, device, precision in (([], "cpu", "default"), ("1", "cuda:1", "tf32"),
                                    (-1, "cpu", "default"), ("0,1", "cuda:0", "tf32")):
        opt.gpu_ids = gpus
        assert (str(opt.device), opt.precision) == (device, precision)
    opt.device = torch.device("cpu")
    assert opt.precision == "default" and other.precision == "tf32"
    other.gpu_ids = []
    assert (str(other.device), other.precision, other.is_script) == ("cpu", "default", True)
    opt.precision = "bf16"
    opt.gpu_ids = [1]
    assert opt.precision == "bf16" and str(opt.device) == "cuda:1"


def test_a_notebook_without_its_own_arguments_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = ["/x/ipykernel_launcher.py", "-f", "/run/kernel-1.json"]
    monkeypatch.setattr(sys, "argv", kernel)
    with pytest.raises(SystemExit):
        TestOptions().parse()
    assert "set it before parse(): sys.argv = [" in capsys.readouterr().err


def test_options_of_the_user_add_flags(argv: Argv, monkeypatch: pytest.MonkeyPatch) -> None:
    class OwnOptions(TrainOptions):
        def initialize(self, parser: ArgumentParser) -> ArgumentParser:
            parser = TrainOptions.initialize(self, parser)
            parser.add_argument("--depth_weight", type=float, default=0.5)
            parser.add_argument("--seed", type=int, default=3)
            return parser

    monkeypatch.setattr(sys, "argv", ["x", *argv("--depth_weight", "2")])
    opt = OwnOptions().parse()
    assert (opt.depth_weight, opt.seed, opt.isTrain) == (2.0, 3, True)
    for package, name in ((models, "pix2pix"), (data, "colorization")):
        parser = ArgumentParser()
        assert package.get_option_setter(name)(parser, True) is parser
    assert models.find_model_using_name("pix2pix").__name__ == "Pix2PixModel"
    assert data.find_dataset_using_name("aligned").__name__ == "AlignedDataset"


def test_flags_of_train_py_alone_are_named(
    argv: Argv, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", *argv("--ema", "0.9", "--model", "pix2pix")])
    assert TrainOptions().parse().ema == 0
    assert any("--ema: only the loop of train.py" in line for line in caplog.messages)


def test_the_small_functions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ramp = torch.linspace(-1.5, 1.5, 301).reshape(1, 1, 7, 43)
    found = util.tensor2im(ramp)
    inside = ((ramp[0, 0].numpy() + 1) / 2.0 * 255.0).clip(0, 255)
    assert found.shape == (7, 43, 3) and np.array_equal(found[..., 0], inside.astype(np.uint8))
    assert util.tensor2im(np.array([3.7])).tolist() == [3] and util.tensor2im("text") == "text"
    for ratio, size in ((1.0, (43, 7)), (2.0, (86, 7)), (0.5, (43, 14))):
        util.save_image(found, f"{tmp_path}/a.png", aspect_ratio=ratio)
        assert opened(tmp_path / "a.png").size == size
    util.save_image(found, tmp_path / "a.jpg")
    assert opened(tmp_path / "a.jpg").format == "JPEG"
    util.mkdirs([f"{tmp_path}/x/y", f"{tmp_path}/z"])
    assert (tmp_path / "x/y").is_dir() and (tmp_path / "z").is_dir()
    util.print_numpy(np.array([1.0, 3.0]), shp=True)
    net = torch.nn.Linear(1, 1, bias=False)
    net(torch.ones(1, 1)).sum().backward()
    util.diagnose_network(net, "G")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["shape, (2,)", "mean = 2.000, min = 1.000, max = 3.000, median = 2.000, "
                         "std=1.000"] and lines[2:] == ["G", "1.0"]
    with pytest.raises(ValueError, match="use 'pix2pix' or 'cyclegan'"):
        get_data.GetData("stargan")
    with pytest.raises(ValueError, match="'nothing' is not in the list"):
        get_data.GetData("pix2pix").get(tmp_path / "sets", "nothing")
    assert list((tmp_path / "sets").iterdir()) == []
    (tmp_path / "sets" / "maps").mkdir()
    assert get_data.GetData().get(tmp_path / "sets", "maps.zip") == str(tmp_path / "sets" / "maps")


def test_equal_names_of_images_do_not_overwrite_each_other(tmp_path: Path) -> None:
    page = html.HTML(str(tmp_path / "web"), "title")
    for path in ("a/x.png", "b/x.png"):
        save_images(page, {"fake": torch.zeros(1, 3, 4, 4)}, [path], width=8)
    assert sorted(path.name for path in (tmp_path / "web/images").iterdir()) == [
        "b_x_fake.png", "x_fake.png"]


def test_both_forms_of_the_visualizer(argv: Argv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["x", *argv("--model", "pix2pix")])
    opt = TrainOptions().parse()
    visualizer = Visualizer(opt)
    visualizer.set_dataset_size(10)
    picture = {"fake_B": torch.zeros(1, 3, 8, 8), "rgb": np.zeros((8, 8, 3))}
    visualizer.display_current_results(picture, 1, False)
    visualizer.plot_current_losses(1, 0.5, {"G": torch.tensor(2.0)})
    visualizer.plot_current_losses(2, 0.3, opt, {"G": 1.0})
    visualizer.display_current_results(visuals=picture, epoch=2, total_iters=14, save_result=True)
    visualizer.plot_current_losses(total_iters=15, losses={"G": 0.5})
    visualizer.close()
    rows = losses_of(opt.checkpoints_dir / opt.name)
    assert [(row["epoch"], row["images"], row["G"]) for row in rows] == [
        ("1", "5", "2.0"), ("2", "13", "1.0"), ("2", "15", "0.5")]
