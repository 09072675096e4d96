"""How many processes read pictures, and what to change where the training waits for them."""

import logging
import os

from util.runtime import count_cores

logger = logging.getLogger(__name__)
WAITING = 0.15  # share of the time of a step from which on it is said


def choose_workers(*, device: str, cached: bool, cores: int | None = None) -> int:
    """One core is left to the training itself.

    On a CPU a cached picture costs less than what the training's threads lose by a worker beside
    them. On a GPU the training only starts kernels, and workers keep it from doing anything else.
    """
    if cores is None:
        cores = count_cores() // max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    if device == "cpu" and cached:
        return 0
    most = 4 if cached or device == "cpu" else 8
    return max(0, min(most, cores - 1))


class Waiting:
    """Says once, in one line, that steps wait for pictures, and which flag changes that."""

    def __init__(self, *, cached: bool, workers: int) -> None:
        self._cached = cached
        self._workers = workers
        self._looks = 0
        self._said = False

    def look(self, share: float) -> None:
        """``share``: of the time since the last look, what was spent waiting for pictures."""
        self._looks += 1
        # Workers start and the cache fills during the first.
        if self._looks == 1 or self._said or share < WAITING:
            return
        self._said = True
        logger.info(
            "%.0f %% of the time is spent waiting for pictures: %s", 100 * share, self._knob()
        )

    def _knob(self) -> str:
        if not self._cached:
            return "--cache ram or --cache disk decodes each of them once only"
        if self._workers < count_cores():
            return f"give more than --num_threads {self._workers}"
        return f"--num_threads {self._workers} are as many as there are cores; lower --load_size"
