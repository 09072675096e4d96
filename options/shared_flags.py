"""The flags that train.py and test.py share, in titled groups."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import data
import models
from data.cache.choice import CACHES
from data.resizing import RESIZERS
from data.transforms import PREPROCESS
from models import networks
from models.networks.layers import INITS, NORMS
from util.flags import (
    AUTO,
    count_or_auto,
    gpu_list,
    int_or_unlimited,
    non_negative_int,
    one_of,
    positive_int,
    seed,
    sides,
    suffixes,
    value_range,
    weight,
)


def add_choice(group: Any, default_model: str | None) -> None:
    names, modes = models.available(), data.available()
    group.add_argument("--model", type=one_of(names), choices=names, default=default_model,
                       help="model; each has its own flags and defaults")
    group.add_argument("--dataset_mode", type=one_of(modes), choices=modes,
                       help="how images are found and paired; the model has a default")


def add_run(parser: ArgumentParser, default_model: str, phase: str) -> None:
    add = parser.add_argument_group("run")
    add.add_argument("--dataroot", type=Path, required=True,
                     help="folder of images, with subfolders train, test or trainA, trainB, ...")
    add.add_argument("--phase", default=phase, help="subfolder of --dataroot: train, val, ...")
    add.add_argument("--name", default="experiment_name", help="folder of the run")
    add.add_argument("--checkpoints_dir", type=Path, default=Path("checkpoints"),
                     help="folder of all runs")
    add_choice(add, default_model)
    add.add_argument("--suffix", default="",
                     help="text added to --name; {flag} is replaced by the value of that flag, as "
                          "in {model}_{netG}_size{load_size}")
    add.add_argument("--gpu_ids", type=gpu_list,
                     help="GPU to use, such as 0; several, such as 0,1,2, train together; -1 is "
                          "the CPU (default: a GPU if there is one)")
    add.add_argument("--seed", type=seed, default=0,
                     help="seed of every random draw: weights, order, crops, dropout, image pools")
    add.add_argument("--epoch", default="latest", help="checkpoint to load: latest, 20, ...")
    add.add_argument("--load_iter", type=non_negative_int, default=0,
                     help="load iter_<N> instead of --epoch; 0 = off")
    add.add_argument("--verbose", action="store_true",
                     help="print the layers of the networks, and tracebacks")
    add.add_argument("--display_winsize", type=positive_int, default=256,
                     help="width of an image on the web pages (pixels)")


def add_networks(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("networks", "test.py reads these from the run")
    add.add_argument("--input_nc", type=positive_int, default=3,
                     help="channels of the input: 3 for colour, 1 for gray, or as many as the "
                          "files have")
    add.add_argument("--output_nc", type=positive_int, default=3, help="channels of the output")
    generators = networks.available("generator")
    discriminators = networks.available("discriminator")
    add.add_argument("--netG", type=one_of(generators), choices=generators,
                     default="resnet_9blocks",
                     help="generator; models/networks/<name>_generator.py adds a name")
    add.add_argument("--netD", type=one_of(discriminators), choices=discriminators,
                     default="basic",
                     help="discriminator; basic is the 70 x 70 PatchGAN, patch_<N> has a "
                          "receptive field of N pixels")
    add.add_argument("--n_layers_D", type=positive_int, default=3,
                     help="strided layers of --netD n_layers")
    add.add_argument("--ngf", type=positive_int, default=64, help="channels of G's outer layers")
    add.add_argument("--ndf", type=positive_int, default=64, help="channels of D's first layer")
    add.add_argument("--norm", choices=tuple(NORMS), default="instance", help="normalisation")
    add.add_argument("--init_type", choices=tuple(INITS), default="normal",
                     help="distribution of the initial weights")
    add.add_argument("--init_gain", type=weight, default=0.02,
                     help="scale of normal, xavier and orthogonal weights")
    add.add_argument("--no_dropout", action="store_true",
                     help="no dropout in G; the default of cycle_gan and template")
    add.add_argument("--dropout", dest="no_dropout", action="store_false",
                     help="dropout in G, even if the model's default is no dropout")


def add_images(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("images")
    add.add_argument("--direction", type=one_of(("AtoB", "BtoA")), choices=("AtoB", "BtoA"),
                     default="AtoB", help="which side is translated to the other")
    add.add_argument("--pairs", type=Path, metavar="FILE",
                     help="aligned: table of the pairs, .csv or .tsv, with lines A,B or A,B,phase "
                          "(default: the folders of --dataroot)")
    add.add_argument("--allow_unpaired", action="store_true",
                     help="aligned: ignore images without a partner, and log how many")
    add.add_argument("--input_suffixes", type=suffixes, default=(), metavar="_r,_nir",
                     help="an input is a stack of files: x_r.png, x_nir.png, in this order")
    add.add_argument("--preprocess", choices=tuple(PREPROCESS), default="resize_and_crop",
                     help="scaling and cropping")
    add.add_argument("--load_size", type=positive_int, default=286, help="scale to this (pixels)")
    add.add_argument("--crop_size", type=positive_int, default=256,
                     help="then crop to this (pixels)")
    add.add_argument("--no_flip", action="store_true", help="no mirrored images")
    for side in "AB":
        add.add_argument(f"--value_range_{side}", type=value_range, metavar="LO,HI",
                         help=f"values in the files of {side} that mean black and white (default: "
                              "the whole range of their type; required for floating point)")
    add.add_argument("--nearest", type=sides, default="", metavar="A|B|AB",
                     help="this side holds labels: scale and rotate it by nearest neighbour, not "
                          "bicubic, so that no colours are mixed")
    add.add_argument("--on_bad_image", choices=("error", "skip"), default="error",
                     help="error: stop at an unreadable image; skip: read all images once before "
                          "the start, list the unreadable ones and leave them out")
    add.add_argument("--serial_batches", action="store_true",
                     help="read images in the order of their names, not in random order")
    add.add_argument("--batch_size", type=positive_int, default=1,
                     help="images per step (test.py: up to 8 small ones of equal size)")
    add.add_argument("--num_threads", type=count_or_auto, default=AUTO, metavar="N",
                     help="worker processes that read images; 0 = read in the training process "
                          "(auto: depends on cores, device and --cache)")
    add.add_argument("--cache", choices=CACHES, default="auto",
                     help="where to keep decoded and scaled images for all workers: in memory, in "
                          "a file, or not at all (auto: ram if they fit in a quarter of the free "
                          "memory, else none)")
    add.add_argument("--resize", choices=RESIZERS, default="torch",
                     help="library that scales 8-bit images; pillow: bit-identical to the original "
                          "implementation; torch: faster, some pixels differ by one level")
    add.add_argument("--max_dataset_size", type=int_or_unlimited, default=None,
                     help="use at most this many images (default: all)")
