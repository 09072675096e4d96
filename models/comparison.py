"""Which outputs of a model the validation and the doctor may compare, and with which images."""

from collections.abc import Sequence
from dataclasses import dataclass

from display.reports import CYCLE_VALUE, VALUE


@dataclass(frozen=True)
class Comparison:
    """Labels of ``BaseModel.visuals``; the generator translated ``given`` to ``made``.

    There are three kinds, each with its own constructor:

    - ``paired``: ``made`` should equal ``target``.
    - ``cycle``: ``back`` should equal ``given``. A metric of pairs then measures what the cycle
      preserves, not how good the translation is.
    - ``unpaired``: no image should equal ``made``. No metric of pairs is computed.

    ``domain``: images of the domain of ``made``, compared with it as a set.
    """

    given: str
    made: str
    domain: str
    target: str = ""
    back: str = ""
    from_target_side: bool = False  # ``given`` is the second image that ``BaseModel.take`` returns

    @classmethod
    def paired(
        cls, given: str, made: str, target: str, *, from_target_side: bool = False
    ) -> "Comparison":
        return cls(given, made, target, target=target, from_target_side=from_target_side)

    @classmethod
    def cycle(
        cls, given: str, made: str, back: str, domain: str, *, from_target_side: bool = False
    ) -> "Comparison":
        return cls(given, made, domain, back=back, from_target_side=from_target_side)

    @classmethod
    def unpaired(cls, given: str, made: str, domain: str) -> "Comparison":
        return cls(given, made, domain=domain)

    @property
    def pair(self) -> tuple[str, str] | None:
        """Return output and target for metrics of pairs; None if there is no target."""
        if self.back:
            return self.back, self.given
        return (self.made, self.target) if self.target else None

    def value_name(self, metric: str, *, paired: bool = True) -> str:
        """Return what the value of a metric is called: ``val_l1``, or ``cycle_l1`` of a cycle."""
        return (CYCLE_VALUE if self.back and paired else VALUE) + metric

    @property
    def sets(self) -> tuple[str, str]:
        """Return the outputs, and images of their domain, for metrics of sets."""
        return self.made, self.domain

    @property
    def labels(self) -> set[str]:
        """Return every label that the model's visuals must have."""
        return {self.given, self.made, self.domain, *(self.pair or ())}

    @property
    def description(self) -> str:
        """Return a text that names the compared images."""
        if self.back:
            return f"{self.back} with {self.given}"
        if self.target:
            return f"{self.made} with {self.target}"
        return f"{self.made} with the set of {self.domain}"


def have_pairs(comparisons: Sequence[Comparison]) -> bool:
    """Return whether metrics of pairs can evaluate the model."""
    return bool(comparisons) and all(comparison.pair for comparison in comparisons)
