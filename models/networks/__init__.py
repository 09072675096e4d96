"""Networks: the tables of names, ``define_G`` and ``define_D``, and the classes."""

from torch.nn import Identity

from compat.networks import GANLoss, cal_gradient_penalty, get_scheduler
from models.networks.discriminators import NLayerDiscriminator, PixelDiscriminator
from models.networks.former_file import __getattr__ as __getattr__
from models.networks.layers import get_norm_layer, init_net, init_weights, require_known
from models.networks.nested_unet import UnetSkipConnectionBlock
from models.networks.resnet import ResnetBlock, ResnetGenerator
from models.networks.tables import (
    DISCRIMINATORS,
    GENERATORS,
    PLUGINS,
    TABLES,
    NetworkRole,
    add_network_flags,
    available,
    define_D,
    define_G,
    own_flags,
    require_features,
    side_multiple,
)
from models.networks.unet import UnetGenerator

__all__ = [
    "DISCRIMINATORS", "GENERATORS", "PLUGINS", "TABLES", "GANLoss", "Identity",
    "NLayerDiscriminator", "NetworkRole", "PixelDiscriminator", "ResnetBlock", "ResnetGenerator",
    "UnetGenerator", "UnetSkipConnectionBlock", "add_network_flags", "available",
    "cal_gradient_penalty", "define_D", "define_G", "get_norm_layer", "get_scheduler", "init_net",
    "init_weights", "own_flags", "require_features", "require_known", "side_multiple",
]
