"""A buffer of earlier generated images for D (Shrivastava et al. 2017; CycleGAN, section 4)."""

import random
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Exchange:
    """Whether a new image is stored in ``slot``, and whether the image stored there is returned."""

    slot: int = 0
    store_new: bool = False
    return_old: bool = False


class ImagePool:
    """Returns a mixture of new and earlier fakes, so that D does not forget earlier outputs of G.

    A step that is recorded as a CUDA graph repeats the same kernels on the same memory. For such
    steps ``fix`` allocates static memory for the images, and ``draw`` decides before each step
    which images it exchanges.

    Args:
        pool_size: number of images in the pool; 0 returns every image unchanged.
        seed: seed of the pool's own random generator.
    """

    def __init__(self, pool_size: int, seed: int = 0) -> None:
        self.size = pool_size
        self.images: list[Tensor] = []  # each [C, H, W]
        self.filled = 0
        self.random = random.Random(seed)
        self.queries = 0
        self._batch = 0  # number of images in the last query
        self._store: Tensor | None = None  # [size, C, H, W]; ``images`` are views of it
        self._drawn: Tensor | None = None  # Exchanges of the next query, int64 [N, 3]
        self._is_drawn = False

    def query(self, images: Tensor) -> Tensor:
        """Return N images for N new fakes [N, C, H, W].

        Each is the new fake or, with probability 1/2, an earlier one.

        Raises:
            ValueError: earlier images, restored from a file, have other sizes.
        """
        if self.size == 0:
            return images
        self.queries += 1
        images = images.detach()
        if self._is_drawn:
            self._is_drawn = False
            return self._exchange_as_drawn(images)
        self._batch = len(images)
        mixed = [self._exchange(image, self._decide()) for image in images]
        for image in mixed:
            if len(image) != len(images[0]) or (len(mixed) > 1 and image.shape != images[0].shape):
                raise ValueError(f"the image pool holds images of {list(image.shape)}, this run "
                                 f"makes {list(images[0].shape)} (channels, height, width): resume "
                                 "it with its own flags, or from weights alone, without its "
                                 "latest_state.pth")
        return torch.stack(mixed)

    def fix(self) -> None:
        """Move the images to static memory, for batches of the same size as the last one.

        Raises:
            RuntimeError: there was no query yet, or the images have several sizes.
        """
        if not self._batch or len({image.shape for image in self.images}) != 1:
            raise RuntimeError("its image pool was not used, or has images of several sizes")
        first = self.images[0]
        store = first.new_zeros((self.size, *first.shape))
        for slot, image in zip(store, self.images, strict=False):
            slot.copy_(image)
        self._store, self.images = store, list(store.unbind())
        self._drawn = torch.zeros(self._batch, 3, dtype=torch.int64, device=store.device)

    def draw(self) -> None:
        """Decide on the host which images the next query exchanges, if ``fix`` was called."""
        if self._drawn is not None and not self._is_drawn:
            drawn = torch.tensor([astuple(self._decide()) for _ in range(len(self._drawn))])
            if self._drawn.is_cuda:
                drawn = drawn.pin_memory()  # otherwise the copy waits for the previous step
            self._drawn.copy_(drawn, non_blocking=True)
            self._is_drawn = True

    def keep_draw(self) -> None:
        """Use the last ``draw`` again: the query since then was only recorded, not executed."""
        self._is_drawn = self._drawn is not None

    def drop_draw(self) -> None:
        """Mark the last ``draw`` as used: a replayed step has done these exchanges."""
        self._is_drawn = False

    def _decide(self) -> Exchange:
        if self.filled < self.size:
            self.filled += 1
            return Exchange(self.filled - 1, store_new=True)
        if self.random.random() <= 0.5:
            return Exchange()
        return Exchange(self.random.randrange(self.size), store_new=True, return_old=True)

    def _exchange(self, image: Tensor, exchange: Exchange) -> Tensor:
        if not exchange.store_new:
            return image
        if exchange.slot == len(self.images):
            self.images.append(image.clone())
            return image
        earlier = self.images[exchange.slot]
        if self._store is None:
            self.images[exchange.slot] = image.clone()
        else:
            earlier = earlier.clone()
            self.images[exchange.slot].copy_(image)
        return earlier if exchange.return_old else image

    def _exchange_as_drawn(self, images: Tensor) -> Tensor:
        """Exchange images with kernels that do not depend on the values drawn."""
        assert self._store is not None and self._drawn is not None
        chosen = []
        for image, exchange in zip(images.split(1), self._drawn.unbind(), strict=True):
            slot, store_new, return_old = exchange.split(1)
            earlier = self._store.index_select(0, slot)
            self._store.index_copy_(0, slot, torch.where(store_new.bool(), image, earlier))
            chosen.append(torch.where(return_old.bool(), earlier, image))
        return torch.cat(chosen)

    def clear(self) -> None:
        self.images, self.filled = [], 0
        self._store = self._drawn = None
        self._is_drawn = False

    def state_dict(self) -> dict[str, Any]:
        return {"images": self.images[: self.filled], "random": self.random.getstate()}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        self.clear()
        self.images = [image.to(device) for image in state["images"]]
        self.filled = len(self.images)
        self.random.setstate(state["random"])
