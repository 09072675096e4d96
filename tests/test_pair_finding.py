import logging
import unicodedata
from pathlib import Path

import pytest
from tiny_sets import write_noise

from data.discovery.pairs import Pairs, find_pairs, pairs_summary
from data.discovery.stacks import sources_of_files
from data.files.pillow_files import read_rgb_size

FOLDERS = {
    "folders trainA and trainB": ("trainA", "trainB"),
    "folders A/train and B/train": ("A/train", "B/train"),
    "folders train/A and train/B": ("train/A", "train/B"),
}


def write(root: Path, *paths: str, width: int = 6, height: int = 5) -> None:
    for path in paths:
        write_noise((root / path).parent, Path(path).name, width=width, height=height)


def shown(found: Pairs, root: Path) -> list[tuple[str, str]]:
    return [
        (str(pair.A).replace(f"{root}/", ""), str(pair.B).replace(f"{root}/", ""))
        for pair in found.pairs
    ]


def fault(root: Path, error: type[Exception] = ValueError, **flags: object) -> str:
    with pytest.raises(error) as caught:
        find_pairs(root, "train", **flags)  # type: ignore[arg-type]
    return str(caught.value)


def test_side_by_side_gives_two_halves_of_each_file(tmp_path: Path) -> None:
    write(tmp_path, "train/2.PNG", "train/sub/1.png", width=12)
    found = find_pairs(tmp_path, "train")
    assert [(pair.A.half, pair.B.half) for pair in found.pairs] == [("left", "right")] * 2
    assert all(pair.A.files == pair.B.files for pair in found.pairs)
    assert [pair.A.path.name for pair in found.pairs] == ["2.PNG", "1.png"]
    assert pairs_summary(found, read_rgb_size) == "2 pairs, side by side, 12x5"


@pytest.mark.parametrize("layout", FOLDERS)
def test_folders_pair_by_name_without_extension(tmp_path: Path, layout: str) -> None:
    A, B = FOLDERS[layout]
    write(tmp_path, f"{A}/x.JPG", f"{A}/my house/y z.png", f"{A}/ü.png")
    write(tmp_path, f"{B}/x.png", f"{B}/my house/y z.Tiff", f"{B}/ü.webp", height=7)
    found = find_pairs(tmp_path, "train")
    assert shown(found, tmp_path) == [
        (f"{A}/my house/y z.png", f"{B}/my house/y z.Tiff"),
        (f"{A}/x.JPG", f"{B}/x.png"),
        (f"{A}/ü.png", f"{B}/ü.webp"),
    ]
    assert (found.layout, found.dropped) == (layout, 0)
    assert pairs_summary(found, read_rgb_size) == f"3 pairs, {layout}, A 6x5, B 6x7"


def test_accents_match_in_both_unicode_forms(tmp_path: Path) -> None:
    composed, apart = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")
    assert composed != apart
    write(tmp_path, f"trainA/{composed}.png", f"trainB/{apart}.png")
    assert len(find_pairs(tmp_path, "train").pairs) == 1


def test_pairs_by_name_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "trainA/1.png", "trainB/1.png")
    with caplog.at_level(logging.INFO):
        find_pairs(tmp_path, "train")
    assert "images of equal names in trainA and trainB are pairs" in caplog.text
    assert "--dataset_mode unaligned" in caplog.text


def test_every_phase_has_its_own_folders(tmp_path: Path) -> None:
    write(tmp_path, "trainA/1.png", "trainB/1.png", "test/A/2.png", "test/B/2.png")
    assert find_pairs(tmp_path, "train").layout == "folders trainA and trainB"
    assert find_pairs(tmp_path, "test").layout == "folders test/A and test/B"
    write(tmp_path, "flat/A/3.png", "flat/B/3.png")
    assert find_pairs(tmp_path / "flat", "").layout == "folders A and B"


def test_limit_takes_the_first_pairs(tmp_path: Path) -> None:
    names = ("1.png", "2.png", "3.png")
    write(tmp_path, *(f"train{side}/{name}" for side in "AB" for name in names))
    write(tmp_path, *(f"test/{name}" for name in names))
    for phase in ("train", "test"):
        found = find_pairs(tmp_path, phase, limit=2)
        assert [pair.A.path.name for pair in found.pairs] == ["1.png", "2.png"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("trainA and trainB", "A/train and B/train"), ("A/train and B/train", "train/A and train/B")],
)
def test_pairs_in_two_places_are_refused(tmp_path: Path, first: str, second: str) -> None:
    for folder in (*first.split(" and "), *second.split(" and ")):
        write(tmp_path, f"{folder}/1.png")
    message = fault(tmp_path)
    assert first in message
    assert second in message
    assert "--pairs FILE" in message
    assert "--dataroot" in message


def test_files_beside_their_own_folders_A_and_B_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "train/1.png", "train/A/2.png", "train/B/2.png")
    message = fault(tmp_path)
    assert "side by side" in message
    assert "train/A and train/B" in message


def test_files_side_by_side_win_over_folders_elsewhere_and_log_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "train/1.png", "trainA/2.png", "trainB/2.png")
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            assert find_pairs(tmp_path, "train").layout == "side by side"
    assert caplog.text.count("trainA and trainB are not read") == 1


def test_a_set_in_both_layouts_needs_no_remark(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "train/1.png", "train/2.png", "trainA/1.png", "trainB/2.png")
    with caplog.at_level(logging.INFO):
        assert find_pairs(tmp_path, "train").layout == "side by side"
    assert caplog.messages == []


def test_empty_folders_are_no_layout(tmp_path: Path) -> None:
    for name in ("train", "A/train", "B/train"):
        (tmp_path / name).mkdir(parents=True)
    write(tmp_path, "trainA/1.png", "trainB/1.png")
    assert find_pairs(tmp_path, "train").layout == "folders trainA and trainB"


@pytest.mark.parametrize(("A", "B"), [("trainA", "trainB"), ("A/train", "B/train")])
def test_a_missing_second_folder_is_named(tmp_path: Path, A: str, B: str) -> None:
    write(tmp_path, f"{B}/1.png")
    message = fault(tmp_path, FileNotFoundError)
    assert f"{tmp_path / B} exists, but {tmp_path / A} does not" in message


def test_a_set_without_images_is_explained(tmp_path: Path) -> None:
    write(tmp_path, "val/1.png")
    assert "folders in" in fault(tmp_path, FileNotFoundError)
    write(tmp_path, "trainA/1.png")
    (tmp_path / "trainB").mkdir()
    assert "trainB holds no images" in fault(tmp_path, FileNotFoundError)


def test_images_without_a_partner_are_counted_and_listed(tmp_path: Path) -> None:
    write(tmp_path, "trainA/1.png", "trainA/house.png", "trainA/IMG.jpg")
    write(tmp_path, "trainB/1.png", "trainB/housse.png", "trainB/img.jpg", "trainB/zebra.png")
    message = fault(tmp_path)
    assert "pairs 1, only in A 2, only in B 3" in message
    assert f"{tmp_path}/trainA/house.png has no B; is it {tmp_path}/trainB/housse.png?" in message
    assert f"{tmp_path}/trainB/img.jpg has no A; is it {tmp_path}/trainA/IMG.jpg?" in message
    assert message.endswith("trainB/zebra.png has no A")
    assert "--allow_unpaired" in message


@pytest.mark.parametrize(("of_A", "of_B", "seen"), [(25, 0, "20 0 5"), (0, 25, "0 20 5"),
                                                    (25, 25, "10 10 30"), (14, 6, "14 6 0")])
def test_a_long_list_shows_both_sides_and_the_number_of_the_rest(
    tmp_path: Path, of_A: int, of_B: int, seen: str
) -> None:
    for side, count in (("A", of_A), ("B", of_B)):
        folder = tmp_path / f"train{side}"
        folder.mkdir()
        for name in ("pair", *(f"only{side}{index}" for index in range(count))):
            (folder / f"{name}.png").touch()
    message = fault(tmp_path)
    more = message.rpartition("... and ")[2].split()[0] if "more" in message else "0"
    assert f"{message.count('has no B')} {message.count('has no A')} {more}" == seen


def test_allow_unpaired_drops_counts_and_warns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "trainA/1.png", "trainA/2.png", "trainB/1.png", "trainB/3.png", "trainB/4.png")
    found = find_pairs(tmp_path, "train", allow_unpaired=True)
    assert (len(found.pairs), found.dropped) == (1, 3)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "pairs 1, only in A 1, only in B 2" in caplog.text
    summary = pairs_summary(found, read_rgb_size)
    assert summary.startswith("1 pair, folders trainA and trainB, A 6x5")
    assert summary.endswith(", 3 dropped")


@pytest.mark.parametrize("allow_unpaired", [False, True])
def test_no_pair_is_always_an_error(tmp_path: Path, allow_unpaired: bool) -> None:
    write(tmp_path, "trainA/1.png", "trainA/2.png", "trainB/3.png")
    message = fault(tmp_path, allow_unpaired=allow_unpaired)
    assert "hold no pair" in message
    assert "none of the 2 names in A is among the 1 in B" in message
    assert "--dataset_mode unaligned" in message


def test_one_name_with_two_extensions_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "trainA/x.jpg", "trainA/x.png", "trainB/x.png")
    assert f"{tmp_path}/trainA/x.jpg and {tmp_path}/trainA/x.png" in fault(tmp_path)


@pytest.mark.parametrize("side", ["A", "B"])
def test_suffixes_stack_files_of_the_input_side(tmp_path: Path, side: str) -> None:
    other = "B" if side == "A" else "A"
    write(tmp_path, f"train{side}/s/x_r.png", f"train{side}/s/x_nir.TIF", f"train{other}/s/x.png")
    found = find_pairs(
        tmp_path, "train",
        input_side=side, input_suffixes=("_nir", "_r"),  # type: ignore[arg-type]
    )
    (pair,) = found.pairs
    stacked, single = (pair.A, pair.B) if side == "A" else (pair.B, pair.A)
    assert [path.name for path in stacked.files] == ["x_nir.TIF", "x_r.png"]
    assert stacked.path.name == "x_nir.TIF"
    assert [path.name for path in single.files] == ["x.png"]


def test_a_stack_without_a_part_is_named(tmp_path: Path) -> None:
    write(tmp_path, "trainA/x_r.png", "trainA/x_nir.png", "trainA/y_r.png", "trainB/x.png")
    message = fault(tmp_path, input_suffixes=("_r", "_nir"))
    assert "1 of 2 images are incomplete" in message
    assert f"{tmp_path}/trainA/y: no file for _nir, found y_r.png" in message


def test_suffixes_contradict_files_side_by_side(tmp_path: Path) -> None:
    write(tmp_path, "train/x.png")
    message = fault(tmp_path, input_suffixes=("_r", "_nir"))
    assert "--input_suffixes _r,_nir" in message
    assert "side by side" in message


def test_sources_of_a_folder(caplog: pytest.LogCaptureFixture) -> None:
    files = [Path(name) for name in ("b_nir.png", "b_r.png", "a_r.png", "a_nir.png", "a_g.png")]
    assert [source.files for source in sources_of_files(files)] == [(file,) for file in files]
    assert len(sources_of_files(files, limit=2)) == 2
    stacks = sources_of_files(files, ("_r", "_nir"))
    assert [str(source) for source in stacks] == ["a_r.png + a_nir.png", "b_r.png + b_nir.png"]
    assert "do not end in _r or _nir (--input_suffixes): 1\n  a_g.png" in caplog.text
    assert sources_of_files(files, ("_r", "_nir"), limit=1) == stacks[:1]
    with pytest.raises(ValueError, match="no name ends in _red or _x"):
        sources_of_files(files, ("_red", "_x"))
    with pytest.raises(ValueError, match=r"a_r\.png and a_r\.tif"):
        sources_of_files([Path("a_r.png"), Path("a_r.tif")], ("_r",))


def test_the_longest_suffix_counts() -> None:
    (source,) = sources_of_files([Path("x_ir.png"), Path("xr.png")], ("r", "_ir"))
    assert str(source) == "xr.png + x_ir.png"


def test_mixed_sizes_are_listed_from_the_smallest_to_the_largest(tmp_path: Path) -> None:
    for index, (width, height) in enumerate([(40, 9), (20, 18), (51, 40)]):
        write(tmp_path, f"trainA/{index}.png", width=width, height=height)
        write(tmp_path, f"trainB/{index}.png")
    line = pairs_summary(find_pairs(tmp_path, "train"), read_rgb_size)
    assert line == "3 pairs, folders trainA and trainB, A 20x18 to 51x40, B 6x5"


def test_the_headers_of_fifty_pairs_are_read(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    for index in range(60):
        (tmp_path / "train" / f"{index}.png").touch()
    asked: list[Path] = []

    def size_of(path: Path) -> tuple[int, int]:
        asked.append(path)
        return (4, 2)

    assert pairs_summary(find_pairs(tmp_path, "train"), size_of) == "60 pairs, side by side, 4x2"
    assert len(asked) == 50
