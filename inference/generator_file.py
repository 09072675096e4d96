"""One generator: the file of its weights, and what it translates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import nn

import models
from data.files import value_range
from data.files.pillow_files import PictureError
from data.files.value_range import ValueRange
from data.record import Format, Record
from models.codec import Codec
from models.networks import define_G
from models.weights.network_in_file import read_network
from models.weights.published_keys import load_published, to_published

Direction = Literal["AtoB", "BtoA"]
# Flags of the command line that are fields of ``GeneratorFile``.
NETWORK_FLAGS = ("netG", "ngf", "norm", "no_dropout", "input_nc", "output_nc")


@dataclass(frozen=True)
class GeneratorFile:
    """A file of weights, and how to use them; ``no_dropout`` is None if it is unknown."""

    path: Path
    netG: str
    ngf: int
    norm: str
    no_dropout: bool | None
    input_nc: int
    output_nc: int
    direction: Direction = "AtoB"  # the first letter is the side of the input
    model: str = ""  # "": unknown
    input_suffixes: tuple[str, ...] = ()
    ranges: Mapping[str, ValueRange | None] = field(default_factory=dict)  # of A and B
    nan_values: Mapping[str, float] = field(default_factory=dict)  # --nan_value, of A and B
    record: Record = field(default_factory=Record)
    is_two_way: bool = False  # one of the two generators of a two-way model
    flags: Mapping[str, Any] = field(default_factory=dict)  # flags of the --netG itself
    key: str = ""  # where the network is, in a file that holds several
    rebuild: Callable[[], nn.Module] | None = None  # builds it, if its model does not use --netG

    @property
    def input_letter(self) -> str:
        return self.direction[0]

    @property
    def output_letter(self) -> str:
        return self.direction[-1]

    @property
    def codec(self) -> Codec:
        """Return the codec of its model; the identity if the model is unknown."""
        is_known = self.model in models.available()
        return models.find_model(self.model).codec if is_known else Codec()

    def output_for(self, given: Format) -> tuple[Format, ValueRange]:
        """Return the format and the value range of the translation of a file of format ``given``.

        Raises:
            PictureError: the output is floating point, and its range is unknown.
        """
        letter = self.output_letter
        limits = self.ranges.get(letter)
        written = self.record.format_for(letter, given, limits)
        limits = limits or value_range.of_dtype(written.dtype)
        if limits is None:
            raise PictureError("floating point has no range of its own: say which values of the "
                               f"output are black and white with --value_range_{letter} LO,HI")
        return written, limits

    def build(self) -> nn.Module:
        """Return the network with its weights, on the CPU."""
        net = self.rebuild() if self.rebuild else define_G(
            self.input_nc, self.output_nc, self.ngf, self.netG, self.norm, not self.no_dropout,
            **self.flags,
        )
        weights = read_network(self.path, key=self.key, wanted=to_published(net))
        load_published(net, weights, source=str(self.path))
        return net
