"""The contract between a model and train.py / test.py.

A subclass files its parts by calls that return their argument; the base class then saves, loads,
schedules and reports them:

    self.netG = self.add_generator("G", 3, 3)                   weights: <epoch>_net_G.pth
    self.netX = self.add_network("X", AnyModule())
    self.optimizer_G = self.add_optimizer("G", self.netG.parameters())
    self.gan = self.add_objective(GAN_MODES[opt.gan_mode])      what the doctor looks at
    self.report_losses(G_L1=loss)                               what the displays show
    self.visuals = {"real_A": self.real_A, ...}                 [N, C, H, W] in -1..1
"""

import logging
from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Adam, Optimizer

from data.base_dataset import Batch
from models import parts as model_state
from models.averages import Averages
from models.comparison import Outcome
from models.execution import speed as step
from models.execution.replicas import Replicas
from models.execution.speed import Speed
from models.losses import GANLoss
from models.networks import define_D, define_G
from models.plateau import Plateau, rises
from models.schedules import PLATEAU, SCHEDULES, Plan
from models.weights import network_files
from util import checkpoint
from util.distributed import current_process
from util.image_pool import ImagePool

log = logging.getLogger(__name__)

Net = TypeVar("Net", bound=nn.Module)


class BaseModel(ABC):
    """Networks, optimizers and one training step.

    Args:
        opt: parsed options; ``opt.device`` says where the tensors live.
    """

    # Names that ``report_losses`` may use, so that the parser can check --lr_metric; () = unknown.
    LOSSES: ClassVar[tuple[str, ...]] = ()
    # Those whose sum tells how well training pictures are met, to be held against val_l1.
    FIT: ClassVar[tuple[str, ...]] = ()

    def __init__(self, opt: Namespace) -> None:
        self.opt = opt
        self.isTrain: bool = opt.isTrain
        self.device: torch.device = opt.device
        self.save_dir: Path = opt.checkpoints_dir / opt.name
        self.networks: dict[str, nn.Module] = {}
        self.optimizers: dict[str, Optimizer] = {}
        self.scalers: dict[str, GradScaler] = {}  # one for each optimizer
        self.pools: dict[str, ImagePool] = {}
        self.losses: dict[str, Tensor] = {}
        self.visuals: dict[str, Tensor] = {}
        self.image_paths: list[str] = []
        self.objective: GANLoss | None = None
        self.logits: dict[str, Tensor] = {}  # of the last step: see ``add_objective``
        self._noted: dict[str, Tensor] = {}
        self.plateau: Plateau | None = None
        self.averages: Averages | None = None
        self._judges: set[str] = set()  # names of discriminators
        self.speed = Speed.of(opt) if self.isTrain else Speed()
        self.replicas = Replicas(self.device)

    # ---- what a model writes -------------------------------------------------------------------

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        """Add this model's flags, or change the defaults of shared ones."""

    @staticmethod
    def check_options(opt: Namespace) -> None:
        """Raise ValueError (found, wanted, way out) for flags that contradict each other."""

    @abstractmethod
    def set_input(self, batch: Batch) -> None:
        """Move one batch to the device, as with ``self.take``."""

    @abstractmethod
    def forward(self) -> None:
        """Translate the batch."""

    @abstractmethod
    def optimize_parameters(self) -> None:
        """One training step: forward, losses, backward, update, ``report_losses``."""

    # Channels of a picture that is translated, where they are not --input_nc: see ``encode``.
    picture_channels: ClassVar[int | None] = None

    @staticmethod
    def encode(pictures: Tensor) -> Tensor:
        """[N, C, H, W] in -1..1 -> what the generator gets of them, pixel by pixel."""
        return pictures

    @staticmethod
    def decode(inputs: Tensor, outputs: Tensor) -> Tensor:
        """What the generator got and what it made of it -> pictures [N, C, H, W] in -1..1."""
        return outputs

    @classmethod
    def encode_in_torch(cls, pictures: Tensor) -> Tensor:
        """``encode`` in torch operations alone, without branches: it goes into exported files."""
        return cls.encode(pictures)

    @classmethod
    def decode_in_torch(cls, inputs: Tensor, outputs: Tensor) -> Tensor:
        """``decode``, likewise."""
        return cls.decode(inputs, outputs)

    def compute_visuals(self) -> None:
        """Fill ``self.visuals`` for showing; called only when somebody looks."""

    def outcomes(self) -> tuple[Outcome, ...]:
        """Which visuals a validation compares (--val_phase)."""
        return (Outcome(given="real_A", made="fake_B", wanted="real_B"),)

    # ---- what a model calls --------------------------------------------------------------------

    def add_network(self, name: str, net: Net) -> Net:
        """File ``net``, [N, C, H, W] float32 in, one float32 tensor out; returns what to call.

        That is ``net`` itself, or with several processes a module that wraps it.
        """
        inner: nn.Module = net.to(self.device)
        if self.isTrain:
            inner = self.replicas.share_statistics(inner)
            self.speed.prepare(inner, self.device)
        self.networks[name] = inner
        return cast(Net, self.replicas.add(inner) if self.isTrain else inner)

    def add_generator(self, name: str, in_channels: int, out_channels: int) -> nn.Module:
        """The generator of --netG, --ngf, --norm, ..., filed as ``name``."""
        opt = self.opt
        net = define_G(
            opt.netG,
            in_channels=in_channels,
            out_channels=out_channels,
            width=opt.ngf,
            norm=opt.norm,
            dropout=not opt.no_dropout,
            init_type=opt.init_type,
            init_gain=opt.init_gain,
        )
        return self.add_network(name, net)

    def add_discriminator(self, name: str, in_channels: int) -> nn.Module:
        """The discriminator of --netD, --ndf, --norm, ..., filed as ``name``."""
        opt = self.opt
        net = define_D(
            opt.netD,
            in_channels=in_channels,
            width=opt.ndf,
            n_layers=opt.n_layers_D,
            norm=opt.norm,
            init_type=opt.init_type,
            init_gain=opt.init_gain,
        )
        self._judges.add(name)
        return self.add_network(name, net)

    def add_optimizer(self, name: str, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Adam with the papers' moments (pix2pix, section 3.3)."""
        graph = self.speed.graph
        optimizer = Adam(
            parameters,
            lr=torch.tensor(self.opt.lr, device=self.device) if graph else self.opt.lr,
            betas=(self.opt.beta1, 0.999),
            fused=self.device.type in ("cpu", "cuda", "mps"),  # one kernel for all weights
            capturable=graph and self.device.type == "cuda",
        )
        self.optimizers[name] = optimizer
        return optimizer

    def update(self, optimizer: Optimizer, loss: Tensor) -> None:
        """Take one step of a filed optimizer down the gradient of ``loss``, a scalar."""
        name = next(name for name, own in self.optimizers.items() if own is optimizer)
        if name not in self.scalers:
            self.scalers[name] = self.speed.make_scaler(self.device)
        step.update(optimizer, loss, self.scalers[name])

    def add_objective(self, gan: GANLoss) -> GANLoss:
        """File what the discriminators minimise; returns what to call.

        ``self.logits`` then holds what they said in the last step, ``real_0``, ``fake_0``, ... in
        the order of the calls, for the doctor.
        """
        self.objective = gan
        return gan if self.opt.no_doctor else gan.noting(self._note)

    def _note(self, kind: str, logits: Tensor) -> None:
        number = sum(name.startswith(kind) for name in self._noted)
        # A new dict, as a step that was recorded gives back those that it changed.
        self._noted = {**self._noted, f"{kind}_{number}": logits}

    def in_one_pass(self, net: nn.Module, *batches: Tensor) -> list[Tensor]:
        """``net`` of each batch: at once, where no norm mixes pictures and the sizes agree."""
        return step.in_one_pass(net, *batches)

    def add_pool(self, name: str) -> ImagePool:
        """An image buffer of ``--pool_size``; each draws from a generator of its own."""
        # In each process, for the pictures of that process.
        seed = self.opt.seed + len(self.pools) + 1000 * current_process().rank
        self.pools[name] = ImagePool(self.opt.pool_size, seed=seed)
        return self.pools[name]

    def take(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The batch's input and target, by --direction, on the device; sets ``image_paths``."""
        forwards = self.opt.direction == "AtoB"
        self.image_paths = batch["A_paths" if forwards else "B_paths"]
        a, b = batch["A"].to(self.device), batch["B"].to(self.device)
        return (a, b) if forwards else (b, a)

    def report_losses(self, **losses: Tensor) -> None:
        """File the step's losses, on the device, in the order in which they will be printed.

        Of several processes, the means over all.
        """
        self.losses = self.replicas.mean({name: loss.detach() for name, loss in losses.items()})
        self.logits, self._noted = self._noted, {}

    @staticmethod
    def set_requires_grad(nets: nn.Module | Iterable[nn.Module], requires_grad: bool) -> None:
        for net in [nets] if isinstance(nets, nn.Module) else nets:
            net.requires_grad_(requires_grad)

    # ---- what train.py and test.py call --------------------------------------------------------

    @property
    def model_names(self) -> list[str]:
        return list(self.networks)

    @property
    def loss_names(self) -> list[str]:
        return list(self.losses)

    @property
    def visual_names(self) -> list[str]:
        return list(self.visuals)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("model_names", "loss_names", "visual_names"):
            raise ValueError(
                f"self.{name} = ... is how models of the original implementation begin; here it "
                "follows from add_network, report_losses and self.visuals: see docs/design.md, "
                "what differs from the reference"
            )
        super().__setattr__(name, value)

    @property
    def load_suffix(self) -> str:
        """Which files to load: ``latest``, ``20`` or ``iter_5000`` (--epoch, --load_iter)."""
        return f"iter_{self.opt.load_iter}" if self.opt.load_iter else str(self.opt.epoch)

    def setup(self, opt: Namespace) -> None:
        """Load the weights that are tested; print the size of the networks."""
        if self.isTrain and opt.lr_policy == PLATEAU:
            self.plateau = Plateau(
                opt.lr_metric, self.optimizers.values(), higher_is_better=rises(opt.lr_metric)
            )
        if self.isTrain and opt.ema:
            made_with = {name: net for name, net in self.networks.items()
                         if name not in self._judges}
            self.averages = Averages(made_with, opt.ema)
        if not self.isTrain:
            self.load_networks(self.load_suffix)
        self.print_networks(opt.verbose)

    def train(self) -> None:
        for net in self.networks.values():
            net.train()

    def eval(self) -> None:
        """Dropout off, running statistics on."""
        for net in self.networks.values():
            net.eval()

    @torch.inference_mode()
    def test(self) -> None:
        """Translate the batch and make it visible, without gradients."""
        self.forward()
        self.compute_visuals()

    def get_image_paths(self) -> list[str]:
        return self.image_paths

    def get_current_losses(self) -> dict[str, float]:
        """Copy the losses to the host. Waits for the device: call it only when printing."""
        return {name: value.item() for name, value in self.losses.items()}

    def get_current_visuals(self) -> dict[str, Tensor]:
        """Label -> [N, C, H, W] in -1..1, on the device."""
        return {name: image.detach() for name, image in self.visuals.items()}

    def update_learning_rate(self, epoch: int) -> None:
        """Set every optimizer's rate for ``epoch``, which is about to start."""
        before, places = self.learning_rate, [step.rates(o) for o in self.optimizers.values()]
        if self.plateau:
            self.plateau.start_epoch(epoch)
        else:
            opt = self.opt
            plan = Plan(opt.n_epochs, opt.n_epochs_decay, opt.lr_decay_iters)
            for optimizer in self.optimizers.values():
                for group in optimizer.param_groups:
                    group["lr"] = opt.lr * SCHEDULES[opt.lr_policy](epoch, plan)
        for optimizer, kept in zip(self.optimizers.values(), places, strict=True):
            step.put_rates(optimizer, kept)
        if self.learning_rate != before:
            log.info("learning rate %g -> %g", before, self.learning_rate)

    @property
    def learning_rate(self) -> float:
        """Of the first optimizer; 0 for a model without one."""
        for optimizer in self.optimizers.values():
            return float(optimizer.param_groups[0]["lr"])
        return 0.0

    # ---- files ---------------------------------------------------------------------------------

    def save_networks(self, epoch: int | str) -> None:
        """Write ``<epoch>_net_<name>.pth`` for every network, under the published names."""
        for path, weights in self.network_files(epoch).items():
            checkpoint.save(path, weights)

    def network_files(self, epoch: int | str) -> dict[Path, Mapping[str, Tensor]]:
        """What ``save_networks`` writes, for a caller that writes in the background."""
        averaged = self.averages.weights if self.averages else {}
        return network_files.files(self.networks, self.save_dir, epoch, averaged)

    def load_networks(self, epoch: int | str) -> None:
        """In a test with ``--ema`` the averages of those networks that have one."""
        averaged = not self.isTrain and self.opt.ema
        network_files.load(self.networks, self.save_dir, epoch, averaged=averaged)

    def print_networks(self, verbose: bool) -> None:
        network_files.print_sizes(self.networks, verbose=verbose)

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs of the model."""
        return model_state.state_dict(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError when the state is that of another model."""
        model_state.load_state_dict(self, state)

    def fragile_state(self) -> dict[str, Any]:
        """What a step changes besides weights, to take the step back."""
        return model_state.fragile_state(self)

    def load_fragile_state(self, state: Mapping[str, Any]) -> None:
        model_state.load_fragile_state(self, state)
