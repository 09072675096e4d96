"""Looks after a training, and says in one line what is wrong and what to do.

It looks at what is there whenever losses or pictures are reported, changes nothing, and draws no
random numbers. What it measures and how the limits were found: docs/design.md, the doctor.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor

from display.reports import VALUE, Advice, LossReport
from display.sinks.doctor_log_sink import open_problems
from models.base_model import BaseModel
from models.comparison import Comparison
from training.clock import Clock
from training.doctor.data_wait import Waiting
from training.doctor.diagnoses import COMPLAINTS, Finding, Watch
from training.doctor.gradients import Sizes
from training.doctor.outputs import Outputs, Partner, Translation
from training.doctor.overfitting import Gap

PICTURES = 4  # of a batch that are looked at
FIRST_PICTURES = 1000  # seen until outputs are judged: at first all are grey, with a grid
LEAST_LOSS_D = 0.02  # of that of a discriminator that cannot tell
VALIDATED = VALUE + "l1"  # what shows overfitting


class Doctor:
    """Called at reports only.

    Args:
        tell: gets what is to be said.
        flags: those that the run has, so that no other is recommended.
        loading_advice: what to do where the training waits for pictures.
        filling: images until a cache holds all pictures, and they come at their usual pace.
        past: what was said when this run was at work before.
    """

    def __init__(
        self,
        model: BaseModel,
        clock: Clock,
        tell: Callable[[Advice], None],
        *,
        flags: Collection[str],
        loading_advice: str,
        filling: int = 0,
        past: Sequence[Advice] = (),
    ) -> None:
        self.model = model
        self.clock = clock
        self.measured: dict[str, float] = {}  # at the last looks
        self._tell = tell
        self._flags = flags
        self._loading_advice = loading_advice
        ill = {one.complaint for one in open_problems(past)}
        self._watches = {
            name: Watch(complaint.looks, ill=name in ill)
            for name, complaint in COMPLAINTS.items()
        }
        # A run that goes on has forgotten its healthy days, and could not tell that they are back.
        self._settled = {name for name in ill if COMPLAINTS[name].looks_back}
        self._sizes = Sizes(model.networks)
        self._waiting = Waiting(clock.images, filling=filling)
        self._gap = Gap()
        self._outputs = Outputs()

    # ---- called by the training ----------------------------------------------------------------

    def look_at_losses(self, report: LossReport) -> None:
        """Waits for the device, as the losses that are reported with it do."""
        self._judge(self._sizes.look())
        self._judge(self._logits())
        self._judge(self._waiting.look(report))
        self._judge(self._overfitting(report))

    def look_at_pictures(self, visuals: Mapping[str, Tensor]) -> None:
        """``visuals``: those of the last step, with the names of the model."""
        seen = {name: image[:PICTURES] for name, image in visuals.items()}
        translations = [
            Translation(
                shown.made, seen[shown.given], seen[shown.made], seen[shown.domain],
                _partner(shown),
            )
            for shown in self.model.comparisons(self.model.opt) if shown.labels <= seen.keys()
        ]
        if not translations:
            return
        for finding in self._outputs.look(translations):
            self._judge(finding, too_early=self.clock.images < FIRST_PICTURES)

    # ---- what it sees, says and keeps to itself ------------------------------------------------

    def _logits(self) -> Finding:
        """Of the discriminator that is surest of itself."""
        gan, logits = self.model.objective, self.model.logits
        shares, told = {}, {}
        names = self.model.parts.with_role("discriminator")
        for number, name in enumerate(names):
            real, fake = (logits.get(f"{kind}_{number}") for kind in ("real", "fake"))
            if gan is None or gan.undecided is None or real is None or fake is None:
                continue
            undecided = torch.tensor(gan.undecided)
            loss = float(gan.real(real) + gan.fake(fake))
            shares[name] = loss / float(gan.real(undecided) + gan.fake(undecided))
            told[name] = (
                f"the loss of {name} is {shares[name]:.2%} of an undecided one's, its logits are "
                f"{float(real.mean()):.1f} on real and {float(fake.mean()):.1f} on generated "
                "pictures"
            )
        if not shares:
            return Finding("discriminator has won", None)
        surest = min(shares, key=shares.__getitem__)
        return Finding(
            "discriminator has won", shares[surest] < LEAST_LOSS_D, told[surest],
            {f"loss of {name}": share for name, share in shares.items()},
        )

    def _overfitting(self, report: LossReport) -> Finding:
        losses = [report.losses[name] for name in self.model.FIT if name in report.losses]
        if not losses:
            return Finding("overfitting", None)
        self._gap.add_loss(sum(losses))
        if VALIDATED not in report.validation:
            return Finding("overfitting", None)
        return self._gap.validated(VALIDATED, report.validation[VALIDATED])

    def _judge(self, finding: Finding, *, too_early: bool = False) -> None:
        name = finding.complaint
        self.measured |= finding.measured
        if too_early or name in self._settled:
            return
        explained = any(name in COMPLAINTS[other].explains and self._watches[other].suspected
                        for other in COMPLAINTS)
        if not self._watches[name].look(finding.ill, may_begin=not explained):
            return
        complaint, is_over = COMPLAINTS[name], not self._watches[name].ill
        remedy = complaint.remedy(self._flags) or self._loading_advice
        place = self.clock.epoch, self.clock.images
        self._tell(Advice(*place, name, finding.seen, complaint.meaning, remedy, over=is_over))


def _partner(shown: Comparison) -> Partner | None:
    """Return which image's light and dark an output should follow; None if that is unknown."""
    if shown.back:
        return "input"
    return "target" if shown.target else None
