"""What an error about data advises works: each advice is obeyed once, and all samples are read."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Argv
from PIL import Image
from tiny_sets import noise, write_noise

import data
from options.train_options import TrainOptions

PAIRS, UNPAIRED = "--model pix2pix", "--model cycle_gan"
Obey = Callable[[str, Path], str]


def save(path: Path, array: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def two_folders(root: Path, A: tuple[str, ...] = ("1", "2"), B: tuple[str, ...] = ("1", "2"),
                **size: int) -> None:
    write_noise(root / "trainA", *(f"{name}.png" for name in A), **(size or {"width": 20}))
    write_noise(root / "trainB", *(f"{name}.png" for name in B), width=20)


def rgb_and_mask(root: Path) -> None:
    two_folders(root, A=("1_rgb", "2_rgb"))
    for name in "12":
        noise(20, 20).convert("L").save(root / "trainA" / f"{name}_mask.png")


def arrays(*shape: int, dtype: str = "uint8") -> Callable[[Path], None]:
    def make(root: Path) -> None:
        two_folders(root, A=())
        for name in "12":
            array = np.linspace(0, 200, int(np.prod(shape))).astype(dtype).reshape(shape)
            save(root / "trainA" / f"{name}.npy", array)

    return make


def with_nan(root: Path) -> None:
    arrays(20, 20, dtype="float32")(root)
    save(root / "trainA" / "1.npy", np.full((20, 20), np.nan, np.float32))


def listed(text: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        write_noise(root, "1.png", "2.png", width=20)
        (root / "pairs.csv").write_text(text)

    return make


def move(root: Path, *names: str, to: str) -> None:
    (root / to).mkdir(parents=True, exist_ok=True)
    for name in names:
        (root / name).rename(root / to / Path(name).name)


def given_range(message: str, _: Path) -> str:
    found = re.search(r"from (\S+) to (\S+?),.*(--value_range_A) LO,HI", message)
    assert found
    return f"{found[3]}={found[1]},{found[2]}"


def moved(message: str, root: Path) -> str:
    assert f"move them to {root / 'train'}" in message
    move(root, "1.png", "2.png", to="train")
    return ""


def turned(message: str, _: Path) -> str:
    for file in re.findall(r"numpy\.save\('([^']+)'", message):
        for path in Path(file).parent.iterdir():
            np.save(path, np.load(path).transpose(1, 2, 0))
    return ""


def one_type(message: str, root: Path) -> str:
    """Run the line of Python of the advice for each stack, with the name of its file."""
    command = re.search(r"python -c (.*?) && rm (\S+)", message)
    assert command
    code, name = shlex.split(command[1])[0], Path(command[2])
    for path in name.parent.glob("*_rgb.png"):
        exec(code.replace(name.stem, path.stem), {})
        path.unlink()
    return ""


def rgb_and_depth(root: Path) -> None:
    rgb_and_mask(root)
    for path in (root / "trainA").glob("*_mask.png"):
        Image.fromarray(np.full((20, 20), 900, np.uint16)).save(path)


def completed(message: str, root: Path) -> str:
    assert "add the files" in message
    for name in re.findall(r"(\d): no file for _mask", message):
        noise(20, 20).convert("L").save(root / "trainA" / f"{name}_mask.png")
    return "--input_nc 4"


def removed(message: str, root: Path) -> str:
    assert "replace or remove it" in message
    (root / "trainA" / "1.png").unlink()
    (root / "trainB" / "1.png").unlink()
    return ""


def damaged(root: Path) -> None:
    two_folders(root)
    (root / "trainA" / "1.png").write_bytes(b"")


@pytest.mark.parametrize(("make", "flags", "advice"), [
    (rgb_and_mask, f"{PAIRS} --input_suffixes _rgb,_mask --input_nc 2", "--input_nc 4"),
    (rgb_and_mask, f"{PAIRS} --input_suffixes _rgb,_mask", "--input_nc 4"),
    (rgb_and_depth, f"{PAIRS} --input_suffixes _rgb,_mask --input_nc 4", one_type),
    (arrays(20, 20, 5), PAIRS, "--input_nc 5"),
    (arrays(6, 30, 40), PAIRS, "--input_nc 6"),
    (arrays(3, 20, 3), PAIRS, turned),
    (arrays(20, 20, dtype="float32"), f"{PAIRS} --input_nc 1", given_range),
    (with_nan, f"{PAIRS} --input_nc 1 --value_range_A 0,200", "--nan_value V"),
    (two_folders, f"{PAIRS} --output_nc 5", "--output_nc 3"),
    (lambda root: two_folders(root, A=("1", "2", "3")), PAIRS, "--allow_unpaired"),
    (lambda root: two_folders(root, A=("x", "y")), PAIRS,
     "--dataset_mode unaligned --model cycle_gan"),
    (lambda root: two_folders(root, A=("1_rgb", "2_rgb")), f"{PAIRS} --input_suffixes _rgb,_mask",
     completed),
    (lambda root: write_noise(root, "1.png", "2.png", width=40), PAIRS, moved),
    (lambda root: write_noise(root / "train", "1.png", width=40), UNPAIRED,
     "--dataset_mode aligned --model pix2pix"),
    (two_folders, "--model colorization", "--dataset_mode unaligned --model cycle_gan"),
    (damaged, PAIRS, removed),
    (listed("1.png,2.png\n1.png,9.png\n"), f"{PAIRS} --pairs pairs.csv", "--allow_unpaired"),
    (listed("A,B,split\n1.png,2.png,fold1\n"), f"{PAIRS} --pairs pairs.csv", "--phase fold1"),
    (lambda root: two_folders(root, width=12), f"{PAIRS} --preprocess crop",
     "--preprocess resize_and_crop"),
    (lambda root: two_folders(root, width=40), f"{PAIRS} --preprocess none",
     "--preprocess resize_and_crop"),
    (two_folders, f"{PAIRS} --dataroot ROOT/trainA", "--dataroot ROOT"),
    (two_folders, f"{UNPAIRED} --dataroot ROOT/trainA", "--dataroot ROOT"),
])
def test_an_advice_works_when_it_is_obeyed(
    tmp_path: Path, argv: Argv, make: Callable[[Path], None], flags: str, advice: str | Obey,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "set"
    make(root)

    def read_all(*more: str) -> int:
        words = flags.replace("ROOT", str(root)).split()
        opt = TrainOptions().parse(argv("--dataroot", str(root), *words, *more))
        dataset = data.create_dataset(opt).dataset
        for index in range(len(dataset)):
            dataset[index]
        return len(dataset)

    with pytest.raises((ValueError, FileNotFoundError, SystemExit)) as caught:
        read_all()
    message = f"{caught.value} {capsys.readouterr().err}"
    if callable(advice):
        assert read_all(*shlex.split(advice(message, root)))
        return
    advice = advice.replace("ROOT", str(root))
    assert advice in message
    assert read_all(*shlex.split(advice.replace(" V", " 0")))
