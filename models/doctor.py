"""Looks after a training, and says in one line what is wrong and what to do.

It looks at what is there whenever losses or pictures are reported, changes nothing, and draws no
random numbers. The measures and their limits: docs/design.md, the doctor.
"""

import itertools
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

import torch
from torch import Tensor, nn

from models.base_model import BaseModel
from util.clock import Clock
from util.doctor.complaints import COMPLAINTS
from util.doctor.gap import Gap
from util.doctor.measures import Spread, correlation, grid_levels
from util.doctor.watch import Watch
from util.sinks import Advice
from util.sinks.doctor_log import still_ill

PICTURES = 4  # of a batch that are looked at
WINDOW = 8  # the newest looks, whose mean is judged
HISTORY = 50  # norms of gradients
FIRST_PICTURES = 1000  # seen until outputs are judged: at first all are grey, with a grid

MOST_GRADIENT = 100.0  # times the median of the newest looks, and of the first
MOST_WEIGHTS = 10.0  # times those at the start
LEAST_LOSS_D = 0.02  # of that of a discriminator that cannot tell
LEAST_SPREAD = 0.15  # of that of the targets
LEAST_CORRELATION = -0.4  # with the targets; without pairs, with the inputs in both directions
MOST_GRID = 6.0  # grey levels of 255 more than the targets have
MOST_WAITING = 0.15  # of the time
MOST_RISE = 0.1  # of a validation value over its best


@dataclass(frozen=True)
class Translation:
    """[N, C, H, W] in -1..1. Without pairs, ``target`` are other pictures of the same kind."""

    name: str
    source: Tensor
    output: Tensor
    target: Tensor


def translations(visuals: Mapping[str, Tensor]) -> list[Translation]:
    """What was made of what, by the names that models give their pictures.

    ``fake_B`` comes from ``real_A``, and ``real_B`` is its target; ``fake_B_rgb`` has
    ``real_B_rgb``; ``output`` comes from ``data_A`` and has ``data_B``.
    """
    found = []
    for name, output in visuals.items():
        source, target = _partners(name)
        if source in visuals and target in visuals:
            found.append(Translation(name, visuals[source], output, visuals[target]))
    return found


def _partners(name: str) -> tuple[str, str]:
    if name == "output":
        return "data_A", "data_B"
    for side, other in (("A", "B"), ("B", "A")):
        if name.startswith(f"fake_{side}"):
            return f"real_{other}", name.replace("fake", "real", 1)
    return "", ""


def filters(net: nn.Module) -> list[Tensor]:
    """Weights of convolutions: not biases and scales, which are small in number and begin at 0."""
    return [weight.detach() for weight in net.parameters() if weight.ndim > 1]


def norm_of(tensors: list[Tensor]) -> float:
    """Of all together. Waits for the device."""
    return float(torch.stack(torch._foreach_norm(tensors)).norm()) if tensors else 0.0


class Doctor:
    """Called at reports only.

    Args:
        tell: gets what is to be said.
        flags: those that the run has, so that no other is recommended.
        sooner: what to do where the training waits for pictures.
        past: what was said when this run was at work before.
    """

    def __init__(
        self,
        model: BaseModel,
        clock: Clock,
        tell: Callable[[Advice], None],
        *,
        flags: Collection[str],
        sooner: str,
        past: Sequence[Advice] = (),
    ) -> None:
        self.model = model
        self.clock = clock
        self.measured: dict[str, float] = {}  # at the last looks
        self._tell = tell
        self._flags = flags
        self._sooner = sooner
        ill = {one.complaint for one in still_ill(past)}
        self._watches = {
            name: Watch(complaint.looks, ill=name in ill)
            for name, complaint in COMPLAINTS.items()
        }
        # A run that goes on with exploded weights has no first ones to compare them with.
        self._exploded_before = "exploding gradients" in ill
        self._first_sizes = {name: norm_of(filters(net)) for name, net in model.networks.items()}
        self._usual: dict[str, tuple[float, deque[float]]] = {}  # norms of gradients
        self._spreads: dict[str, Spread] = {}
        self._correlations: dict[str, deque[float]] = {}
        self._grids: dict[str, deque[tuple[float, float]]] = {}
        self._gaps: dict[str, Gap] = {}
        self._starting = True

    # ---- called by the training ----------------------------------------------------------------

    def look_at_losses(self, *, data_share: float) -> None:
        """Waits for the device, as the losses that are reported with it do."""
        self._look_at_gradients()
        self._look_at_logits()
        self.measured["waiting"] = data_share
        # Workers start and the cache fills before the first look.
        if not self._starting:
            self._judge("waiting for pictures", data_share > MOST_WAITING,
                        f"{data_share:.0%} of the time goes into it")
        self._starting = False

    def look_at_pictures(self, visuals: Mapping[str, Tensor]) -> None:
        """``visuals``: those of the last step, with the names of the model."""
        found = translations({name: image[:PICTURES] for name, image in visuals.items()})
        if not found:
            return
        judged = self.clock.images >= FIRST_PICTURES
        self._look_at_spread(found, judged)
        self._look_at_colours(found, judged)
        self._look_at_grid(found, judged)

    def validated(self, values: Mapping[str, tuple[float, float]]) -> None:
        """After each validation: name -> (training value, validation value), smaller is better.

        Both of one kind, such as an L1 loss, but a constant factor between them does not matter.
        """
        judged = []
        for name, (train, validation) in values.items():
            gap = self._gaps.setdefault(name, Gap())
            if gap.add(train, validation):
                judged.append((gap.rise, gap.fall, name))
                self.measured[f"rise of {name}"], self.measured[f"fall of {name}"] = judged[-1][:2]
        if judged:
            rise, fall, name = max(judged)
            self._judge("overfitting", rise > MOST_RISE and fall > 0,
                        f"{name} is {rise:.0%} above its best on validation pictures, while the "
                        f"training has fallen by {fall:.0%} since")

    # ---- what it looks at ----------------------------------------------------------------------

    def _look_at_gradients(self) -> None:
        """Of each network, against what was usual; and its weights, which such steps blow up."""
        worst, told = 0.0, ""
        for name, net in self.model.networks.items():
            found = [weight.grad for weight in net.parameters() if weight.grad is not None]
            if not found:
                continue
            norm, size = norm_of(found), norm_of(filters(net))
            first, usual = self._usual.setdefault(name, (norm, deque([norm], maxlen=HISTORY)))
            steeper = norm / max(first, median(usual), 1e-12)
            larger = size / max(self._first_sizes[name], 1e-12)
            self.measured |= {f"gradient of {name}": steeper, f"weights of {name}": larger}
            usual.append(norm)
            # A step of Adam is as long as --lr, however steep the slope: the weights tell as well.
            for share, seen in (
                (steeper / MOST_GRADIENT, f"gradient of {name} is {steeper:.3g} times its usual"),
                (larger / MOST_WEIGHTS, f"weights of {name} are {larger:.3g} times their first"),
            ):
                if not share <= worst:
                    worst, told = share, f"the {seen} size"
        if not self._exploded_before:
            self._judge("exploding gradients", not worst <= 1, told)

    def _look_at_logits(self) -> None:
        gan, logits = self.model.objective, self.model.logits
        if gan is None or gan.undecided is None:
            return
        shares = []
        undecided = torch.tensor(gan.undecided)
        of_undecided = float(gan.real(undecided) + gan.fake(undecided))
        names = [name for name in self.model.networks if name.startswith("D")]
        for name, number in zip(names, itertools.count()):
            real, fake = (logits.get(f"{kind}_{number}") for kind in ("real", "fake"))
            if real is None or fake is None:
                continue
            share = float(gan.real(real) + gan.fake(fake)) / of_undecided
            self.measured[f"loss of {name}"] = share
            shares.append((share, f"the loss of {name} is {share:.2%} of an undecided one's, its "
                           f"logits are {float(real.mean()):.1f} on real and "
                           f"{float(fake.mean()):.1f} on generated pictures"))
        if shares:
            self._judge("discriminator has won", min(shares)[0] < LEAST_LOSS_D, min(shares)[1])

    def _look_at_spread(self, found: Sequence[Translation], judged: bool) -> None:
        ratios = []
        for one in found:
            spread = self._spreads.setdefault(one.name, Spread(WINDOW))
            spread.add(one.output, one.target)
            if spread.ratio is not None:
                self.measured[f"spread of {one.name}"] = spread.ratio
                ratios.append((spread.ratio, one.name))
        if judged and ratios:
            ratio, name = min(ratios)
            self._judge("mode collapse", ratio < LEAST_SPREAD,
                        f"{name} differs from input to input {ratio:.2f} times as much as its "
                        "targets do")

    def _look_at_colours(self, found: Sequence[Translation], judged: bool) -> None:
        """An output that is the negative of its target; of two directions, both of their inputs."""
        two_ways = len(found) > 1
        means = []
        for one in found:
            window = self._correlations.setdefault(one.name, deque(maxlen=WINDOW))
            window.extend(correlation(one.output, one.source if two_ways else one.target))
            if window:
                means.append((mean(window), one.name))
                self.measured[f"correlation of {one.name}"] = means[-1][0]
        if judged and means:
            # A network and its way back are inverted together.
            value, name = max(means)
            self._judge("inverted colours", value < LEAST_CORRELATION,
                        f"the luminance of {name} and of its {'input' if two_ways else 'target'} "
                        f"correlate by {value:.2f}")

    def _look_at_grid(self, found: Sequence[Translation], judged: bool) -> None:
        excess = []
        for one in found:
            window = self._grids.setdefault(one.name, deque(maxlen=WINDOW // 2))
            window.append((grid_levels(one.output), grid_levels(one.target)))
            output, target = (mean(levels) for levels in zip(*window, strict=True))
            self.measured[f"grid in {one.name}"] = output - target
            excess.append((output - target, f"a grid of 2 or 4 pixels stands {output:.1f} grey "
                           f"levels high in {one.name}, {target:.1f} in its targets"))
        if judged:
            self._judge("checkerboard", max(excess)[0] > MOST_GRID, max(excess)[1])

    # ---- what it says --------------------------------------------------------------------------

    def _judge(self, name: str, ill: bool, seen: str) -> None:
        watch = self._watches[name]
        explained = any(name in COMPLAINTS[other].explains and self._watches[other].suspected
                        for other in COMPLAINTS)
        if not watch.look(ill, may_begin=not explained):
            return
        complaint = COMPLAINTS[name]
        remedy = complaint.remedy(self._flags) or self._sooner
        place = self.clock.epoch, self.clock.images
        self._tell(Advice(*place, name, seen, complaint.meaning, remedy, over=not watch.ill))
