"""The registered parts of a model (networks, optimizers, image buffers) and their state.

``state_dict`` returns everything that a resumed run needs from a model. ``step_state`` returns what
a step changes besides the weights, so that ``--on_nan skip`` can undo the step.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer

from models.averages import Averages
from models.execution.speed import Speed, rates_in_place
from models.schedules import Plateau
from models.weights.published_keys import with_published_names
from models.weights.saved_state import KERNEL, require_fitting_state
from util.image_pool import ImagePool
from util.run_folder.networks import NetworkEntry

# generator: averaged (--ema), tested and exported. discriminator: the doctor checks its logits, and
# tests do not load it. auxiliary: saved and loaded only.
Role = Literal["generator", "discriminator", "auxiliary"]


class Parts:
    """Parts by name. ``base_rates``: the initial learning rate of each parameter group."""

    def __init__(self, device: torch.device, speed: Speed) -> None:
        self.device = device
        self.speed = speed
        self.networks: dict[str, nn.Module] = {}
        self.roles: dict[str, Role] = {}
        self.backwards: set[str] = set()  # generators from B to A
        self.from_flags: set[str] = set()  # names of networks that --netG or --netD built
        self.optimizers: dict[str, Optimizer] = {}
        self.base_rates: dict[str, list[float]] = {}
        self.scalers: dict[str, GradScaler] = {}
        self.pools: dict[str, ImagePool] = {}
        self.plateau: Plateau | None = None
        self.averages: Averages | None = None

    def add_network(
        self, name: str, net: nn.Module, role: Role, *, backwards: bool = False
    ) -> None:
        if role not in get_args(Role):
            raise ValueError(f"network {name}: the role is {role!r}; choose from "
                             f"{', '.join(get_args(Role))}")
        if name in self.networks:
            raise ValueError(f"two networks are called {name}; give each its own name")
        self.networks[name], self.roles[name] = net, role
        if backwards:
            self.backwards.add(name)

    def add_optimizer(self, name: str, optimizer: Optimizer) -> None:
        if name in self.optimizers:
            raise ValueError(f"two optimizers are called {name}; give each its own name")
        self.optimizers[name] = optimizer
        self.base_rates[name] = [float(group["lr"]) for group in optimizer.param_groups]
        self.scalers[name] = self.speed.make_scaler(self.device)
        # A recorded step reads the rates from tensors, which only some classes accept.
        if self.speed.graph and "capturable" in optimizer.defaults:
            for group in optimizer.param_groups:
                group["lr"] = torch.tensor(float(group["lr"]), device=self.device)

    @property
    def scheduled(self) -> list[Optimizer]:
        """Return the optimizers whose learning rates follow --lr_policy: all but exceptions."""
        return [self.optimizers[name] for name in self.base_rates]

    @property
    def learning_rate(self) -> float:
        """Return the learning rate of the first optimizer; 0 for a model without optimizers."""
        for optimizer in self.optimizers.values():
            return float(optimizer.param_groups[0]["lr"])
        return 0.0

    def entries(self) -> dict[str, NetworkEntry]:
        """Return the entry of each network in the run folder (``networks.json``)."""
        return {name: NetworkEntry(role, name in self.from_flags, name in self.backwards)
                for name, role in self.roles.items()}

    def with_role(self, role: Role) -> dict[str, nn.Module]:
        return {name: net for name, net in self.networks.items() if self.roles[name] == role}

    def roles_of(self, weights: Sequence[Tensor]) -> set[Role | None]:
        """Return the roles of the networks that own ``weights``; None for unregistered ones."""
        owners = {id(weight): role for name, role in self.roles.items()
                  for weight in self.networks[name].parameters()}
        return {owners.get(id(weight)) for weight in weights}

    def scale_rates(self, factor: float) -> None:
        """Set every learning rate to ``factor`` times its initial value."""
        for optimizer, rates in zip(self.scheduled, self.base_rates.values(), strict=True):
            with rates_in_place([optimizer]):
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * factor

    @property
    def rates_are_tensors(self) -> bool:
        """Return whether a step recorded as a CUDA graph can follow a schedule."""
        return all(isinstance(group["lr"], Tensor) for optimizer in self.optimizers.values()
                   for group in optimizer.param_groups)

    def start_plateau_epoch(self, epoch: int) -> None:
        """Set the rates for ``epoch`` by the plateau policy, which evaluates the last epoch."""
        assert self.plateau is not None
        with rates_in_place(self.optimizers.values()):
            self.plateau.start_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs. Tensors are shared, not copied."""
        return {
            "networks": {name: net.state_dict() for name, net in self.networks.items()},
            "optimizers": {name: _optimizer_state(item) for name, item in self.optimizers.items()},
            "pools": {name: pool.state_dict() for name, pool in self.pools.items()},
            "plateau": self.plateau.state_dict() if self.plateau else None,
            "scalers": {name: scaler.state_dict() for name, scaler in self.scalers.items()},
            "averages": self.averages.state_dict() if self.averages else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned.

        Raises:
            StateError: a part is missing, or has another form than this program writes.
            ValueError: the state belongs to another model, or to networks of other sizes.
        """
        state = self._with_published_names(state)
        require_fitting_state(state, self.state_dict(), self.optimizers)
        for name, net in self.networks.items():
            net.load_state_dict(state["networks"][name])
        for name, optimizer in self.optimizers.items():
            _load_optimizer(optimizer, state["optimizers"][name])
        for name, pool in self.pools.items():
            pool.load_state_dict(state["pools"][name], self.device)
        if self.plateau and state["plateau"] is not None:
            self.plateau.load_state_dict(state["plateau"], self.device)
        for name, scaler_state in state.get("scalers", {}).items():
            if self.scalers[name].is_enabled() and scaler_state:  # --precision may have changed
                self.scalers[name].load_state_dict(scaler_state)
        if self.averages and state.get("averages") is not None:  # otherwise the averages start now
            self.averages.load_state_dict(state["averages"])

    def _with_published_names(self, state: Any) -> Any:
        """Return a state from a file with the names of this version; it may be in any form."""
        if not isinstance(state, Mapping) or "networks" not in state:
            return state
        state = {**state, "networks": with_published_names(self.networks, state["networks"])}
        if isinstance(averages := state.get("averages"), Mapping) and "weights" in averages:
            weights = with_published_names(self.networks, averages["weights"])
            state["averages"] = {**averages, "weights": weights}
        return state

    def step_state(self) -> dict[str, Any]:
        """Return a copy of what a step changes besides weights: statistics, pools, plateau."""
        return {"buffers": [buffer.clone() for buffer in self._buffers()],
                "pools": [pool.state_dict() for pool in self.pools.values()],
                "plateau": self.plateau.state_dict() if self.plateau else None}

    def load_step_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``step_state`` returned."""
        for buffer, saved in zip(self._buffers(), state["buffers"], strict=True):
            buffer.copy_(saved)
        for pool, saved in zip(self.pools.values(), state["pools"], strict=True):
            pool.load_state_dict(saved, self.device)
        if self.plateau and state["plateau"]:
            self.plateau.load_state_dict(state["plateau"], self.device)

    def _buffers(self) -> Iterator[Tensor]:
        for net in self.networks.values():
            yield from net.buffers()


def _optimizer_state(optimizer: Optimizer) -> dict[str, Any]:
    """Return the optimizer's state with learning rates as numbers, also if they are tensors.

    ``weights_with_state`` shows later whether the state of a weight is missing.
    """
    state = optimizer.state_dict()
    groups = [group | {"lr": float(group["lr"])} for group in state["param_groups"]]
    return state | {"param_groups": groups, "weights_with_state": len(state["state"])}


def _load_optimizer(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Restore moments and settings. The kernel and the memory layout stay those of this run."""
    groups = [current | saved | {key: current[key] for key in KERNEL & current.keys()}
              for saved, current in zip(state["param_groups"], optimizer.param_groups, strict=True)]
    with rates_in_place([optimizer]):
        optimizer.load_state_dict(state | {"param_groups": groups})
    for weight, values in optimizer.state.items():
        for key, value in values.items():
            moment = isinstance(value, Tensor) and value.shape == weight.shape
            if moment and value.stride() != weight.stride():  # --channels_last has changed
                values[key] = torch.empty_like(weight).copy_(value)
