"""Conversions from images to the input of a generator, and from its output to images.

A model names its codec: ``codec = LabCodec()``. All code that translates images outside of training
uses it: ``inference.Translator``, the server and exported files.
"""

import torch
from torch import Tensor

from data.colour import lab_to_rgb, rgb_to_lab, traced_lab_to_rgb, traced_lightness


class Codec:
    """The identity: the generator reads and writes images without a conversion.

    ``image_channels``: channels of the images, if the number differs from ``--input_nc``.
    """

    image_channels: int | None = None

    def encode(self, images: Tensor) -> Tensor:
        """Map images [N, C, H, W] in -1..1 to the input of the generator, pixel by pixel."""
        return images

    def decode(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Map input and output of the generator to images [N, C, H, W] in -1..1."""
        return outputs

    def encode_in_torch(self, images: Tensor) -> Tensor:
        """Return ``encode(images)``, using only torch operations without branches, for export."""
        return self.encode(images)

    def decode_in_torch(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Return ``decode(...)``, using only torch operations without branches, for export."""
        return self.decode(inputs, outputs)


class LabCodec(Codec):
    """Encode RGB images as lightness [N, 1, H, W]; decode it and colours [N, 2, H, W] to RGB."""

    image_channels = 3

    def encode(self, images: Tensor) -> Tensor:
        return torch.stack([rgb_to_lab(image)[0] for image in images]).to(images.device)

    def decode(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        return lab_to_rgb(inputs, outputs)

    def encode_in_torch(self, images: Tensor) -> Tensor:
        return traced_lightness(images)

    def decode_in_torch(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        return traced_lab_to_rgb(inputs, outputs)
