"""One model per file: models/<name>_model.py is selected by ``--model <name>``."""

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from compat.options import plain
from models.base_model import BaseModel
from util.registry import Plugins

log = logging.getLogger(__name__)

PLUGINS = Plugins("models", "_model", BaseModel)
available = PLUGINS.available


def find_model(name: str) -> type[BaseModel]:
    """Return the class of ``--model name``, adapted if its file is in the original's style.

    Raises:
        ValueError: the file does not exist, cannot be imported, or defines no model.
    """
    from compat.old_models.recognise import adapted  # imports models.base_model, and so this file

    return adapted(PLUGINS.find(name))


def find_model_using_name(model_name: str) -> type[BaseModel]:
    return find_model(model_name)


def get_option_setter(model_name: str) -> Callable[[ArgumentParser, bool], ArgumentParser]:
    """Return the function that adds the flags of a model to a parser and returns it."""
    cls = find_model(model_name)

    def add_flags(parser: ArgumentParser, is_train: bool = True) -> ArgumentParser:
        cls.modify_commandline_options(parser, is_train)
        return parser

    return add_flags


def create_model(opt: Namespace) -> BaseModel:
    model = find_model(opt.model)(plain(opt))
    log.info("model [%s] was created", type(model).__name__)
    if getattr(opt, "is_script", False):
        opt.begin(model)
    return model
