"""PatchNCE: which place of the input belongs to a place of the output (Park et al. 2020, eq. 3).

    l(q, k+, k-) = -log( exp(q k+ / T) / (exp(q k+ / T) + sum over k- of exp(q k- / T)) )
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from models.networks.patch_sample import PatchSampler, draw_places, mirrored

# The similarity of a place with itself in the list of negatives, as in the authors' code. It is
# divided by the temperature, so at 0.07 the place counts exp(-143).
_ITSELF = -10.0


def patch_nce(
    query: Tensor, key: Tensor, temperature: float, *, whole_batch: bool = False
) -> Tensor:
    """Return the loss of each place, [N, P].

    Args:
        query: unit vectors of places of the output, [N, P, C].
        key: unit vectors of the same places of the input, [N, P, C]; it gets no gradient.
        temperature: > 0.
        whole_batch: the negatives are all other places of all images (of this process), not only
            those of the same image.
    """
    shape, width = query.shape[:2], query.shape[2]
    key = key.detach()
    own = (query * key).sum(dim=2).reshape(-1, 1)
    if whole_batch:
        query, key = query.reshape(1, -1, width), key.reshape(1, -1, width)
    others = query @ key.transpose(1, 2)
    itself = torch.eye(others.shape[1], dtype=torch.bool, device=others.device)
    others = others.masked_fill(itself, _ITSELF).flatten(0, 1)
    logits = torch.cat([own, others], dim=1) / temperature
    first = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    return cross_entropy(logits, first, reduction="none").reshape(shape)


class PatchNCE:
    """The mean loss over places and layers, for an input and its translation.

    Args:
        netG: its ``netG(x, layers)`` returns the outputs of these layers.
        netF: ``sampler``, or its wrapper for several processes.
        places: number of places of each map; 0 = all.
    """

    def __init__(
        self, netG: nn.Module, netF: nn.Module, sampler: PatchSampler, *, layers: Sequence[int],
        places: int, temperature: float, whole_batch: bool,
    ) -> None:
        self.netG, self.netF, self.sampler = netG, netF, sampler
        self.layers, self.places = layers, places
        self.temperature, self.whole_batch = temperature, whole_batch

    def __call__(self, source: Tensor, target: Tensor, flipped: Tensor | None = None) -> Tensor:
        """Return the loss of ``target`` (queries), [N, C, H, W], and ``source`` (keys): a scalar.

        ``flipped``: bool scalar: ``target`` shows ``source`` mirrored left to right.
        """
        features = self.netG(target, self.layers)
        with torch.no_grad():
            sources = self.netG(source, self.layers)
            sides = [self.sampler.sides_of(*numbered) for numbered in enumerate(sources)]
            places = [drawn.expand(len(source), -1) for drawn in self.draw(sides, source.device)]
            keys = self.netF(*sources, *places)
        if flipped is not None:
            places = [torch.where(flipped, mirrored(place, width), place)
                      for place, (_, width) in zip(places, sides, strict=True)]
        losses = [patch_nce(query, key, self.temperature, whole_batch=self.whole_batch).mean()
                  for query, key in zip(self.netF(*features, *places), keys, strict=True)]
        return torch.stack(losses).mean()

    def draw(self, sides: Sequence[Sequence[int]], device: torch.device) -> list[Tensor]:
        """Return places of each map, the same for all images of the batch: [P] each."""
        return [draw_places(side, self.places, device) for side in sides]
