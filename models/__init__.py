"""One model per file: models/<name>_model.py is selected by ``--model <name>``."""

import logging
from argparse import Namespace

from models.base_model import BaseModel
from util.registry import find_class, list_names

log = logging.getLogger(__name__)


def available() -> list[str]:
    return list_names(__path__, suffix="_model")


def find_model(name: str) -> type[BaseModel]:
    return find_class("models", name, suffix="_model", base=BaseModel)


def create_model(opt: Namespace) -> BaseModel:
    model = find_model(opt.model)(opt)
    log.info("model [%s] was created", type(model).__name__)
    return model
