"""The model of a training as it is in a test: on the same weights, without touching them."""

from argparse import Namespace

from inference.prepare import prepare_in_place
from models.base_model import BaseModel
from util.random_states import random_states_kept


def twin_of(model: BaseModel, opt: Namespace) -> BaseModel:
    """The model as test.py builds and prepares it, on the tensors of ``model``, or on its averages
    where it has some: what these learn later, it knows at once.

    ``opt``: options of a test.
    """
    with random_states_kept():
        twin = type(model)(opt)
    averages = model.parts.averages.weights if model.parts.averages else {}
    for name, net in twin.networks.items():
        trained = averages.get(name) or model.networks[name].state_dict(keep_vars=True)
        for key, tensor in net.state_dict(keep_vars=True).items():
            tensor.data = trained[key].data
        prepare_in_place(net, running_statistics=False)
    return twin
