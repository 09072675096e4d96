"""Weights without finite values, or of a type that has lost them, are refused by name."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from inference.translator import Translator
from models.networks import define_G
from models.weights.network_in_file import read_network
from models.weights.published_keys import load_matching, load_published, to_published
from options.test_options import TestOptions

KEY = "model.1.weight"
Change = Callable[[Tensor], Tensor]


def put(value: float) -> Change:
    def change(weight: Tensor) -> Tensor:
        weight = weight.clone()
        weight.flatten()[-1] = value
        return weight

    return change


REFUSED: dict[str, Change] = {
    "holds NaN": put(math.nan),
    "holds values that are infinite in float32": put(-math.inf),
    "holds values that are infinite in float": lambda w: put(1e300)(w.double()),
    "holds values that are infinite": lambda w: (w.half() * 1e9),
    "holds NaN ": lambda w: put(math.nan)(w.bfloat16()),
    "is of type int64, wanted float32": Tensor.long,
    "is of type uint8, wanted float32": Tensor.byte,
    "is of type bool, wanted float32": Tensor.bool,
    "is of type complex64, wanted float32": lambda w: w.to(torch.complex64),
    "is of type float8_e4m3fn, wanted float32": lambda w: w.to(torch.float8_e4m3fn),
    "is of type float8_e5m2, wanted float32": lambda w: w.to(torch.float8_e5m2),
    "is quantised": lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.quint8),
    "is sparse": Tensor.to_sparse,
    "is a meta tensor": lambda w: w.to("meta"),
}


@pytest.mark.filterwarnings("ignore")  # torch warns of sparse and quantised tensors
@pytest.mark.parametrize(("what", "change"), REFUSED.items())
def test_weights_without_usable_values_are_named(
    what: str, change: Change, tmp_path: Path
) -> None:
    net = define_G(3, 3, 1, "resnet_6blocks", "instance")
    path, before = tmp_path / "latest_net_G.pth", net.state_dict()[KEY].clone()
    torch.save({**to_published(net), KEY: change(before)}, path)
    message = rf"latest_net_G\.pth cannot be used: model\.1\.weight {what.strip()}"
    for load in (load_published, load_matching):
        with pytest.raises(ValueError, match=message):
            load(net, read_network(path, wanted=to_published(net)), str(path))
    with pytest.raises(ValueError, match=message):
        Translator.load(path, device=torch.device("cpu"))
    assert torch.equal(net.state_dict()[KEY], before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_and_counters_of_any_type_are_accepted(dtype: torch.dtype) -> None:
    net = define_G(3, 3, 1, "resnet_6blocks", "batch")
    weights = {key: value.to(dtype) for key, value in to_published(net).items()}
    weights["model.2.num_batches_tracked"] = torch.tensor(math.inf, dtype=dtype)
    weights["model.5.num_batches_tracked"] = torch.tensor(7.0, dtype=dtype)
    load_published(net, weights, "its file")
    assert torch.equal(net.state_dict()[KEY], weights[KEY].float())
    counts = [net.state_dict()[f"model.{place}.num_batches_tracked"] for place in (2, 5)]
    assert counts == [0, 7]


def test_the_advice_names_weights_with_finite_values(tmp_path: Path) -> None:
    net = define_G(3, 3, 1, "resnet_6blocks", "instance")
    good = to_published(net)
    for label, weights in (("1", good), ("2", {**good, KEY: good[KEY] * math.nan})):
        torch.save(weights, tmp_path / f"{label}_net_G.pth")
    torch.save({**good, KEY: good[KEY].long()}, tmp_path / "latest_net_G.pth")
    with pytest.raises(ValueError, match=r"are 1_net_G\.pth \(--epoch 1\)"):
        Translator.load(tmp_path / "latest_net_G.pth", device=torch.device("cpu"))


@pytest.mark.parametrize("name", ["resnet6blocks", "resnet_6block"])
def test_a_wrong_name_of_the_network_is_refused_where_the_file_tells_it(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "latest_net_G.pth"
    torch.save(to_published(define_G(3, 3, 1, "resnet_6blocks", "instance")),
               path)
    message = f"no generator is called '{name}'; .*did you mean resnet_6blocks"
    with pytest.raises(ValueError, match=message):
        Translator.load(path, netG=name)
    for weights in (["--weights", str(path)], ["--checkpoints_dir", str(tmp_path.parent),
                                               "--name", tmp_path.name]):
        with pytest.raises(SystemExit):
            TestOptions().parse(["--dataroot", str(tmp_path), "--netG", name, *weights])
        assert re.search(message, capsys.readouterr().err)
