"""The state that each process of a run has of its own: image buffers and random states.

The state of the main process is saved as that of a single process; the states of the others follow
it, ordered by rank.
"""

import logging
from collections.abc import Mapping
from typing import Any

from models.base_model import BaseModel
from models.weights.saved_state import require_pools
from training.saving.background_saver import to_host
from util.disk.state_check import require_entries, require_list
from util.distributed import current_process, gather_to_main
from util.random_states import random_state, require_random_state, set_random_state

log = logging.getLogger(__name__)

_KEY = "other_processes"


def collect(model: BaseModel) -> dict[str, Any]:
    """Return entries of ``latest_state.pth``, complete in the main process. All must call it."""
    random = random_state()
    if not current_process().is_distributed:
        return {"random": random}
    pools = {name: pool.state_dict() for name, pool in model.parts.pools.items()}
    own = {} if current_process().is_main else {"random": random, "pools": to_host(pools)}
    return {"random": random, _KEY: gather_to_main(own)[1:]}


def load(model: BaseModel, state: Mapping[str, Any]) -> None:
    """Restore the state of this process. The model already has the buffers of the main process.

    Ranks without saved state keep their initial state, and a warning is logged.

    Raises:
        StateError: a state is not what ``collect`` returns.
    """
    here, others = current_process(), state.get(_KEY, [])
    require_random_state(state["random"], "random")
    require_list(others, _KEY)
    for index, other in enumerate(others):
        require_entries(other, ("random", "pools") if other else (), f"{_KEY}.{index}")
        if other:
            require_random_state(other["random"], f"{_KEY}.{index}.random")
            require_pools(other["pools"], model.parts.pools, f"{_KEY}.{index}.pools")
    if len(others) + 1 != here.world_size:
        log.warning("saved by %d processes, resumed with %d: the number of images per step "
                    "changes, and image buffers and dropout differ from those of an uninterrupted "
                    "run", len(others) + 1, here.world_size)
    if here.is_main:
        set_random_state(state["random"])
        return
    own = others[here.rank - 1] if here.rank <= len(others) else {}
    if own:
        set_random_state(own["random"])
    for name, pool in model.parts.pools.items():
        if own:
            pool.load_state_dict(own["pools"][name], model.device)
        else:
            pool.clear()  # it holds the images of the main process
