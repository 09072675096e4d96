"""The contract between a model and train.py / test.py.

A subclass registers its parts by methods that return their argument (models/registration.py). The
base class then saves, loads, schedules and reports them:

    self.netG = self.add_generator("G", 3, 3)                   weights: <epoch>_net_G.pth
    self.netF = self.add_network("F", AnyModule(), role="auxiliary")
    self.optimizer_G = self.add_optimizer("G", self.netG.parameters())
    self.gan = self.add_objective(GAN_MODES[opt.gan_mode])      the doctor checks its logits
    self.report_losses(G_L1=loss)                               shown by the displays
    self.visuals = {"real_A": self.real_A, ...}                 [N, C, H, W] in -1..1

models/execution/speed.py defines the inputs and outputs of a network, models/parts.py the roles,
models/comparison.py which images are compared.
"""

import logging
from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from data import find_dataset
from data.base_dataset import Batch
from models.averages import Averages
from models.codec import Codec
from models.comparison import Comparison
from models.execution import speed
from models.losses import GANObjective, l1_of_known, share_of_known
from models.pixels import BatchPixels
from models.schedules import SCHEDULES, EpochCounts

log = logging.getLogger(__name__)


class BaseModel(BatchPixels, ABC):
    """Networks, optimizers and one training step.

    Args:
        opt: parsed options; ``opt.device`` is the device of all tensors.
    """

    # All names that ``report_losses`` may use: the parser checks --lr_metric. () means unknown.
    LOSSES: ClassVar[tuple[str, ...]] = ()
    # Losses whose sum measures the fit to training images; the doctor compares it with val_l1.
    FIT: ClassVar[tuple[str, ...]] = ()
    # Whether the parser compares --crop_size with the sides that --netG takes.
    CHECKS_SIDES: ClassVar[bool] = True
    codec: ClassVar[Codec] = Codec()
    # Returns ``net(batch)`` for each batch, in one forward pass if the results are equal.
    in_one_pass = staticmethod(speed.in_one_pass)

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.visuals: dict[str, Tensor] = {}
        self.image_paths = []
        self.objective: GANObjective | None = None
        self.logits: dict[str, Tensor] = {}  # of the last step: see ``add_objective``
        self._step_logits: dict[str, Tensor] = {}  # of the step that is running
        self._epoch = getattr(opt, "epoch_count", None) or 1  # that the learning rates are of

    @staticmethod
    def modify_commandline_options(
        parser: ArgumentParser, is_train: bool
    ) -> ArgumentParser | None:
        """Add this model's flags, or change the defaults of shared flags. The result is unused."""
        return parser

    @staticmethod
    def check_options(opt: Namespace) -> None:
        """Raise ValueError (found, wanted, fix) for flags that contradict each other."""

    @staticmethod
    def comparisons(opt: Namespace) -> tuple[Comparison, ...]:
        """Return which visuals may be compared; () if none.

        The default is one translation ``fake_B`` of ``real_A``; its target is ``real_B`` if the
        data set has pairs.
        """
        paired = find_dataset(opt.dataset_mode).paired
        kind = Comparison.paired if paired else Comparison.unpaired
        return (kind("real_A", "fake_B", "real_B"),)

    @abstractmethod
    def set_input(self, batch: Batch) -> None:
        """Move one batch to the device, for example by ``self.take``."""

    @abstractmethod
    def forward(self) -> None:
        """Translate the batch."""

    @abstractmethod
    def optimize_parameters(self) -> None:
        """Do one training step: forward, losses, backward, update, ``report_losses``."""

    def compute_visuals(self) -> None:
        """Fill ``self.visuals``. Called only when images are displayed or compared."""

    def update(self, optimizers: Optimizer | Sequence[Optimizer], loss: Tensor) -> None:
        """Take one step of one or several registered optimizers along the gradient of ``loss``."""
        several = [optimizers] if isinstance(optimizers, Optimizer) else list(optimizers)
        names = [name for name, own in self.parts.optimizers.items() if own is several[0]]
        if not names:
            raise ValueError(f"update got an optimizer ({type(several[0]).__name__}) that is "
                             "neither saved nor scheduled; create it with add_optimizer; there are "
                             f"{', '.join(self.parts.optimizers)}")
        speed.update(several, loss, self.parts.scalers[names[0]])

    def add_objective(self, gan: GANObjective) -> GANObjective:
        """Register the discriminators' objective and return the object to call.

        ``self.logits`` then holds the logits of the last step for the doctor: ``real_0``,
        ``fake_0``, ``real_1``, ... in the order of the calls, which is that of the discriminators.
        """
        self.objective = gan
        return gan if self.opt.no_doctor else gan.observed(self._keep_logits)

    def _keep_logits(self, kind: str, logits: Tensor) -> None:
        number = sum(name.startswith(kind) for name in self._step_logits)
        # A new dict: a recorded step restores the attributes that it changed.
        self._step_logits = {**self._step_logits, f"{kind}_{number}": logits}

    def take(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the batch's input and target (--direction) on the device.

        Set ``image_paths``, ``missing_A`` and ``missing_B``.
        """
        forwards = self.opt.direction == "AtoB"
        self.image_paths = batch["A_paths" if forwards else "B_paths"]
        self.target_paths = batch["B_paths" if forwards else "A_paths"]
        a, b = batch["A"].to(self.device), batch["B"].to(self.device)
        if "A_missing" in batch and "B_missing" in batch:
            masks = batch["A_missing"].to(self.device), batch["B_missing"].to(self.device)
            self.missing_A, self.missing_B = masks if forwards else masks[::-1]
        return (a, b) if forwards else (b, a)

    def l1(self, image: Tensor, target: Tensor, missing: Tensor | None) -> Tensor:
        """Return the mean difference over the values that ``target`` has: see ``l1_of_known``.

        In several processes it is the mean over the images of all of them.
        """
        known = None
        if missing is not None and self.replicas.size > 1:
            known = self.replicas.mean({"known": share_of_known(missing)})["known"]
        return l1_of_known(image, target, missing, known)

    def report_losses(self, **losses: Tensor) -> None:
        """Keep the step's losses on the device, in the order in which they are printed."""
        detached = {name: loss.detach() for name, loss in losses.items()}
        self.reported = self.replicas.mean(detached) if self.replicas.size > 1 else detached
        self.logits, self._step_logits = self._step_logits, {}

    def set_requires_grad(
        self, nets: nn.Module | Iterable[nn.Module], requires_grad: bool = False
    ) -> None:
        for net in [nets] if isinstance(nets, nn.Module) else filter(None, nets):
            net.requires_grad_(requires_grad)

    @property
    def load_suffix(self) -> str:
        """Return the label of the files to load: ``latest``, ``20`` or ``iter_5000``."""
        return f"iter_{self.opt.load_iter}" if self.opt.load_iter else str(self.opt.epoch)

    def setup(self, opt: Namespace) -> None:
        """Create the averages (--ema), load weights for a test or a resuming script, log sizes."""
        if self.isTrain and opt.ema:
            self.parts.averages = Averages(self.parts.with_role("generator"), opt.ema)
        if not self.isTrain or (opt.continue_train and getattr(opt, "is_script", False)):
            self.load_networks(self.load_suffix)
        self.print_networks(opt.verbose)

    def train(self) -> None:
        for net in self.parts.networks.values():
            net.train()

    def eval(self) -> None:
        """Switch off dropout and use running statistics."""
        for net in self.parts.networks.values():
            net.eval()

    @torch.no_grad()
    def test(self) -> None:
        """Translate the batch and fill ``visuals``, without gradients."""
        self.forward()
        self.compute_visuals()

    def get_current_losses(self) -> dict[str, float]:
        """Copy the losses to the host. Synchronises with the device: call it only to print."""
        return {name: value.item() for name, value in self.reported.items()}

    def get_current_visuals(self) -> dict[str, Tensor]:
        """Return label -> [N, C, H, W] in -1..1, on the device."""
        return {name: image.detach() for name, image in self.visuals.items()}

    def update_learning_rate(self, epoch: int | None = None) -> None:
        """Set the learning rates for ``epoch``; by default for the one after the epoch so far."""
        before = self.parts.learning_rate
        epoch = self._epoch = self._epoch + 1 if epoch is None else epoch
        if self.parts.plateau:
            self.parts.start_plateau_epoch(epoch)
        else:
            opt = self.opt
            counts = EpochCounts(opt.n_epochs, opt.n_epochs_decay, opt.lr_decay_iters)
            self.parts.scale_rates(SCHEDULES[opt.lr_policy](epoch, counts))
        if self.parts.learning_rate != before:
            log.info("learning rate %g -> %g", before, self.parts.learning_rate)
