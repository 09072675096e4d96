"""A new model or dataset is one new file."""

import json
from pathlib import Path

import pytest
from conftest import Argv

import data
import models
from options.train_options import TrainOptions
from train import train


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files count as if they were in models/ and data/."""
    folder = tmp_path / "own"
    folder.mkdir()
    for package in (models, data):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    return folder


def template(package: str, kind: str) -> str:
    return (Path(__file__).parents[1] / package / f"template_{kind}.py").read_text()


def test_a_new_model_is_a_new_choice_with_flags_and_defaults(
    own: Path, argv: Argv, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = template("models", "model").replace("TemplateModel", "BrandNewModel")
    (own / "brand_new_model.py").write_text(text.replace("lambda_regression", "lambda_mine"))
    train(argv("--model", "brandnew", "--lambda_mine", "2"))
    saved = json.loads((tmp_path / "runs" / "t" / "train_opt.json").read_text())
    assert (saved["model"], saved["lambda_mine"], saved["dataset_mode"]) == (
        "brand_new", 2.0, "aligned",
    )
    with pytest.raises(SystemExit):
        TrainOptions().parse(["--model", "brand_new", "--help"])
    text = capsys.readouterr().out
    assert "--lambda_mine" in text
    assert "brand_new" in text


def test_a_new_dataset_is_a_new_choice(own: Path, argv: Argv, tmp_path: Path) -> None:
    text = template("data", "dataset").replace("TemplateDataset", "MyOwnDataset")
    (own / "my_own_dataset.py").write_text(text.replace("new_dataset_option", "gain_of_mine"))
    train(argv("--model", "template", "--dataset_mode", "my_own", "--gain_of_mine", "3"))
    saved = json.loads((tmp_path / "runs" / "t" / "train_opt.json").read_text())
    assert (saved["dataset_mode"], saved["gain_of_mine"]) == ("my_own", 3.0)


@pytest.mark.parametrize("body", ["", "class A(BaseModel): ..."])
def test_a_file_without_a_model_is_refused(
    body: str, own: Path, argv: Argv, capsys: pytest.CaptureFixture[str]
) -> None:
    (own / f"empty{len(body)}_model.py").write_text(
        "from models.base_model import BaseModel\n" + body
    )
    with pytest.raises(SystemExit) as stop:
        train(argv("--model", f"empty{len(body)}"))
    assert stop.value.code == 2
    assert "must define exactly one subclass of BaseModel, found none" in capsys.readouterr().err


def test_a_flag_that_exists_already_is_refused_by_name(
    own: Path, argv: Argv, capsys: pytest.CaptureFixture[str]
) -> None:
    text = template("models", "model").replace("TemplateModel", "ClashModel")
    (own / "clash_model.py").write_text(text.replace("--lambda_regression", "--lambda_gp"))
    with pytest.raises(SystemExit) as stop:
        train(argv("--model", "clash"))
    assert stop.value.code == 2
    assert "--lambda_gp" in capsys.readouterr().err
