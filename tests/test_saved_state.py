"""Every wrong part of latest_state.pth ends a resume with one sentence, or changes nothing."""

import copy
import math
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from models.averages import Averages
from models.base_model import BaseModel
from models.execution.replicas import Replicas
from models.execution.speed import Speed
from models.parts import Parts
from models.schedules import Plateau
from training.clock import Clock
from training.saving.run_saver import RunSaver
from training.validation.best import Best
from util import checkpoint
from util.image_pool import ImagePool

CPU = torch.device("cpu")
MISSING = object()
Place = tuple[Any, ...]


def saver(folder: Path) -> RunSaver:
    """Return the saver of a run with every part that a state may have, and tiny networks."""
    parts = Parts(CPU, Speed())
    torch.manual_seed(0)
    for name in "GD":
        net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.BatchNorm1d(2, affine=False))
        parts.add_network(name, net, "auxiliary")
        parts.add_optimizer(name, torch.optim.Adam(net.parameters(), lr=1e-3))
    parts.pools["fake"] = ImagePool(3)
    parts.plateau = Plateau("L1", parts.optimizers.values())
    parts.averages = Averages({"G": parts.networks["G"]}, 0.9)
    model = SimpleNamespace(save_dir=folder, parts=parts, device=CPU, networks=parts.networks,
                            pools=parts.pools, state_dict=parts.state_dict,
                            load_state_dict=parts.load_state_dict, replicas=Replicas(CPU))
    best = Best("l1", higher_is_better=False, patience=0, images="4 pictures")
    return RunSaver(model=cast(BaseModel, model), clock=Clock(n_epochs=5, epoch_size=4), best=best,
                    latest_freq=1, epoch_freq=1, by_iter=False, keep_epochs=None)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the state of such a run after one step and one validation."""
    run = saver(tmp_path_factory.mktemp("run"))
    (run.folder / "loss_log.txt").write_text("(epoch: 1,")
    for name, net in run.model.networks.items():
        net(torch.rand(4, 2)).square().mean().backward()
        run.model.parts.optimizers[name].step()
    run.model.pools["fake"].query(torch.rand(2, 3, 4, 4))
    run.clock.advance(4)
    assert run.best is not None
    run.best.add({"val_l1": 0.5, "val_psnr": math.inf}, run.clock.progress)
    return copy.deepcopy(run._state())


def nodes(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield every part of a nested state with its place; of long lists the first and the last."""
    for key, item in entries(value):
        yield (*place, key), item
        yield from nodes(item, (*place, key))


def entries(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    items = list(enumerate(value)) if isinstance(value, list | tuple) else []
    return items if len(items) < 30 else [items[0], items[-1]]


def changed(value: Any, place: Place, new: Any) -> Any:
    """Return a copy of a nested state with another part at ``place``, or without it."""
    (key, *rest), items = place, value if isinstance(value, dict) else dict(enumerate(value))
    copied = {**items, key: changed(items[key], tuple(rest), new) if rest else new}
    kept = {name: item for name, item in copied.items() if item is not MISSING}
    return kept if isinstance(value, dict) else type(value)(kept.values())


def wrong(value: Any) -> Iterator[Any]:
    """Yield values of other types, sizes and ranges."""
    yield from (MISSING, "x", [torch.zeros(2)], {"a": 1}, {}, [], 10**30, math.nan, -5)
    if isinstance(value, Tensor):
        yield from (torch.zeros(value.numel() + 1, dtype=value.dtype), value.to(torch.complex64),
                    torch.empty_like(value, device="meta"), value.to(torch.int16), value.bool())
    if isinstance(value, Tensor) and value.is_floating_point():
        yield from (value * math.nan, value - math.inf, value.to(torch.float8_e4m3fn))
        yield from [value.half(), value.double()] if value.ndim < 3 else []  # pools take these
        yield from [value.to_sparse()] if value.ndim else []
    if isinstance(value, list | tuple):
        yield from ((*value, 1), [*value, 1])


# A wrong value there has no effect, or is as good as another one: settings of kernels, which are
# not restored; settings that fall back to the flags if they are missing; names of the best.
HARMLESS = re.compile(
    r"version=missing|.*\.(fused|foreach|capturable)=.*|.*param_groups\.0\.\w+=missing"
    r"|.*\.weights_with_state=missing|.*(lr|eps|weight_decay|gauss|schedulers\.\d\.best)=1000.*"
    r"|.*(gauss|schedulers\.\d\.best)=-5|.*random\.(python\.)?2=(-5|1000.*)|random\.cuda=\[\]"
    r"|model\.(scalers|scalers\.\w)=(missing|\{.*)"
    r"|model\.pools\.fake\.images(=\[\]|\.\d=missing)|logs(=\{.*|\..*=missing)"
    r"|best\.basis=.*|best\.found(=\{\}|\.metric=x|\.values=\{.*|\.value.*=(-5|1000.*|missing))")


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.soak), 17])
def test_no_part_of_a_wrong_kind_is_restored(
    every: int, state: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, Any]] = [state]
    monkeypatch.setattr(checkpoint, "load", lambda *_, **__: given[0])
    saver(tmp_path).restore()
    accepted, run = [], saver(tmp_path)
    changes = [(place, new) for place, value in nodes(state) for new in wrong(value)]
    assert len(changes) > 1000
    for place, new in changes[::every]:
        given[0], name = changed(state, place, new), ".".join(map(str, place))
        try:
            run.restore()
        except ValueError as error:
            text = str(error)
            assert "latest_state.pth" in text, (name, text)
            assert "resumed from (" not in text, (name, text)  # foreseen, not only caught
            assert "\n" not in text and len(text) < 500, (name, text)
            continue
        accepted.append(f"{name}={'missing' if new is MISSING else new!s:.60}")
        run = saver(tmp_path)
    assert [what for what in accepted if not HARMLESS.fullmatch(what)] == []


@pytest.mark.parametrize(("change", "what"), [
    ({"version": 2}, "version 2: a later version"), ({"more": 1}, "more: a later version"),
])
def test_the_file_of_a_later_version_is_refused(
    change: dict[str, int], what: str, state: dict[str, Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoint, "load", lambda *_, **__: state | change)
    wanted = rf"resumed from: this program knows version 1 of such files, and this one has {what}"
    with pytest.raises(ValueError, match=wanted):
        saver(tmp_path).restore()
