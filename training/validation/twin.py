"""Build the model for tests on the weights of the model in training."""

from argparse import Namespace

from inference.prepare import prepare_in_place
from models.base_model import BaseModel
from util.random_states import random_states_kept


def twin_of(model: BaseModel, opt: Namespace) -> BaseModel:
    """Return the model as test.py prepares it, which shares the tensors of ``model``.

    It shares the averages of networks that have some. Later updates of the tensors are visible in
    it. ``opt``: options of a test.
    """
    with random_states_kept():
        twin = type(model)(opt)
    averages = model.parts.averages.weights if model.parts.averages else {}
    for name, net in twin.parts.networks.items():
        trained = averages.get(name) or model.parts.networks[name].state_dict(keep_vars=True)
        for key, tensor in net.state_dict(keep_vars=True).items():
            tensor.data = trained[key].data
        prepare_in_place(net, running_statistics=False)
    return twin
