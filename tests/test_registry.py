from pathlib import Path

import pytest

import models
from models.base_model import BaseModel
from util.registry import find_class, list_names


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    return tmp_path


def test_names_are_those_of_the_files(plug_in: Path) -> None:
    (plug_in / "new_model.py").write_text("raise RuntimeError('listing imports nothing')")
    (plug_in / "new_helper.py").touch()
    names = list_names(models.__path__, suffix="_model")
    assert names == sorted([*names])
    assert {"new", "pix2pix", "cycle_gan"} <= set(names)
    assert not {"base", "new_helper"} & set(names)


HEAD = "from models.template_model import TemplateModel\nfrom models.base_model import BaseModel\n"


@pytest.mark.parametrize(
    ("name", "body", "found"),
    [
        ("none_here", "", "none"),
        ("only_abstract", "class A(BaseModel): ...", "none"),
        ("two_here", "class A(TemplateModel): ...\nclass B(TemplateModel): ...", r"\['A', 'B'\]"),
    ],
)
def test_a_file_without_exactly_one_class_is_refused(
    name: str, body: str, found: str, plug_in: Path
) -> None:
    (plug_in / f"{name}_model.py").write_text(HEAD + body)
    with pytest.raises(ValueError, match=rf"{name}_model\.py must define exactly one .*{found}"):
        find_class("models", name, suffix="_model", base=BaseModel)


def test_imported_classes_do_not_count(plug_in: Path) -> None:
    (plug_in / "one_model.py").write_text(HEAD + "class Mine(TemplateModel): ...")
    assert find_class("models", "one", suffix="_model", base=BaseModel).__name__ == "Mine"
