"""The upper part of an adapted model: what the programs call."""

from argparse import Namespace
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from compat.old_models.collector import PartCollector
from compat.old_models.flags import file_of
from compat.old_models.recognise import naming_line, users_classes
from compat.options import SeenOptions
from data.base_dataset import Batch
from models.averages import Averages
from models.base_model import BaseModel
from models.weights.attribute_state import AttributeState, is_plain

# Attributes of BaseModel, and lists of names: they are no state of a run.
_NO_STATE = {"opt", "isTrain", "device", "save_dir", "reported", "speed", "parts", "replicas",
             "visuals", "image_paths", "objective", "logits", "_step_logits", "gpu_ids",
             "loss_names", "model_names", "visual_names", "optimizers", "_made_schedulers",
             "_initial"}


class Adapter(PartCollector):
    """Above the class of a file: has its parts registered, and converts what it returns."""

    def __init__(self, opt: Namespace) -> None:
        with naming_line(type(self)):
            super().__init__(SeenOptions.of(opt))
        self.collect()

    def overrides(self, method: str) -> bool:
        return any(method in vars(cls) for cls in users_classes(type(self))[1:])

    def setup(self, opt: Namespace) -> None:
        with naming_line(type(self)):
            super().setup(SeenOptions.of(opt))
        self.collect()
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
        with naming_line(type(self)):
            super().set_input(batch)  # type: ignore[safe-super]

    def optimize_parameters(self) -> None:
        before = self.reported
        with naming_line(type(self)):
            super().optimize_parameters()  # type: ignore[safe-super]
        losses = self.losses_in_attributes()
        if self.reported is before and self.objective is not None:
            self.report_losses(**losses)  # with the logits for the doctor
        else:
            reported = {} if self.reported is before else self.reported
            self.reported = {**reported, **self.replicas.mean(losses)}

    def test(self) -> None:
        with naming_line(type(self)):
            super().test()

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
