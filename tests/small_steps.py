"""Options of a small training step, and a batch for it, for tests of memory estimates."""

from argparse import Namespace

import torch

from data.base_dataset import Batch
from options.train_options import TrainOptions

SMALL = "--dataroot . --gpu_ids -1 --ngf 8 --ndf 4 --netG resnet_6blocks --load_size 64 "
GB = 2**30


def options(flags: str = "--model pix2pix --norm instance") -> Namespace:
    return TrainOptions().parse((SMALL + "--crop_size 64 " + flags).split())


def a_batch(opt: Namespace) -> Batch:
    images, side = opt.batch_size * opt.grad_accum, opt.crop_size
    torch.manual_seed(0)
    A, B = (torch.rand(images, n, side, side) for n in (opt.input_nc, opt.output_nc))
    return {"A": A, "B": B, "A_paths": ["x"] * images, "B_paths": ["x"] * images}
