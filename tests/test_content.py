"""Files are recognised by their content, whatever their names."""

from pathlib import Path

import numpy as np
import pytest
from dicom_writer import RAMP, write, write_without_image
from PIL import Image

from data.discovery.folders import is_picture, name_formats
from data.discovery.image_folder import find_images
from data.discovery.inputs import find_inputs
from data.discovery.pairs import find_pairs
from data.files.image_io import read_image, read_size, write_image
from data.record import Format, Record
from inference.results.names import OutputFolder, ResultNames

UID = "1.2.840.113619.2.1001"


@pytest.mark.parametrize("name", ["IM0001", "I1.IMA", "a.dicom", UID, "x.DCM", "x.jpg", "x.tif"])
def test_dicom_is_read_whatever_its_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    assert is_picture(path)
    raster = read_image(path)
    assert raster.pixels[0, :, 0].tolist() == [0, 1, 2, 3]
    assert read_size(path) == raster.size
    assert Format.of(raster, path).extension == ".dcm"


@pytest.mark.parametrize("kind", ["1.2.840.10008.1.3.10", "1.2.840.10008.5.1.4.1.1.88.33"])
@pytest.mark.parametrize("name", ["DICOMDIR", "x.dcm", UID])
def test_dicom_without_pixels_is_no_image(tmp_path: Path, name: str, kind: str) -> None:
    path = write_without_image(tmp_path / name, kind)
    assert not is_picture(path)
    assert name_formats([path]) == "1 DICOM without an image"


def test_dicom_without_its_header_is_recognised(tmp_path: Path) -> None:
    content = write(tmp_path / "x").read_bytes()
    (tmp_path / "IM1").write_bytes(content[132:])
    (tmp_path / "IM2").write_bytes(content[content.index(b"\x08\0\x16\0UI"):])
    assert [is_picture(tmp_path / name) for name in ("IM1", "IM2")] == [True, True]


@pytest.mark.parametrize(("name", "expected"), [("hash", True), ("x.part", False)])
def test_other_images_need_a_known_extension_or_none(
    tmp_path: Path, name: str, expected: bool
) -> None:
    Image.new("L", (2, 2)).save(tmp_path / name, format="PNG")
    assert is_picture(tmp_path / name) == expected


@pytest.mark.parametrize("stored", [".png", ".tif", ".npy"])
@pytest.mark.parametrize("named", [".jpg", ".png", ".tif", ".bmp"])
def test_the_content_decides_how_a_file_is_read(tmp_path: Path, stored: str, named: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (4, 5, 3)).astype(np.uint16)
    write_image(pixels, tmp_path / f"x{stored}")
    path = (tmp_path / f"x{stored}").rename(tmp_path / f"y{named}")
    assert np.array_equal(read_image(path).pixels, pixels)
    assert read_size(path) == (5, 4)


def test_the_list_of_endings_is_short(tmp_path: Path) -> None:
    paths = [tmp_path / f"1.2.840.{number}" for number in range(1000, 1100)]
    for path in paths:
        path.write_text("no image")
    with pytest.raises(FileNotFoundError, match=(
            r"found: 100 files with other endings \(\.1000, \.1001, \.1002, \.\.\.\);")):
        find_images(tmp_path)


def test_names_that_are_numbers_stay_whole(tmp_path: Path) -> None:
    names = [f"1.2.840.{number}" for number in (1001, 1002)]
    for side in ("trainA", "trainB"):
        (tmp_path / side).mkdir()
        for name in names:
            write(tmp_path / side / name)
        write_without_image(tmp_path / side / f"{side}.dcm")
    pairs = find_pairs(tmp_path, "train").pairs
    assert [(pair.A.path.name, pair.B.path.name) for pair in pairs] == [(n, n) for n in names]
    inputs = find_inputs(tmp_path / "trainA", phase="", letter="A", record=Record())
    assert [item.name.as_posix() for item in inputs] == names
    OutputFolder(tmp_path / "out").refuse_to_overwrite(inputs)
    labels = ResultNames(tmp_path, "train")
    assert [labels.of(tmp_path / "trainA" / name) for name in names] == names


def test_a_list_and_a_stack_may_name_dicom_files(tmp_path: Path) -> None:
    for name in ("p_t1.IMA", "p_t2.IMA", UID):
        write(tmp_path / name, RAMP)
    (tmp_path / "pairs.csv").write_text(f"A,B\np_t1.IMA,{UID}\n")
    found = find_pairs(tmp_path, "", list_file=tmp_path / "pairs.csv",
                       input_suffixes=["_t1", "_t2"])
    assert [path.name for path in found.pairs[0].A.files] == ["p_t1.IMA", "p_t2.IMA"]
    assert found.pairs[0].B.path.name == UID
