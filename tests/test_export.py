"""Every generator and norm, exported, does what it does here: a picture in, a picture out."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exports import contrast, export, exporter, generator_file

from data.colour import lab_to_rgb, rgb_to_lab, traced_lab_to_rgb, traced_lightness
from data.discovery.inputs import find_inputs
from data.files.value_range import LEVELS, ValueRange
from data.record import Format, Record
from inference.export import available, find_format
from inference.export.graph import Graph
from inference.export.verify import LIMITS, Difference, judge, three_sizes
from inference.padding import translate_any_size
from inference.translator import Translator
from models.networks import GENERATORS, NORMS
from util.packages import MissingPackageError

FAST = ("onnx", "torchscript")
EVERY = [(netG, norm) for netG in GENERATORS for norm in NORMS]


def is_proved(folder: Path, to: str, netG: str, norm: str) -> None:
    one = exporter(generator_file(folder, netG, norm), to)
    run = export(one, folder)
    made = run(one.noise((33, 50))[None])
    assert made.shape == (1, 33, 50, 3)
    even = netG.startswith("encoder_decoder") and norm == "none"  # the bottom is nearly 0
    assert even or contrast(made) > 3, "an even picture would prove nothing"


@pytest.mark.parametrize(("netG", "norm"), EVERY)
def test_onnx(tmp_path: Path, netG: str, norm: str) -> None:
    is_proved(tmp_path, "onnx", netG, norm)


@pytest.mark.parametrize(
    ("netG", "norm"), [pair for pair in EVERY if "batch" in pair or "resnet_6blocks" in pair]
)
def test_torchscript(tmp_path: Path, netG: str, norm: str) -> None:
    is_proved(tmp_path, "torchscript", netG, norm)


@pytest.mark.parametrize(("netG", "norm"), [("resnet_6blocks", "instance"), ("unet_128", "batch")])
def test_pt2(tmp_path: Path, netG: str, norm: str) -> None:
    one = exporter(generator_file(tmp_path, netG, norm), "pt2")
    run = export(one, tmp_path)
    for size in ((1, 130), (128, 128)):
        picture = one.noise(size)[None]
        assert np.abs(run(picture).astype(int) - one.translate(picture)).max() <= 1


@pytest.mark.soak
@pytest.mark.parametrize("to", ["torchscript", "pt2"])
@pytest.mark.parametrize(("netG", "norm"), EVERY)
def test_every_generator_and_norm(tmp_path: Path, to: str, netG: str, norm: str) -> None:
    is_proved(tmp_path, to, netG, norm)


def test_the_matrix_has_all_formats() -> None:
    assert {*FAST, "pt2"} == set(available())


@pytest.mark.parametrize("to", FAST)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 131), (128, 129)])
def test_any_size(tmp_path: Path, to: str, size: tuple[int, int]) -> None:
    """By running statistics: those of a picture of one pixel would magnify what is nothing."""
    one = exporter(generator_file(tmp_path, "resnet_6blocks", "batch"), to, bn_mode="running")
    run = export(one, tmp_path)
    batch = np.stack([one.noise(size), 255 - one.noise(size)])
    assert np.abs(run(batch).astype(int) - one.translate(batch)).max() <= 1


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 200)])
@pytest.mark.parametrize("netG", ["resnet_6blocks", "unet_128"])
def test_the_graph_pads_and_cuts_as_any_translation(
    tmp_path: Path, netG: str, size: tuple[int, int]
) -> None:
    """To the bit, before anything is exported."""
    one = exporter(generator_file(tmp_path, netG, "batch"), "onnx", bn_mode="running")
    picture = one.noise(size)
    expected = translate_any_size(one.reference.net, LEVELS.to_tensor(picture)[None])[0]
    made = one.graph()(torch.from_numpy(picture)[None])[0].numpy()
    assert np.array_equal(made, LEVELS.from_tensor(expected, np.uint8))


def test_bn_modes_are_three_networks(tmp_path: Path) -> None:
    file = generator_file(tmp_path, "resnet_6blocks", "batch")
    picture = exporter(file, "onnx").noise((40, 48))
    batch = exporter(file, "onnx")
    running = exporter(file, "onnx", bn_mode="running")
    assert contrast(batch.translate(picture[None]) - running.translate(picture[None])) > 1
    as_tested = Translator(file, device=torch.device("cpu"), running_statistics=True)
    off = running.translate(picture[None])[0].astype(int) - as_tested(picture)
    assert np.abs(off).max() <= 1  # level: filters lie in another layout there
    assert "as test.py without --eval" in batch.norm_words
    assert "as test.py --eval" in running.norm_words


def test_calibrated_on_one_picture_is_batch_on_it(tmp_path: Path) -> None:
    """Its statistics are the mean of one: the variance of n - 1 pixels is all that differs."""
    from PIL import Image

    file = generator_file(tmp_path, "resnet_6blocks", "batch")
    batch = exporter(file, "onnx")
    picture = batch.noise((40, 48))
    Image.fromarray(picture).save(tmp_path / "x.png")
    found = find_inputs(tmp_path / "x.png", phase="", letter="A", record=Record())
    calibrated = exporter(file, "onnx", bn_mode="calibrated", calibrate=found)
    expected = batch.translate(picture[None]).astype(int)
    off = np.abs(calibrated.translate(picture[None]) - expected)
    assert off.mean() < 2
    other = batch.noise((40, 48))[:, ::-1] // 3
    assert np.abs(calibrated.translate(other[None]) - batch.translate(other[None]).astype(int)
                  ).mean() > 4, "statistics of the picture would follow it"
    export(calibrated, tmp_path)
    assert "estimated anew on 1 pictures" in calibrated.norm_words


def test_nothing_to_calibrate(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has none: leave it out"):
        exporter(generator_file(tmp_path, "unet_128", "instance"), "onnx", bn_mode="calibrated")
    with pytest.raises(ValueError, match="found no picture"):
        exporter(generator_file(tmp_path, "unet_128", "batch"), "onnx", bn_mode="calibrated")


@pytest.mark.parametrize("to", FAST)
@pytest.mark.parametrize(("weights", "saved"), [("half", 0.38), ("int8", 0.55)])
def test_small_weights(tmp_path: Path, to: str, weights: str, saved: float) -> None:
    """So tiny a network has as many bytes of other things: what is saved is its weights' share."""
    file = generator_file(tmp_path, "unet_128", "batch")
    path = tmp_path / f"tiny{find_format(to).suffix}"
    export(exporter(file, to), tmp_path)
    large = path.stat().st_size
    one = exporter(file, to, weights=weights)
    run = export(one, tmp_path)
    of_weights = 4 * sum(p.numel() for p in one.reference.net.parameters())
    assert large - path.stat().st_size > saved * of_weights
    picture = one.noise((128, 128))[None]
    off = np.abs(run(picture).astype(int) - one.translate(picture))
    assert 0 < off.mean() < {"half": 0.5, "int8": 8}[weights]


@pytest.mark.parametrize("to", FAST)
def test_deep_pictures_keep_their_values(tmp_path: Path, to: str) -> None:
    formats = {"A": Format("uint16", ".tif"), "B": Format("float32", ".tif")}
    file = generator_file(
        tmp_path, "resnet_6blocks", "instance", channels=(5, 1), record=Record(formats),
        ranges={"A": ValueRange(0, 4095), "B": ValueRange(-20, 60)},
    )
    one = exporter(file, to)
    run = export(one, tmp_path)
    picture = one.noise((20, 30))
    assert picture.dtype == np.float32
    assert picture.max() > 3000
    made = run(picture[None])
    assert made.dtype == np.float32
    assert made.shape == (1, 20, 30, 1)
    assert made.min() < 0 < made.max() <= 60
    metadata = find_format(to).load(tmp_path / f"tiny{find_format(to).suffix}")[1]
    assert (metadata["input_range"], metadata["output_range"]) == ("0,4095", "-20,60")
    assert (metadata["input_dtype"], metadata["input_channels"]) == ("float32", "5")


def test_floating_point_without_a_range(tmp_path: Path) -> None:
    formats = {"A": Format("float32", ".tif"), "B": Format("float32", ".tif")}
    file = generator_file(tmp_path, "resnet_6blocks", "instance", record=Record(formats))
    with pytest.raises(ValueError, match="--value_range_A LO,HI"):
        exporter(file, "onnx")


@pytest.mark.parametrize("to", FAST)
def test_colorization_has_its_colours_inside(tmp_path: Path, to: str) -> None:
    file = generator_file(tmp_path, "unet_128", "batch", channels=(1, 2), model="colorization")
    one = exporter(file, to)
    picture = np.random.default_rng(0).integers(0, 256, (1, 40, 60, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = export(one, tmp_path)
    assert np.abs(run(picture).astype(int) - one.translate(picture)).max() <= 1
    assert (one.description().input_channels, one.description().output_channels) == (3, 3)


@pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated")
@pytest.mark.parametrize(("model", "channels"), [("", (3, 3)), ("colorization", (1, 2))])
def test_torchscript_runs_where_its_input_is(
    tmp_path: Path, model: str, channels: tuple[int, int]
) -> None:
    """No step of it names a device; counting (arange, constants) is moved to the input's."""
    file = generator_file(tmp_path, "resnet_6blocks", "batch", channels=channels, model=model)
    export(exporter(file, "torchscript"), tmp_path)
    graph = torch.jit.load(str(tmp_path / "tiny.pt")).inlined_graph
    naming = [
        node for node in graph.nodes()
        if any(value.type().kind() == "DeviceObjType" for value in node.inputs())
    ]
    assert "aten::arange" in {node.kind() for node in naming}
    for node in naming:
        constant = next(node.inputs()).node().kind() == "prim::Constant"
        assert node.kind() == "aten::arange" or constant, node


def test_traced_colour_is_colour() -> None:
    """All corners of the cube, and a grid between them; colours that no screen can show, too."""
    axis = torch.linspace(-1, 1, 18)
    pictures = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).reshape(1, 3, 18, -1)
    L, ab = rgb_to_lab(pictures[0])
    assert (traced_lightness(pictures)[0] - L).abs().max() < 1e-5
    ab = torch.cat([ab[None], torch.rand_like(ab)[None] * 2 - 1])
    L = torch.stack([L, L])
    level = 2 / 255
    assert (traced_lab_to_rgb(L, ab) - lab_to_rgb(L, ab)).abs().max() < level / 100


@pytest.mark.parametrize("to", FAST)
def test_a_wrong_file_is_not_kept(
    tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = exporter(generator_file(tmp_path, "unet_128", "batch"), to)
    path = tmp_path / "out" / f"tiny{find_format(to).suffix}"
    right = Graph._to_values
    monkeypatch.setattr(Graph, "_to_values", lambda self, x: right(self, x - 3 * 2 / 255))
    with pytest.raises(ValueError, match="differs from PyTorch by more than 1 grey levels"):
        one.write(path, [one.noise((40, 60))])
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("largest", [1.01, float("nan")])
def test_the_judge(largest: float) -> None:
    bad = Difference(9, 9, 1, largest, 0.1, 40)
    good = Difference(9, 9, 1, LIMITS["float32"], 0.1, 40)
    judge([good], "float32")
    with pytest.raises(ValueError, match="was not kept"):
        judge([good, bad], "float32")


def test_three_sizes_of_any_picture() -> None:
    sizes = [one.shape[:2] for one in three_sizes(np.zeros((700, 300, 3), np.uint8))]
    assert sizes == [(512, 300), (340, 151), (43, 25)]
    assert [one.shape[:2] for one in three_sizes(np.zeros((1, 1, 3)))] == [(1, 1)] * 3


def test_what_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    one = exporter(generator_file(tmp_path, "unet_128", "batch"), "onnx")
    with pytest.raises(MissingPackageError, match="pip install onnxruntime"):
        one.write(tmp_path / "out" / "tiny.onnx", [one.noise((8, 8))])
    assert not (tmp_path / "out").exists()


def test_the_onnx_file_is_plain(tmp_path: Path) -> None:
    """Opset 17, the standard domain, dynamic sides: what onnxruntime-web knows as well."""
    onnx: Any = pytest.importorskip("onnx")
    export(exporter(generator_file(tmp_path, "unet_128", "batch"), "onnx"), tmp_path)
    model = onnx.load(str(tmp_path / "tiny.onnx"))
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    assert {node.domain for node in model.graph.node} == {""}
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in shape] == ["batch", "height", "width", 3]
