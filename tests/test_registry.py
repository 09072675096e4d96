from pathlib import Path

import pytest

import inference.export
import models
from inference.export.base_file import ExportFile
from models.base_model import BaseModel
from util.registry import Plugins

MODELS = Plugins("models", "_model", BaseModel)
HEAD = "from models.template_model import TemplateModel\nfrom models.base_model import BaseModel\n"


@pytest.fixture
def plugin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files count as if they were in models/ and in inference/export/."""
    for package in (models, inference.export):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    return tmp_path


def test_the_names_are_the_file_names(plugin_folder: Path) -> None:
    (plugin_folder / "new_model.py").write_text("raise RuntimeError('listing imports nothing')")
    (plugin_folder / "new_helper.py").touch()
    names = MODELS.available()
    assert names == sorted(names)
    assert {"new", "pix2pix", "cycle_gan"} <= set(names)
    assert not {"base", "new_helper"} & set(names)


@pytest.mark.parametrize(
    ("name", "body", "classes"),
    [
        ("none_here", "", "none"),
        ("only_abstract", "class A(BaseModel): ...", "none"),
        ("two_here", "class A(TemplateModel): ...\nclass B(TemplateModel): ...", r"\['A', 'B'\]"),
    ],
)
def test_a_file_without_exactly_one_class_is_refused(
    name: str, body: str, classes: str, plugin_folder: Path
) -> None:
    (plugin_folder / f"{name}_model.py").write_text(HEAD + body)
    with pytest.raises(ValueError, match=rf"{name}_model\.py must define exactly one .*{classes}"):
        MODELS.find(name)


def test_imported_classes_do_not_count(plugin_folder: Path) -> None:
    (plugin_folder / "one_model.py").write_text(HEAD + "class Mine(TemplateModel): ...")
    assert MODELS.find("one").__name__ == "Mine"


def test_type_aliases_do_not_count(plugin_folder: Path) -> None:
    """On Python 3.10 list[int] passes for a type, but not in issubclass."""
    body = "Names = list[int]\nclass Mine(TemplateModel): ...\n"
    (plugin_folder / "with_alias_model.py").write_text(HEAD + body)
    assert MODELS.find("with_alias").__name__ == "Mine"


def test_an_unknown_name_is_refused_with_the_known_names_and_the_file_to_write() -> None:
    with pytest.raises(
        ValueError,
        match=r"^models/bogus_model\.py does not exist; choose one of .*cycle_gan, .*pix2pix.*, or "
        r"write that file with a subclass of BaseModel$",
    ):
        MODELS.find("bogus")


def test_a_nested_package_has_plugins_too(plugin_folder: Path) -> None:
    formats = Plugins("inference.export", "_file", ExportFile)
    (plugin_folder / "mine_file.py").write_text(
        "from inference.export.torchscript_file import TorchscriptFile\n"
        "class MineFile(TorchscriptFile): ...\n"
    )
    assert {"mine", "torchscript"} <= set(formats.available())
    assert formats.find("mine").__module__ == "inference.export.mine_file"
    with pytest.raises(ValueError, match=r"^inference/export/bogus_file\.py does not exist"):
        formats.find("bogus")
