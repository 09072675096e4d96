"""Short runs on a small demo set, for tests of the server."""

from pathlib import Path

import train
from datasets.make_demo_dataset import make_demo_dataset

SIDE = 32
PIX2PIX = "--model pix2pix --direction BtoA --no_dropout"


def draw_set(folder: Path) -> Path:
    root = folder / "demo"
    make_demo_dataset(root, size=SIDE, train=6, val=1, test=3)
    return root


def train_run(folder: Path, root: Path, flags: str = PIX2PIX) -> Path:
    words = (
        f"--dataroot {root} --checkpoints_dir {folder / 'runs'} --name house --gpu_ids -1 "
        f"--netG resnet_6blocks --netD n_layers --n_layers_D 1 --ngf 4 --ndf 2 --load_size {SIDE} "
        f"--crop_size {SIDE} --num_threads 0 --display_id 0 --n_epochs 1 --n_epochs_decay 0 "
        f"--overwrite {flags}"
    )
    train.train(words.split())
    return folder / "runs" / "house"
