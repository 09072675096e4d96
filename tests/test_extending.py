"""docs/extending.md: every example is written to disk as a new file and used by its command."""

import importlib
import re
import shlex
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Argv

import scripts.export
import train

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "extending.md").read_text()
EXAMPLES = dict(re.findall(r"```python\n# (\S+)\n(.*?)```\n+```sh\n", TEXT, re.DOTALL))
COMMANDS = re.findall(r"```sh\n(.*?)\n```", TEXT)
BOTH = list(zip(EXAMPLES.items(), COMMANDS, strict=True))
PROGRAMS: dict[str, Callable[[list[str]], object]] = {
    "train.py": train.train, "scripts/export.py": scripts.export.main,
}


def test_there_is_an_example_of_every_kind() -> None:
    folders = {str(Path(name).parent) for name in EXAMPLES}
    assert folders == {
        "models", "models/networks", "data", "metrics", "display/sinks", "inference/export",
    }
    assert len(EXAMPLES) == 8


def flags_of(words: list[str]) -> list[str]:
    """Return the flags without those that say where the data and the run are."""
    places = {"--dataroot", "--name"}
    return [word for index, word in enumerate(words)
            if word not in places and (index == 0 or words[index - 1] not in places)]


@pytest.mark.parametrize(("example", "command"), BOTH, ids=list(EXAMPLES))
def test_an_example_works_by_its_command_alone(
    example: tuple[str, str], command: str, argv: Argv, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, body = example
    package = importlib.import_module(str(Path(name).parent).replace("/", "."))
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    (tmp_path / Path(name).name).write_text(body)
    monkeypatch.chdir(tmp_path)
    _, program, *words = shlex.split(command)
    run = tmp_path / "runs" / "t"
    if program == "train.py":
        tiny = argv()
        if "--netD" in words:  # those of the tiny run are for another discriminator
            start = tiny.index("--netD")
            del tiny[start : start + 4]
        train.train([*tiny, *flags_of(words)])
    else:
        train.train(argv("--model", "template"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit is deprecated
            PROGRAMS[program]([*flags_of(words), "--name", "t", "--checkpoints_dir",
                               str(tmp_path / "runs")])
        assert list((run / "export").glob("*.state"))
    assert list(run.glob("latest_net_G*.pth"))
    if "last_sink" in name:
        assert (tmp_path / "last.txt").read_text().startswith("(epoch: 1, iters: 3, ")


def test_a_generator_of_its_own_is_rebuilt_with_its_flags(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No flag is repeated: test.py and Translator read --flat_layers from the run."""
    from inference import Translator
    from models import networks

    monkeypatch.setattr(networks, "__path__", [*networks.__path__, str(tmp_path)])
    (tmp_path / "flat_generator.py").write_text(EXAMPLES["models/networks/flat_generator.py"])
    train.train(argv("--model", "template", "--netG", "flat", "--flat_layers", "4"))
    net = Translator.load(tmp_path / "runs" / "t", device="cpu").net
    assert sum(type(module).__name__ == "Conv2d" for module in net.modules()) >= 5
    assert Translator.load(tmp_path / "runs" / "t" / "latest_net_G.pth", device="cpu").net
    alone = tmp_path / "alone.pth"
    (tmp_path / "runs" / "t" / "latest_net_G.pth").rename(alone)
    known: dict[str, Any] = {"netG": "flat", "ngf": 2, "norm": "instance", "input_nc": 3,
                             "output_nc": 3, "no_dropout": True}
    assert Translator.load(alone, device="cpu", flat_layers=4, **known).net
    with pytest.raises(TypeError, match=r"flat_layer: unknown flag; choose from netG.*flat_layers"):
        Translator.load(alone, device="cpu", flat_layer=4, **known)


def test_a_generator_with_other_arguments_is_named(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from models import networks

    monkeypatch.setattr(networks, "__path__", [*networks.__path__, str(tmp_path)])
    text = EXAMPLES["models/networks/flat_generator.py"].replace("dropout: bool", "drop: bool")
    (tmp_path / "bad_generator.py").write_text(text.replace("* dropout", "* drop"))
    with pytest.raises(SystemExit):
        train.train(argv("--model", "template", "--netG", "bad"))
    text = capsys.readouterr().err
    assert "models/networks/bad_generator.py: " in text and "'dropout'" in text


def test_an_unusable_display_or_metric_harms_no_run(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import metrics
    from display import sinks

    for package, name in ((metrics, "gone_metric"), (sinks, "gone_sink")):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        (tmp_path / f"{name}.py").write_text("import a_package_that_does_not_exist")
    train.train(argv("--model", "template"))
    for name in ("metrics/gone_metric.py", "display/sinks/gone_sink.py"):
        assert any(message.startswith(f"left out: {name} cannot be imported (ModuleNotFoundError")
                   for message in caplog.messages)


def test_a_display_that_fails_is_switched_off(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from display import sinks

    monkeypatch.setattr(sinks, "__path__", [*sinks.__path__, str(tmp_path)])
    (tmp_path / "last_sink.py").write_text(EXAMPLES["display/sinks/last_sink.py"])
    train.train(argv("--model", "template", "--last_losses", str(tmp_path / "no" / "file")))
    warnings_of_it = [text for text in caplog.messages if "switched off" in text]
    assert len(warnings_of_it) == 1
    assert "FileNotFoundError" in warnings_of_it[0]
    assert (tmp_path / "runs" / "t" / "latest_net_G.pth").is_file()


def test_a_dataset_that_changes_samples_gets_floats(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import data

    monkeypatch.setattr(data, "__path__", [*data.__path__, str(tmp_path)])
    (tmp_path / "masked_dataset.py").write_text("""
from data.aligned_dataset import AlignedDataset

class MaskedDataset(AlignedDataset):
    def __getitem__(self, index):
        sample = super().__getitem__(index)
        assert sample["B"].is_floating_point() and sample["B"].min() < 0
        return {**sample, "mask": sample["B"] > 0}
""")
    train.train(argv("--model", "template", "--dataset_mode", "masked", "--no_flip"))
