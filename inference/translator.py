"""Translate pictures with a trained generator: one call, any size, any depth.

    from inference.translator import Translator
    translate = Translator.load("checkpoints/facades")
    facade = translate(Image.open("labels.png"))
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import models
from data.files import value_range
from data.files.image_io import extension_for, write_image
from data.files.pillow_files import PictureError
from data.files.raster import Pixels, Raster
from data.files.side import Side
from data.files.source import Source
from data.files.value_range import ValueRange
from data.record import Format
from inference.conversions import fits_pil, like, to_pil, to_rasters
from inference.generator_file import Direction, GeneratorFile, find_generator
from inference.memory_budget import Room, Tile
from inference.padding import translate_any_size
from inference.prepare import PictureDropout, move_to_device, prepare
from inference.tiles.translate import translate_in_tiles
from models.base_model import BaseModel
from util.random_states import seed_torch
from util.runtime import choose_device


@dataclass(frozen=True)
class Result:
    """``image`` [c, H, W] in -1..1 on the CPU; ``pixels`` [H, W, c] as ``format`` wants them."""

    image: Tensor
    pixels: Pixels
    format: Format

    @property
    def extension(self) -> str:
        """That of the format, or one that keeps the pixels as they are."""
        return extension_for(self.pixels, self.format.extension)


class Translator:
    """One generator that is ready to use. Equal pictures give equal results.

    The network runs as in the papers' tests: batch norm takes the statistics of each picture, and
    dropout, where it was trained with it, stays on with the masks of ``seed`` (pix2pix, section
    3.4). With ``running_statistics`` dropout is off and the statistics are those of the training.
    """

    def __init__(
        self,
        file: GeneratorFile,
        *,
        device: torch.device,
        seed: int = 0,
        running_statistics: bool = False,
        tile: Tile = "auto",
    ) -> None:
        if file.no_dropout is None and not running_statistics:
            raise ValueError(
                f"{file.path}: the file of a {file.netG} does not tell whether it was trained with "
                "dropout, which stays on in a test: give --dropout or --no_dropout (in Python "
                "no_dropout=False or True), or --eval (running_statistics=True) for none"
            )
        self.file, self.device, self.seed = file, device, seed
        self.running_statistics = running_statistics
        # A model knows how pictures go into its network; a file without a run is taken as plain.
        known = file.model in models.available()
        self.model = models.find_model(file.model) if known else BaseModel
        channels = self.model.codec.image_channels or file.input_nc
        self.input = Side(file.input_letter, channels, file.ranges.get(file.input_letter))
        with torch.random.fork_rng([]):  # a new network draws weights before it gets its own
            built = file.build()
        self.net = move_to_device(prepare(built, running_statistics=running_statistics), device)
        self.room = Room(self.net, file.input_nc, tile)
        self.has_dropout = any(isinstance(m, PictureDropout) for m in self.net.modules())

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        direction: Direction | None = None,
        epoch: str | int = "latest",
        ema: bool = False,
        device: str | torch.device | None = None,
        seed: int = 0,
        running_statistics: bool = False,
        tile: Tile = "auto",
        **flags: Any,
    ) -> "Translator":
        """``path``: the folder of a run, or a .pth file with the weights of a generator.

        ``direction`` chooses the generator of a two-way model. ``epoch``: latest, best, 20, ...;
        ``ema``: the average of a run with --ema. ``device``: default a GPU if there is one.
        ``tile``: side (pixels) of the tiles in which pictures are translated; auto: only those that
        do not fit into memory; None: never. ``flags``: netG, ngf, norm, no_dropout, input_nc,
        output_nc, where the file does not tell; value_range_A and value_range_B, (low, high), for
        floating point pictures.

        Raises:
            FileNotFoundError: no such file.
            ValueError: a flag contradicts the file, or one is lacking.
        """
        ranges = {side: flags.pop(f"value_range_{side}", None) for side in "AB"}
        file = find_generator(
            Path(path), epoch=str(epoch), direction=direction, ema=ema, **flags
        )
        given = {side: ValueRange(*limits) for side, limits in ranges.items() if limits}
        return cls(
            replace(file, ranges={**file.ranges, **given}),
            device=torch.device(device) if device else choose_device(None),
            seed=seed,
            running_statistics=running_statistics,
            tile=tile,
        )

    def __call__(self, picture: Any, output: str | Path | None = None) -> Any:
        """Translate what is given into the same kind of thing.

        A PIL image; a numpy array [H, W], [H, W, C] or [N, H, W, C]; a tensor [C, H, W] or
        [N, C, H, W] in -1..1; a list of any of them; or the path of a file. Its translation is
        written to the path ``output``, which is returned; without ``output`` it is a PIL image, or
        an array where PIL has no such image. A picture is always taken whole: of a file that holds
        a pair, give the half that is wanted.
        """
        if isinstance(picture, list | tuple):
            return [self(one) for one in picture]
        if isinstance(picture, str | Path):
            return self._translate_file(Path(picture), output)
        if isinstance(picture, Tensor):
            if not picture.is_floating_point():
                raise TypeError(
                    f"a tensor is taken as -1..1, got {picture.dtype}; give a numpy array "
                    "[H, W, C] for levels of grey"
                )
            batch = picture if picture.ndim == 4 else picture[None]
            images = self.translate(batch.float()).to(picture.device, picture.dtype)
            return images if picture.ndim == 4 else images[0]
        results = self.translate_rasters(to_rasters(picture))
        return like(picture, [result.pixels for result in results])

    def _translate_file(self, path: Path, output: str | Path | None) -> Any:
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist, or is no file")
        raster = Source((path,)).read()
        result, = self.translate_rasters([raster], [Format.of(raster.pixels, path)])
        if output is None:
            return to_pil(result.pixels) if fits_pil(result.pixels) else result.pixels
        write_image(result.pixels, Path(output))
        return Path(output)

    def translate_rasters(
        self, rasters: Sequence[Raster], formats: Sequence[Format] = (), *, sample: int = 0
    ) -> list[Result]:
        """Pictures of one size as one batch; each comes back in its own depth.

        ``formats``: of their files; by default their dtypes, as PNG. ``sample``: see ``translate``.
        """
        formats = formats or [Format(raster.pixels.dtype.name, ".png") for raster in rasters]
        pixels = [self.input.convert(raster, source="the picture") for raster in rasters]
        return self.translate_pixels(pixels, formats, sample=sample)

    def translate_pixels(
        self, pixels: Sequence[Pixels], formats: Sequence[Format], *, sample: int = 0
    ) -> list[Result]:
        """``translate_rasters``, of pixels [H, W, C] that already suit ``self.input``."""
        suited = [self.file.written_for(one) for one in formats]
        ranges = [self.output_range(written) for written in suited]  # or fail before the work
        batch = torch.stack([self.input.to_tensor(picture) for picture in pixels])
        images = self.translate(batch, sample=sample).cpu()
        return [
            Result(image, limits.from_tensor(image, written.dtype), written)
            for image, limits, written in zip(images, ranges, suited, strict=True)
        ]

    def output_range(self, written: Format) -> ValueRange:
        """What -1..1 means in an output of this format.

        Raises:
            PictureError: it is floating point, and nobody has said.
        """
        letter = self.file.output_letter
        limits = self.file.ranges.get(letter) or value_range.of_dtype(written.dtype)
        if limits is None:
            raise PictureError(
                "floating point has no range of its own: say which values of the output are "
                f"black and white with --value_range_{letter} LO,HI"
            )
        return limits

    @torch.no_grad()
    def translate(self, images: Tensor, *, sample: int = 0) -> Tensor:
        """Pictures float32 [N, C, H, W] in -1..1 -> [N, c, H, W] in -1..1, on the device.

        ``sample``: which draw of the dropout, where there is any.
        """
        if images.ndim != 4 or images.shape[1] != self.input.channels:
            raise ValueError(
                f"this generator takes pictures [N, {self.input.channels}, H, W], got "
                f"{list(images.shape)}"
            )
        if len(images) > 1 and not self.room.holds(len(images), *images.shape[-2:]):
            return torch.cat([self.translate(image[None], sample=sample) for image in images])
        tile = self.room.tile_for(*images.shape[-2:])
        if sample and not self.has_dropout:
            raise ValueError(
                f"{self.file.path}: samples differ by dropout, which this generator has not; leave "
                "--samples out"
            )
        if tile and sample:
            raise ValueError(
                "samples differ by dropout, which tiles are without: leave --samples out, or give "
                "pictures that fit into memory in one piece (--tile 0)"
            )
        inputs = self.model.codec.encode(images.to(self.device))
        # The random numbers of the caller are left alone.
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            seed_torch(self.seed + sample, self.device)
            if tile is None:
                outputs = translate_any_size(self.net, inputs)
            else:
                outputs = translate_in_tiles(self.net, inputs[0], tile)[None].to(self.device)
        return self.model.codec.decode(inputs, outputs)
