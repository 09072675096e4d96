"""Build a generator of an existing run again, from its saved options."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models import find_model
from models.networks import add_network_flags, own_flags


def rebuild_generator(run_dir: Path, saved: Mapping[str, Any], name: str) -> nn.Module:
    """Return the network ``name`` as the run's model builds it for a test, on the CPU.

    For generators that a model makes itself. The weights are not loaded.
    """
    model_class = find_model(saved["model"])
    parser = ArgumentParser(add_help=False)
    model_class.modify_commandline_options(parser, False)
    opt = Namespace(**{**saved, **_typed(parser, saved)})
    opt.isTrain, opt.device, opt.gpu_ids = False, torch.device("cpu"), None
    opt.checkpoints_dir, opt.name = run_dir.parent, run_dir.name
    return model_class(opt).networks[name]


def saved_generator_flags(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run's values of the flags that the file of its generator defines."""
    parser = ArgumentParser(add_help=False)
    add_network_flags(parser, "generator", saved["netG"], is_train=False)
    return own_flags("generator", saved["netG"]) | _typed(parser, saved)


def _typed(parser: ArgumentParser, saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the saved values of the parser's flags; texts are converted as on a command line."""
    values = {}
    for action in parser._actions:
        if action.dest in saved:
            value = saved[action.dest]
            is_text = isinstance(value, str) and callable(action.type)
            values[action.dest] = action.type(value) if is_text else value  # type: ignore
    return values
