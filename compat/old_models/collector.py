"""Register the parts that a model file in the style of the original implementation has created."""

import re
from collections.abc import Collection
from typing import Any

from torch import nn
from torch.optim import Optimizer

from compat.old_models.attributes import OldStyleModel
from models.base_model import BaseModel
from models.parts import Role
from util.distributed import current_process
from util.image_pool import ImagePool

_GENERATOR = re.compile(r"G(?![a-z])|[gG]en")  # of the name that follows ``net``
_DISCRIMINATOR = re.compile(r"D(?![a-z])|[dD]is")
_DIRECTIONS = (("_A", "_B"), ("AB", "BA"), ("A2B", "B2A"))  # ends of the names of two generators


class PartCollector(OldStyleModel):
    """Finds networks, optimizers and pools in attributes; ``collect`` may be called again."""

    def collect(self) -> None:
        """Register the networks, optimizers and pools that are attributes now."""
        names = [name for name in self.model_names if hasattr(self, f"net{name}")]
        if self.isTrain and (missing := [name for name in self.model_names if name not in names]):
            raise ValueError(f"model_names has {missing[0]!r}, but there is no attribute "
                             f"net{missing[0]}; set it in __init__, or remove the name")
        for name in names:
            self._add_network(name, names)
        order = [*names, *(name for name in self.parts.networks if name not in names)]
        networks = {name: self.parts.networks[name] for name in order}
        self.parts.networks.clear()
        self.parts.networks.update(networks)
        if self.isTrain:
            self._collect_optimizers()
            self._collect_pools()

    def _add_network(self, name: str, names: list[str]) -> None:
        net = getattr(self, f"net{name}")
        net = net.module if isinstance(net, nn.DataParallel) else net
        if self.parts.networks.get(name) is not net:
            self.parts.networks.pop(name, None)
            self.parts.from_flags.discard(name)
            role = _role(name, names)
            is_back = any(name.endswith(end) and name.removesuffix(end) + start in names
                          for start, end in _DIRECTIONS)
            net = BaseModel.add_network(self, name, net, role=role,
                                        backwards=role == "generator" and is_back)
        if self.gpu_ids:  # where the original wraps networks in DataParallel
            vars(net)["module"] = net
        setattr(self, f"net{name}", net)

    def _collect_optimizers(self) -> None:
        """Name the optimizers by their attributes, or by their position in ``optimizers``."""
        parts, listed = self.parts, list(self.optimizers)
        found = {name.removeprefix("optimizer_"): optimizer
                 for name, optimizer in self._found(Optimizer).items()}
        names = {id(optimizer): name for name, optimizer in found.items()}
        wanted = {names.get(id(optimizer), str(index)): optimizer
                  for index, optimizer in enumerate(listed)} | found
        for name in [*parts.optimizers]:
            if parts.optimizers[name] is not wanted.get(name):
                for entries in (parts.optimizers, parts.base_rates, parts.scalers):
                    entries.pop(name)
        for name, optimizer in wanted.items():
            if name not in parts.optimizers:
                parts.add_optimizer(name, optimizer)
                self.share_gradients(optimizer)
            if not any(optimizer is own for own in listed):
                parts.base_rates.pop(name, None)  # the original changes only rates of the list

    def _found(self, kind: type[Any]) -> dict[str, Any]:
        """Return the objects of a kind in attributes, or in lists and dicts that are attributes."""
        places = [(name, value) for name, value in vars(self).items() if name != "optimizers"]
        for name, value in [*places]:
            items = value.items() if isinstance(value, dict) else enumerate(
                value if isinstance(value, list | tuple) else ())
            places += [(f"{name}_{key}", item) for key, item in items]
        found = {id(value): (name, value) for name, value in reversed(places)
                 if isinstance(value, kind)}
        return dict(reversed(found.values()))

    def _collect_pools(self) -> None:
        # The order of CycleGANModel, whose pools have the same seeds.
        for name, pool in sorted(self._found(ImagePool).items(), reverse=True):
            if pool not in self.parts.pools.values():
                seed = self.opt.seed + len(self.parts.pools) + 1000 * current_process().rank
                pool.random.seed(seed)
                self.parts.pools[name.removesuffix("_pool")] = pool


def _role(name: str, names: Collection[str]) -> Role:
    """Return the role by the name; a single network that is no discriminator is a generator."""
    if _DISCRIMINATOR.match(name):
        return "discriminator"
    others = [other for other in names if not _DISCRIMINATOR.match(other)]
    return "generator" if _GENERATOR.match(name) or others == [name] else "auxiliary"
