"""Flags that another model, dataset, network or program has, for the error about an unknown one."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import partial
from typing import Any

import data
import models
from display import sinks
from models import networks

PROGRAMS = {True: "train.py", False: "test.py"}
AddFlags = Callable[[ArgumentParser, bool], object]


def explain(unknown: Iterable[str], known: Iterable[str], *, is_train: bool) -> str:
    """Return the owner of each unknown flag, or the most similar flag; "" if there is none."""
    foreign = _owners(is_train=is_train)
    own = set(known)
    reasons = []
    for flag in unknown:
        close = [flag] if flag in foreign else get_close_matches(flag, [*own, *foreign], 1)
        for match in close:
            belongs = "" if match in own else f"{match} {foreign[match]}"
            reasons.append(belongs if match == flag else
                           f"did you mean {match}?" + (f" ({belongs})" if belongs else ""))
    return "; ".join(reasons)


def _owners(*, is_train: bool) -> dict[str, str]:
    """Map the flags of all plug-ins, and of the other program, to a text that names the owner."""
    here, there = PROGRAMS[is_train], PROGRAMS[not is_train]
    owners = {flag: f"is a flag of {there}, not of {here}"
              for flag in _flags(_add_shared, not is_train)}
    for flag, having in _owning_plugins(not is_train).items():
        owners[flag] = f"belongs to {' or '.join(having)} in {there}; {here} does not need it"
    for flag, having in _owning_plugins(is_train).items():
        option, name = list(having.values())[-1], list(having)[-1]
        owners[flag] = f"belongs to {' or '.join(having)} (add {option} {name}, or leave it out)"
    return owners


def _owning_plugins(is_train: bool) -> dict[str, dict[str, str]]:
    """Map each flag of a plug-in to {name of the plug-in: option that selects it}."""
    owners: dict[str, dict[str, str]] = {}
    for option, name, add_flags in _plugins():
        for flag in _flags(add_flags, is_train):
            owners.setdefault(flag, {})[name] = option
    return owners


def _plugins() -> list[tuple[str, str, AddFlags]]:
    """Return the option that selects a plug-in, its name, and how it adds its flags."""
    tables: dict[str, Any] = {"--model": models.PLUGINS, "--dataset_mode": data.PLUGINS,
                              "--netG": networks.PLUGINS["generator"],
                              "--netD": networks.PLUGINS["discriminator"]}
    found = [(option, name, cls.modify_commandline_options) for option, plugins in tables.items()
             for name, cls in plugins.find_usable().items()]
    return found + [("--netG", name, partial(_add_generator, name)) for name in networks.GENERATORS]


def _add_generator(name: str, parser: ArgumentParser, is_train: bool) -> None:
    networks.add_network_flags(parser, "generator", name, is_train=is_train)


def _add_shared(parser: ArgumentParser, is_train: bool) -> None:
    # Imported here, because both import the module that calls ``explain``.
    from options.test_options import TestOptions
    from options.train_options import TrainOptions

    (TrainOptions() if is_train else TestOptions()).add_flags(parser)
    sinks.add_flags(parser, is_train)


def _flags(add_flags: AddFlags, is_train: bool) -> list[str]:
    parser = ArgumentParser(add_help=False)
    add_flags(parser, is_train)
    return list(parser._option_string_actions)
