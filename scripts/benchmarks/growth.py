"""Whether a long run grows: judged on its second half, which is not warming up any more."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from util.text import format_bytes

MOST_BYTES, MOST_SHARE = 5 * 2**20, 0.02  # that the memory may grow in 1,000 steps: the smaller
MOST_AT_ONCE = 128 * 2**20  # a heap may take more once, as for a block that fits into no gap
NEAR = 0.15  # of a run: samples so near to each other are compared
MOST_SLOWER = 0.1  # of the last quarter than the second


@dataclass(frozen=True)
class Sample:
    """``resident``: bytes of the program and its workers; ``cpu_seconds`` of the program alone."""

    steps: int  # taken so far
    resident: int
    cpu_seconds: float


def faults(samples: Sequence[Sample], seconds: Sequence[float]) -> list[str]:
    """What grew, as sentences; [] where nothing did.

    ``seconds``: of a step, over the run.

    Raises:
        ValueError: fewer than four samples or times in the second half.
    """
    end = samples[-1].steps if samples else 0
    late = [sample for sample in samples if sample.steps >= end / 2]
    if len(late) < 4 or len(seconds) < 8:
        raise ValueError(
            f"{len(late)} samples of the second half and {len(seconds)} times are too few to "
            "judge; wanted 4 and 8: run more steps"
        )
    found = []
    grown = growth(late)
    if grown > MOST_BYTES or grown > MOST_SHARE * late[0].resident:
        found.append(
            f"memory grows by {format_bytes(grown, digits=1)} for 1,000 steps; allowed are "
            f"{format_bytes(MOST_BYTES)} and {MOST_SHARE:.0%}"
        )
    risen = late[-1].resident - late[0].resident
    if risen > MOST_AT_ONCE:
        found.append(f"memory has risen by {format_bytes(risen)} in the second half; allowed are "
                     f"{format_bytes(MOST_AT_ONCE)}")
    times = {"": step_times(seconds), " of the CPU": cpu_times(samples)}
    # Other programs on the machine move the first of them alone.
    if all(last > (1 + MOST_SLOWER) * second for second, last in times.values()):
        found += [
            f"a step takes {1000 * last:.1f} ms{of} in the last quarter, {1000 * second:.1f} ms "
            f"in the second; allowed are {MOST_SLOWER:.0%} more"
            for of, (second, last) in times.items()
        ]
    return found


def growth(samples: Sequence[Sample]) -> float:
    """Bytes for 1,000 steps: the median slope between any two samples that are near each other.

    As Theil and Sen do it with all pairs, in which one rise in the middle would be half of them.
    """
    near = NEAR * samples[-1].steps
    slopes = [
        (b.resident - a.resident) / (b.steps - a.steps)
        for index, a in enumerate(samples)
        for b in samples[index + 1 :]
        if 0 < b.steps - a.steps <= near
    ]
    return 1000 * statistics.median(slopes)


def step_times(seconds: Sequence[float]) -> tuple[float, float]:
    """Medians of the second and of the last quarter."""
    quarter = len(seconds) // 4
    return (
        statistics.median(seconds[quarter : 2 * quarter]), statistics.median(seconds[-quarter:])
    )


def cpu_times(samples: Sequence[Sample]) -> tuple[float, float]:
    """Means of the second and of the last quarter, seconds of the CPU for a step."""
    end = samples[-1].steps

    def mean(first: float, last: float) -> float:
        within = [sample for sample in samples if first * end <= sample.steps <= last * end]
        steps = max(1, within[-1].steps - within[0].steps)
        return (within[-1].cpu_seconds - within[0].cpu_seconds) / steps

    return mean(0.25, 0.5), mean(0.75, 1)
