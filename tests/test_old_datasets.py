"""Dataset files in the style of the original implementation (tests/old_style)."""

import importlib
import pickle
import random
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_sets import make_opt, noise, write_noise, write_pairs

import data
from compat.image_files import ImageFolder, is_image_file, make_dataset
from compat.options import PathText, SeenOptions, plain
from data.base_dataset import examples_of, get_params, get_transform, sides_of
from data.loader import Loader
from util.flags.replacing import flags_replaceable
from util.random_states import random_state

OLD_STYLE = Path(__file__).with_name("old_style")


@pytest.fixture(autouse=True)
def old_style(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(data, "__path__", [*data.__path__, str(OLD_STYLE), str(tmp_path)])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "train", 5, side=20)
    write_noise(tmp_path / "trainA", *(f"{i}.png" for i in range(4)))
    write_noise(tmp_path / "trainB", *(f"{i}.png" for i in range(3)))
    return tmp_path


def batches(loader: Loader, epoch: int, start: int = 0) -> list[dict[str, Any]]:
    loader.set_epoch(epoch, start)
    return [dict(batch) for batch in loader]


def as_lists(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value.tolist() if isinstance(value, torch.Tensor) else value
             for key, value in batch.items()} for batch in found]


@pytest.mark.parametrize("mode", ["street", "mixed"])
def test_draws_come_from_the_seed_whatever_reads(root: Path, mode: str) -> None:
    opt = make_opt(root, dataset_mode=mode, darken=0.5)
    alone = data.create_dataset(opt)
    states = repr(random_state())
    first = as_lists(batches(alone, 1))
    assert repr(random_state()) == states
    workers = data.create_dataset(make_opt(root, dataset_mode=mode, darken=0.5, num_threads=1))
    assert as_lists(batches(workers, 1)) == first
    assert as_lists(batches(alone, 1, start=2)) == first[1:]
    assert as_lists(batches(alone, 2)) != first
    other = data.create_dataset(make_opt(root, dataset_mode=mode, darken=0.5, seed=8))
    assert as_lists(batches(other, 1)) != first


def test_samples_arrive_as_they_are(root: Path) -> None:
    batch = batches(data.create_dataset(make_opt(root, dataset_mode="street", darken=9.0)), 1)[0]
    assert batch["A"].dtype == torch.float32 and batch["A"].min() < -1
    assert batch["label"].dtype == torch.uint8
    assert batch["stem"] == [Path(path).stem for path in batch["A_paths"]]


def test_without_darkening_the_samples_are_those_of_our_own_dataset(root: Path) -> None:
    same = {"load_size": 8, "no_flip": True, "serial_batches": True, "darken": 0.0}
    own = batches(data.create_dataset(make_opt(root, **same)), 1)
    old = batches(data.create_dataset(make_opt(root, dataset_mode="street", **same)), 1)
    for ours, theirs in zip(own, old, strict=True):
        assert torch.equal(ours["A"], theirs["A"]) and torch.equal(ours["B"], theirs["B"])
        assert ours["A_paths"] == theirs["A_paths"]


@pytest.mark.parametrize(("code", "message"), [
    ("    def __getitem__(self, index):\n        return {'A': self.nothing}",
     r"broken_dataset.py, line 7, `return .*`: AttributeError: .* no attribute 'nothing'; correct"),
    ("    def __getitem__(self, index):\n        return {'A': Image.open('no.png')}",
     r"broken_dataset.py, line 7, .*: FileNotFoundError: .*'no.png'"),
    ("    def __getitem__(self, index):\n        return {'A': torch.zeros(index)}",
     r"the values of 'A' cannot be joined to a batch .* tensors of one shape"),
    ("    def __init__(self, opt):\n        assert opt.load_size > 99, 'too small'",
     r"broken_dataset.py, line 7, .*: AssertionError: too small"),
    ("    def __getitem__(self, index)\n        return 1",
     r"broken_dataset.py cannot be imported \(SyntaxError: .*, line 6\); correct the file"),
    ("    import nothing_here", r"\(ModuleNotFoundError: .*, line 6, `import nothing_here`\)"),
])
def test_an_error_names_the_line_of_the_file(
    root: Path, tmp_path: Path, code: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_dataset.py").write_text(
        "import torch\nfrom PIL import Image\nfrom data.base_dataset import BaseDataset\n\n"
        f"class BrokenDataset(BaseDataset):\n{code}\n"
        "    def __len__(self):\n        return 4\n"
        + "    def __getitem__(self, index):\n        pass\n" * ("__getitem__" not in code))
    monkeypatch.delitem(sys.modules, "data.broken_dataset", raising=False)
    importlib.invalidate_caches()
    with pytest.raises(ValueError, match=message):
        opt = make_opt(root, dataset_mode="broken", num_threads=int("nothing'" in message))
        batches(data.create_dataset(opt), 1)


def test_names_of_our_attributes_and_flags_are_free(root: Path, tmp_path: Path) -> None:
    (tmp_path / "free_dataset.py").write_text(
        "from data.base_dataset import BaseDataset\n"
        "class FreeDataset(BaseDataset):\n"
        "    @staticmethod\n"
        "    def modify_commandline_options(parser, is_train):\n"
        "        parser.add_argument('--pairs', type=str, default='none')\n"
        "        parser.add_argument('--seed', type=int, default=5)\n"
        "        return parser\n"
        "    def __init__(self, opt):\n"
        "        self.opt = opt\n"  # without that of BaseDataset
        "        self.A = self.B = self.examples = self.pictures = self.order = [1, 2]\n"
        "    def __getitem__(self, index):\n"
        "        return {'label': self.examples[index] + self.A[0], 'all': [self.opt.pairs]}\n"
        "    def __len__(self):\n"
        "        return min(len(self.pictures), self.opt.max_dataset_size)\n")
    cls = data.find_dataset("free")
    cls.check_options(make_opt(root, pairs="none"))
    loader = data.create_dataset(make_opt(root, dataset_mode="free", pairs="none"))
    assert sorted(batches(loader, 1)[0]["label"].tolist()) == [2, 3]
    assert examples_of(loader.dataset) == {} and sides_of(loader.dataset)[1].letter == "B"
    parser = ArgumentParser()
    parser.add_argument("--seed", default=0, type=int)
    with flags_replaceable(parser, "free"):
        cls.modify_commandline_options(parser, True)
    assert parser.parse_args([]).seed == 5
    with (pytest.raises(ValueError, match=r"mine\.py defines --seed, which is a flag of this"),
          flags_replaceable(parser, "mine.py")):
        parser.add_argument("--seed", action="store_true")


@pytest.mark.parametrize("preprocess", ["resize_and_crop", "scale_width_and_crop", "crop",
                                        "scale_width", "none"])
def test_shared_params_cut_the_same_window(preprocess: str) -> None:
    opt = make_opt(Path(), load_size=24, crop_size=16, preprocess=preprocess, model="x")
    random.seed(3)
    params = get_params(opt, (40, 26))
    transform = pickle.loads(pickle.dumps(get_transform(opt, params)))
    image, mirrored = noise(40, 26), dict(params, flip=not params["flip"])
    found = transform(image)
    size = {"scale_width": (16, 24), "none": (24, 40)}.get(preprocess, (16, 16))
    assert found.shape == (3, *size) and found.dtype == torch.float32
    assert torch.equal(get_transform(opt, mirrored)(image), found.flip(2))
    assert get_transform(opt, params, grayscale=True, method=3)(image).shape[0] == 1
    assert isinstance(get_transform(opt, params, convert=False)(image), Image.Image)
    if "crop" in preprocess:
        (x, y), scaled = params["crop_pos"], image
        if preprocess != "crop":
            height = 24 if preprocess == "resize_and_crop" else 16
            scaled = image.resize((24, height), Image.Resampling.BICUBIC)
        window = np.asarray(scaled.crop((x, y, x + 16, y + 16)), np.float32) / 127.5 - 1
        window = window[:, ::-1] if params["flip"] else window
        assert np.allclose(found.numpy().transpose(1, 2, 0), window, atol=1e-6)


def test_our_datasets_have_the_attributes_that_old_subclasses_read(root: Path) -> None:
    two: Any = data.create_dataset(make_opt(root, dataset_mode="unaligned")).dataset
    assert two.A_paths == make_dataset(root / "trainA") and (two.A_size, two.B_size) == (4, 3)
    assert two.dir_B == f"{root}/trainB" and two.transform_A(noise(24, 20)).shape == (3, 8, 8)
    two.B_paths = []
    assert two.B_paths == [] and not hasattr(two, "C_paths") and not hasattr(two, "dir")
    pairs: Any = data.create_dataset(make_opt(root)).dataset
    assert pairs.AB_paths == make_dataset(root / "train") and pairs.dir_AB == f"{root}/train"
    single = make_opt(root / "trainA", dataset_mode="single")
    one: Any = data.create_dataset(single).dataset
    assert one.A_paths == two.A_paths


def test_files_of_a_folder(root: Path) -> None:
    found = make_dataset(f"{root}/trainA")
    assert found == [f"{root}/trainA/{i}.png" for i in range(4)] == make_dataset(root / "trainA", 9)
    assert make_dataset(f"{root}/trainA", 2) == found[:2]
    assert is_image_file("a.JPG") and not is_image_file("a.txt")
    images = ImageFolder(f"{root}/trainA", return_paths=True)
    assert len(images) == 4 and images[1][0].size == (24, 20) and images[1][1] == found[1]
    with pytest.raises(FileNotFoundError, match="does not exist; check --dataroot"):
        make_dataset(f"{root}/nothing")


def test_options_have_the_types_of_the_original() -> None:
    opt = Namespace(dataroot=Path("a/b"), max_dataset_size=None, gpu_ids=None, batch_size=4,
                    device=torch.device("cpu"), load_size=8, num_threads="auto", epoch_count=None)
    seen = SeenOptions.of(opt)
    assert seen.dataroot + "/c" == "a/b/c" and seen.dataroot / "c" == Path("a/b/c")
    assert seen.dataroot.name == "b" and isinstance(seen.dataroot, str)
    assert seen.dataroot == opt.dataroot == PathText("a/b") and seen.dataroot in {"a/b"}
    assert min(seen.max_dataset_size, 3) == 3 and seen.gpu_ids == [] and seen.epoch_count == 1
    seen.loadSize = 9
    assert opt.load_size == seen.loadSize == seen.load_size == 9 and seen.batchSize == 4
    assert plain(seen).max_dataset_size is None and vars(pickle.loads(pickle.dumps(seen))) == {
        **vars(opt)}
    with pytest.raises(AttributeError, match="the options have no 'lamda'"):
        _ = seen.lamda
