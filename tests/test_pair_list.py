from pathlib import Path

import pytest
from tiny_sets import write_noise

from data.discovery.pairs import Pairs, find_pairs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "my images"
    write_noise(root / "photos", "1.png", "2 b.png", "3.PNG")
    write_noise(root / "maps", "1.png", "two, ü.png", "3.png")
    return root


def find(root: Path, text: str, *, name: str = "pairs.csv", **flags: object) -> Pairs:
    file = root / name
    file.write_text(text, encoding="utf-8")
    return find_pairs(root, "train", list_file=file, **flags)  # type: ignore[arg-type]


def names(found: Pairs) -> list[tuple[str, str]]:
    return [(pair.A.path.name, pair.B.path.name) for pair in found.pairs]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.csv", 'photos/1.png,maps/1.png\nphotos/2 b.png,"maps/two, ü.png"\n'),
        ("p.csv", 'A,B\nphotos/1.png , maps/1.png\n\n# no\nphotos/2 b.png,"maps/two, ü.png"\n'),
        ("p.csv", '\ufeffb,a\nmaps/1.png,photos/1.png\n"maps/two, ü.png",photos/2 b.png'),
        ("p.csv", "A;B\r\nphotos/1.png;maps/1.png\r\nphotos/2 b.png;maps/two, ü.png\r\n"),
        ("p.tsv", "photos/1.png\tmaps/1.png\nphotos/2 b.png\tmaps/two, ü.png\n"),
        ("p.txt", "A\tB\nphotos/1.png\tmaps/1.png\nphotos/2 b.png\tmaps/two, ü.png\n"),
        ("p", "B,phase,A\n"
              "maps/1.png,train,photos/1.png\n"
              "maps/3.png,test,photos/3.PNG\n"
              '"maps/two, ü.png",train,photos/2 b.png\n'),
        ("p.csv", "photos/1.png,maps/1.png,train\n"
                  "photos/3.PNG,maps/3.png,val\n"
                  'photos/2 b.png,"maps/two, ü.png",train\n'),
    ],
)
def test_lists_in_every_spelling(root: Path, name: str, text: str) -> None:
    found = find(root, text, name=name)
    assert names(found) == [("1.png", "1.png"), ("2 b.png", "two, ü.png")]
    assert (found.layout, found.dropped) == (f"list {name}", 0)


def test_paths_are_relative_to_the_list_or_to_dataroot_or_absolute(
    root: Path, tmp_path: Path
) -> None:
    lists = tmp_path / "lists"
    write_noise(lists, "here.png")
    file = lists / "pairs.csv"
    file.write_text(f"here.png,photos/1.png\n{root / 'maps/3.png'},maps/1.png\n")
    found = find_pairs(root, "train", list_file=file)
    assert [(pair.A.path, pair.B.path) for pair in found.pairs] == [
        (lists / "here.png", root / "photos/1.png"),
        (root / "maps/3.png", root / "maps/1.png"),
    ]
    assert len(find_pairs(root, "train", list_file=file, limit=1).pairs) == 1


def test_missing_files_are_named_by_their_lines(root: Path) -> None:
    text = "A,B\n# one\nphotos/1.png,maps/1.png\nphotos/9.png,maps/8.png\nphotos/1.png,\n"
    with pytest.raises(FileNotFoundError) as caught:
        find(root, text)
    message = str(caught.value)
    assert "lists 2 incomplete pairs and 1 complete pairs" in message
    assert f"line 4: A photos/9.png does not exist in {root}, B maps/8.png does not" in message
    assert message.endswith("line 5: B is empty")
    assert "--allow_unpaired" in message


def test_incomplete_lines_are_dropped_if_allowed(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = find(root, "photos/9.png,maps/1.png\nphotos/1.png,maps/1.png\n", allow_unpaired=True)
    assert (names(found), found.dropped) == ([("1.png", "1.png")], 1)
    assert "dropped 1 lines" in caplog.text
    with pytest.raises(FileNotFoundError, match="and 0 complete pairs; correct the list"):
        find(root, "photos/9.png,maps/1.png\n", allow_unpaired=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists no pairs; wanted lines A,B"),
        ("A,B\n# none\n", "lists no pairs; wanted lines A,B"),
        ("photos/1.png maps/1.png\n", r"line 1 has 1 columns: photos/1\.png maps/1\.png; wanted"),
        ("photos/1.png,maps/1.png,train\nphotos/3.PNG,maps/3.png\n", "line 2 has 2 columns"),
        ("photos/1.png,maps/1.png,train\nphotos/3.PNG,maps/3.png,\n", "line 2 names no phase"),
        ("A,B,phase\nphotos/1.png,maps/1.png,test\nphotos/3.PNG,maps/3.png,test\n",
         r"no pairs of --phase train; it has test \(2\)"),
    ],
)
def test_files_that_are_no_list_are_refused(root: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find(root, text)


def test_other_headers_formats_and_files_are_refused(root: Path) -> None:
    with pytest.raises(ValueError, match=r"no column A and no column B .*twice: input, target;"):
        find(root, "input,target\nphotos/1.png,maps/1.png\n")
    (root / "x.doc").touch()
    with pytest.raises(FileNotFoundError, match=r"line 1: A x\.doc has an unknown format"):
        find(root, "x.doc,maps/1.png\n")
    with pytest.raises(FileNotFoundError, match=r"--pairs .*nope\.csv is not a file"):
        find_pairs(root, "train", list_file=root / "nope.csv")


def test_a_list_names_stacks_by_their_stem_or_by_any_file(root: Path) -> None:
    write_noise(root / "bands", "x_r.png", "x_nir.PNG", "y_r.png", "y_nir.png", "z_r.png")
    text = "bands/x,maps/1.png\nbands/y_nir.png,maps/3.png\n"
    found = find(root, text, input_suffixes=("_r", "_nir"))
    assert [[path.name for path in pair.A.files] for pair in found.pairs] == [
        ["x_r.png", "x_nir.PNG"], ["y_r.png", "y_nir.png"],
    ]
    assert names(found)[1] == ("y_r.png", "3.png")
    text = "maps/1.png,bands/z_r.png\nmaps/1.png,bands/w.png\nmaps/1.png,bands/x.png\n"
    with pytest.raises(FileNotFoundError) as caught:
        find(root, text, input_side="B", input_suffixes=("_r", "_nir"))
    assert "line 1: B bands/z_r.png: no file for _nir, found z_r.png" in str(caught.value)
    assert "line 2: B bands/w.png does not exist" in str(caught.value)
    assert "line 3" not in str(caught.value)


def test_a_list_is_looked_for_in_the_dataroot_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, elsewhere = tmp_path / "set", tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_noise(root, "a.png", "b.png")
    monkeypatch.chdir(elsewhere)
    with pytest.raises(FileNotFoundError) as caught:
        find_pairs(root, "train", list_file=Path("pairs.csv"))
    assert str(elsewhere / "pairs.csv") in str(caught.value)
    assert str(root / "pairs.csv") in str(caught.value)
    (root / "pairs.csv").write_text("a.png,b.png\n")
    pairs = find_pairs(root, "train", list_file=Path("pairs.csv")).pairs
    assert [pair.A.path for pair in pairs] == [root / "a.png"]
