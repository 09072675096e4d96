"""The generators of a run as functions of 8-bit images. The results equal those of test.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from data.files.raster import Pixels
from data.files.value_range import LEVELS
from inference.generator_file import Direction
from inference.translator import Translator

SHOWN_CHANNELS = (1, 3)  # grey and RGB


@dataclass(frozen=True)
class Engine:
    """``translators``: by direction; the direction of the run comes first."""

    translators: Mapping[Direction, Translator]

    @classmethod
    def load(cls, path: Path, *, direction: Direction | None = None, **flags: Any) -> "Engine":
        """Load the folder of a run, or one .pth file. ``flags``: those of ``Translator.load``.

        Without ``direction``, both generators of a two-way model are loaded.

        Raises:
            FileNotFoundError: the file is missing.
            ValueError: a flag contradicts the file, or a page cannot show the model's images.
        """
        first = Translator.load(path, direction=direction, **flags)
        translators: dict[Direction, Translator] = {first.file.direction: first}
        if path.is_dir() and first.file.is_two_way and direction is None:
            back = next(name for name in get_args(Direction) if name not in translators)
            translators[back] = Translator.load(path, direction=back, **flags)
        for translator in translators.values():
            _require_shown(translator)
        return cls(translators)

    def translate(self, direction: Direction, images: Sequence[Pixels]) -> list[Pixels]:
        """Translate images of equal size with the channels of the generator to uint8 [H, W, c]."""
        translator = self.translators[direction]
        batch = torch.stack([_to_tensor(translator, pixels) for pixels in images])
        outputs = translator.translate(batch, is_8_bit=True)
        return [LEVELS.from_tensor(output, np.uint8) for output in outputs]

    def warm_up(self, size: tuple[int, int]) -> None:
        """Translate an empty image: the first translation of a process takes seconds.

        It does not take part in the choice of the arithmetic (inference/arithmetic.py).
        """
        width, height = size
        for translator in self.translators.values():
            translator.translate(torch.zeros(1, translator.input.channels, height, width)).cpu()


def _to_tensor(translator: Translator, pixels: Pixels) -> Tensor:
    """Convert pixels to -1..1. Bytes cover the whole value range of the model, whatever it is,
    because a page has no other levels.
    """
    is_byte = pixels.dtype == np.uint8
    return LEVELS.to_tensor(pixels) if is_byte else translator.input.to_tensor(pixels)


def _require_shown(translator: Translator) -> None:
    file = translator.file
    made = translator.codec.image_channels or file.output_nc
    if translator.input.channels in SHOWN_CHANNELS and made in SHOWN_CHANNELS:
        return
    raise ValueError(f"{file.path} translates {translator.input.channels} channels into {made}; a "
                     "page shows 1 (grey) or 3 (RGB): translate such images with test.py")
