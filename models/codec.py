"""How an image becomes the input of a generator, and how an output becomes an image again.

A model names its codec: ``codec = LabCodec()``. Everything that translates images outside of a
training uses it: ``inference.Translator``, the server and exported files.
"""

import torch
from torch import Tensor

from data.colour import lab_to_rgb, rgb_to_lab, traced_lab_to_rgb, traced_lightness


class Codec:
    """The identity: the generator reads and writes images as they are.

    ``image_channels``: channels of the images, if they differ from ``--input_nc``.
    """

    image_channels: int | None = None

    def encode(self, images: Tensor) -> Tensor:
        """Map images [N, C, H, W] in -1..1 to the input of the generator, pixel by pixel."""
        return images

    def decode(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Map input and output of the generator to images [N, C, H, W] in -1..1."""
        return outputs

    def encode_in_torch(self, images: Tensor) -> Tensor:
        """Do as ``encode`` in torch operations alone, without branches, for exported files."""
        return self.encode(images)

    def decode_in_torch(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Do as ``decode`` in torch operations alone, without branches, for exported files."""
        return self.decode(inputs, outputs)


class LabCodec(Codec):
    """RGB images to lightness [N, 1, H, W]; lightness and colours [N, 2, H, W] to RGB images."""

    image_channels = 3

    def encode(self, images: Tensor) -> Tensor:
        return torch.stack([rgb_to_lab(image)[0] for image in images]).to(images.device)

    def decode(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        return lab_to_rgb(inputs, outputs)

    def encode_in_torch(self, images: Tensor) -> Tensor:
        return traced_lightness(images)

    def decode_in_torch(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        return traced_lab_to_rgb(inputs, outputs)
