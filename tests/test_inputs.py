"""Input files of a path, and the names of their results."""

from pathlib import Path
from typing import Any

import pytest
from tiny_sets import write_noise

from data.discovery.inputs import find_inputs, is_data_set, title_of
from data.record import Format, Record
from inference.results.names import OutputFolder

PAIRS = Record({"A": Format("uint8", ".png"), "B": Format("uint8", ".png")}, (2.0, 2.0))


def names(path: Path, **changes: Any) -> list[str]:
    arguments: dict[str, Any] = {"phase": "test", "letter": "A", "record": Record()} | changes
    return [f"{item.name}{item.source.half and ' ' + item.source.half}"
            for item in find_inputs(path, **arguments)]


def test_a_path_is_a_file_a_folder_or_a_pattern(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_noise(tmp_path, "b.png", "a.jpg")
    write_noise(tmp_path / "deep" / "er", "c.png")
    assert names(tmp_path / "b.png") == ["b"]
    assert names(tmp_path) == ["a", "b", "deep/er/c"]
    assert names(tmp_path / "*.png") == ["b"]
    assert names(tmp_path / "**" / "*.png") == ["b", "deep/er/c"]
    with pytest.raises(FileNotFoundError, match=r"no image matches .*x\*\.png"):
        names(tmp_path / "x*.png")
    (tmp_path / "*.png").write_bytes((tmp_path / "b.png").read_bytes())
    assert names(tmp_path / "*.png") == ["*"]
    assert "*.png is the name of a file, so it is not used as a pattern; 1 other" in caplog.text
    (tmp_path / "*.png").unlink()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"notes\.txt is not an image by its name"):
        names(tmp_path / "notes.txt")


def test_equal_stems_keep_their_extensions(tmp_path: Path) -> None:
    write_noise(tmp_path, "x.png", "x.jpg", "y.png")
    assert names(tmp_path) == ["x.jpg", "x.png", "y"]


@pytest.mark.parametrize("folder", ["testA", "A/test", "test/A"])
def test_only_the_input_side_of_a_data_set_is_used(tmp_path: Path, folder: str) -> None:
    write_noise(tmp_path / folder, "x.png")
    write_noise(tmp_path / folder.replace("A", "B"), "y.png")
    write_noise(tmp_path / "trainA", "z.png")
    assert names(tmp_path) == ["x"]
    assert names(tmp_path, letter="B") == ["y"]


def test_only_files_with_the_shape_of_the_training_pairs_are_cut(tmp_path: Path) -> None:
    write_noise(tmp_path, "pair.png", width=40, height=20)
    write_noise(tmp_path, "square.png", width=20, height=20)
    write_noise(tmp_path, "wide.png", width=30, height=20)
    assert names(tmp_path, record=PAIRS) == ["pair left", "square", "wide"]
    assert names(tmp_path, record=PAIRS, letter="B") == ["pair right", "square", "wide"]
    assert names(tmp_path, record=PAIRS, cut_pairs="never") == ["pair", "square", "wide"]
    assert names(tmp_path) == ["pair", "square", "wide"]
    always = names(tmp_path, cut_pairs="always")
    assert always == ["pair left", "square left", "wide left"]


def test_no_two_inputs_share_a_result(tmp_path: Path) -> None:
    write_noise(tmp_path, "x.png", "x.jpg", "x.jpg.png")
    assert names(tmp_path) == ["x.jpg", "x.jpg.png", "x.png"]


def test_existing_names_with_brackets_are_not_patterns(tmp_path: Path) -> None:
    write_noise(tmp_path / "photos[1]", "x.png", "y.jpg")
    assert names(tmp_path / "photos[1]") == ["x", "y"]
    assert names(tmp_path / "photos[1]" / "*.png") == ["x"]
    with pytest.raises(FileNotFoundError, match=r"z\.png does not exist"):
        names(tmp_path / "photos[1]" / "z.png")


def test_results_of_a_pattern_are_named_after_its_folder(tmp_path: Path) -> None:
    write_noise(tmp_path / "photos.v2", "x.png")
    for path in ("photos.v2", "photos.v2/*.png", "photos.v2/**/*.png"):
        assert title_of(tmp_path / path) == "photos.v2"
    assert title_of(tmp_path / "photos.v2" / "x.png") == "x"


def test_names_of_stacks_have_no_suffix(tmp_path: Path) -> None:
    write_noise(tmp_path, "x_r.png", "x_nir.png")
    item, = find_inputs(
        tmp_path, phase="test", letter="A", record=Record(), suffixes=("_nir", "_r")
    )
    assert item.name == Path("x")
    assert [file.name for file in item.source.files] == ["x_nir.png", "x_r.png"]


def test_is_data_set_for_each_mode(tmp_path: Path) -> None:
    def is_set(mode: str, record: Record = PAIRS) -> bool:
        return is_data_set(tmp_path, "test", dataset_mode=mode, record=record)

    write_noise(tmp_path, "x.png")
    assert not any(is_set(mode) for mode in ("aligned", "unaligned", "colorization"))
    write_noise(tmp_path / "testA", "x.png")
    assert not is_set("aligned")
    assert not is_set("unaligned")
    write_noise(tmp_path / "testB", "x.png")
    assert is_set("aligned")
    assert is_set("unaligned")
    assert is_set("own_mode")


def test_single_images_in_the_folder_of_pairs_are_not_pairs(tmp_path: Path) -> None:
    write_noise(tmp_path / "test", "a.png", "b.png", width=20, height=20)
    assert not is_data_set(tmp_path, "test", dataset_mode="aligned", record=PAIRS)
    assert is_data_set(tmp_path, "test", dataset_mode="aligned", record=Record())  # no record
    write_noise(tmp_path / "test", "a.png", "b.png", width=40, height=20)
    assert is_data_set(tmp_path, "test", dataset_mode="aligned", record=PAIRS)


def test_existing_results_are_found(tmp_path: Path) -> None:
    write_noise(tmp_path / "in" / "sub", "x.png", "y.v2.png")
    inputs = find_inputs(tmp_path / "in", phase="", letter="A", record=Record())
    folder = OutputFolder(tmp_path / "out")
    assert folder.without_result(inputs) == inputs
    write_noise(tmp_path / "out" / "sub", "x.tif", "y.v2.png")
    assert folder.without_result(inputs) == []
    assert OutputFolder(tmp_path / "out", samples=2).without_result(inputs) == inputs
    folder.refuse_to_overwrite(inputs)
    with pytest.raises(ValueError, match=r"would lie beside .*x\.png under the same name"):
        OutputFolder(tmp_path / "in").refuse_to_overwrite(inputs)
    write_noise(tmp_path / "in" / "sub", "x_2.png")
    inputs = find_inputs(tmp_path / "in", phase="", letter="A", record=Record())
    with pytest.raises(ValueError, match=r"translation of .*x\.png would lie beside .*x_2\.png"):
        OutputFolder(tmp_path / "in", samples=2).refuse_to_overwrite(inputs)


def test_a_wide_image_is_not_a_pair_if_all_pairs_had_one_size(tmp_path: Path) -> None:
    write_noise(tmp_path, "pair.png", width=40, height=20)
    write_noise(tmp_path, "panorama.png", width=100, height=50)
    record = Record(PAIRS.formats, (2.0, 2.0), (40, 20))
    assert names(tmp_path, record=record) == ["pair left", "panorama"]
    # A folder in which every image has that shape is a data set, at any size.
    write_noise(tmp_path / "test", "a.png", width=100, height=50)
    assert is_data_set(tmp_path, "test", dataset_mode="aligned", record=record)


def test_an_unknown_phase_of_a_data_set_is_refused(tmp_path: Path) -> None:
    write_noise(tmp_path / "trainA", "a.png")
    write_noise(tmp_path / "testA", "a.png")
    with pytest.raises(FileNotFoundError, match="no images of the phase tset, found: train, test"):
        names(tmp_path, phase="tset")
