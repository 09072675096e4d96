"""Translate images with a trained generator: one call, any size, any bit depth.

    from inference import Translator
    translate = Translator.load("checkpoints/facades")
    facade = translate(Image.open("labels.png"))
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data.files.image_io import write_image
from data.files.raster import Pixels, Raster
from data.files.side import Side
from data.files.source import Source
from data.missing import missing_in
from data.record import Format
from inference.arithmetic import Arithmetic
from inference.conversions import as_batch, as_type_of, to_pil, to_rasters
from inference.fast_forward import FastForward
from inference.find_generator import find_generator
from inference.generator_file import Direction, GeneratorFile
from inference.memory_budget import MemoryBudget, Tile
from inference.padding import translate_any_size
from inference.prepare import PictureDropout, move_to_device, prepare
from inference.tiles.translate import translate_in_tiles
from inference.translated_image import TranslatedImage
from util.flags import AUTO
from util.random_states import seed_torch
from util.runtime import choose_device


class Translator:
    """A generator that is ready to use. Equal images give equal results.

    The network runs as in the tests of the papers: batch norm uses the statistics of each image,
    and dropout, if it was trained with it, stays on with masks drawn from ``seed`` (pix2pix,
    section 3.4). With ``running_statistics`` dropout is off and batch norm uses the statistics of
    the training.
    """

    def __init__(
        self, file: GeneratorFile, *, device: torch.device, seed: int = 0,
        running_statistics: bool = False, tile: Tile = "auto", precision: str = AUTO,
        exact: bool = False,
    ) -> None:
        if file.no_dropout is None and not running_statistics:
            raise ValueError(f"{file.path}: the file of a {file.netG} does not show whether it was "
                             "trained with dropout, which stays on in a test: give --dropout or "
                             "--no_dropout (in Python no_dropout=False or True), or --eval "
                             "(running_statistics=True) for none")
        self.file, self.device, self.seed = file, device, seed
        self.running_statistics = running_statistics
        self.codec = file.codec
        channels = self.codec.image_channels or file.input_nc
        letter = file.input_letter
        self.input = Side(letter, channels, file.ranges.get(letter),
                          nan_value=file.nan_values.get(letter))
        with torch.random.fork_rng([]):  # a new network draws weights that are then replaced
            net = file.build()
        self.arithmetic, self.exact = Arithmetic.of(precision, device, exact=exact), exact
        self.net = move_to_device(prepare(net, running_statistics=running_statistics), device,
                                  exact=exact)
        self.budget = MemoryBudget(self.net, file.input_nc, tile=tile)
        self._fast: FastForward | None = None
        self.has_dropout = any(isinstance(m, PictureDropout) for m in self.net.modules())

    @classmethod
    def load(
        cls, path: str | Path, *, direction: Direction | None = None, epoch: str | int = "latest",
        ema: bool = False, device: str | torch.device | None = None, seed: int = 0,
        running_statistics: bool = False, tile: Tile = "auto", weights_key: str = "",
        precision: str = AUTO, exact: bool = False, **flags: Any,
    ) -> "Translator":
        """Load a generator from the folder of a run, or from a .pth file with its weights.

        Args:
            direction: the generator of a two-way model.
            epoch: latest, best, 20, ...
            ema: use the averaged weights of a run with --ema.
            device: default: a GPU if there is one.
            tile: side of tiles (pixels); auto: tiles only for images that do not fit into memory;
                None: never.
            weights_key: the generator in a checkpoint that holds several, such as netG_A.
            precision: auto, default, fp32, tf32, bf16 or fp16; auto: 16 bits on a GPU if 8-bit
                images pass a check (inference/arithmetic.py), else torch's own arithmetic.
            exact: on a GPU, torch's own memory layout and arithmetic, and no CUDA graphs.
            flags: netG, ngf, norm, no_dropout, input_nc, output_nc, if they cannot be inferred;
                value_range_A and value_range_B, (low, high), for floating point images;
                nan_value, what the network sees where an image has no value.

        Raises:
            FileNotFoundError: the file does not exist.
            ValueError: a flag contradicts the file, or is missing.
        """
        file = find_generator(Path(path), epoch=str(epoch), direction=direction, ema=ema,
                              weights_key=weights_key, **flags)
        return cls(file, device=torch.device(device) if device else choose_device(None), seed=seed,
                   running_statistics=running_statistics, tile=tile, precision=precision,
                   exact=exact)

    def __call__(self, image: Any, output: str | Path | None = None) -> Any:
        """Return the translation of an image, as the same type.

        ``image``: a PIL image; a numpy array [H, W], [H, W, C] or [N, H, W, C]; a tensor [C, H, W]
        or [N, C, H, W] in -1..1; a list of these; or the path of a file. The translation of a file
        is written to the path ``output``, which is returned; without ``output`` it is a PIL image,
        or an array if PIL does not support it. An image is always translated as a whole: if a
        file holds a pair, pass the half that you want.
        """
        if isinstance(image, list | tuple):
            return [self(item) for item in image]
        if isinstance(image, str | Path):
            return self._translate_file(Path(image), output)
        if isinstance(image, Tensor):
            batch = as_batch(image)
            translated = self.translate(batch.float()).to(image.device, image.dtype)
            missing = batch.isnan().all(dim=1, keepdim=True)
            translated = translated.masked_fill(missing, torch.nan)
            return translated if image.ndim == 4 else translated[0]
        return as_type_of(image, self._translate_rasters(to_rasters(image)))

    def _translate_file(self, path: Path, output: str | Path | None) -> Any:
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist, or is not a file; give an image file")
        raster = self.input.mark(Source((path,)).read([self.input.channels]))
        pixels = self.input.convert(raster, source=path)
        result, = self.translate_pixels([pixels], [Format.of(raster, path)])
        if output is None:
            with suppress(ValueError):
                return to_pil(result.with_nan)
            return result.with_nan
        write_image(result.pixels, Path(output), result.metadata(path))
        return Path(output)

    def _translate_rasters(self, rasters: Sequence[Raster]) -> list[Pixels]:
        """Translate images of one size; the formats of the results are those for PNG files."""
        formats = [Format.of(raster, Path("x.png")) for raster in rasters]
        pixels = [self.input.convert(raster, source="the picture") for raster in rasters]
        return [result.with_nan for result in self.translate_pixels(pixels, formats)]

    def translate_pixels(
        self, pixels: Sequence[Pixels], formats: Sequence[Format], *, sample: int = 0
    ) -> list[TranslatedImage]:
        """Translate images of one size, [H, W, C] from ``self.input``, as one batch.

        ``formats``: of the input files. ``sample``: see ``translate``.
        """
        outputs = [self.file.output_for(given) for given in formats]  # may raise: before the work
        batch = torch.stack([self.input.to_tensor(image) for image in pixels])
        missing = missing_in(batch) if self.input.nan_value is not None else [None] * len(batch)
        for image, given in zip(batch, formats, strict=True):
            self.input.fill(image, given.dtype)
        images = self.translate(batch, sample=sample,
                                is_8_bit=all(made.dtype == "uint8" for made, _ in outputs))
        return [TranslatedImage(image, limits.from_tensor(image, made.dtype), made, limits, mask)
                for image, (made, limits), mask in zip(images, outputs, missing, strict=True)]

    @torch.no_grad()
    def translate(self, images: Tensor, *, sample: int = 0, is_8_bit: bool = False) -> Tensor:
        """Translate float32 [N, C, H, W] in -1..1 to [N, c, H, W] in -1..1, on the device.

        ``sample``: number of the dropout mask, for networks with dropout. ``is_8_bit``: the caller
        rounds the result to 8 bits, so that the arithmetic may be faster.
        """
        if images.ndim != 4 or images.shape[1] != self.input.channels:
            raise ValueError(f"this generator takes images [N, {self.input.channels}, H, W], got "
                             f"{list(images.shape)}; convert the channels first")
        if len(images) > 1 and not self.budget.fits(len(images), *images.shape[-2:]):
            return torch.cat([self.translate(image[None], sample=sample, is_8_bit=is_8_bit)
                              for image in images])
        tile = self.budget.tile_for(*images.shape[-2:])
        self._check_sample(sample, tile)
        images = self.input.fill(images.to(self.device, copy=self.input.nan_value is not None))
        inputs = self.codec.encode(images)
        compute = partial(self._compute, inputs, seed=self.seed + sample, tile=tile)
        return self.arithmetic.run(compute, is_8_bit=is_8_bit and tile is None)["fake"]

    def _compute(self, inputs: Tensor, *, seed: int, tile: int | None) -> dict[str, Tensor]:
        """Translate encoded images. The random state of the caller does not change."""
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            seed_torch(seed, self.device)
            if tile is None:
                outputs = translate_any_size(self.net, inputs, run=self._fast_forward())
            else:
                outputs = translate_in_tiles(self.net, inputs[0], tile)[None].to(self.device)
        return {"fake": self.codec.decode(inputs, outputs)}

    def _fast_forward(self) -> FastForward:
        """Return the call of ``net``, which an export may have replaced."""
        if self._fast is None or self._fast.net is not self.net:
            self._fast = FastForward.on(self.net, self.arithmetic, exact=self.exact)
        return self._fast

    def _check_sample(self, sample: int, tile: Tile) -> None:
        if sample and not self.has_dropout:
            raise ValueError(f"{self.file.path}: samples differ by dropout, and this generator has "
                             "no dropout; leave --samples out")
        if sample and tile:
            raise ValueError("samples differ by dropout, which is off in tiles: leave --samples "
                             "out, or give images that fit into memory in one piece (--tile 0)")
