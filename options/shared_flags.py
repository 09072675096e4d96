"""The flags that train.py and test.py share, in titled groups."""

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import data
import models
from data.cache.choice import CACHES
from data.resizing import RESIZERS
from data.transforms import PREPROCESS
from models import networks
from models.networks.layers import INITS, NORMS
from util import flags


def add_choice(add: Callable[..., Any], default_model: str | None) -> None:
    names, modes = models.available(), data.available()
    add("--model", type=flags.one_of(names), choices=names, default=default_model,
        help="model; each has its own flags and defaults")
    add("--dataset_mode", type=flags.one_of(modes), choices=modes,
        help="how images are found and paired; the model has a default")


def add_run(parser: ArgumentParser, default_model: str, phase: str) -> None:
    add = parser.add_argument_group("run").add_argument
    add("--dataroot", type=flags.any_path, required=True,
        help="folder of images, with subfolders train, test or trainA, trainB, ...")
    add("--phase", type=flags.word, default=phase, help="subfolder of --dataroot: train, val, ...")
    add("--name", type=flags.run_name, default="experiment_name", help="folder of the run")
    add("--checkpoints_dir", type=flags.any_path, default=Path("checkpoints"),
        help="folder of all runs")
    add_choice(add, default_model)
    add("--suffix", type=flags.word, default="",
        help="text added to --name; {flag} is replaced by the value of that flag, as in "
             "{model}_{netG}_size{load_size}")
    add("--gpu_ids", type=flags.gpu_list,
        help="GPU to use, such as 0; several, such as 0,1,2, train together; -1 is the CPU "
             "(default: a GPU if there is one)")
    add("--seed", type=flags.seed, default=0,
        help="seed of every random draw: weights, order, crops, dropout, image pools")
    add("--epoch", type=flags.epoch, default="latest", help="checkpoint to load: latest, 20, ...")
    add("--load_iter", type=flags.non_negative_int, default=0,
        help="load iter_<N> instead of --epoch; 0 = off")
    add("--verbose", action="store_true", help="print the layers of the networks, and tracebacks")
    add("--display_winsize", type=flags.limits.side, default=256,
        help="width of an image on the web pages (pixels)")


def add_networks(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("networks", "test.py reads these from the run").add_argument
    add("--input_nc", type=flags.limits.channels, default=3,
        help="channels of the input: 3 for colour, 1 for grey, or as many as the files have")
    add("--output_nc", type=flags.limits.channels, default=3, help="channels of the output")
    generators = networks.available("generator")
    discriminators = networks.available("discriminator")
    add("--netG", type=flags.one_of(generators), choices=generators, default="resnet_9blocks",
        help="generator; models/networks/<name>_generator.py adds a name")
    add("--netD", type=flags.one_of(discriminators), choices=discriminators, default="basic",
        help="discriminator; basic is the 70 x 70 PatchGAN, patch_<N> has a receptive field of N "
             "pixels")
    add("--n_layers_D", type=flags.limits.layers, default=3,
        help="strided layers of --netD n_layers")
    add("--ngf", type=flags.limits.width, default=64, help="channels of G's outer layers")
    add("--ndf", type=flags.limits.width, default=64, help="channels of D's first layer")
    add("--norm", choices=tuple(NORMS), default="instance", help="normalisation")
    add("--init_type", choices=tuple(INITS), default="normal",
        help="distribution of the initial weights")
    add("--init_gain", type=flags.weight, default=0.02,
        help="scale of normal, xavier and orthogonal weights")
    add("--no_dropout", action="store_true",
        help="no dropout in G; the default of cycle_gan and template")
    add("--dropout", dest="no_dropout", action="store_false",
        help="dropout in G, even if the model's default is no dropout")


def _add_values(add: Callable[..., object]) -> None:
    """Add the flags that give a meaning to the numbers in the files."""
    for side in "AB":
        add(f"--value_range_{side}", type=flags.value_range, metavar="LO,HI",
            help=f"values in the files of {side} that mean black and white (default: "
                 "the whole range of their type; required for floating point)")
    add("--nan_value", type=flags.nan_value, metavar="V|VA,VB",
        help="what a network sees where a file has no value (NaN, infinity, nodata, or V itself if "
             "it is outside of --value_range), in the units of the files; losses leave these "
             "pixels out (default: such files are refused)")


def add_images(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("images").add_argument
    add("--direction", type=flags.one_of(("AtoB", "BtoA")), choices=("AtoB", "BtoA"),
        default="AtoB", help="which side is translated to the other")
    add("--pairs", type=flags.any_path, metavar="FILE",
        help="aligned: table of the pairs, .csv or .tsv, with lines A,B or A,B,phase (default: the "
             "folders of --dataroot)")
    add("--allow_unpaired", action="store_true",
        help="aligned: ignore images without a partner, and log how many")
    add("--input_suffixes", type=flags.suffixes, default=(), metavar="_r,_nir",
        help="an input is a stack of files: x_r.png, x_nir.png, in this order")
    add("--preprocess", choices=tuple(PREPROCESS), default="resize_and_crop",
        help="scaling and cropping")
    add("--load_size", type=flags.limits.side, default=286, help="scale to this (pixels)")
    add("--crop_size", type=flags.limits.side, default=256, help="then crop to this (pixels)")
    add("--no_flip", action="store_true", help="no mirrored images")
    _add_values(add)
    add("--nearest", type=flags.sides, default="", metavar="A|B|AB",
        help="this side holds labels: scale and rotate it by nearest neighbour, not bicubic, so "
             "that no colours are mixed")
    add("--on_bad_image", choices=("error", "skip"), default="error",
        help="error: stop at an unreadable image; skip: read all images once before the start, "
             "list the unreadable ones and leave them out")
    add("--serial_batches", action="store_true",
        help="read images in the order of their names, not in random order")
    add("--batch_size", type=flags.limits.batch, default=1,
        help="images per step (test.py: up to 8 small ones of equal size)")
    add("--num_threads", type=flags.count_or_auto, default=flags.AUTO, metavar="N",
        help="worker processes that read images; 0 = read in the training process (auto: depends "
             "on cores, device and --cache; test.py: 4 for a GPU, else 0)")
    add("--cache", choices=CACHES, default="auto",
        help="where to keep decoded and scaled images for all workers: in memory, in a file, or "
             "not at all (auto: ram if they fit in a quarter of the free memory, else none)")
    add("--resize", choices=RESIZERS, default="torch",
        help="library that scales 8-bit images; pillow: bit-identical to the original "
             "implementation; torch: faster, some pixels differ by one level")
    add("--max_dataset_size", type=flags.int_or_unlimited, default=None,
        help="use at most this many images (default: all)")
