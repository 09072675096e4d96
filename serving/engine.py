"""The generators of a run as functions of 8-bit pictures: the very pictures of test.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from data.files.raster import Pixels, Raster
from data.files.value_range import LEVELS
from inference.generator_file import Direction
from inference.translator import Translator

SHOWN_CHANNELS = (1, 3)  # grey and colours


@dataclass(frozen=True)
class Engine:
    """``translators``: by direction; the run's own comes first."""

    translators: Mapping[Direction, Translator]

    @classmethod
    def load(cls, path: Path, *, direction: Direction | None = None, **flags: Any) -> "Engine":
        """``path``: the folder of a run, or one .pth file. ``flags``: those of ``Translator.load``.

        Without ``direction``, a two-way model brings both of its generators.

        Raises:
            FileNotFoundError: no such file.
            ValueError: a flag contradicts the file, or pictures that no page can show.
        """
        first = Translator.load(path, direction=direction, **flags)
        translators: dict[Direction, Translator] = {first.file.direction: first}
        if path.is_dir() and first.file.is_two_way and direction is None:
            back = next(one for one in get_args(Direction) if one not in translators)
            translators[back] = Translator.load(path, direction=back, **flags)
        for translator in translators.values():
            _require_shown(translator)
        return cls(translators)

    def read(self, raster: Raster, direction: Direction) -> Pixels:
        """The picture [H, W, C] as the generator takes it.

        Raises:
            PictureError: there is no agreed way from its channels to the generator's.
        """
        return self.translators[direction].input.convert(raster, source="the picture")

    def translate(self, direction: Direction, pictures: Sequence[Pixels]) -> list[Pixels]:
        """What ``read`` returned, all of one size -> uint8 [H, W, c]."""
        translator = self.translators[direction]
        batch = torch.stack([_to_tensor(translator, pixels) for pixels in pictures])
        images = translator.translate(batch).cpu()
        return [LEVELS.from_tensor(image, np.uint8) for image in images]

    def warm_up(self, size: tuple[int, int]) -> None:
        """The first translation of a process takes seconds; nobody should wait for it."""
        width, height = size
        for direction, translator in self.translators.items():
            blank = np.zeros((height, width, translator.input.channels), np.uint8)
            self.translate(direction, [blank])


def _to_tensor(translator: Translator, pixels: Pixels) -> Tensor:
    """Bytes for a run of deeper pictures go from black to white: a page has no other levels."""
    learned = translator.file.record.formats.get(translator.file.input_letter)
    if pixels.dtype == np.uint8 and learned and learned.dtype != "uint8":
        return LEVELS.to_tensor(pixels)
    return translator.input.to_tensor(pixels)


def _require_shown(translator: Translator) -> None:
    file = translator.file
    made = translator.model.codec.image_channels or file.output_nc
    if translator.input.channels in SHOWN_CHANNELS and made in SHOWN_CHANNELS:
        return
    raise ValueError(
        f"{file.path} turns {translator.input.channels} channels into {made}; a page shows 1 "
        "(grey) or 3 (colours): translate such pictures with test.py"
    )
