"""Register what a model file in the style of the original implementation has created."""

import re
from argparse import Namespace
from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from compat.model_files import users_classes
from compat.old_flags import file_of
from compat.old_model import OldStyleModel
from compat.options import SeenOptions
from data.base_dataset import Batch
from models.averages import Averages
from models.base_model import BaseModel
from models.parts import Role
from models.weights.attribute_state import AttributeState, is_plain
from util.distributed import current_process
from util.image_pool import ImagePool

_GENERATOR = re.compile(r"G(?![a-z])|[gG]en")  # of the name that follows ``net``
_DISCRIMINATOR = re.compile(r"D(?![a-z])|[dD]is")
# Attributes of BaseModel, and lists of names: they are no state of a run.
_NO_STATE = {"opt", "isTrain", "device", "save_dir", "reported", "speed", "parts", "replicas",
             "visuals", "image_paths", "objective", "logits", "_step_logits", "gpu_ids",
             "loss_names", "model_names", "visual_names", "optimizers", "_made_schedulers",
             "_initial"}


class Adapter(OldStyleModel):
    """Above the class of a file: registers its parts, and converts what it returns."""

    def __init__(self, opt: Namespace) -> None:
        super().__init__(SeenOptions.of(opt))
        self._collect()

    def overrides(self, method: str) -> bool:
        return any(method in vars(cls) for cls in users_classes(type(self))[1:])

    def _collect(self) -> None:
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
            forwards = re.sub("B(?=2?A$)|B$", "A", re.sub("A$", "B", name))
            is_back = name.endswith(("_B", "BA", "B2A")) and forwards in names
            net = BaseModel.add_network(self, name, net, role=role,
                                        backwards=role == "generator" and is_back)
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

    def setup(self, opt: Namespace) -> None:
        super().setup(SeenOptions.of(opt))
        self._collect()
        if self.isTrain and self._has_own_schedule:
            _ = self.schedulers
        generators = self.parts.with_role("generator")
        if self.isTrain and opt.ema:
            if not generators:
                raise ValueError("--ema averages generators, and no name in model_names "
                                 f"({', '.join(self.model_names)}) begins with G; rename the "
                                 "network, or leave the flag out")
            self.parts.averages = self.parts.averages or Averages(generators, opt.ema)
        if not self.isTrain and getattr(opt, "eval", False):
            self.eval()
        # Later attributes are results of steps. Plain values that stay as they are may come from
        # options, which a resumed run may change.
        self._initial = self._attributes([name for name in vars(self) if name not in _NO_STATE])

    @property
    def _has_own_schedule(self) -> bool:
        own = "_schedulers" in vars(self) and "_made_schedulers" not in vars(self)
        return own or self.overrides("update_learning_rate")

    def update_learning_rate(self, epoch: int | None = None) -> None:
        """Set the rates for ``epoch``. A method of the file is called once for each epoch ended."""
        if not self._has_own_schedule:
            BaseModel.update_learning_rate(self, epoch)
            return
        ended = self.epochs_ended + 1 if epoch is None else epoch - 1
        while self.epochs_ended < ended:
            self.epochs_ended += 1
            super().update_learning_rate()

    def set_input(self, batch: Batch) -> None:
        side = "A_paths" if self.opt.direction == "AtoB" else "B_paths"
        paths: Any = batch.get(side) or batch.get("A_paths") or []
        self.image_paths = paths
        super().set_input(batch)  # type: ignore[safe-super]

    def optimize_parameters(self) -> None:
        before = self.reported
        super().optimize_parameters()  # type: ignore[safe-super]
        losses = self.losses_in_attributes()
        if self.reported is before and self.objective is not None:
            self.report_losses(**losses)  # with the logits for the doctor
        else:
            reported = {} if self.reported is before else self.reported
            self.reported = {**reported, **self.replicas.mean(losses)}

    def get_current_losses(self) -> dict[str, float]:
        return {name: float(value) for name, value in super().get_current_losses().items()}

    def get_current_visuals(self) -> dict[str, Tensor]:
        images = {name: _as_images(value) for name, value in super().get_current_visuals().items()}
        return {name: image for name, image in images.items() if image is not None}

    def get_image_paths(self) -> list[str]:
        paths = super().get_image_paths()
        return [paths] if isinstance(paths, str) else [str(path) for path in paths]

    def generator(self, name: str) -> nn.Module:
        """Return a network that translates images alone.

        Raises:
            ValueError: it needs other networks, or does not turn an image into an image.
        """
        net = self.parts.networks[name]
        others = [other for other, role in self.parts.roles.items() if role == "auxiliary"]
        reason = f"the model also has {' and '.join(others)}" if others else ""
        if not others:
            nc = self.opt.output_nc if name in self.parts.backwards else self.opt.input_nc
            try:
                output = self.probe(net, nc)
            except Exception as error:  # the network may take anything
                reason = str(error).partition("\n")[0]
            else:
                reason = "" if isinstance(output, Tensor) else f"it returns {type(output).__name__}"
        if reason:
            raise ValueError(f"net{name} of {file_of(type(self))} may not translate an image by "
                             f"itself ({reason}); translate a data set by the whole model: leave "
                             "--inputs and --output_dir out")
        return net

    def before_save(self, epoch: int | str) -> None:
        if self.overrides("save_networks"):
            self.save_networks(epoch)

    def state_dict(self) -> dict[str, Any]:
        state = {name: saved for name, saved in self._attributes(self._initial).items()
                 if not is_plain(saved) or saved != self._initial[name]}
        return BaseModel.state_dict(self) | {"attributes": state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        BaseModel.load_state_dict(self, state)
        saved, attributes = state.get("attributes", {}), self._attribute_state()
        for name in saved.keys() & self._initial.keys():
            setattr(self, name, attributes.restore(vars(self)[name], saved[name]))

    def _attributes(self, names: Iterable[str]) -> dict[str, Any]:
        attributes, values = self._attribute_state(), vars(self)
        states = {name: attributes.save(values[name]) for name in names if name in values}
        return {name: deepcopy(state) if is_plain(state) else state
                for name, state in states.items()}

    def _attribute_state(self) -> AttributeState:
        parts = self.parts
        known = (*parts.networks.values(), *parts.optimizers.values(), *parts.pools.values(),
                 self.opt, parts, self.speed, self.replicas)
        trained = [id(weight) for optimizer in parts.optimizers.values()
                   for group in optimizer.param_groups for weight in group["params"]]
        return AttributeState([id(part) for part in known], trained, self.device)


def _role(name: str, names: Collection[str]) -> Role:
    """Return the role by the name; a single network that is no discriminator is a generator."""
    if _DISCRIMINATOR.match(name):
        return "discriminator"
    others = [other for other in names if not _DISCRIMINATOR.match(other)]
    return "generator" if _GENERATOR.match(name) or others == [name] else "auxiliary"


def _as_images(value: Any) -> Tensor | None:
    """Return images [N, C, H, W] in -1..1; None for anything else.

    An array is an image [H, W] or [H, W, C] in 0..255, as in the original's displays.
    """
    if isinstance(value, np.ndarray) and value.ndim in (2, 3):
        value = torch.from_numpy(np.ascontiguousarray(np.atleast_3d(value)))
        value = (value.float() / 127.5 - 1).permute(2, 0, 1)
    if not isinstance(value, Tensor) or value.ndim not in (2, 3, 4):
        return None
    images: Tensor = value.detach().float()
    if images.ndim == 3 and len(images) > 4:
        return images[:, None]  # [N, H, W]
    return images[(None,) * (4 - images.ndim)]
