"""Long, odd and equal names; the order of numbered files."""

import os
from pathlib import Path

import pytest

from data.discovery.image_folder import find_images
from data.discovery.inputs import Input, find_inputs
from data.discovery.pairs import find_pairs
from data.files.source import Source
from data.record import Record
from inference.results.names import OutputFolder, ResultNames, room_for_labels
from metrics.report.result_files import NoImagesError, folder_files
from util.disk.file_names import LONGEST, composed, natural_key, shorten
from util.files import replacing, write_text

ODD = ("a\nb", 'it"s', "50%25", "a#b", "a?b&c", "<b>", "-x", "x ", "x.", "caf\udce9", "CON", "[b]",
       "back\\slash", "a.b", "\u2028", "*")


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


@pytest.mark.parametrize("stem", ["n" * 251, "日" * 84, "é" * 127, "caf\udce9" * 60])
def test_a_long_name_is_cut_to_the_limit_and_stays_different(stem: str) -> None:
    short, other = shorten(stem, room=16), shorten(f"{stem[:-1]}m", room=16)
    assert short != other and short == shorten(stem, room=16)
    assert LONGEST - 16 - 3 <= len(os.fsencode(short)) <= LONGEST - 16
    assert stem.startswith(short.rpartition("~")[0])
    assert shorten("n" * 239, room=16) == "n" * 239


@pytest.mark.parametrize("name", ["n" * 251 + ".png", "日" * 83 + ".png", "n." + "x" * 253])
def test_the_temporary_name_of_a_long_name_fits(tmp_path: Path, name: str) -> None:
    with replacing(tmp_path / name) as aside:
        aside.write_bytes(b"1")
        assert len(os.fsencode(aside.name)) <= len(os.fsencode(name))
        assert aside.suffix == ".png" or not name.endswith(".png")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_path_that_does_not_fit_is_an_error_with_its_length(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"its longest name 300, .* choose a folder with a shorter"):
        write_text(tmp_path / ("n" * 300), "")


def test_numbers_in_names_are_counted() -> None:
    names = ["frame10", "frame2", "frame1", "a/frame3", "frame01", "frame", "x²", "x1"]
    assert sorted(names, key=natural_key) == [
        "a/frame3", "frame", "frame01", "frame1", "frame2", "frame10", "x1", "x²"]


def test_a_training_sorts_by_characters_and_all_others_count(tmp_path: Path) -> None:
    frames = [f"{number}.png" for number in (1, 2, 10)]
    for side in ("trainA", "trainB"):
        touch(tmp_path / side, *frames)
    found = {order: [path.name for path in find_images(tmp_path / "trainA", order=order)]
             for order in (str, natural_key)}
    assert found == {str: ["1.png", "10.png", "2.png"], natural_key: frames}
    for order, names in found.items():
        pairs = find_pairs(tmp_path, "train", order=order).pairs
        assert [(pair.A.path.name, pair.B.path.name) for pair in pairs] == [(n, n) for n in names]
    inputs = find_inputs(tmp_path / "trainA/*.png", phase="", letter="A", record=Record())
    assert [item.source.path.name for item in inputs] == frames


def test_results_of_odd_names_are_all_different_and_fit(tmp_path: Path) -> None:
    long = ["n" * 250 + end for end in "ab"]
    touch(tmp_path / "testA", *(f"{name}.png" for name in (*ODD, *long)), "n" * 250 + "a.bmp")
    files = find_images(tmp_path / "testA")
    names = ResultNames(tmp_path, "test")
    stems = [names.of(path) for path in files]
    assert len(set(stems)) == len(files) == len(ODD) + 3
    assert all(len(os.fsencode(f"{stem}_real_B_rgb.tiff")) <= LONGEST for stem in stems)
    inputs = find_inputs(tmp_path / "testA", phase="", letter="A", record=Record())
    results = [OutputFolder(tmp_path, samples).stem(item, sample)
               for samples in (1, 12) for item in inputs for sample in range(samples)]
    assert len(set(results)) == len(results)
    assert all(len(os.fsencode(f"{result.name}.tiff")) <= LONGEST for result in results)


def test_input_output_and_target_keep_a_common_start() -> None:
    assert room_for_labels("folder/" + "n" * 240).startswith("folder/" + "n" * 200)
    assert room_for_labels("folder/" + "n" * 223) == "folder/" + "n" * 223


def test_evaluate_finds_the_partner_of_a_cut_name(tmp_path: Path) -> None:
    decomposed = "cafe\u0301"
    targets = ["n" * 251, "日" * 83, decomposed, *ODD]
    touch(tmp_path / "real", *(f"{name}.png" for name in targets))
    outputs = OutputFolder(tmp_path / "fake")
    for name in targets:
        item = Input(Source((tmp_path / "real" / f"{name}.png",)), Path(name))
        touch(tmp_path / "fake", outputs.stem(item).name + ".png")
    (tmp_path / "fake" / f"{decomposed}.png").rename(tmp_path / "fake" / "caf\u00e9.png")
    pairs, alone = folder_files(tmp_path / "fake", tmp_path / "real")
    assert (len(pairs), alone) == (len(targets), [])


def test_a_comparison_names_the_files_that_it_cannot_read(tmp_path: Path) -> None:
    touch(tmp_path / "fake", "x.exr")
    with pytest.raises(NoImagesError, match=r"found: 1 \.exr \(convert to floating-point TIFF"):
        folder_files(tmp_path / "fake", tmp_path / "fake")


def test_names_that_differ_only_in_the_form_of_an_accent_stay_two() -> None:
    assert composed(["e\u0301", "\u00e9"]) == {"e\u0301": "e\u0301", "\u00e9": "\u00e9"}
    assert composed(["e\u0301"]) == {"e\u0301": "\u00e9"}
