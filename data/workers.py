"""How many processes read pictures, and what to change where the training waits for them."""

import os

from util.runtime import count_cores


def choose_workers(*, device: str, cached: bool, cores: int | None = None) -> int:
    """One core is left to the training itself.

    On a CPU a cached picture costs less than what the training's threads lose by a worker beside
    them. On a GPU the training only starts kernels, and workers keep it from doing anything else.
    """
    cores = own_cores() if cores is None else cores
    if device == "cpu" and cached:
        return 0
    most = 4 if cached or device == "cpu" else 8
    return max(0, min(most, cores - 1))


def sooner(*, cached: bool, workers: int) -> str:
    """Which flag to change where steps wait for pictures."""
    if not cached:
        return "--cache ram or --cache disk decodes each of them once only"
    if workers < own_cores():
        return f"give more than --num_threads {workers}"
    return f"--num_threads {workers} are as many as there are cores; lower --load_size"


def own_cores() -> int:
    """Of the cores that there are, this training's share; torchrun may have started several."""
    return count_cores() // max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
