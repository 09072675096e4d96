import inspect
import pickle
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from PIL import Image
from plugin_files import dataset_defaults
from tiny_sets import make_opt, write_noise, write_pairs

import data
from data.aligned_dataset import AlignedDataset
from data.base_dataset import BaseDataset, Sample
from data.colorization_dataset import ColorizationDataset
from data.colour import lab_to_rgb
from data.single_dataset import SingleDataset
from data.template_dataset import TemplateDataset
from data.unaligned_dataset import UnalignedDataset

MODES = {"aligned", "unaligned", "single", "colorization", "template"}
LAB = {"input_nc": 1, "output_nc": 2}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "train", 4)
    write_noise(tmp_path / "trainA", *(f"a{i}.png" for i in range(5)))
    write_noise(tmp_path / "trainB", *(f"b{i}.png" for i in range(3)))
    return tmp_path


def build(name: str, root: Path, **changes: Any) -> BaseDataset:
    flags = dataset_defaults(name) | changes
    return data.find_dataset(name)(make_opt(root, dataset_mode=name, **flags))


def test_all_modes_are_found_and_others_refused() -> None:
    assert set(data.available()) >= MODES
    with pytest.raises(ValueError, match=r"bogus_dataset\.py does not exist; .* one of aligned"):
        data.find_dataset("bogus")


def assert_equal(sample: Sample, wanted: Sample) -> None:
    assert sample.keys() == wanted.keys()
    for key, value in wanted.items():
        found = sample[key]  # type: ignore[literal-required]
        assert torch.equal(found, value) if isinstance(value, torch.Tensor) else found == value


def views(dataset: BaseDataset, key: Literal["A", "B"], epoch: int = 0) -> list[bytes]:
    dataset.set_epoch(epoch)
    return [dataset[index][key].numpy().tobytes() for index in range(3)]


@pytest.mark.parametrize("name", data.available())
def test_samples_depend_on_seed_epoch_and_index_alone(name: str, root: Path) -> None:
    dataset = build(name, root)
    dataset.set_epoch(2)
    samples = [dataset[index] for index in range(3)]
    for copy in (pickle.loads(pickle.dumps(dataset)), build(name, root)):
        copy.set_epoch(2)
        for index in (2, 0, 1):
            assert_equal(copy[index], samples[index])


@pytest.mark.parametrize("name", data.available())
def test_seed_and_epoch_both_change_the_samples(name: str, root: Path) -> None:
    dataset, other = build(name, root, seed=7), build(name, root, seed=8)
    sides: tuple[Literal["A", "B"], ...] = ("A", "B") if "B" in dataset[0] else ("A",)
    for side in sides:
        assert views(dataset, side) != views(dataset, side, epoch=1)
        assert views(dataset, side) != views(other, side)


@pytest.mark.parametrize("name", data.available())
def test_samples_are_float32_in_range(name: str, root: Path) -> None:
    sample = build(name, root)[0]
    assert ("B" in sample) == ("B_paths" in sample)
    assert ("B" in sample) == (name != "single") or name not in MODES
    tensors = [sample["A"], *([sample["B"]] if "B" in sample else [])]
    for tensor in tensors:
        assert tensor.dtype == torch.float32
        assert tensor.shape[1:] == (8, 8)
        assert -1 <= tensor.min() < tensor.max() <= 1
    assert Path(sample["A_paths"]).is_file()


@pytest.mark.parametrize("name", data.available())
def test_max_dataset_size_limits_each_side(name: str, root: Path) -> None:
    assert len(build(name, root, max_dataset_size=2)) == 2


@pytest.mark.parametrize("name", data.available())
def test_an_image_too_small_for_its_crop_is_found_before_training(name: str, root: Path) -> None:
    build(name, root, preprocess="crop", crop_size=12)
    for folder in ("train", "trainB"):
        Image.new("RGB", (11, 30)).save(root / folder / "narrow.png")
    found = r"narrow\.png \(left half\): 5" if name == "aligned" else r"narrow\.png: 11"
    with pytest.raises(ValueError, match=rf"{found} x 30; .*resize_and_crop"):
        build(name, root, preprocess="crop", crop_size=12)


def test_aligned_pairs_share_every_draw(root: Path) -> None:
    dataset = build("aligned", root, preprocess="crop")
    for epoch in range(8):
        dataset.set_epoch(epoch)
        for index in range(4):
            sample = dataset[index]
            assert torch.equal(sample["A"], sample["B"])


def test_aligned_odd_width_gives_the_extra_column_to_B(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    pair = Image.new("RGB", (17, 8), "white")
    pair.paste("black", (0, 0, 8, 8))
    pair.save(tmp_path / "train" / "x.png")
    for preprocess in ("crop", "none", "resize_and_crop", "scale_width", "scale_width_and_crop"):
        sample = AlignedDataset(make_opt(tmp_path, preprocess=preprocess))[0]
        assert sample["A"].shape == sample["B"].shape
        assert sample["A"].max() == -1
        assert sample["B"].min() == 1


def test_aligned_refuses_what_cannot_be_a_pair(tmp_path: Path) -> None:
    write_noise(tmp_path / "train", "thin.png", width=1)
    with pytest.raises(ValueError, match=r"thin\.png is 1 x 20; a pair A \| B is at least 2"):
        AlignedDataset(make_opt(tmp_path))[0]


@pytest.mark.parametrize("name", ["aligned", "unaligned", "template"])
def test_direction_decides_which_side_is_grey(name: str, root: Path) -> None:
    grey_input = {"input_nc": 1, "output_nc": 3}
    sample = build(name, root, **grey_input)[0]
    assert (len(sample["A"]), len(sample["B"])) == (1, 3)
    sample = build(name, root, direction="BtoA", **grey_input)[0]
    assert (len(sample["A"]), len(sample["B"])) == (3, 1)


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_single_gives_the_model_its_input(root: Path, direction: str) -> None:
    dataset = SingleDataset(make_opt(root / "trainA", input_nc=1, direction=direction))
    assert len(dataset) == 5
    assert dataset[0]["A"].shape == (1, 8, 8)


def test_unaligned_draws_partners_and_crops_separately(root: Path) -> None:
    dataset = UnalignedDataset(make_opt(root))
    assert len(dataset) == 5
    partners = set()
    for epoch in range(12):
        dataset.set_epoch(epoch)
        for index in range(5):
            sample = dataset[index]
            assert Path(sample["A_paths"]).name == f"a{index}.png"
            partner = dataset.random(index).randrange(3)  # every B is equally likely
            assert Path(sample["B_paths"]).name == f"b{partner}.png"
            partners.add((index, partner))
    assert len(partners) == 5 * 3
    twins = UnalignedDataset(make_opt(root, serial_batches=True))  # a0 and b0 are the same noise
    assert not torch.equal(twins[0]["A"], twins[0]["B"])


def test_unaligned_names_the_missing_side(root: Path) -> None:
    for file in (root / "trainB").iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match=r"trainB holds no images .*found: no files"):
        UnalignedDataset(make_opt(root))


def test_colorization_splits_a_photograph(root: Path) -> None:
    dataset = ColorizationDataset(make_opt(root, preprocess="none", no_flip=True, **LAB))
    sample = dataset[0]
    assert (len(sample["A"]), len(sample["B"])) == (1, 2)
    colours = (lab_to_rgb(sample["A"][None], sample["B"][None])[0] + 1) * 127.5
    with Image.open(sample["A_paths"]) as image:
        pixels = torch.tensor(list(image.tobytes())).view(12, 24, 3).permute(2, 0, 1)
    assert (colours - pixels).abs().max() <= 1


def test_the_template_brightens_images(root: Path) -> None:
    sample = TemplateDataset(make_opt(root, new_dataset_option=3.0))[0]
    A, B = (sample["A"] + 1) / 2, (sample["B"] + 1) / 2
    assert torch.allclose(A, (3 * B).clamp(max=1), atol=1e-6)


def test_every_mode_is_documented() -> None:
    assert all(inspect.getdoc(data.find_dataset(name)) for name in data.available())
