"""Exported files of every generator and norm give the same images as PyTorch."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exports import contrast, create_exporter, export, generator_file

from data.colour import lab_to_rgb, rgb_to_lab, traced_lab_to_rgb, traced_lightness
from data.discovery.inputs import find_inputs
from data.files.value_range import LEVELS, ValueRange
from data.record import Format, Record
from inference.export import available, find_format
from inference.export.graph import Graph
from inference.export.verify import LIMITS, Difference, require_within_limits, three_sizes
from inference.padding import translate_any_size
from inference.translator import Translator
from models.networks import GENERATORS
from models.networks.layers import NORMS
from util.packages import MissingPackageError

FAST = ("onnx", "torchscript")
EVERY = [(netG, norm) for netG in GENERATORS for norm in NORMS]


def check_export(folder: Path, to: str, netG: str, norm: str) -> None:
    """Export and verify; the output must have contrast, or the comparison would prove nothing."""
    exporter = create_exporter(generator_file(folder, netG, norm), to)
    run = export(exporter, folder)
    output = run(exporter.noise((33, 50))[None])
    assert output.shape == (1, 33, 50, 3)
    flat = netG.startswith("encoder_decoder") and norm == "none"  # the bottleneck is nearly 0
    assert flat or contrast(output) > 3


@pytest.mark.parametrize(("netG", "norm"), EVERY)
def test_onnx(tmp_path: Path, netG: str, norm: str) -> None:
    check_export(tmp_path, "onnx", netG, norm)


@pytest.mark.parametrize(
    ("netG", "norm"), [pair for pair in EVERY if "batch" in pair or "resnet_6blocks" in pair]
)
def test_torchscript(tmp_path: Path, netG: str, norm: str) -> None:
    check_export(tmp_path, "torchscript", netG, norm)


@pytest.mark.parametrize(("netG", "norm"), [("resnet_6blocks", "instance"), ("unet_128", "batch")])
def test_pt2(tmp_path: Path, netG: str, norm: str) -> None:
    exporter = create_exporter(generator_file(tmp_path, netG, norm), "pt2")
    run = export(exporter, tmp_path)
    for size in ((1, 130), (128, 128)):
        images = exporter.noise(size)[None]
        assert np.abs(run(images).astype(int) - exporter.translate(images)).max() <= 1


@pytest.mark.soak
@pytest.mark.parametrize("to", ["torchscript", "pt2"])
@pytest.mark.parametrize(("netG", "norm"), EVERY)
def test_every_generator_and_norm(tmp_path: Path, to: str, netG: str, norm: str) -> None:
    check_export(tmp_path, to, netG, norm)


def test_the_matrix_has_all_formats() -> None:
    assert {*FAST, "pt2"} <= set(available())


@pytest.mark.parametrize("to", FAST)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 131), (128, 129)])
def test_any_size(tmp_path: Path, to: str, size: tuple[int, int]) -> None:
    """Use running statistics, because the variance of an image of one pixel is 0."""
    file = generator_file(tmp_path, "resnet_6blocks", "batch")
    exporter = create_exporter(file, to, bn_mode="running")
    run = export(exporter, tmp_path)
    batch = np.stack([exporter.noise(size), 255 - exporter.noise(size)])
    assert np.abs(run(batch).astype(int) - exporter.translate(batch)).max() <= 1


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 200)])
@pytest.mark.parametrize("netG", ["resnet_6blocks", "unet_128"])
def test_the_graph_pads_and_crops_as_translate_any_size(
    tmp_path: Path, netG: str, size: tuple[int, int]
) -> None:
    """The outputs are equal, bit for bit."""
    exporter = create_exporter(generator_file(tmp_path, netG, "batch"), "onnx", bn_mode="running")
    image = exporter.noise(size)
    expected = translate_any_size(exporter.reference.net, LEVELS.to_tensor(image)[None])[0]
    output = exporter.graph()(torch.from_numpy(image)[None])[0].numpy()
    assert np.array_equal(output, LEVELS.from_tensor(expected, np.uint8))


def test_bn_modes_use_different_statistics(tmp_path: Path) -> None:
    file = generator_file(tmp_path, "resnet_6blocks", "batch")
    image = create_exporter(file, "onnx").noise((40, 48))
    batch = create_exporter(file, "onnx")
    running = create_exporter(file, "onnx", bn_mode="running")
    assert contrast(batch.translate(image[None]) - running.translate(image[None])) > 1
    translator = Translator(file, device=torch.device("cpu"), running_statistics=True)
    difference = running.translate(image[None])[0].astype(int) - translator(image)
    assert np.abs(difference).max() <= 1  # the filters have another memory layout there
    assert "as test.py without --eval" in batch.norm_text
    assert "as test.py --eval" in running.norm_text


@pytest.mark.parametrize("norm", ["batch", "syncbatch"])
def test_calibrated_on_one_image_equals_batch_on_that_image(tmp_path: Path, norm: str) -> None:
    """The statistics are the mean over one image; only the unbiased variance differs."""
    from PIL import Image

    file = generator_file(tmp_path, "resnet_6blocks", norm)
    batch = create_exporter(file, "onnx")
    image = batch.noise((40, 48))
    Image.fromarray(image).save(tmp_path / "x.png")
    found = find_inputs(tmp_path / "x.png", phase="", letter="A", record=Record())
    calibrated = create_exporter(file, "onnx", bn_mode="calibrated", calibrate=found)
    expected = batch.translate(image[None]).astype(int)
    assert np.abs(calibrated.translate(image[None]) - expected).mean() < 2
    other = batch.noise((40, 48))[:, ::-1] // 3
    assert np.abs(calibrated.translate(other[None]) - batch.translate(other[None]).astype(int)
                  ).mean() > 4, "batch uses the statistics of this other image"
    export(calibrated, tmp_path)
    assert "estimated on 1 images" in calibrated.norm_text


def test_calibration_needs_batch_norms_and_images(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has none: leave it out"):
        file = generator_file(tmp_path, "unet_128", "instance")
        create_exporter(file, "onnx", bn_mode="calibrated")
    with pytest.raises(ValueError, match="found no image"):
        create_exporter(generator_file(tmp_path, "unet_128", "batch"), "onnx", bn_mode="calibrated")


@pytest.mark.parametrize("to", FAST)
@pytest.mark.parametrize(("weights", "saved"), [("half", 0.47), ("int8", 0.72)])
def test_small_weights(tmp_path: Path, to: str, weights: str, saved: float) -> None:
    """Half and three quarters of the bytes of the weights are saved, less what the file adds."""
    file = generator_file(tmp_path, "unet_128", "batch", width=8)
    path = tmp_path / f"tiny{find_format(to).suffix}"
    export(create_exporter(file, to), tmp_path)
    large = path.stat().st_size
    exporter = create_exporter(file, to, weights=weights)
    run = export(exporter, tmp_path)
    of_weights = 4 * sum(p.numel() for p in exporter.reference.net.parameters())
    assert large - path.stat().st_size > saved * of_weights
    images = exporter.noise((128, 128))[None]
    errors = np.abs(run(images).astype(int) - exporter.translate(images))
    assert 0 < errors.mean() < {"half": 0.5, "int8": 8}[weights]


@pytest.mark.parametrize("to", FAST)
def test_images_of_more_than_8_bits_keep_their_values(tmp_path: Path, to: str) -> None:
    formats = {"A": Format("uint16", ".tif"), "B": Format("float32", ".tif")}
    file = generator_file(
        tmp_path, "resnet_6blocks", "instance", channels=(5, 1), record=Record(formats),
        ranges={"A": ValueRange(0, 4095), "B": ValueRange(-20, 60)},
    )
    exporter = create_exporter(file, to)
    run = export(exporter, tmp_path)
    image = exporter.noise((20, 30))
    assert image.dtype == np.float32
    assert image.max() > 3000
    output = run(image[None])
    assert output.dtype == np.float32
    assert output.shape == (1, 20, 30, 1)
    assert output.min() < 0 < output.max() <= 60
    metadata = find_format(to).load(tmp_path / f"tiny{find_format(to).suffix}")[1]
    assert (metadata["input_range"], metadata["output_range"]) == ("0,4095", "-20,60")
    assert (metadata["input_dtype"], metadata["input_channels"]) == ("float32", "5")


def test_floating_point_needs_a_range(tmp_path: Path) -> None:
    formats = {"A": Format("float32", ".tif"), "B": Format("float32", ".tif")}
    file = generator_file(tmp_path, "resnet_6blocks", "instance", record=Record(formats))
    with pytest.raises(ValueError, match="--value_range_A LO,HI"):
        create_exporter(file, "onnx")


@pytest.mark.parametrize("to", FAST)
def test_colorization_maps_rgb_to_rgb(tmp_path: Path, to: str) -> None:
    file = generator_file(tmp_path, "unet_128", "batch", channels=(1, 2), model="colorization")
    exporter = create_exporter(file, to)
    image = np.random.default_rng(0).integers(0, 256, (1, 40, 60, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = export(exporter, tmp_path)
    assert np.abs(run(image).astype(int) - exporter.translate(image)).max() <= 1
    assert (exporter.metadata().input_channels, exporter.metadata().output_channels) == (3, 3)


@pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated")
@pytest.mark.parametrize(("model", "channels"), [("", (3, 3)), ("colorization", (1, 2))])
def test_torchscript_runs_where_its_input_is(
    tmp_path: Path, model: str, channels: tuple[int, int]
) -> None:
    """No operation names a device; arange and constants are moved to the device of the input."""
    file = generator_file(tmp_path, "resnet_6blocks", "batch", channels=channels, model=model)
    export(create_exporter(file, "torchscript"), tmp_path)
    graph = torch.jit.load(str(tmp_path / "tiny.pt")).inlined_graph
    with_device = [
        node for node in graph.nodes()
        if any(value.type().kind() == "DeviceObjType" for value in node.inputs())
    ]
    assert "aten::arange" in {node.kind() for node in with_device}
    for node in with_device:
        constant = next(node.inputs()).node().kind() == "prim::Constant"
        assert node.kind() == "aten::arange" or constant, node


def test_traced_colours_equal_colours() -> None:
    """Compare on a grid over the RGB cube, and for Lab colours outside of it."""
    axis = torch.linspace(-1, 1, 18)
    images = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).reshape(1, 3, 18, -1)
    L, ab = rgb_to_lab(images[0])
    assert (traced_lightness(images)[0] - L).abs().max() < 1e-5
    ab = torch.cat([ab[None], torch.rand_like(ab)[None] * 2 - 1])
    L = torch.stack([L, L])
    level = 2 / 255
    assert (traced_lab_to_rgb(L, ab) - lab_to_rgb(L, ab)).abs().max() < level / 100


@pytest.mark.parametrize("to", FAST)
def test_a_file_with_wrong_outputs_is_removed(
    tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = create_exporter(generator_file(tmp_path, "unet_128", "batch"), to)
    path = tmp_path / "out" / f"tiny{find_format(to).suffix}"
    right = Graph._to_values
    monkeypatch.setattr(Graph, "_to_values", lambda self, x: right(self, x - 3 * 2 / 255))
    with pytest.raises(ValueError, match="differs from PyTorch by more than 1 grey levels"):
        exporter.write(path, [exporter.noise((40, 60))])
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("largest", [1.01, float("nan")])
def test_differences_above_the_limit_and_nan_are_errors(largest: float) -> None:
    bad = Difference(9, 9, 1, largest, 0.1, 40)
    good = Difference(9, 9, 1, LIMITS["float32"], 0.1, 40)
    require_within_limits([good], "float32")
    with pytest.raises(ValueError, match="was not kept"):
        require_within_limits([good, bad], "float32")


def test_three_sizes_of_any_image() -> None:
    sizes = [pixels.shape[:2] for pixels in three_sizes(np.zeros((700, 300, 3), np.uint8))]
    assert sizes == [(512, 300), (340, 151), (43, 25)]
    assert [pixels.shape[:2] for pixels in three_sizes(np.zeros((1, 1, 3)))] == [(1, 1)] * 3


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    exporter = create_exporter(generator_file(tmp_path, "unet_128", "batch"), "onnx")
    with pytest.raises(MissingPackageError, match="pip install onnxruntime"):
        exporter.write(tmp_path / "out" / "tiny.onnx", [exporter.noise((8, 8))])
    assert not (tmp_path / "out").exists()


def test_the_onnx_file_uses_standard_operators(tmp_path: Path) -> None:
    """onnxruntime-web supports opset 17, the standard domain and dynamic sides."""
    onnx: Any = pytest.importorskip("onnx")
    export(create_exporter(generator_file(tmp_path, "unet_128", "batch"), "onnx"), tmp_path)
    model = onnx.load(str(tmp_path / "tiny.onnx"))
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert {node.domain for node in model.graph.node} == {""}
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in shape] == ["batch", "height", "width", 3]
