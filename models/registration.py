"""The methods by which a model registers its parts, and the files and state of these parts.

``add_...`` registers a network, an optimizer, an image buffer or the objective. It returns its
argument, or the object to use instead. Registered parts are moved to the device, saved, resumed,
scheduled and listed.
"""

from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from models.building import as_groups, build_optimizer, network_settings, run_alone
from models.execution.replicas import Replicas
from models.execution.speed import Speed
from models.networks import define_D, define_G, init_weights
from models.parts import Parts, Role
from models.weights import network_files
from util import checkpoint
from util.distributed import current_process
from util.image_pool import ImagePool

Net = TypeVar("Net", bound=nn.Module)


class _Names:
    """Read-only attribute: the keys of the dict ``source``."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, model: Any, owner: type | None = None) -> list[str]:
        return list(getattr(model, self.source))

    def __set__(self, model: Any, value: Any) -> None:
        raise ValueError(f"self.{self.name} = ... is set by models of the original implementation; "
                         "here it follows from add_network, report_losses and self.visuals: see "
                         "docs/design.md, what differs from the reference")


class Registration:
    """Base class of ``BaseModel``, which explains when to call these methods."""

    model_names = _Names("networks")
    loss_names = _Names("losses")
    visual_names = _Names("visuals")
    # The programs use ``parts`` and ``reported``; these are other names for them.
    optimizers = property(attrgetter("parts.optimizers"))
    scalers = property(attrgetter("parts.scalers"))
    pools = property(attrgetter("parts.pools"))
    losses = property(attrgetter("reported"))

    def __init__(self, opt: Namespace) -> None:
        self.opt = opt
        self.isTrain: bool = opt.isTrain
        self.device: torch.device = opt.device
        self.save_dir: Path = opt.checkpoints_dir / opt.name
        self.reported: dict[str, Tensor] = {}  # the losses of the last step
        self.speed = Speed.of(opt) if self.isTrain else Speed()
        self.parts = Parts(self.device, self.speed)
        self.replicas = Replicas(self.device)

    @property
    def networks(self) -> dict[str, nn.Module]:
        return self.parts.networks

    def add_network(
        self, name: str, net: Net, *, role: Role = "auxiliary", backwards: bool = False
    ) -> Net:
        """Register ``net`` and return the module to call: ``net``, or its wrapper for processes.

        ``backwards``: a generator that translates from B to A, beside one from A to B.
        """
        inner: nn.Module = net.to(self.device)
        if self.isTrain:
            inner = self.replicas.share_statistics(inner)
            self.speed.prepare(inner, self.device)
        self.parts.add_network(name, inner, role, backwards=backwards)
        return cast(Net, self.replica_of(inner) if self.isTrain else inner)

    def replica_of(self, net: nn.Module) -> nn.Module:
        """Return the module whose gradients are averaged over several processes."""
        return self.replicas.add(net)

    def print_networks(self, verbose: bool) -> None:
        network_files.log_sizes(self.parts.networks, verbose=verbose)

    def init_networks(self, init_type: str = "normal", init_gain: float = 0.02) -> None:
        """Draw new weights for all networks."""
        for net in self.parts.networks.values():
            init_weights(net, init_type, init_gain)

    def add_generator(
        self, name: str, in_channels: int, out_channels: int, *, backwards: bool = False
    ) -> nn.Module:
        """Register the generator of --netG, --ngf, --norm, ... as ``name``."""
        opt = self.opt
        net = define_G(in_channels, out_channels, opt.ngf, opt.netG, use_dropout=not opt.no_dropout,
                       **network_settings(opt, "generator", opt.netG))
        self.parts.from_flags.add(name)
        return self.add_network(name, net, role="generator", backwards=backwards)

    def add_discriminator(self, name: str, in_channels: int) -> nn.Module:
        """Register the discriminator of --netD, --ndf, --norm, ... as ``name``."""
        opt = self.opt
        net = define_D(in_channels, opt.ndf, opt.netD, opt.n_layers_D,
                       **network_settings(opt, "discriminator", opt.netD))
        self.parts.from_flags.add(name)
        return self.add_network(name, net, role="discriminator")

    def probe(self, net: nn.Module, channels: int, *inputs: Any) -> Any:
        """Return the output of ``net`` for a blank image [1, channels, crop_size, crop_size].

        Used for parts whose sizes depend on the features of another network. Call it before the
        optimizers are created. It changes nothing, and runs without the speed flags.
        """
        image = torch.zeros(1, channels, *[self.opt.crop_size] * 2, device=self.device)
        return run_alone(getattr(net, "module", net), image, *inputs)

    def generator(self, name: str) -> nn.Module:
        """Return a network that translates images without the rest of the model."""
        return self.parts.networks[name]

    def add_optimizer(
        self, name: str, parameters: Iterable[Any], cls: type[Optimizer] = Adam, *,
        lr: float | None = None, **settings: Any,
    ) -> Optimizer:
        """Register an optimizer: Adam with the papers' moments (pix2pix, section 3.3) by default.

        Args:
            parameters: weights, or groups in the form of torch.optim.
            cls: any torch.optim class that needs no closure.
            lr: the rate that the schedule multiplies. Default: --lr_D if all weights belong to
                discriminators, --lr_G if none does, else --lr.
            settings: passed to ``cls``; ``betas`` is (--beta1, --beta2) by default.
        """
        groups = as_groups(parameters)
        optimizer = build_optimizer(cls, groups, lr=self._rate(groups) if lr is None else lr,
                                    betas=(self.opt.beta1, self.opt.beta2), device=self.device,
                                    capturable=self.speed.graph and self.device.type == "cuda",
                                    settings=settings)
        self.parts.add_optimizer(name, optimizer)
        return optimizer

    def _rate(self, groups: Sequence[Mapping[str, Any]]) -> float:
        roles = self.parts.roles_of([weight for group in groups for weight in group["params"]])
        if roles == {"discriminator"}:
            return float(self.opt.lr if self.opt.lr_D is None else self.opt.lr_D)
        mixed = "discriminator" in roles or self.opt.lr_G is None
        return float(self.opt.lr if mixed else self.opt.lr_G)

    def add_pool(self, name: str) -> ImagePool:
        """Register an image buffer of ``--pool_size`` with its own random generator."""
        # Each process stores the images of its own batches, so its draws must differ too.
        seed = self.opt.seed + len(self.parts.pools) + 1000 * current_process().rank
        pool = self.parts.pools[name] = ImagePool(self.opt.pool_size, seed=seed)
        return pool

    def save_networks(self, epoch: int | str) -> None:
        """Write ``<epoch>_net_<name>.pth`` for every network, with the published keys.

        Only the main one of several processes writes.
        """
        files = self.network_files(epoch) if current_process().is_main else {}
        for path, weights in files.items():
            checkpoint.save(path, weights)

    def before_save(self, epoch: int | str) -> None:
        """Write what a model saves besides its networks (a hook). Called in the main process."""

    def network_files(self, epoch: int | str) -> dict[Path, Mapping[str, Tensor]]:
        """Return what ``save_networks`` writes, for a caller that writes in the background."""
        networks, averages = self.parts.networks, self.parts.averages
        return network_files.files_to_write(networks, Path(self.save_dir), epoch,
                                            averages=averages.weights if averages else {})

    def load_networks(self, epoch: int | str) -> None:
        """Load every network. A test loads no discriminators, and with ``--ema`` the averages."""
        networks = {name: net for name, net in self.parts.networks.items()
                    if self.isTrain or self.parts.roles[name] != "discriminator"}
        averaged = not self.isTrain and self.opt.ema
        network_files.load_networks(networks, Path(self.save_dir), epoch, averaged=averaged)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs from the model."""
        return self.parts.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore ``state_dict``. Raises ValueError if the state belongs to another model."""
        self.parts.load_state_dict(state)

    def step_state(self) -> dict[str, Any]:
        """Return what a step changes besides weights, to undo the step."""
        return {"parts": self.parts.step_state(), "losses": self.reported}

    def load_step_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``step_state`` returned."""
        self.reported = state["losses"]
        self.parts.load_step_state(state["parts"])
