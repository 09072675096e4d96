"""One model per file: models/<name>_model.py is selected by ``--model <name>``."""

import logging
from argparse import Namespace

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
    from compat.model_files import adapted  # imports models.base_model, and so this file

    return adapted(PLUGINS.find(name))


def create_model(opt: Namespace) -> BaseModel:
    model = find_model(opt.model)(opt)
    log.info("model [%s] was created", type(model).__name__)
    return model
