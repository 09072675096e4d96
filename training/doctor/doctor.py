"""Check a running training; report in one line what is wrong and what to do.

The checks run when losses or images are reported anyway. They change nothing and draw no random
numbers. What is measured, and how the limits were found: docs/design.md, the doctor.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field

import torch
from torch import Tensor

from data.missing import without_missing
from display.reports import CYCLE_VALUE, VALUE, Advice, LossReport
from display.sinks.doctor_log_sink import open_problems
from models.base_model import BaseModel
from models.comparison import Comparison
from models.losses import GANObjective
from training.clock import Clock
from training.doctor.data_wait import DataWaitCheck
from training.doctor.diagnoses import DIAGNOSES, DiagnosisState, Finding
from training.doctor.gradients import GradientCheck
from training.doctor.outputs import OutputChecks, Partner, Translation
from training.doctor.overfitting import OverfittingCheck

IMAGES = 4  # images of a batch that are checked
FIRST_IMAGES = 1000  # no output problem is reported before: first outputs are grey, with a grid
LEAST_LOSS_D = 0.02  # relative to the loss of a discriminator that cannot distinguish
VALIDATED = (VALUE + "l1", CYCLE_VALUE + "l1")  # the values that show overfitting


@dataclass
class Doctor:
    """Checks what is reported, in the main process."""

    model: BaseModel
    clock: Clock
    report: Callable[[Advice], None]  # called with each piece of advice
    _: KW_ONLY
    flags: Collection[str]  # those that the run has; no other flag is recommended
    loading_advice: str  # what to do if the training waits for images
    filling: InitVar[int] = 0  # number of images until a cache holds all of them
    past: InitVar[Sequence[Advice]] = ()  # advice that this run got before it was resumed
    measured: dict[str, float] = field(default_factory=dict)  # by the last checks

    def __post_init__(self, filling: int, past: Sequence[Advice]) -> None:
        active = {advice.complaint for advice in open_problems(past)}
        self._states = {name: DiagnosisState(diagnosis.checks, active=name in active)
                        for name, diagnosis in DIAGNOSES.items()}
        # There is no baseline after a resume: these diagnoses can neither begin nor end.
        self._ignored = {name for name in active if DIAGNOSES[name].needs_baseline}
        self._gradients = GradientCheck(self.model.parts.networks)
        self._data_wait = DataWaitCheck(self.clock.images, filling=filling)
        self._overfitting = OverfittingCheck()
        self._outputs = OutputChecks()

    def check_losses(self, report: LossReport) -> None:
        """Check gradients, logits, speed and fit. Synchronises, as the reported losses do."""
        self._add(self._gradients.check())
        self._add(self._check_logits())
        self._add(self._data_wait.check(report))
        self._add(self._check_fit(report))

    def check_images(self, visuals: Mapping[str, Tensor]) -> None:
        """Check the ``visuals`` of the last step: the model's names -> [N, C, H, W]."""
        images = {name: image[:IMAGES] for name, image in visuals.items()}
        translations = [self._translation(compared, images)
                        for compared in self.model.comparisons(self.model.opt)
                        if compared.labels <= images.keys()]
        if translations:
            for finding in self._outputs.check(translations):
                self._add(finding, too_early=self.clock.images < FIRST_IMAGES)

    def _translation(self, compared: Comparison, images: Mapping[str, Tensor]) -> Translation:
        """Return the images to check; pixels missing in the partner are replaced by means."""
        missing = self.model.missing_in(compared)
        given, made, domain = (images[name] if missing is None
                               else _with_means(images[name], missing[:IMAGES])
                               for name in (compared.given, compared.made, compared.domain))
        return Translation(compared.made, given, made, domain, _partner(compared))

    def _check_logits(self) -> Finding:
        """Check the discriminator whose loss is smallest."""
        gan, logits = self.model.objective, self.model.logits
        shares, evidence = {}, {}
        if not isinstance(gan, GANObjective):  # a model may use the attribute otherwise
            return Finding("discriminator has won", None)
        names = self.model.parts.with_role("discriminator")
        for number, name in enumerate(names):
            real, fake = (logits.get(f"{kind}_{number}") for kind in ("real", "fake"))
            if gan.undecided is None or real is None or fake is None:
                continue
            undecided = torch.tensor(gan.undecided)
            loss = float(gan.real(real) + gan.fake(fake))
            shares[name] = loss / float(gan.real(undecided) + gan.fake(undecided))
            evidence[name] = (f"the loss of {name} is {shares[name]:.2%} of that of an undecided "
                              f"one, its logits are {float(real.mean()):.1f} on real and "
                              f"{float(fake.mean()):.1f} on generated images")
        if not shares:
            return Finding("discriminator has won", None)
        best = min(shares, key=shares.__getitem__)
        return Finding("discriminator has won", shares[best] < LEAST_LOSS_D, evidence[best],
                       {f"loss of {name}": share for name, share in shares.items()})

    def _check_fit(self, report: LossReport) -> Finding:
        losses = [report.losses[name] for name in self.model.FIT if name in report.losses]
        if losses:
            self._overfitting.add_loss(sum(losses))
        measured = [name for name in VALIDATED if name in report.validation]
        if not losses or not measured:
            return Finding("overfitting", None)
        return self._overfitting.check(measured[0], report.validation[measured[0]])

    def _add(self, finding: Finding, *, too_early: bool = False) -> None:
        """Count a finding; report its diagnosis if it has begun or ended."""
        name = finding.diagnosis
        self.measured |= finding.measured
        if too_early or name in self._ignored:
            return
        explained = any(name in DIAGNOSES[cause].explains and self._states[cause].suspected
                        for cause in DIAGNOSES)
        if not self._states[name].add(finding.present, may_begin=not explained):
            return
        diagnosis = DIAGNOSES[name]
        self.report(Advice(self.clock.epoch, self.clock.images, name, finding.seen,
                           diagnosis.meaning, diagnosis.remedy(self.flags) or self.loading_advice,
                           over=not self._states[name].active))


def _partner(compared: Comparison) -> Partner | None:
    """Return which image's light and dark an output should follow; None if that is unknown."""
    if compared.back:
        return "input"
    return "target" if compared.target else None


def _with_means(images: Tensor, missing: Tensor) -> Tensor:
    """Replace the missing pixels of [N, C, H, W] by the mean of the channel's other pixels."""
    holes = images.masked_fill(missing.any(dim=1, keepdim=True), torch.nan)
    return torch.stack([without_missing(image) for image in holes])
