"""What a model file in the style of the original implementation finds at ``self``."""

from argparse import Namespace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from compat.options import SeenOptions
from models.base_model import BaseModel
from models.networks import get_scheduler

Net = TypeVar("Net", bound=nn.Module)


class OldStyleModel(BaseModel):
    """Below the class of a file: the original's attributes and methods, on top of our own.

    The lists belong to the file. The programs use ``parts``, which ``Adapter`` fills from them.
    """

    CHECKS_SIDES = False  # a file may build its own networks and leave --netG at its default
    model_names: Any = ()
    loss_names: Any = ()
    visual_names: Any = ()
    networks: Any = None
    optimizers: Any = ()
    scalers: Any = None
    pools: Any = None
    losses: Any = None
    metric: Any = 0  # for the policy plateau in an ``update_learning_rate`` of the file
    gpu_ids: list[int]
    epochs_ended: int  # calls of ``update_learning_rate`` of the file

    def __new__(cls, opt: Namespace) -> "OldStyleModel":
        """Set what the original's constructor sets; files call that of ``BaseModel`` by name."""
        model = super().__new__(cls)
        names = cls.old_names(opt) if hasattr(cls, "old_names") else {}
        vars(model).update({"loss_names": [], "visual_names": []} | names)
        model.model_names, model.optimizers = [], []
        model.gpu_ids = SeenOptions.of(opt).gpu_ids
        model.epochs_ended = (getattr(opt, "epoch_count", None) or 1) - 1
        return model

    @property
    def schedulers(self) -> Any:
        """One for each optimizer, made when they are first used."""
        if "_schedulers" not in vars(self):
            self._schedulers = [get_scheduler(optimizer, self.opt) for optimizer in self.optimizers]
            self._made_schedulers = True
        return self._schedulers

    @schedulers.setter
    def schedulers(self, schedulers: Any) -> None:
        self._schedulers = schedulers

    def add_network(self, name: str, net: Net, **settings: Any) -> Net:
        self.model_names.append(name)
        return super().add_network(name, net, **settings)

    def add_optimizer(self, *arguments: Any, **settings: Any) -> Optimizer:
        optimizer = super().add_optimizer(*arguments, **settings)
        self.optimizers.append(optimizer)
        self.share_gradients(optimizer)
        return optimizer

    def replica_of(self, net: nn.Module) -> nn.Module:
        """Return ``net`` itself: ``share_gradients`` takes the place of a replica."""
        return net

    def share_gradients(self, optimizer: Optimizer) -> None:
        """Average the gradients of several processes before each step of ``optimizer``."""
        if self.replicas.size > 1:
            optimizer.register_step_pre_hook(lambda own, *_: self.replicas.average_gradients(
                weight for group in own.param_groups for weight in group["params"]))

    def update_learning_rate(self, epoch: int | None = None) -> None:
        if "_schedulers" not in vars(self) or "_made_schedulers" in vars(self):
            super().update_learning_rate(epoch)
            return
        for scheduler in self._schedulers:
            scheduler.step(*[self.metric] * (self.opt.lr_policy == "plateau"))

    def get_current_losses(self) -> dict[str, float]:
        losses = self.reported or self.losses_in_attributes()
        return {name: float(value) for name, value in losses.items()}

    def losses_in_attributes(self) -> dict[str, Tensor]:
        losses = {name: torch.as_tensor(getattr(self, f"loss_{name}"), device=self.device).detach()
                  for name in self.loss_names if hasattr(self, f"loss_{name}")}
        for name, loss in losses.items():
            if loss.numel() != 1:
                raise ValueError(f"loss_{name} has the shape {list(loss.shape)}, wanted one "
                                 "number; take its mean or its sum in the file")
        return {name: loss.float().squeeze() for name, loss in losses.items()}

    def get_current_visuals(self) -> dict[str, Any]:
        if not self.visual_names:
            return super().get_current_visuals()
        return {name: getattr(self, name) for name in self.visual_names if hasattr(self, name)}
