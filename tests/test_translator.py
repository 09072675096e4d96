"""Translator returns the translation of an image in the type of the image."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_sets import noise
from torch import nn

from data.files.value_range import ValueRange
from data.record import Format, Record, save_record
from inference import Translator
from inference.find_generator import find_generator
from models.networks import define_G
from models.weights.published_keys import to_published
from util import checkpoint

RESNET: dict[str, Any] = {"netG": "resnet_6blocks", "norm": "instance", "dropout": False}
UNET: dict[str, Any] = {"netG": "unet_128", "norm": "batch", "dropout": True}


def write_weights(path: Path, *, channels: tuple[int, int] = (3, 3), **net: Any) -> nn.Module:
    torch.manual_seed(0)
    options = RESNET | net
    built = define_G(*channels, 2, options["netG"], options["norm"], options["dropout"], "kaiming")
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(path, to_published(built))
    return built


@pytest.fixture
def resnet(tmp_path: Path) -> Translator:
    write_weights(tmp_path / "x.pth")
    return Translator.load(tmp_path / "x.pth", device="cpu")


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize("netG", ["resnet_6blocks", "resnet_9blocks", "unet_128", "unet_256"])
def test_a_pth_file_without_a_run_is_enough(tmp_path: Path, netG: str, norm: str) -> None:
    write_weights(tmp_path / "x.pth", netG=netG, norm=norm, channels=(1, 4))
    known: dict[str, Any] = {} if netG.startswith("resnet") else {"no_dropout": True}
    file = find_generator(tmp_path / "x.pth", **known)
    assert (file.netG, file.norm, file.ngf, file.no_dropout) == (netG, norm, 2, True)
    assert (file.input_nc, file.output_nc) == (1, 4)
    output = Translator.load(tmp_path / "x.pth", device="cpu", **known)(np.zeros((9, 8), np.uint8))
    assert output.shape == (9, 8, 4)


def test_a_flag_that_cannot_be_inferred_is_required(tmp_path: Path) -> None:
    write_weights(tmp_path / "x.pth", **UNET)
    with pytest.raises(ValueError, match=r"unet_128 does not show .*--dropout or --no_dropout"):
        Translator.load(tmp_path / "x.pth")
    Translator.load(tmp_path / "x.pth", running_statistics=True)
    assert Translator.load(tmp_path / "x.pth", no_dropout=False).has_dropout
    assert not Translator.load(tmp_path / "x.pth", no_dropout=True).has_dropout


def test_a_flag_that_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    write_weights(tmp_path / "x.pth")
    with pytest.raises(ValueError, match="norm is given as batch, the file has instance"):
        Translator.load(tmp_path / "x.pth", norm="batch")


def test_files_without_a_generator_are_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "x.pth", {"a": torch.zeros(2)})
    with pytest.raises(ValueError, match=r"x\.pth holds a network with unknown names.*--netG"):
        Translator.load(tmp_path / "x.pth")
    with pytest.raises(FileNotFoundError, match=r"y\.pth does not exist"):
        Translator.load(tmp_path / "y.pth")
    (tmp_path / "run").mkdir()
    with pytest.raises(FileNotFoundError, match=r"neither latest_net_G\.pth nor latest_net_G_A"):
        Translator.load(tmp_path / "run")


def test_the_result_has_the_type_of_the_image(resnet: Translator, tmp_path: Path) -> None:
    picture = noise(20, 13)
    image = resnet(picture)
    assert isinstance(image, Image.Image)
    assert (image.mode, image.size) == ("RGB", (20, 13))
    pixels = np.asarray(image)
    array = np.asarray(picture)
    assert np.array_equal(resnet(array), pixels)
    assert np.array_equal(resnet(np.stack([array, array]))[1], pixels)
    assert np.array_equal(np.asarray(resnet([picture, array])[0]), pixels)
    tensor = torch.from_numpy(array.copy()).permute(2, 0, 1) / 127.5 - 1
    levels = ((resnet(tensor) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0)
    assert np.array_equal(levels.numpy(), pixels)
    assert resnet(tensor[None]).shape == (1, 3, 13, 20)
    picture.save(tmp_path / "in.png")
    assert np.array_equal(np.asarray(resnet(tmp_path / "in.png")), pixels)
    assert resnet(str(tmp_path / "in.png"), tmp_path / "out.png") == tmp_path / "out.png"
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), pixels)
    with pytest.raises(TypeError, match="cannot translate a dict"):
        resnet({})


def test_grey_arrays_keep_their_number_of_axes(tmp_path: Path) -> None:
    write_weights(tmp_path / "x.pth", channels=(1, 1))
    translate = Translator.load(tmp_path / "x.pth", device="cpu")
    assert translate(np.zeros((8, 9), np.uint16)).shape == (8, 9)
    assert translate(np.zeros((8, 9), np.uint16)).dtype == np.uint16
    assert translate(np.zeros((8, 9, 1), np.uint8)).shape == (8, 9, 1)
    assert translate(Image.new("L", (9, 8))).mode == "L"


@pytest.mark.parametrize("size", [(1, 1), (31, 57), (20, 1), (130, 67)])
@pytest.mark.parametrize("net", [RESNET, UNET])
def test_any_size(tmp_path: Path, net: dict[str, Any], size: tuple[int, int]) -> None:
    write_weights(tmp_path / "x.pth", **net)
    known: dict[str, Any] = {"no_dropout": False} if net is UNET else {}
    translate = Translator.load(tmp_path / "x.pth", device="cpu", **known)
    assert translate(noise(*size)).size == size


def test_dropout_is_reproducible_and_samples_differ(tmp_path: Path) -> None:
    write_weights(tmp_path / "x.pth", **UNET)
    translate = Translator.load(tmp_path / "x.pth", device="cpu", no_dropout=False)
    image = torch.rand(2, 3, 128, 128) * 2 - 1
    state = torch.random.get_rng_state()
    first = translate.translate(image)
    assert torch.equal(torch.random.get_rng_state(), state)  # of the caller
    assert torch.equal(translate.translate(image), first)
    assert torch.allclose(translate.translate(image[1:]), first[1:], atol=1e-5)
    assert not torch.allclose(translate.translate(image, sample=1), first, atol=1e-2)


def test_16_bits_stay_16_bits_and_agree_with_8(resnet: Translator) -> None:
    shallow = np.asarray(noise(16, 12))
    deep = resnet(shallow.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - resnet(shallow)).max() <= 0.51


def test_floating_point_needs_a_range(tmp_path: Path) -> None:
    write_weights(tmp_path / "x.pth", channels=(1, 1))
    path, image = tmp_path / "x.pth", np.linspace(-1000, 3000, 80, dtype=np.float32).reshape(8, 10)
    with pytest.raises(ValueError, match=r"from -1000 to 3000.*--value_range_A LO,HI"):
        Translator.load(path, device="cpu")(image)
    with pytest.raises(ValueError, match="--value_range_B LO,HI"):
        Translator.load(path, device="cpu", value_range_A=(-1000, 3000))(image)
    translate = Translator.load(
        path, device="cpu", value_range_A=(-1000, 3000), value_range_B=(0, 1)
    )
    output = translate(image)
    assert output.dtype == np.float32
    assert 0 <= output.min() < output.max() <= 1


def test_wrong_channels_are_named(resnet: Translator) -> None:
    with pytest.raises(ValueError, match=r"5 channels \(bands\), uint8, but 3 wanted"):
        resnet(np.zeros((8, 8, 5), np.uint8))
    with pytest.raises(ValueError, match=r"takes images \[N, 3, H, W\], got \[1, 1, 8, 8\]"):
        resnet(torch.zeros(1, 8, 8))


@pytest.mark.parametrize("tile", [140, 148])
def test_tiles_agree_with_the_whole_image(tmp_path: Path, tile: int) -> None:
    write_weights(tmp_path / "x.pth")
    path, picture = tmp_path / "x.pth", np.asarray(noise(181, 155))
    whole = Translator.load(path, device="cpu", tile=None)(picture)
    tiled = Translator.load(path, device="cpu", tile=tile)
    assert tiled.budget.tile_for(155, 181) == tile
    assert np.abs(tiled(picture).astype(int) - whole).max() <= 1


@pytest.mark.parametrize(
    ("trained", "given", "written"),
    [
        (("uint8", ".jpg"), Format("uint8", ".jpg"), Format("uint8", ".jpg")),
        (("uint8", ".png"), Format("uint16", ".tif"), Format("uint16", ".tif")),
        (("uint16", ".tif"), Format("uint8", ".png"), Format("uint16", ".tif")),
    ],
)
def test_the_format_of_the_target_is_used_if_it_differed_from_the_input(
    trained: tuple[str, str], given: Format, written: Format
) -> None:
    record = Record({"A": Format("uint8", trained[1] if trained[0] == "uint8" else ".png"),
                     "B": Format(*trained)})
    assert record.format_for("B", given) == written
    assert Record().format_for("B", given) == given


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    write_weights(tmp_path / "latest_net_G.pth")
    save_record(Record({"A": Format("uint8", ".png")}, (2.0, 2.0)), tmp_path)
    assert find_generator(tmp_path).record.is_pair((512, 256))
    (tmp_path / "pictures.json").write_text("{")
    with pytest.raises(ValueError, match=r"pictures\.json is damaged .*delete it"):
        find_generator(tmp_path)


def test_a_batch_that_does_not_fit_is_translated_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_weights(tmp_path / "x.pth", **UNET)
    translator = Translator.load(tmp_path / "x.pth", device="cpu", no_dropout=False)
    batch = torch.rand(3, 3, 20, 30) * 2 - 1
    together = translator(batch)
    monkeypatch.setattr(translator.budget, "fits", lambda count, height, width: count < 2)
    torch.testing.assert_close(translator(batch), together, atol=1e-5, rtol=0)


def test_ambiguous_arguments_are_refused(resnet: Translator, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"in -1\.\.1, got torch\.uint8; give a numpy array"):
        resnet(torch.zeros(3, 8, 8, dtype=torch.uint8))
    with pytest.raises(TypeError, match="ngff: unknown flag; choose from netG"):
        Translator.load(tmp_path / "x.pth", ngff=3)
    with pytest.raises(ValueError, match=r"1 of 64 pixels are missing.*nan_value=V"):
        values = np.zeros((8, 8, 3), np.float32)
        values[0, 0, 0] = np.nan
        resnet(values)


def test_values_with_a_range_are_not_reduced_to_8_bits(tmp_path: Path) -> None:
    write_weights(tmp_path / "x.pth", channels=(1, 1))
    scan = np.linspace(0, 255, 80).round().astype(np.uint8).reshape(8, 10)
    for limits, dtype in [((0, 4095), np.float32), ((0, 1), np.float32), ((0, 255), np.uint8)]:
        translate = Translator.load(
            tmp_path / "x.pth", device="cpu", value_range_A=limits, value_range_B=limits
        )
        output = translate(scan)
        assert output.dtype == dtype
        assert len(np.unique(output)) > 20
    record = Record({side: Format("uint16", ".png") for side in "AB"})
    written = record.format_for("B", Format("uint8", ".png"), ValueRange(0, 4095))
    assert written == Format("uint16", ".png")


def test_loading_does_not_change_the_random_state(tmp_path: Path) -> None:
    write_weights(tmp_path / "x.pth")
    numbers = torch.random.get_rng_state()
    Translator.load(tmp_path / "x.pth", device="cpu")
    assert torch.equal(torch.random.get_rng_state(), numbers)


def test_a_path_gives_an_array_if_pil_does_not_support_the_result(tmp_path: Path) -> None:
    write_weights(tmp_path / "x.pth", channels=(1, 5))
    np.save(tmp_path / "in.npy", np.zeros((8, 9), np.uint16))
    translate = Translator.load(tmp_path / "x.pth", device="cpu")
    output = translate(tmp_path / "in.npy")
    assert (output.dtype, output.shape) == (np.dtype("uint16"), (8, 9, 5))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png does not exist"):
        translate(tmp_path / "nowhere.png")


def test_the_former_import_is_the_same_class() -> None:
    from models.translator import Translator as FormerTranslator

    assert FormerTranslator is Translator


def test_samples_of_a_generator_without_dropout_are_refused(resnet: Translator) -> None:
    with pytest.raises(ValueError, match="samples differ by dropout, and this generator has no"):
        resnet.translate(torch.zeros(1, 3, 8, 8), sample=1)
