"""What ``auto`` means for --precision, --cuda_graph and --channels_last."""

import json
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from conftest import Argv

from options.speed_choice import choose_speed
from options.train_options import TrainOptions
from train import train
from util.distributed import Process

GPU = torch.device("cuda", 0)
U_NET = "--netG unet_256"


def parsed(flags: str) -> Namespace:
    return TrainOptions().parse(["--dataroot", "x", "--gpu_ids", "-1", *flags.split()])


def on_gpu(flags: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Namespace, str]:
    """Return the options as a machine with a GPU parses them, and the log line."""
    monkeypatch.setattr("options.base_options.choose_device", lambda gpu_ids: GPU)
    options = TrainOptions()
    opt = options.parse(["--dataroot", "x", *flags.split()])
    return opt, options.speed_choice


@pytest.fixture
def ampere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))


@pytest.mark.usefixtures("ampere")
@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        (U_NET, ("tf32", True, True)),
        ("--netG resnet_9blocks", ("tf32", True, False)),
        (U_NET + " --exact", ("default", False, False)),
        (U_NET + " --exact --precision bf16", ("bf16", False, False)),
        (U_NET + " --precision bf16 --cuda_graph off", ("bf16", False, True)),
        (U_NET + " --channels_last off", ("tf32", True, False)),
        (U_NET + " --grad_accum 2", ("tf32", False, True)),
        (U_NET + " --checkpoint_activations", ("tf32", False, True)),
        (U_NET + " --on_nan skip", ("tf32", False, True)),
        (U_NET + " --preprocess resize_and_crop", ("tf32", True, True)),
        ("--netG resnet_9blocks --preprocess none", ("tf32", False, False)),
        ("--netG resnet_9blocks --channels_last --cuda_graph", ("tf32", True, True)),
    ],
)
def test_the_choice_on_a_gpu(
    flags: str, wanted: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    opt, _ = on_gpu(flags, monkeypatch)
    assert (opt.precision, opt.cuda_graph, opt.channels_last) == wanted


@pytest.mark.usefixtures("ampere")
def test_one_line_names_what_was_chosen_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    _, line = on_gpu(U_NET + " --precision fp32 --grad_accum 2", monkeypatch)
    assert line == ("chosen for unet_256 on cuda:0: --cuda_graph off (because --grad_accum "
                    "computes layers twice) --channels_last on; these flags, or --exact for all of "
                    "them, change it")
    by_hand = " --precision fp32 --cuda_graph off --channels_last off"
    assert not on_gpu(U_NET + by_hand, monkeypatch)[1]
    assert not on_gpu(U_NET + " --exact", monkeypatch)[1]


def test_older_gpus_keep_the_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 0))
    assert on_gpu(U_NET, monkeypatch)[0].channels_last is False


@pytest.mark.usefixtures("ampere")
def test_several_processes_record_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    opt, _ = on_gpu(U_NET + " --cuda_graph", monkeypatch)
    opt.cuda_graph = "auto"
    monkeypatch.setattr("options.speed_choice.current_process",
                        lambda: Process(rank=0, world_size=2, local_rank=0, local_world_size=2,
                                        launched=True))
    choose_speed(opt)
    assert opt.cuda_graph is False


def test_nothing_changes_on_a_cpu() -> None:
    opt = parsed(U_NET)
    assert (opt.precision, opt.cuda_graph, opt.channels_last) == ("default", False, False)
    assert parsed("--channels_last").channels_last is True
    assert parsed("--channels_last off").channels_last is False


def test_a_resumed_run_keeps_its_choice(argv: Argv, tmp_path: Path) -> None:
    words = ["--model", "template", "--checkpoints_dir", str(tmp_path), "--name", "run"]
    train(argv(*words))
    path = tmp_path / "run" / "train_opt.json"
    saved = json.loads(path.read_text())
    assert (saved["precision"], saved["cuda_graph"], saved["channels_last"]) == (
        "default", False, False)
    path.write_text(json.dumps(saved | {"precision": "tf32", "channels_last": True}))
    again = argv(*words, "--continue_train")
    opt = TrainOptions().parse(again)
    assert (opt.precision, opt.channels_last) == ("tf32", True)
    opt = TrainOptions().parse([*again, "--exact"])
    assert (opt.precision, opt.channels_last) == ("default", False)
