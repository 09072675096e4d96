"""Which of a model's pictures a validation looks at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """Labels of ``BaseModel.visuals``: of ``given`` a generator made ``made``, to be ``wanted``.

    Without pairs, ``wanted`` is of the same kind only, and ``again`` is ``given`` there and back.
    Metrics of pairs then compare these two: what a cycle keeps, not how good a translation is.
    """

    given: str
    made: str
    wanted: str
    again: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        """Output and target of metrics that compare picture with picture."""
        return (self.again, self.given) if self.again else self.sets

    @property
    def sets(self) -> tuple[str, str]:
        """Outputs and targets of metrics that compare set with set."""
        return self.made, self.wanted

    @property
    def labels(self) -> set[str]:
        return {self.given, self.made, self.wanted, *self.pair}
