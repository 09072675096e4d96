"""The order of the images in an epoch, and how several processes share it."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from itertools import chain
from random import Random

from torch.utils.data import Sampler


def seeded(*key: int) -> Random:
    """Return a generator that depends on ``key`` alone.

    ``Random`` hashes text with SHA-512. Unlike ``hash``, this gives the same seed in every process;
    unlike a sum of the numbers, it gives unrelated seeds for neighbouring keys.
    """
    return Random("/".join(map(str, key)))


@dataclass(frozen=True)
class Share:
    """One step: the number of ``images`` of all processes, and of this process, which may be 0.

    ``weight``: the images of this process, relative to the mean of all processes.
    """

    images: int
    own: int
    weight: float


@dataclass(eq=False)
class EpochOrder(Sampler[int]):
    """A new permutation for each epoch, or 0, 1, 2, ... without ``shuffle``; may start inside.

    Several processes take turns. Their common step takes the next ``batch_size * world_size``
    images of the order, so it holds the same images as a step of one process with that batch size.
    If no image is left for a process in the last step of an epoch, the process gets the last image
    of the order again, so that it can take part in the step; ``share`` then counts 0 own images.

    With ``whole_batches`` the processes take turns with the batches of a single process, which have
    the same images for any number of processes; nothing is repeated.
    """

    count: int
    _: KW_ONLY
    seed: int
    shuffle: bool
    batch_size: int = 1
    rank: int = 0
    world_size: int = 1
    whole_batches: bool = False
    epoch: int = 0
    start: int = 0

    @property
    def step_images(self) -> int:
        """Images in a full step of all processes."""
        return self.batch_size * self.world_size

    def share(self, first: int) -> Share:
        """Return the share of this process in the step that begins with image ``first``."""
        images = min(self.step_images, self.count - first)
        own = len(range(self.rank, images, self.world_size))
        return Share(images, own, own * self.world_size / images)

    def __len__(self) -> int:
        if self.whole_batches:
            return sum(1 for _ in self)
        return len(range(self.start + self.rank, self.count, self.world_size)) + self._filler

    def __iter__(self) -> Iterator[int]:
        order = list(range(self.count))
        if self.shuffle:
            seeded(self.seed, self.epoch).shuffle(order)
        if self.whole_batches:
            starts = range(self.start + self.rank * self.batch_size, self.count, self.step_images)
            return chain.from_iterable(order[s : s + self.batch_size] for s in starts)
        return iter(order[self.start :][self.rank :: self.world_size] + order[-1:] * self._filler)

    @property
    def _filler(self) -> int:
        """1 if the last step leaves this process without an image, else 0."""
        rest = (self.count - self.start) % self.step_images
        return int(0 < rest <= self.rank)
