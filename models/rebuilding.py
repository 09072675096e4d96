"""Rebuild a generator of an existing run from its saved options."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models import find_model
from models.networks import add_network_flags, own_flags


def rebuild_generator(run_dir: Path, saved: Mapping[str, Any], name: str) -> nn.Module:
    """Return the network ``name`` that the run's model builds for a test, on the CPU.

    Used for generators that are built by the model itself, not by --netG. No weights are loaded.
    """
    model_class = find_model(saved["model"])
    parser = ArgumentParser(add_help=False)
    model_class.modify_commandline_options(parser, False)
    opt = Namespace(**{**saved, **_typed(parser, saved)})
    opt.isTrain, opt.device, opt.gpu_ids = False, torch.device("cpu"), None
    opt.checkpoints_dir, opt.name = run_dir.parent, run_dir.name
    return model_class(opt).generator(name)


def saved_generator_flags(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the saved values of the flags that the generator's own file defines."""
    parser = ArgumentParser(add_help=False)
    add_network_flags(parser, "generator", saved["netG"], is_train=False)
    return own_flags("generator", saved["netG"]) | _typed(parser, saved)


def _typed(parser: ArgumentParser, saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the saved values of the parser's flags. Strings are converted as in the parser."""
    values = {}
    for action in parser._actions:
        if action.dest in saved:
            value = saved[action.dest]
            is_text = isinstance(value, str) and callable(action.type)
            values[action.dest] = action.type(value) if is_text else value  # type: ignore
    return values
