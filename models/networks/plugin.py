"""Base classes of a generator or discriminator in a file of its own.

``models/networks/<name>_generator.py`` is ``--netG <name>``, ``<name>_discriminator.py`` is
``--netD <name>``. The file defines one subclass; the class name is free. docs/extending.md has an
example. What a network may take and return is in models/execution/speed.py. What an attribute
``geometry`` means, for tiles and padding, is in models/networks/geometry.py.
"""

from argparse import ArgumentParser

from torch import nn


class NetworkPlugin(nn.Module):
    """A network with its own flags, which reach its constructor as keyword arguments."""

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        """Add the flags of this network. A test reads their values from the run."""


class Generator(NetworkPlugin):
    """[N, in, H, W] images -> [N, out, H, W] images in -1..1.

    Constructor: ``(in_channels, out_channels, *, width, norm, dropout, **own_flags)``, or as in the
    original ``(input_nc, output_nc, ngf, norm_layer, use_dropout, **own_flags)``, where
    ``norm_layer`` is the result of ``get_norm_layer``. Its weights are initialised by
    ``--init_type`` afterwards.
    """


class Discriminator(NetworkPlugin):
    """[N, in, H, W] images -> logits of any shape with N first.

    Constructor: ``(in_channels, *, width, norm, **own_flags)``, or as in the original
    ``(input_nc, ndf, norm_layer, **own_flags)``. Its weights are initialised by ``--init_type``
    afterwards.
    """
