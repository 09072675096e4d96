"""One model per file: models/<name>_model.py is selected by ``--model <name>``."""

import logging
from argparse import Namespace

from models.base_model import BaseModel
from util.registry import Plugins

log = logging.getLogger(__name__)

PLUGINS = Plugins("models", "_model", BaseModel)
available, find_model = PLUGINS.available, PLUGINS.find


def create_model(opt: Namespace) -> BaseModel:
    model = find_model(opt.model)(opt)
    log.info("model [%s] was created", type(model).__name__)
    return model
