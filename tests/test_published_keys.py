"""Saved weights have the published names, shapes and order, and can be loaded again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.networks import define_D, define_G
from models.weights.published_keys import load_published, to_published

ROOT = Path(__file__).resolve().parents[1]
KEY_LISTS = ROOT.parent / "shared" / "reference" / "state_dict_keys.json"

NORM_NAMES = ["instance", "batch", "syncbatch", "none"]
NETS = [
    f"G|{name}|{norm}|dropout={dropout}|in3_out3_ngf64"
    for name in ("resnet_9blocks", "resnet_6blocks", "unet_128", "unet_256")
    for norm in NORM_NAMES
    for dropout in (False, True)
] + [
    f"D|{name}|n_layers_D={layers}|{norm}|in{channels}_ndf64"
    for name, layers in [("basic", 3), *(("n_layers", n) for n in range(1, 6)), ("pixel", 3)]
    for norm in NORM_NAMES
    for channels in (3, 6)
]

Entry = tuple[str, list[int], str]


def conv(name: str, shape: list[int], bias: int = 0) -> Iterator[Entry]:
    yield f"{name}.weight", shape, "float32"
    if bias:
        yield f"{name}.bias", [bias], "float32"


def norm_layer(name: str, channels: int, norm: str) -> Iterator[Entry]:
    if "batch" in norm:
        for tensor in ("weight", "bias", "running_mean", "running_var"):
            yield f"{name}.{tensor}", [channels], "float32"
        yield f"{name}.num_batches_tracked", [], "int64"


def unet(prefix: str, widths: list[int], norm: str) -> Iterator[Entry]:
    """Yield the published names: each level contains the next between its two convolutions."""
    outer, inner = widths[:2]
    bias = norm == "instance"
    if prefix == "model.model":
        yield from conv(f"{prefix}.0", [inner, outer, 4, 4], inner * bias)
        yield from unet(f"{prefix}.1.model", widths[1:], norm)
        yield from conv(f"{prefix}.3", [2 * inner, outer, 4, 4], outer)
        return
    yield from conv(f"{prefix}.1", [inner, outer, 4, 4], inner * bias)
    if len(widths) == 2:
        yield from conv(f"{prefix}.3", [inner, outer, 4, 4], outer * bias)
        yield from norm_layer(f"{prefix}.4", outer, norm)
        return
    yield from norm_layer(f"{prefix}.2", inner, norm)
    yield from unet(f"{prefix}.3.model", widths[1:], norm)
    yield from conv(f"{prefix}.5", [2 * inner, outer, 4, 4], outer * bias)
    yield from norm_layer(f"{prefix}.6", outer, norm)


def resnet(blocks: int, norm: str, dropout: bool) -> Iterator[Entry]:
    bias = norm == "instance"
    for index, after, before, side in [(1, 64, 3, 7), (4, 128, 64, 3), (7, 256, 128, 3)]:
        yield from conv(f"model.{index}", [after, before, side, side], after * bias)
        yield from norm_layer(f"model.{index + 1}", after, norm)
    for block in range(10, 10 + blocks):
        for index in (1, 6 if dropout else 5):
            name = f"model.{block}.conv_block"
            yield from conv(f"{name}.{index}", [256, 256, 3, 3], 256 * bias)
            yield from norm_layer(f"{name}.{index + 1}", 256, norm)
    for index, before, after in [(10, 256, 128), (13, 128, 64)]:
        yield from conv(f"model.{index + blocks}", [before, after, 3, 3], after * bias)
        yield from norm_layer(f"model.{index + blocks + 1}", after, norm)
    yield from conv(f"model.{17 + blocks}", [3, 64, 7, 7], 3)


def patch(channels: int, layers: int, norm: str) -> Iterator[Entry]:
    yield from conv("model.0", [64, channels, 4, 4], 64)
    for n in range(1, layers + 1):
        before, after = 64 * min(2 ** (n - 1), 8), 64 * min(2**n, 8)
        yield from conv(f"model.{3 * n - 1}", [after, before, 4, 4], after * (norm == "instance"))
        yield from norm_layer(f"model.{3 * n}", after, norm)
    yield from conv(f"model.{3 * layers + 2}", [1, 64 * min(2**layers, 8), 4, 4], 1)


def pixel(channels: int, norm: str) -> Iterator[Entry]:
    bias = norm == "instance"
    yield from conv("net.0", [64, channels, 1, 1], 64)
    yield from conv("net.2", [128, 64, 1, 1], 128 * bias)
    yield from norm_layer("net.3", 128, norm)
    yield from conv("net.5", [1, 128, 1, 1], 1 * bias)


def expected(case: str) -> list[Entry]:
    kind, name, third, fourth, last = case.split("|")
    if kind == "D":
        channels = int(last[2])
        if name == "pixel":
            return list(pixel(channels, fourth))
        return list(patch(channels, int(third[-1]), fourth))
    if name.startswith("resnet"):
        return list(resnet(int(name[7]), third, fourth.endswith("True")))
    deep = [512] * (5 if name == "unet_256" else 4)
    return list(unet("model.model", [3, 64, 128, 256, *deep], third))


def build(case: str, device: str = "meta") -> nn.Module:
    kind, name, third, fourth, last = case.split("|")
    with torch.device(device):
        if kind == "D":
            return define_D(int(last[2]), 64, name, int(third[-1]), fourth)
        dropout = fourth.endswith("True")
        return define_G(3, 3, 64, name, third, use_dropout=dropout)


def entries(state: dict[str, Tensor]) -> list[Entry]:
    return [(k, list(v.shape), str(v.dtype).removeprefix("torch.")) for k, v in state.items()]


@pytest.mark.parametrize("case", NETS)
def test_files_hold_the_published_tensors_in_order_and_load_back(case: str) -> None:
    net = build(case)
    published = to_published(net)
    assert entries(published) == expected(case)
    load_published(net, published, "its own file")


def test_published_lists_agree() -> None:
    if not KEY_LISTS.exists():
        pytest.skip("the lists of published keys are not part of the repository")
    lists: dict[str, dict[str, Any]] = json.loads(KEY_LISTS.read_text())
    assert set(lists) == set(NETS)
    for case, tensors in lists.items():
        assert expected(case) == [(key, *entry) for key, entry in tensors.items()], case


def test_published_weights_are_views_of_the_network() -> None:
    net = define_G(3, 3, 1, "unet_128", "batch")
    published = to_published(net)
    ours = {tensor.data_ptr() for tensor in net.state_dict().values()}
    assert {tensor.data_ptr() for tensor in published.values()} == ours
    assert not any(tensor.requires_grad for tensor in published.values())


def test_every_tensor_is_loaded_into_its_place() -> None:
    for name, width in (("unet_128", 2), ("encoder_decoder_128", 2), ("resnet_6blocks", 2)):
        source, target = (
            define_G(3, 1, width, name, "batch")
            for _ in range(2)
        )
        load_published(target, to_published(source), "source")
        for key, tensor in source.state_dict().items():
            assert torch.equal(tensor, target.state_dict()[key]), key


def test_other_networks_keep_their_names() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    assert list(to_published(net)) == list(net.state_dict())
    load_published(net, to_published(net), "own")
