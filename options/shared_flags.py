"""The flags that train.py and test.py have in common, in titled groups."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import data
import models
from data.cache.choice import CACHES
from data.resizing import RESIZERS
from data.transforms import PREPROCESS
from models import networks
from models.networks import INITS, NORMS
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


def add_choice(group: Any, default_model: str) -> None:
    names, modes = models.available(), data.available()
    group.add_argument("--model", type=one_of(names), choices=names, default=default_model,
                       help="what to learn; each model brings flags and defaults")
    group.add_argument("--dataset_mode", type=one_of(modes), choices=modes,
                       help="how pictures are found and paired; the model has a default")


def add_run(parser: ArgumentParser, default_model: str, phase: str) -> None:
    add = parser.add_argument_group("run")
    add.add_argument("--dataroot", type=Path, required=True,
                     help="folder of pictures, with train, test or trainA, trainB, ... in it")
    add.add_argument("--phase", default=phase, help="which pictures of --dataroot: train, val, ...")
    add.add_argument("--name", default="experiment_name", help="folder of the run")
    add.add_argument("--checkpoints_dir", type=Path, default=Path("checkpoints"),
                     help="folder of all runs")
    add_choice(add, default_model)
    add.add_argument("--suffix", default="",
                     help="is added to --name; {flag} stands for a flag's value, as in "
                          "{model}_{netG}_size{load_size}")
    add.add_argument("--gpu_ids", type=gpu_list,
                     help="GPU to use, such as 0; several, as in 0,1,2, train together; -1 for the "
                          "CPU (default: a GPU if there is one)")
    add.add_argument("--seed", type=seed, default=0,
                     help="of every random draw: weights, order, crops, dropout, pools")
    add.add_argument("--epoch", default="latest", help="which checkpoint to load: latest, 20, ...")
    add.add_argument("--load_iter", type=non_negative_int, default=0,
                     help="load iter_<N> instead of --epoch; 0 = off")
    add.add_argument("--verbose", action="store_true",
                     help="print the layers of the networks, and tracebacks")


def add_networks(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("networks", "test.py takes these from the run")
    add.add_argument("--input_nc", type=positive_int, default=3,
                     help="channels of the input: 3 colour, 1 gray, or as many as the "
                          "files have")
    add.add_argument("--output_nc", type=positive_int, default=3, help="channels of the output")
    generators = networks.available("generator")
    discriminators = networks.available("discriminator")
    add.add_argument("--netG", type=one_of(generators), choices=generators,
                     default="resnet_9blocks",
                     help="generator; models/networks/<name>_generator.py adds a name")
    add.add_argument("--netD", type=one_of(discriminators), choices=discriminators,
                     default="basic",
                     help="discriminator; basic is the 70 x 70 PatchGAN, patch_<N> is named by "
                          "the pixels it sees")
    add.add_argument("--n_layers_D", type=positive_int, default=3,
                     help="strided layers of --netD n_layers")
    add.add_argument("--ngf", type=positive_int, default=64, help="width of G's outer layers")
    add.add_argument("--ndf", type=positive_int, default=64, help="width of D's first layer")
    add.add_argument("--norm", choices=tuple(NORMS), default="instance", help="normalisation")
    add.add_argument("--init_type", choices=tuple(INITS), default="normal",
                     help="distribution of the first weights")
    add.add_argument("--init_gain", type=weight, default=0.02,
                     help="scale of normal, xavier and orthogonal weights")
    add.add_argument("--no_dropout", action="store_true",
                     help="no dropout in G; cycle_gan and template have none anyway")
    add.add_argument("--dropout", dest="no_dropout", action="store_false",
                     help="dropout in G, also where the model's default is none")


def add_images(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("pictures")
    add.add_argument("--direction", type=one_of(("AtoB", "BtoA")), choices=("AtoB", "BtoA"),
                     default="AtoB", help="which side is translated into which")
    add.add_argument("--pairs", type=Path, metavar="FILE",
                     help="aligned: a table of the pairs, .csv or .tsv, with lines A,B or "
                          "A,B,phase (default: the folders of --dataroot)")
    add.add_argument("--allow_unpaired", action="store_true",
                     help="aligned: leave out pictures without a partner, and count them")
    add.add_argument("--input_suffixes", type=suffixes, default=(), metavar="_r,_nir",
                     help="an input is a stack of files: x_r.png, x_nir.png, in this order")
    add.add_argument("--preprocess", choices=tuple(PREPROCESS), default="resize_and_crop",
                     help="scaling and cropping")
    add.add_argument("--load_size", type=positive_int, default=286, help="scale to this (pixels)")
    add.add_argument("--crop_size", type=positive_int, default=256,
                     help="then crop to this (pixels)")
    add.add_argument("--no_flip", action="store_true", help="no mirrored pictures")
    for side in "AB":
        add.add_argument(f"--value_range_{side}", type=value_range, metavar="LO,HI",
                         help=f"values in the files of {side} that mean black and white (default: "
                              "the whole range of their type; floating point has none)")
    add.add_argument("--nearest", type=sides, default="", metavar="A|B|AB",
                     help="this side holds labels: scale and turn it without mixing colours "
                          "(nearest neighbour instead of bicubic)")
    add.add_argument("--on_bad_image", choices=("error", "skip"), default="error",
                     help="a picture that cannot be read: stop; or read all of them once before "
                          "the start, and name and leave out the bad ones")
    add.add_argument("--serial_batches", action="store_true",
                     help="pictures in the order of their names, not in random order")
    add.add_argument("--batch_size", type=positive_int, default=1,
                     help="pictures a step (test: up to 8 small ones of equal size)")
    add.add_argument("--num_threads", type=count_or_auto, default=AUTO, metavar="N",
                     help="processes that read pictures; 0 = the training process itself "
                          "(auto: by cores, device and --cache)")
    add.add_argument("--cache", choices=CACHES, default="auto",
                     help="keep pictures once they are decoded and scaled, for all workers: in "
                          "memory, in a file, or not (auto: ram if they fit in a quarter of the "
                          "free memory, else none)")
    add.add_argument("--resize", choices=RESIZERS, default="torch",
                     help="what scales 8-bit pictures; pillow: to the bit as the original "
                          "implementation; torch: faster, some pixels differ by one level")
    add.add_argument("--max_dataset_size", type=int_or_unlimited, default=None,
                     help="use at most so many pictures (default: all)")


def add_displays(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("displays")
    add.add_argument("--display_winsize", type=positive_int, default=256,
                     help="width of a picture on the pages (pixels)")
