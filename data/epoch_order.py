"""Which images of an epoch come when, and which of several processes takes them."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch.utils.data import Sampler

from data.base_dataset import seeded


@dataclass(frozen=True)
class Share:
    """Images of one step: of all processes, and of this one, which may have none left.

    ``weight``: images of this process, relative to the mean of all processes.
    """

    images: int
    own: int
    weight: float


class EpochOrder(Sampler[int]):
    """A new permutation per epoch, or 0, 1, 2, ... without ``shuffle``; may start inside.

    Several processes take turns in it. A step of all of them is the next ``batch_size`` times
    ``world_size`` images of the order, so that it holds the same images as one of a single
    process with so large a batch. A process that finds no image left for the last step of an
    epoch gets the last one of the order again, so that it can take part; ``share`` tells.
    """

    def __init__(
        self,
        count: int,
        *,
        seed: int,
        shuffle: bool,
        batch_size: int = 1,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.count = count
        self.seed = seed
        self.shuffle = shuffle
        self.batch_size = batch_size
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.start = 0

    @property
    def step_images(self) -> int:
        """Images in a full step of all processes."""
        return self.batch_size * self.world_size

    def share(self, first: int) -> Share:
        """Of the step that begins with image ``first`` of the epoch."""
        images = min(self.step_images, self.count - first)
        own = len(range(self.rank, images, self.world_size))
        return Share(images, own, own * self.world_size / images)

    def __len__(self) -> int:
        return len(range(self.start + self.rank, self.count, self.world_size)) + self._filler

    def __iter__(self) -> Iterator[int]:
        order = list(range(self.count))
        if self.shuffle:
            seeded(self.seed, self.epoch).shuffle(order)
        return iter(order[self.start :][self.rank :: self.world_size] + order[-1:] * self._filler)

    @property
    def _filler(self) -> int:
        """1 where the last step leaves this process without an image."""
        rest = (self.count - self.start) % self.step_images
        return int(0 < rest <= self.rank)
