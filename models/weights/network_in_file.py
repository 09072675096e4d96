"""Find the weights of one network in a file that any program wrote.

A file may hold more than one state_dict: networks beside optimizers, or all networks of a model in
one dict. Names may begin with those of wrappers; the rest is then looked up among the
published names.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.weights.infer_flags import Shapes, infer_flags
from models.weights.mismatch import shapes_of
from util import checkpoint
from util.disk.tensor_values import defect_of
from util.text import listing

Weights = dict[str, Tensor]
_WRAPPERS = ("module.", "_orig_mod.")  # DataParallel, torch.compile
# Spectral norm, old and new: the weight, and the two vectors of its largest singular value.
_SPECTRAL = (("weight_orig", "weight_u", "weight_v"),
             ("parametrizations.weight.original", "parametrizations.weight.0._u",
              "parametrizations.weight.0._v"))


def read_network(
    path: Path, *, key: str = "", name: str = "", wanted: Mapping[str, Tensor] | None = None
) -> Weights:
    """Return the weights of ``find_network``."""
    return find_network(path, key=key, name=name, wanted=wanted)[1]


def find_network(
    path: Path, *, key: str = "", name: str = "", wanted: Mapping[str, Tensor] | None = None
) -> tuple[str, Weights]:
    """Return the place of one network in the file, and its weights with published names.

    Args:
        key: where the network is, such as ``netG_A`` or ``state_dict.generator``.
        name: the network of a run, such as ``G_A``; it is preferred if the file holds several.
        wanted: the published weights of the network that shall be filled. None: a generator.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged, is not a file of weights, or holds several such networks.
    """
    found = networks_in(path, wanted=wanted)
    kind = "--netD" if wanted and "--netD" in infer_flags(shapes_of(wanted)) else "--netG"
    places = [place for place in found if kind in infer_flags(shapes_of(found[place]))]
    places = places or list(found)
    if key:
        places = [place for place in found if f".{place}".endswith(f".{key}")]
        if not places:
            raise ValueError(f"--weights_key {key}: {path} holds no network of that name; it holds "
                             f"{_described(found)}")
    if len(places) > 1:
        named = [place for place in places if is_called(place, name)]
        places = named if name and named else places
    if len(places) > 1:
        what = "discriminators" if kind == "--netD" else "generators"
        raise ValueError(f"{path} holds {len(places)} {what}; choose one by --weights_key NAME (in "
                         f"Python weights_key=...):\n{listing(places)}")
    if not places:
        return "", _unknown(checkpoint.load(path, ignore_objects=True))
    return places[0], found[places[0]]


def networks_in(path: Path, *, wanted: Mapping[str, Tensor] | None = None) -> dict[str, Weights]:
    """Return the networks of a file with known names (or those of ``wanted``), by their place.

    Raises:
        FileNotFoundError, ValueError: as ``read_network``.
    """
    own = shapes_of(wanted or {})

    def is_known(shapes: Shapes) -> bool:
        return bool(infer_flags(shapes)) or 2 * len(shapes.keys() & own.keys()) > len(own) > 0

    keeps_spectral = any(name.endswith(_SPECTRAL[0][0]) or name.endswith(_SPECTRAL[1][0])
                         for name in own)
    state = checkpoint.load(path, ignore_objects=True)
    if state.keys() >= {"model", "clock", "random"}:
        raise ValueError(f"{path} is the state of a training, from which --continue_train resumes, "
                         f"not a file of weights; {_weights_beside(path)}")
    return dict(_networks(state, "", is_known, fold=not keeps_spectral))


def is_called(place: str, name: str) -> bool:
    """Return True for ``G_A`` and ``netG_A`` (in any letter case) if ``name`` is G_A."""
    return place.rpartition(".")[2].lower() in (name.lower(), f"net{name}".lower())


def _networks(
    node: Mapping[Any, Any], place: str, is_known: Callable[[Shapes], bool], *, fold: bool
) -> Iterator[tuple[str, Weights]]:
    tensors = {key: value for key, value in node.items()
               if isinstance(key, str) and isinstance(value, Tensor)}
    yield from _groups(without_spectral_norm(tensors) if fold else tensors, place, is_known)
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _networks(value, _joined(place, str(key)), is_known, fold=fold)


def _groups(
    tensors: Weights, place: str, is_known: Callable[[Shapes], bool]
) -> Iterator[tuple[str, Weights]]:
    """Yield the tensors if their names are known, otherwise groups by the first part of names."""
    if is_known(shapes_of(tensors)):
        yield place, tensors
        return
    groups: dict[str, Weights] = {}
    for name, tensor in tensors.items():
        start, dot, rest = name.partition(".")
        if dot:
            groups.setdefault(start, {})[rest] = tensor
    for start, group in groups.items():
        if len(group) > 1:
            yield from _groups(group, _joined(place, start), is_known)


def _joined(place: str, name: str) -> str:
    """Return the place inside ``place``; wrappers are not named."""
    if f"{name}." in _WRAPPERS:
        return place
    return f"{place}.{name}" if place else name


def _unknown(state: Mapping[str, Any]) -> Weights:
    """Return a state with unknown names as it is, without wrappers around all names."""
    weights = dict(state)
    for wrapper in _WRAPPERS * 2:  # either may be inside the other
        if weights and all(str(name).startswith(wrapper) for name in weights):
            weights = {name.removeprefix(wrapper): value for name, value in weights.items()}
    return weights


def without_spectral_norm(tensors: Weights) -> Weights:
    """Return the weights divided by their spectral norm, as such a layer uses them in a test.

    (Miyato et al. 2018, arXiv:1802.05957, section 2.1; torch.nn.utils.spectral_norm)
    """
    plain = dict(tensors)
    for names in _SPECTRAL:
        for name in [name for name in tensors if name.endswith(names[0])]:
            layer = name.removesuffix(names[0])
            vectors = [plain.pop(layer + end, None) for end in names[1:]]
            weight = plain.pop(name)
            u, v = (torch.zeros(0) if vector is None or defect_of(vector, torch.float32)
                    else vector for vector in vectors)
            # A weight without finite values is kept, and refused later.
            if weight.ndim > 1 and not defect_of(weight, torch.float32):
                weight = weight / _spectral_norm(weight, u, v)
            plain[f"{layer}weight"] = weight
    return plain


def _spectral_norm(weight: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Return u W v; the rows of W are the outputs, which are axis 1 in a transposed convolution.

    If both axes fit, the larger value is right, because u and v belong to that axis.
    """
    matrices = (weight.transpose(0, axis).flatten(1) for axis in range(min(2, weight.ndim)))
    u, v = u.flatten().to(weight.dtype), v.flatten().to(weight.dtype)
    values = [u @ matrix @ v for matrix in matrices if matrix.shape == (len(u), len(v))]
    return torch.stack(values).abs().max() if values else torch.linalg.matrix_norm(
        weight.flatten(1).float(), 2)


def _weights_beside(state: Path) -> str:
    names = sorted(path.name for path in state.parent.glob("*_net_G*.pth"))
    latest = [name for name in names if name.startswith("latest_")]
    if not names:
        return ("its folder has no *_net_G*.pth: resume the training with --continue_train, which "
                "saves these files, or give the weights of another run")
    return f"give the folder or one of its files of weights: {', '.join(latest or names)}"


def _described(found: Collection[str]) -> str:
    return ", ".join(place or "one network without a name" for place in found) or "none known here"
