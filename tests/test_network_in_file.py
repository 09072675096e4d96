"""Weights that other programs saved: inside checkpoints, behind prefixes, in other precisions."""

import json
import struct
import tarfile
import zipfile
from argparse import Namespace
from collections import OrderedDict, defaultdict, deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference.find_generator import find_generator
from models.networks import define_D, define_G
from models.networks.geometry import geometry
from models.weights.network_in_file import networks_in, read_network, without_spectral_norm
from models.weights.published_keys import load_published, to_published
from options.test_options import TestOptions
from training.saving.initial_weights import initialise
from util import checkpoint
from util.run_folder.networks import NetworkEntry, save_network_entries

State = OrderedDict[str, Tensor]
FIXTURES = Path(__file__).parents[2] / "shared/fixtures/cut/forward"


def generator(
    name: str = "resnet_6blocks", norm: str = "instance", **flags: Any
) -> nn.Module:
    return define_G(3, 3, 1, name, norm, **flags)


G, OTHER = to_published(generator()), to_published(generator())
U = to_published(generator("unet_128", norm="batch"))
D = to_published(define_D(3, 1, "basic", norm="instance"))


def prefixed(state: State, prefix: str) -> State:
    return OrderedDict((prefix + name, tensor) for name, tensor in state.items())


def equal(found: dict[str, Tensor], wanted: State) -> bool:
    return found.keys() == wanted.keys() and all(map(torch.equal, found.values(), wanted.values()))


@pytest.mark.parametrize("prefix", [
    "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "netG.", "generator.",
    "model.", "module.netG._orig_mod.", "gan.G.module."])
@pytest.mark.parametrize("state", [G, U])
def test_whatever_names_begin_with_is_removed(tmp_path: Path, prefix: str, state: State) -> None:
    torch.save(prefixed(state, prefix), tmp_path / "x.pth")
    assert equal(read_network(tmp_path / "x.pth"), state)


@pytest.mark.parametrize("key", ["state_dict", "netG", "G", "generator", "params_ema",
                                 "model_state_dict"])
def test_a_generator_beside_optimizers_and_options_is_found(tmp_path: Path, key: str) -> None:
    net = generator()
    optimizer = torch.optim.Adam(net.parameters())
    for parameter in net.parameters():
        parameter.grad = parameter.detach()
    optimizer.step()
    torch.save({key: G, "optimizer_G": optimizer.state_dict(), "netD": D, "epoch": 3,
                "opt": Namespace(lr=0.1), "best": np.float64(1.5)}, tmp_path / "x.pth")
    assert equal(read_network(tmp_path / "x.pth"), G)
    assert find_generator(tmp_path / "x.pth").netG == "resnet_6blocks"


class Table(dict[str, int]):
    """A class that the file names, and that is never imported from it."""


@pytest.mark.parametrize("other", [
    Path("a"), Table(a=1), defaultdict(list, a=[1]), np.ones(2), nn.Linear(1, 1), range(2),
    deque([1])])
def test_objects_beside_the_weights_are_left_out(tmp_path: Path, other: Any) -> None:
    torch.save({"netG": G, "other": other}, tmp_path / "x.pth")
    assert equal(read_network(tmp_path / "x.pth"), G)
    with pytest.raises(ValueError, match="holds code or objects of code"):
        checkpoint.load(tmp_path / "x.pth")


@pytest.mark.parametrize("state", [
    {"netG_A": G, "netG_B": OTHER, "netD_A": D},
    {"state_dict": {**prefixed(G, "netG_A."), **prefixed(OTHER, "netG_B."),
                    **prefixed(D, "netD_A.")}},
])
def test_of_several_generators_one_must_be_chosen(tmp_path: Path, state: Any) -> None:
    path = tmp_path / "x.pth"
    torch.save(state, path)
    with pytest.raises(ValueError, match="holds 2 generators") as caught:
        find_generator(path)
    assert all(word in str(caught.value) for word in ("--weights_key", "netG_A", "netG_B"))
    with pytest.raises(ValueError, match=r"--weights_key netX: .* holds no network of that name"):
        find_generator(path, weights_key="netX")
    chosen = to_published(find_generator(path, weights_key="netG_B").build())
    assert equal(chosen, OTHER)
    assert equal(read_network(path, name="G_A"), G)
    discriminator = define_D(3, 1, "basic", norm="instance")
    nets = {"G_A": generator(), "G_B": generator(), "D_A": discriminator}
    initialise(nets, path, runs=tmp_path, first_generator="G_A")
    for name, wanted in (("G_A", G), ("G_B", OTHER), ("D_A", D)):
        assert equal(to_published(nets[name]), wanted), name


def test_the_log_says_once_what_was_inferred_and_from_which_part(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.save({"state_dict": prefixed(G, "netG."), "epoch": 1}, tmp_path / "x.pth")
    with caplog.at_level("INFO"):
        for _ in range(2):
            find_generator(tmp_path / "x.pth")
    lines = [record.getMessage() for record in caplog.records if "inferred" in record.getMessage()]
    assert lines == [f"inferred from {tmp_path / 'x.pth'} (state_dict.netG): --netG resnet_6blocks "
                     "--norm instance --no_dropout --ngf 1 --input_nc 3 --output_nc 3"]


def test_a_network_of_the_users_own_is_not_searched_for_a_published_one(tmp_path: Path) -> None:
    torch.save({"extra.weight": torch.ones(1), **prefixed(G, "inner.")}, tmp_path / "x_net_G.pth")
    save_network_entries(tmp_path, {"G": NetworkEntry("generator", from_flags=False)})
    with pytest.raises(ValueError, match="unknown names"):
        find_generator(tmp_path / "x_net_G.pth")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_precisions_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    torch.save({name: tensor.to(dtype) for name, tensor in G.items()}, tmp_path / "x.pth")
    net = find_generator(tmp_path / "x.pth").build()
    assert {tensor.dtype for tensor in net.state_dict().values()} == {torch.float32}
    assert torch.allclose(to_published(net)["model.1.weight"], G["model.1.weight"], atol=1e-3)


@pytest.mark.parametrize("norm", [nn.utils.spectral_norm,
                                  nn.utils.parametrizations.spectral_norm])
@pytest.mark.parametrize(("kind", "channels"), [(nn.Conv2d, 4), (nn.Conv2d, 5),
                                                (nn.ConvTranspose2d, 4), (nn.ConvTranspose2d, 5)])
def test_spectral_norm_is_divided_out(norm: Any, kind: Any, channels: int) -> None:
    layers, x = nn.Sequential(norm(kind(4, channels, 3))), torch.randn(1, 4, 6, 6)
    for _ in range(3):
        layers(x)
    plain = nn.Sequential(kind(4, channels, 3))
    plain.load_state_dict(without_spectral_norm(layers.state_dict()))
    assert torch.allclose(plain(x), layers.eval()(x), atol=1e-5)


def write_zip(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"1")


def write_tar(path: Path, *names: str) -> None:
    (path.parent / "member").write_bytes(b"1")
    with tarfile.open(path, "w") as archive:
        for name in names:
            archive.add(path.parent / "member", name)


def write_safetensors(path: Path) -> None:
    head = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))


@pytest.mark.parametrize(("write", "reason"), [
    (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "of Git LFS"),
    (lambda path: path.write_text("<!DOCTYPE html><html>"), "is a web page"),
    (lambda path: path.write_bytes(b"\x08\x08\x12\x07pytorch"), "is an ONNX graph"),
    (lambda path: path.write_bytes(b"PK\3\4" + bytes(99)), "is damaged: .* end is missing"),
    (lambda path: path.write_bytes(b""), "is damaged"),
    (lambda path: write_zip(path, "latest_net_G.pth"),
     r"is a ZIP archive of latest_net_G\.pth: unpack it"),
    (lambda path: write_tar(path, "latest_net_G.pth"), "is a tar archive of latest_net_G"),
    (lambda path: write_tar(path, "pickle", "storages", "tensors"), r"PyTorch before 0\.1\.10"),
    (lambda path: torch.save(nn.Conv2d(1, 1, 1), path), "code, which is never run.*state_dict"),
    (lambda path: write_zip(path, "x/code/net.py", "x/data.pkl"), "is a TorchScript program"),
    (lambda path: torch.save({"a.weight": torch.zeros(1)}, path), r"unknown names \(a\.weight\)"),
    (lambda path: torch.save(D, path), "holds a discriminator"),
    (lambda path: torch.save({"model": {"networks": {"D": D}}, "clock": {}, "random": {}}, path),
     "is the state of a training.*its folder has no .*: resume the training"),
])
def test_a_file_of_another_kind_is_named(tmp_path: Path, write: Any, reason: str) -> None:
    path = tmp_path / "x.pth"
    write(path)
    with pytest.raises(ValueError, match=rf"x\.pth .*{reason}"):
        find_generator(path)


def test_safetensors_need_their_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_safetensors(tmp_path / "x.safetensors")
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with pytest.raises(ValueError, match="pip install safetensors"):
        checkpoint.load(tmp_path / "x.safetensors")


def test_a_variant_of_a_network_is_called_a_variant(tmp_path: Path) -> None:
    affine = OrderedDict(G)
    for place in (2, 5, 8):
        affine[f"model.{place}.weight"] = torch.ones(1)
    torch.save(affine, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"looks like .* but is a variant of it") as caught:
        find_generator(tmp_path / "x.pth").build()
    assert "wanted" not in str(caught.value).replace("not wanted", "")


@pytest.mark.parametrize(("down", "up"), [(True, True), (True, False), (False, True)])
def test_blurred_strides_are_seen_in_the_file(tmp_path: Path, down: bool, up: bool) -> None:
    net = generator(antialias=down, antialias_up=up)
    torch.save(prefixed(to_published(net), "module."), tmp_path / "x.pth")
    file = find_generator(tmp_path / "x.pth")
    assert file.flags == {"antialias": down, "antialias_up": up}
    x = torch.randn(1, 3, 21, 16)
    assert torch.equal(file.build()(x), net(x))
    with pytest.raises(ValueError, match=f"antialias is given as {not down}, the file has {down}"):
        find_generator(tmp_path / "x.pth", antialias=not down)


def test_the_reach_covers_every_pixel_that_blurred_strides_see() -> None:
    net = generator(norm="none", antialias=True, antialias_up=True)
    for tensor in net.parameters():
        nn.init.constant_(tensor, 0.01)
    known, side = geometry(net), 256
    x = torch.ones(1, 3, side, side, requires_grad=True)
    net(x)[0, 0, side // 2, side // 2].backward()
    assert x.grad is not None
    rows = x.grad.abs().sum(dim=(0, 1, 3)).nonzero()
    seen = max(side // 2 - int(rows.min()), int(rows.max()) - side // 2)
    assert (known.multiple, known.minimum) == (4, 8)
    assert known.reach - 4 <= seen <= known.reach


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="outputs of CUT are not part of the repository")
def test_generators_of_cut_give_the_recorded_outputs(tmp_path: Path) -> None:
    for recorded in FIXTURES.glob("G_*.pt"):
        record = torch.load(recorded, weights_only=True)
        torch.save(record["state_dict"], tmp_path / "x.pth")
        file = find_generator(tmp_path / "x.pth")
        recorded_flags = (record["netG"], record["ngf"], record["normG"])
        assert (file.netG, file.ngf, file.norm) == recorded_flags
        with torch.no_grad():
            output = file.build().eval()(record["input"])
        assert torch.allclose(output, record["output"], atol=1e-5), recorded.name


@pytest.mark.parametrize("words", [["--model", "test"], []])
def test_a_folder_with_weights_alone_is_enough(tmp_path: Path, words: list[str]) -> None:
    run_dir = tmp_path / "runs" / "horse_pretrained"
    run_dir.mkdir(parents=True)
    net = generator(norm="batch", antialias=True)
    torch.save(prefixed(to_published(net), "module."), run_dir / "latest_net_G.pth")
    argv = ["--dataroot", str(tmp_path), "--name", run_dir.name, "--gpu_ids", "-1",
            "--checkpoints_dir", str(run_dir.parent), *words]
    opt = TestOptions().parse(argv)
    assert (opt.netG, opt.ngf, opt.norm, opt.no_dropout) == ("resnet_6blocks", 1, "batch", True)
    assert (opt.antialias, opt.antialias_up) == (True, False)
    assert TestOptions().parse([*argv, "--norm", "syncbatch"]).norm == "syncbatch"


def test_a_flag_that_contradicts_the_only_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(G, tmp_path / "latest_net_G.pth")
    with pytest.raises(SystemExit):
        TestOptions().parse(["--dataroot", str(tmp_path), "--name", tmp_path.name,
                             "--checkpoints_dir", str(tmp_path.parent), "--netG", "unet_256"])
    assert "--netG: the command line has unet_256" in capsys.readouterr().err


def test_names_of_the_network_itself_are_never_shortened(tmp_path: Path) -> None:
    net = nn.ModuleDict({"module": nn.Linear(2, 2), "netG": nn.Linear(2, 2)})
    torch.save({"netG": net.state_dict(), "epoch": 1}, tmp_path / "x.pth")
    assert list(networks_in(tmp_path / "x.pth", wanted=net.state_dict())) == ["netG"]
    load_published(net, read_network(tmp_path / "x.pth", wanted=net.state_dict()), "x.pth")
