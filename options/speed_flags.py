"""Flags that change the speed of a training step and the memory it needs."""

from argparse import ArgumentParser, Namespace
from typing import Any

from util.flags import AUTO, limits, on_off_auto
from util.runtime import PRECISIONS

# ``--flag`` alone means ``--flag on``.
_SWITCH: dict[str, Any] = {"type": on_off_auto, "nargs": "?", "const": True, "default": AUTO,
                           "metavar": "{auto,on,off}"}


def add_flags(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("speed", "see docs/tips.md, speed and memory").add_argument
    add("--precision", choices=(AUTO, *PRECISIONS), default=AUTO,
        help="arithmetic of the networks; default is torch's own: tf32 convolutions on a GPU, fp32 "
             "elsewhere. Losses and weights are always fp32. auto: tf32 on a GPU, else default")
    add("--channels_last", help="keep the channels of a pixel together in memory; auto: for a "
        "U-Net on a GPU, and with --fused", **_SWITCH)
    add("--fused",
        help="on an NVIDIA GPU with channels_last: compute norm, activation and borders between "
             "two convolutions by one function of this project (needs Triton); auto: no", **_SWITCH)
    add("--compile", action="store_true", help="compile the networks (torch.compile)")
    add("--cuda_graph",
        help="on a GPU: record a training step once and replay it without work on the host; helps "
             "small networks and small batches most. auto: if a GPU is used and the step can be "
             "recorded", **_SWITCH)
    add("--exact", action="store_true",
        help="choose nothing for speed: what is auto becomes torch's own arithmetic and eager "
             "steps, as in the reference")
    add("--grad_accum", type=limits.batch, default=1,
        help="accumulate gradients over this many batches of --batch_size images per step; costs "
             "another forward pass")
    add("--checkpoint_activations", action="store_true",
        help="save memory: compute layers inside a block again in the backward pass")


def check(opt: Namespace) -> None:
    """Raise ValueError for flags that cannot work together."""
    if opt.compile and (opt.grad_accum > 1 or opt.checkpoint_activations):
        raise ValueError("--compile needs the whole network in one piece, --grad_accum and "
                         "--checkpoint_activations run it in parts: leave out --compile, or both "
                         "of the others")
    if opt.cuda_graph is True and (opt.grad_accum > 1 or opt.checkpoint_activations):
        raise ValueError("--cuda_graph replays a step without the host, but --grad_accum and "
                         "--checkpoint_activations need the host to repeat the dropout masks of "
                         "layers that are computed twice: leave out --cuda_graph, or both of the "
                         "others")
    if opt.fused is True and (opt.compile or opt.checkpoint_activations):
        flag = "--compile" if opt.compile else "--checkpoint_activations"
        raise ValueError(f"--fused and {flag} change how the same layers run: leave out one of "
                         "them")
    if opt.fused is True and opt.channels_last is False:
        raise ValueError("--fused computes on images in channels_last memory: leave out --fused, "
                         "or --channels_last off")
    if opt.cuda_graph is True and opt.on_nan == "skip":
        raise ValueError("--cuda_graph replays whole steps, --on_nan skip checks each step before "
                         "the weights change: leave one of them out")
    if opt.precision == "fp16" and opt.gan_mode == "wgangp":
        raise ValueError("--precision fp16 with --gan_mode wgangp: the gradient penalty is too "
                         "small for float16; use --precision bf16")
