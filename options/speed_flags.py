"""Flags that change how fast a training step is and what memory it takes."""

from argparse import ArgumentParser, Namespace

from util.flags import positive_int
from util.runtime import PRECISIONS


def add_speed(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("speed", "see docs/tips.md, speed and memory")
    add.add_argument("--precision", choices=PRECISIONS, default="default",
                     help="arithmetic of the networks; default is torch's own: tf32 convolutions "
                          "on a GPU, fp32 elsewhere. Losses and weights are always fp32")
    add.add_argument("--channels_last", action="store_true",
                     help="keep the channels of a pixel together in memory")
    add.add_argument("--compile", action="store_true", help="compile the networks (torch.compile)")
    add.add_argument("--cuda_graph", action="store_true",
                     help="on a GPU: record a training step once and replay it, which takes the "
                          "host's work out of it; helps small networks and batches most")
    add.add_argument("--grad_accum", type=positive_int, default=1,
                     help="steps are taken on so many times --batch_size pictures, of which "
                          "--batch_size at a time are in the networks; costs another forward pass")
    add.add_argument("--checkpoint_activations", action="store_true",
                     help="less memory: layers inside a block are computed again when needed")


def check_speed(opt: Namespace) -> None:
    """Raise ValueError for flags that cannot work together."""
    if opt.compile and (opt.grad_accum > 1 or opt.checkpoint_activations):
        raise ValueError(
            "--compile makes one program of a network, --grad_accum and --checkpoint_activations "
            "take it apart: leave out --compile, or both of the others"
        )
    if opt.cuda_graph and (opt.grad_accum > 1 or opt.checkpoint_activations):
        raise ValueError(
            "--cuda_graph replays a step without the host, which has to see to it that layers "
            "computed twice, as by --grad_accum and --checkpoint_activations, draw the same "
            "dropout: leave out --cuda_graph, or both of the others"
        )
    if opt.cuda_graph and opt.on_nan == "skip":
        raise ValueError(
            "--cuda_graph replays whole steps, --on_nan skip looks into each before the weights "
            "change: leave one of them out"
        )
    if opt.precision == "fp16" and opt.gan_mode == "wgangp":
        raise ValueError(
            "--precision fp16 with --gan_mode wgangp: the gradient penalty is too small for "
            "float16; use --precision bf16"
        )
