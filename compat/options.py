"""The options as files of users see them: with the types that the original implementation has."""

from argparse import Namespace
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any


class PathText(str):
    """A path as text, with the methods of ``Path``: ``root + "/train"``, ``root / "train"``."""

    __slots__ = ()

    def __truediv__(self, other: str | Path) -> "PathText":
        return PathText(Path(self) / other)

    def __getattr__(self, name: str) -> Any:
        return getattr(Path(self), name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str | Path) and str(self) == str(other)

    def __hash__(self) -> int:
        return str.__hash__(self)


def _as_text(path: Any) -> Any:
    return PathText(path) if isinstance(path, Path) else path


_PATHS = ("dataroot", "checkpoints_dir", "results_dir")
_SEEN: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_PATHS, _as_text),
    **dict.fromkeys(("max_dataset_size", "num_test"), lambda most: inf if most is None else most),
    "epoch_count": lambda epoch: epoch or 1,
    "batch_size": lambda size: size or 1,
    "num_threads": lambda count: 4 if count == "auto" else count,
}
# Names of attributes from before 2018.
_RENAMED = {
    "niter": "n_epochs", "niter_decay": "n_epochs_decay", "which_epoch": "epoch",
    "which_direction": "direction", "which_model_netG": "netG", "which_model_netD": "netD",
    "loadSize": "load_size", "fineSize": "crop_size", "batchSize": "batch_size",
    "nThreads": "num_threads", "resize_or_crop": "preprocess", "how_many": "num_test",
    "ntest": "num_test",
}
# The original has them in tests, too, where they have no effect.
_IN_TESTS = {"display_id": -1, "display_ncols": 4, "display_server": "http://localhost",
             "display_env": "main", "display_port": 8097}


class SeenOptions(Namespace):
    """Shares the values of ``opt``; values that the original has in another type are converted."""

    is_script = False  # True: parsed by a script of the user

    @classmethod
    def of(cls, opt: Namespace) -> "SeenOptions":
        seen = cls()
        object.__setattr__(seen, "__dict__", vars(opt))
        return seen

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name == "gpu_ids" and value is None:
            return [self.device.index or 0] if self.device.type == "cuda" else []
        return _SEEN[name](value) if name in _SEEN else value

    def __getattr__(self, name: str) -> Any:
        if name in _RENAMED:
            return getattr(self, _RENAMED[name])
        if name in _IN_TESTS:
            return _IN_TESTS[name]
        raise AttributeError(f"the options have no {name!r}; add it in modify_commandline_options")

    def __setattr__(self, name: str, value: Any) -> None:
        value = Path(value) if name in _PATHS else value
        super().__setattr__(_RENAMED.get(name, name), value)


def plain(opt: Namespace) -> Namespace:
    """Return options that share the values of ``opt``, unconverted, for the code of the project."""
    own = Namespace()
    own.__dict__ = vars(opt)
    return own
