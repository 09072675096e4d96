"""Old files can be loaded; the error for a file of another network names the flags that fit."""

import json
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.networks import define_D, define_G
from models.weights.published_keys import load_published, to_published

State = OrderedDict[str, Tensor]


def generator(
    name: str = "resnet_6blocks", *, norm: str = "instance", dropout: bool = False, width: int = 2
) -> nn.Module:
    return define_G(3, 3, width, name, norm, use_dropout=dropout)


def copy_of(net: nn.Module) -> State:
    return OrderedDict((key, value.clone()) for key, value in to_published(net).items())


def assert_holds(net: nn.Module, state: State) -> None:
    for key, tensor in to_published(net).items():
        assert torch.equal(tensor, state[key]), key


def with_instance_statistics(net: nn.Module, norms: list[str]) -> State:
    """Return weights in the format of PyTorch 0.3, and the counter that 0.4.1 added."""
    state = copy_of(net)
    for norm in norms:
        state[f"{norm}.running_mean"] = torch.zeros(2)
        state[f"{norm}.running_var"] = torch.ones(2)
        state[f"{norm}.num_batches_tracked"] = torch.tensor(0)
    return state


@pytest.mark.parametrize(
    ("name", "norms"),
    [
        ("resnet_6blocks", ["model.2", "model.10.conv_block.2", "model.20"]),
        ("unet_128", ["model.model.1.model.2", "model.model.1.model.3.model.6"]),
    ],
)
def test_statistics_of_old_instance_norms_are_dropped(name: str, norms: list[str]) -> None:
    old, net = generator(name), generator(name)
    load_published(net, with_instance_statistics(old, norms), "old.pth")
    assert_holds(net, copy_of(old))


def test_statistics_of_other_layers_are_refused() -> None:
    state = with_instance_statistics(generator(), ["model.1"])
    with pytest.raises(ValueError, match=r"not wanted: model\.1\.running_mean"):
        load_published(generator(), state, "odd.pth")


def test_batch_norms_without_counters_keep_the_counters_of_the_network() -> None:
    old, net = generator(norm="batch"), generator(norm="batch")
    with torch.no_grad():
        net(torch.randn(2, 3, 8, 8))
    state = copy_of(old)
    counters = [key for key in state if key.endswith("num_batches_tracked")]
    for key in counters:
        del state[key]
    load_published(net, state, "old.pth")
    loaded = to_published(net)
    assert [int(loaded[key]) for key in counters] == [1] * len(counters)
    assert all(torch.equal(loaded[key], tensor) for key, tensor in state.items())


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.",
                                    "_orig_mod.module."])
def test_names_of_data_parallel_and_of_the_compiler_are_accepted(prefix: str) -> None:
    old, net = generator("unet_128", norm="batch"), generator("unet_128", norm="batch")
    wrapped = OrderedDict((f"{prefix}{key}", value) for key, value in copy_of(old).items())
    load_published(net, wrapped, "wrapped.pth")
    assert_holds(net, copy_of(old))


@pytest.mark.parametrize("zip_format", [True, False])
def test_files_of_old_and_new_format_load_as_plain_weights(
    tmp_path: Path, zip_format: bool
) -> None:
    old, net = generator("resnet_6blocks", norm="batch"), generator(norm="batch")
    state = old.state_dict()  # carries `_metadata`, as the published files do
    assert hasattr(state, "_metadata")
    path = tmp_path / "latest_net_G.pth"
    torch.save(state, path, _use_new_zipfile_serialization=zip_format)
    load_published(net, torch.load(path, weights_only=True), str(path))
    assert_holds(net, copy_of(old))


@pytest.mark.parametrize(
    ("found", "wanted", "fix"),
    [
        (generator(), generator(dropout=True), "--no_dropout"),
        (generator(dropout=True), generator(), "--dropout"),
        (generator(norm="batch"), generator(), "--norm batch"),
        (generator(), generator(norm="batch"), "--norm instance"),
        (generator(norm="none"), generator(), "--norm none"),
        (generator(width=3), generator(), "--ngf 3"),
        (generator("resnet_9blocks"), generator(), "--netG resnet_9blocks"),
        (generator("unet_128", norm="batch"), generator("unet_128"), "--norm batch"),
        (generator("unet_256"), generator("unet_128"), "--netG unet_256"),
        (generator("encoder_decoder_128"), generator("unet_128"), "--netG encoder_decoder_128"),
        (
            generator("unet_128", norm="batch"),
            generator(),
            "--netG unet_128 --norm batch",
        ),
        (
            generator(norm="batch", dropout=True),
            generator("unet_128", norm="batch"),
            "--netG resnet_6blocks --dropout",
        ),
        (
            define_D(3, 2, "n_layers", 4, "instance"),
            define_D(3, 2, "basic", norm="instance"),
            "--netD n_layers --n_layers_D 4",
        ),
        (
            define_D(3, 4, "pixel", norm="instance"),
            define_D(3, 2, "basic", norm="instance"),
            "--netD pixel --ndf 4",
        ),
        (
            define_D(6, 2, "basic", norm="batch"),
            define_D(3, 2, "basic", norm="instance"),
            "--norm batch input channels 6",
        ),
    ],
)
def test_a_mismatch_names_file_and_fix(found: nn.Module, wanted: nn.Module, fix: str) -> None:
    before = copy_of(wanted)
    with pytest.raises(ValueError, match=r"^run/5_net_G\.pth does not fit") as caught:
        load_published(wanted, copy_of(found), "run/5_net_G.pth")
    assert f"Likely fix: {fix}. (" in str(caught.value)
    assert_holds(wanted, before)


def test_the_fix_of_wrong_saved_options_is_to_correct_them(tmp_path: Path) -> None:
    """A flag that contradicts the options of its run is refused, so no flag is the fix."""
    path = tmp_path / "latest_net_G.pth"
    path.touch()
    found, wanted = generator(width=4), generator(width=8)
    for saved, fix in ((8, r"/train_opt\.json has ngf 8 \(the weights have 4\): correct that"),
                       (4, "Likely fix: --ngf 4")):
        path.with_name("train_opt.json").write_text(json.dumps({"ngf": saved}))
        with pytest.raises(ValueError, match=fix):
            load_published(wanted, copy_of(found), str(path))


def test_a_discriminator_is_not_a_generator() -> None:
    D = define_D(3, 2, "basic", norm="instance")
    with pytest.raises(ValueError, match="file holds a discriminator, the network is a generator"):
        load_published(generator(), copy_of(D), "latest_net_D.pth")
    with pytest.raises(ValueError, match="file holds a generator, the network is a discriminator"):
        load_published(D, copy_of(generator()), "latest_net_G.pth")


def test_a_damaged_file_lists_the_tensors() -> None:
    state = copy_of(generator())
    del state["model.1.bias"]
    state["model.4.weight"] = torch.zeros(1, 2, 3, 3)
    with pytest.raises(ValueError) as caught:
        load_published(generator(), state, "x.pth")
    message = str(caught.value)
    assert "35 tensors in the file, 36 in the network" in message
    assert "missing: model.1.bias" in message
    assert "other shapes: model.4.weight 1x2x3x3 instead of 4x2x3x3" in message


@pytest.mark.parametrize(
    ("net", "tensor"),
    [
        *((generator("unet_128"), f"model.model.{place}.weight") for place in ("0", "1.model.1")),
        (generator("unet_128"), "model.model.3.weight"),
        (generator(), "model.1.weight"),
        (generator(), "model.23.weight"),
        (define_D(3, 2, "basic", norm="instance"), "model.0.weight"),
        (define_D(3, 2, "pixel", norm="instance"), "net.2.weight"),
    ],
)
def test_files_with_one_different_tensor_are_unknown(
    net: nn.Module, tensor: str
) -> None:
    flat = copy_of(net) | {tensor: torch.zeros(4)}
    without = {key: value for key, value in flat.items() if key != tensor}
    alone = {tensor: copy_of(net)[tensor]}
    for state in (flat, without, alone, {}):
        with pytest.raises(ValueError, match=r"^x\.pth does not fit .* whose tensors are called "):
            load_published(generator(width=3), state, "x.pth")


def test_names_must_be_text() -> None:
    with pytest.raises(ValueError, match=r"^x\.pth does not hold .* found 0: Tensor; give"):
        load_published(generator(), {0: torch.zeros(2)}, "x.pth")  # type: ignore[dict-item]


def test_a_training_state_is_not_a_network() -> None:
    state = {"epoch": 3, "networks": {}}
    with pytest.raises(ValueError, match=r"^s\.pth does not hold .* found 'epoch': int"):
        load_published(generator(), state, "s.pth")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="found list"):
        load_published(generator(), [], "s.pth")  # type: ignore[arg-type]
