"""Choose the flags for speed that have the value ``auto``, for the device and the network.

The choices follow measurements on one NVIDIA H200 with torch 2.11 (docs/benchmarks.md, on a GPU): a
recorded step of one image took 0.26 (pix2pix) and 0.66 (CycleGAN) of the time of an eager one, and
channels_last made a U-Net faster and a ResNet slower. bfloat16, which was faster still, is not
chosen, because the quality of its results was not compared; the kernels of --fused, because they
were not measured on a GPU.
"""

from argparse import Namespace
from typing import Any

import torch

from data.transforms import PREPROCESS
from util.distributed import current_process
from util.flags import AUTO

CHOSEN = ("precision", "cuda_graph", "channels_last", "fused")


def choose_speed(opt: Namespace) -> str:
    """Replace ``auto`` in ``opt``; return one line for the log, "" if nothing was chosen.

    On a CPU, and with ``--exact``, the choice is torch's own arithmetic and eager steps.
    """
    chosen = [name for name in CHOSEN if getattr(opt, name) == AUTO]
    on_gpu = opt.device.type == "cuda" and not opt.exact
    obstacle = _why_no_graph(opt)
    best: dict[str, Any] = {
        "precision": "tf32" if on_gpu else "default",
        "cuda_graph": on_gpu and not obstacle,
        "channels_last": on_gpu and _gains_by_channels_last(opt),
        "fused": False,
    }
    vars(opt).update({name: best[name] for name in chosen})
    if not on_gpu or not set(chosen) - {"fused"}:
        return ""
    words: dict[Any, str] = {True: "on", False: "off"}
    why = {"cuda_graph": f" (because {obstacle})" if obstacle else ""}
    named = [name for name in chosen if name != "fused"]
    flags = " ".join(f"--{name} {words.get(best[name], best[name])}{why.get(name, '')}"
                     for name in named)
    return (f"chosen for {opt.netG} on {opt.device}: {flags}; these flags, or --exact for all of "
            "them, change it")


def _why_no_graph(opt: Namespace) -> str:
    """Return why a recorded step is not the best choice, or ""."""
    if current_process().is_distributed:
        return "there are several processes"
    if opt.grad_accum > 1 or opt.checkpoint_activations:
        flag = "--grad_accum" if opt.grad_accum > 1 else "--checkpoint_activations"
        return f"{flag} computes layers twice"
    if opt.on_nan == "skip":
        return "--on_nan skip checks each step before the weights change"
    if not PREPROCESS[opt.preprocess].crops:
        return f"--preprocess {opt.preprocess} gives images of several sizes"
    return ""


def _gains_by_channels_last(opt: Namespace) -> bool:
    """Return whether the network is known to be faster; the tensor cores need capability 8."""
    faster = opt.fused is True or opt.netG.startswith("unet")
    return faster and torch.cuda.get_device_capability(opt.device) >= (8, 0)
