"""A buffer of earlier fakes for D (Shrivastava et al. 2017; CycleGAN, section 4)."""

import random
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class ImagePool:
    """Hands D a mixture of new and earlier fakes, so that it does not forget old tricks of G.

    Args:
        size: images kept; 0 hands every image through.
        seed: of the pool's own random generator.
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size = size
        self.images: list[Tensor] = []  # each [C, H, W]
        self.random = random.Random(seed)

    def query(self, images: Tensor) -> Tensor:
        """[N, C, H, W] new fakes -> as many, each new or, with probability 1/2, an earlier one."""
        if self.size == 0:
            return images
        return torch.stack([self._exchange(image) for image in images.detach()])

    def _exchange(self, image: Tensor) -> Tensor:
        if len(self.images) < self.size:
            self.images.append(image.clone())
            return image
        if self.random.random() <= 0.5:
            return image
        index = self.random.randrange(self.size)
        earlier, self.images[index] = self.images[index], image.clone()
        return earlier

    def state_dict(self) -> dict[str, Any]:
        return {"images": self.images, "random": self.random.getstate()}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        self.images = [image.to(device) for image in state["images"]]
        self.random.setstate(state["random"])
