"""A dataset of your own is one file with its own flags; its samples may have further keys."""

import json
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from conftest import Argv
from tiny_sets import DEFAULTS

import data
import models
from data.loader import Loader
from train import train

DATASET = '''
from data.base_dataset import BaseDataset, Sample
from util.flags import positive_float


class MaskSample(Sample, total=False):
    mask: object
    label: int
    caption: str


class MineDataset(BaseDataset):
    """Photos, a mask of their bright pixels, a label and a caption."""

    @staticmethod
    def modify_commandline_options(parser, is_train):
        parser.add_argument("--bright_above", type=positive_float, default=0.9)
        parser.set_defaults(max_dataset_size=2)

    def __init__(self, opt):
        super().__init__(opt)
        self.sources = self.find(self.A, opt.phase + "A")

    def __len__(self):
        return len(self.sources)

    def __getitem__(self, index):
        source = self.sources[index]
        A = self.load(self.A, source, self.random(index), packed=True)
        B = self.load(self.B, source, self.random(index))
        return MaskSample(
            A=A, B=B, A_paths=str(source.path), B_paths=str(source.path),
            mask=B[:1] > self.opt.bright_above, label=index, caption=source.path.stem,
        )
'''

MODEL = '''
from torch.nn.functional import l1_loss

from models.base_model import BaseModel


class MaskedModel(BaseModel):
    """Learns the masked pixels only."""

    LOSSES = ("G",)

    def __init__(self, opt):
        super().__init__(opt)
        self.netG = self.add_generator("G", opt.input_nc, opt.output_nc)
        self.optimizer_G = self.add_optimizer("G", self.netG.parameters())

    def set_input(self, batch):
        self.real_A, self.real_B = self.take(batch)
        self.mask, self.label = batch["mask"], batch["label"]
        with open(self.opt.checkpoints_dir / "seen.txt", "a") as seen:
            seen.write(f"{batch['caption']} {self.label.tolist()} {tuple(self.mask.shape)}\\n")

    def forward(self):
        self.fake_B = self.netG(self.real_A)

    def compute_visuals(self):
        self.visuals = {"fake_B": self.fake_B}

    def optimize_parameters(self):
        self.forward()
        loss = l1_loss(self.fake_B * self.mask, self.real_B * self.mask)
        self.update(self.optimizer_G, loss)
        self.report_losses(G=loss)
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that belongs to the packages data and models while the test runs."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "mine_dataset.py").write_text(DATASET)
    (folder / "masked_model.py").write_text(MODEL)
    for package in (models, data):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    return folder


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_dataset_with_a_flag_and_further_keys_trains_a_model_that_reads_them(
    workers: str, argv: Argv, tmp_path: Path
) -> None:
    train(argv(
        "--model", "masked", "--dataset_mode", "mine", "--bright_above", "0.25",
        "--num_threads", workers, "--batch_size", "2", "--serial_batches",
    ))
    saved = json.loads((tmp_path / "runs" / "t" / "train_opt.json").read_text())
    assert (saved["dataset_mode"], saved["bright_above"]) == ("mine", 0.25)
    seen = (tmp_path / "runs" / "seen.txt").read_text()
    assert seen == "['0', '1'] [0, 1] (2, 1, 16, 16)\n"


@pytest.mark.usefixtures("own")
def test_a_wrong_value_of_the_flag_is_refused(
    argv: Argv, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        train(argv("--model", "masked", "--dataset_mode", "mine", "--bright_above", "dark"))
    assert stop.value.code == 2
    assert "--bright_above" in capsys.readouterr().err


@pytest.mark.usefixtures("own")
def test_the_loader_moves_every_tensor_to_the_device(dataroot: Path) -> None:
    flags = {"dataset_mode": "mine", "bright_above": 0.25, "dataroot": dataroot}
    dataset = data.find_dataset("mine")(Namespace(**(DEFAULTS | flags)))
    loader = Loader(dataset, batch_size=3, num_workers=0, shuffle=False, seed=0,
                    device=torch.device("meta"))
    (batch,) = loader
    tensors = {key: value for key, value in batch.items() if isinstance(value, torch.Tensor)}
    assert {key: (value.device.type, value.dtype) for key, value in tensors.items()} == {
        "A": ("meta", torch.float32), "B": ("meta", torch.float32),
        "mask": ("meta", torch.bool), "label": ("meta", torch.int64),
    }
    assert dict(batch)["caption"] == ["0", "1", "2"]
