"""Lists of pairs as spreadsheets and programs of every system write them."""

import logging
from pathlib import Path
from unicodedata import normalize

import pytest

from data.checking.layout import find_rows
from data.discovery.pairs import find_pairs

NAMES = ("1.png", "2 b.png", "größe.png", "a,b.png", "line\nbreak.png", "Ж.png", "日本.png",
         normalize("NFD", "é.png"), "IMG.PNG")
PLAIN = "A,B\nphotos/1.png,maps/1.png\nphotos/größe.png,maps/größe.png\n"
TWO, GERMAN = ["1.png", "2 b.png"], ["1.png", "größe.png"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("set")
    for folder in ("photos", "maps"):
        (root / folder).mkdir()
        for name in NAMES:
            (root / folder / name).touch()
    return root


def found(root: Path, content: str | bytes, phase: str = "train", *, name: str = "p.csv"
          ) -> list[str]:
    """Return the names of A, which are those of B."""
    (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    pairs = find_pairs(root, phase, list_file=root / name).pairs
    for pair in pairs:
        assert (pair.A.path.parent, pair.B.path.parent) == (root / "photos", root / "maps")
        assert pair.A.path.name == pair.B.path.name
    return [pair.A.path.name for pair in pairs]


@pytest.mark.parametrize("encoding", [
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1",
    "mac_roman", "cp850",
])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_end(root: Path, encoding: str, end: str) -> None:
    assert found(root, PLAIN.replace("\n", end).encode(encoding)) == GERMAN
    german = "sep=;\n" + PLAIN.replace(",", ";")
    assert found(root, german.replace("\n", end).encode(encoding)) == GERMAN


@pytest.mark.parametrize(("encoding", "name"), [
    ("cp1251", "Ж.png"), ("cp932", "日本.png"), ("gb18030", "日本.png"),
])
def test_the_encoding_is_the_one_in_which_the_files_exist(
    root: Path, encoding: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert found(root, f"photos/{name};maps/{name}\n".encode(encoding)) == [name]
    assert f"is read as {encoding}" in caplog.text


@pytest.mark.parametrize(("text", "names"), [
    (PLAIN.replace(",", "|"), GERMAN),
    (",A,B\n0,photos/1.png,maps/1.png\n7,photos/2 b.png,maps/2 b.png\n", TWO),  # pandas
    ("Unnamed: 0,A,B\n7,photos/1.png,maps/1.png\n0,photos/2 b.png,maps/2 b.png\n", TWO),
    ("0,photos/1.png,maps/1.png\n1,photos/2 b.png,maps/2 b.png\n", TWO),
    ('"","A","B"\n"1","photos/1.png","maps/1.png"\n"2","photos/2 b.png","maps/2 b.png"\n', TWO),
    ('"A" "B"\n"1" "photos/1.png" "maps/1.png"\n"2" "photos/2 b.png" "maps/2 b.png"\n', TWO),
    ('A,B\n"photos/a,b.png","maps/a,b.png"\n"photos/line\nbreak.png","maps/line\nbreak.png"\n',
     ["a,b.png", "line\nbreak.png"]),
    ("photos/a,b.png;maps/a,b.png\n", ["a,b.png"]),
    ("A,B,,\nphotos/1.png,maps/1.png,,\n,,,\n\n,,,\n", ["1.png"]),
    (' a , B \n photos/1.png , maps/1.png \n"photos/2 b.png" , "maps/2 b.png"\n', TWO),
    ('# by me, "x\nA,B\n# more\nphotos/1.png,maps/1.png\n', ["1.png"]),
    ('\ufeff\ufeffA,B\n="photos/1.png",\u200bmaps/1.png\n\x1a', ["1.png"]),
    ("A,B\nphotos\\1.png,maps\\1.png\n", ["1.png"]),
    ("A,B\nphotos/é.png,maps/é.png\n", [normalize("NFD", "é.png")]),
    ("A,B\nPhotos/img.png,maps/Img.Png\n", ["IMG.PNG"]),
    ("A,B\nfile:ROOT/photos/2%20b.png,file://localhostROOT/maps/2%20b.png\n", ["2 b.png"]),
    ("A,B\nphotos/1.png,maps/1.png\nphotos/1.png,maps/1.png\n", ["1.png"]),
])
def test_every_spelling(root: Path, text: str, names: list[str]) -> None:
    assert found(root, text.replace("ROOT", str(root))) == names


@pytest.mark.parametrize(("A", "B", "start"), [
    (r"D:\data\set\photos\1.png", r"D:\data\set\maps\1.png", r"D:\data\set"),
    (r"\\nas\share\photos\1.png", r"\\nas\share\maps\1.png", "\\\\nas\\share\\"),
    ("/root/anna/photos/1.png", "/root/anna/maps/1.png", "/root/anna"),
    ("file:///C:/x/photos/1.png", "file:///C:/x/maps/1.png", r"C:\x"),
])
def test_absolute_paths_of_another_computer(
    root: Path, A: str, B: str, start: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert found(root, f"A,B\n{A},{B}\n") == ["1.png"]
    assert f"begin with {start} do not exist here; read from {root}" in caplog.text


def test_two_paths_of_another_computer_never_become_one_file(tmp_path: Path) -> None:
    for name in ("1.png", "p.csv"):
        (tmp_path / name).touch()
    (tmp_path / "p.csv").write_text("A,B\n/x/photos/1.png,/x/maps/1.png\n")
    with pytest.raises(FileNotFoundError, match="would both be"):
        find_pairs(tmp_path, "train", list_file=tmp_path / "p.csv")


@pytest.mark.parametrize("column", ["phase", "split", "Set", " SUBSET "])
def test_every_spelling_of_a_phase(root: Path, column: str) -> None:
    values = {"train": ("train", "Training"), "val": ("VAL", "valid", "Validation"),
              "test": ("Test", "testing")}
    text = f"A,{column},B\n" + "".join(
        f"photos/{name},{value},maps/{name}\n"
        for words in values.values() for name, value in zip(TWO, words, strict=False))
    for phase in (*values, "Training", "validation"):
        assert found(root, text, phase) == TWO
    layout = find_rows(root, list_file=root / "p.csv")
    assert [row.phase for row in layout.rows] == ["train"] * 2 + ["val"] * 2 + ["test"] * 2


def test_a_word_of_the_user_is_a_phase_if_it_is_asked_for(root: Path) -> None:
    text = "A,B,split\nphotos/1.png,maps/1.png,fold 1\nphotos/2 b.png,maps/2 b.png,train\n"
    assert found(root, text, "fold 1") == ["1.png"]
    with pytest.raises(ValueError, match=r"line 2 .*'fold 1', known are train.* --phase 'fold 1'"):
        found(root, text)
    assert found(root, text.replace("split", "phase")) == ["2 b.png"]
    assert found(root, text.replace("split", "phase").replace("fold 1", "test_2")) == ["2 b.png"]


@pytest.mark.parametrize(("content", "message"), [
    ("A,B,quality\nphotos/1.png,maps/1.png,0.5\n", "unknown or twice: quality; known are A, B and"),
    ("A;B;Güte\nphotos/1.png;maps/1.png;0,53\n".encode("cp1252"), "unknown or twice: Güte; known"),
    ("A,B,\nphotos/1.png,maps/1.png,x\n", "number 3, without name"),
    ("A,A,B\nphotos/1.png,photos/1.png,maps/1.png\n", "unknown or twice: A"),
    ("A,B,phase,split\nphotos/1.png,maps/1.png,train,train\n", "unknown or twice: split"),
    ("A,target\nphotos/1.png,maps/1.png\n", "no column B and columns .* target"),
    ("A,B,set\nphotos/1.png,maps/1.png,trian\n", "line 2 has the phase 'trian', known are train,"),
    ("A,B,phase\nphotos/1.png,maps/1.png,tset\n", "line 2 has the phase 'tset', known are train,"),
    ("A,B,phase\nphotos/1.png,maps/1.png,NaN\n", "line 2 names no phase"),
    ("A,B\nphotos,maps/1.png\n", "A photos is a folder; list the images in it"),
    ("photos/1.png,maps/1.png,0\n", "line 1 has the phase '0', known are train,"),
    ("A,B\nphotos/a,b.png,maps/1.png\n", "line 2 has 3 columns.*Put quotation marks around"),
    ("photos/1.png,maps/1.png,x,y\n", "line 1 has 4 columns.*Add a header, or delete"),
    ("photos/1.png maps/1.png\n", "line 1 has 1 columns.*Put commas between"),
    ('A,B\n"photos/1.png,maps/1.png\n', "line 2 opens a quotation mark that is not closed"),
    (b"PK\x03\x04", "is a spreadsheet .* save the table as CSV .Excel: File, Save As"),
    (b"\xd0\xcf\x11\xe0", r"is an Excel file \(\.xls\)"),
    ("<!DOCTYPE html>", "is a page"),
    (b"\x89PNG\r\n\x1a\n\0\0\0", "is not a text .*save the table as CSV"),
    ('[{"A": "x", "B": "y"}]', r"holds JSON.*read_json\('.*p\.csv'\)\.to_csv"),
    ('{"A": "x", "B": "y"}\n{"A": "x", "B": "y"}', r"holds JSON.*lines=True"),
    ("A,B\nhttps://x.org/1.png,maps/1.png\n", "is an address; download the files"),
    ("A,B\n/root/photos/9.png,maps/1.png\n", "9.png does not exist, nor does the end of this path"),
    ("A,B\n" + 300 * "x" + ".png,maps/1.png\n", "does not exist"),
])
def test_what_cannot_be_read_is_named_with_a_way_out(
    root: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=f"(?s){message}"):
        found(root, content)


def test_images_without_an_extension_need_a_header(tmp_path: Path) -> None:
    for name in ("IM1", "IM2"):
        (tmp_path / name).write_bytes(bytes(128) + b"DICM" + bytes(200))
    (tmp_path / "p.csv").write_text("IM1,IM2\n")
    with pytest.raises(ValueError, match="if this line is no header, put a line A,B above it"):
        find_pairs(tmp_path, "train", list_file=tmp_path / "p.csv")
    (tmp_path / "p.csv").write_text("A,B\nIM1,IM2\n")
    assert len(find_pairs(tmp_path, "train", list_file=tmp_path / "p.csv").pairs) == 1


def test_doubtful_lists_are_logged(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    (root / "p.csv").write_text("A,B\nmaps/1.png,maps/1.png\n")
    assert len(find_pairs(root, "test", list_file=root / "p.csv").pairs) == 1
    assert "A and B are the same file in 1 of 1 pairs" in caplog.text
    assert "--phase test reads all its pairs, like a training on this list; to keep" in caplog.text
