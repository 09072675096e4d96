"""docs/extending.md: every example is written to disk as a new file and used by its command."""

import importlib
import re
import shlex
import warnings
from collections.abc import Callable
from pathlib import Path

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
