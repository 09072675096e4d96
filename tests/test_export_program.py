"""scripts/export.py exports a run, logs a report and writes a model card."""

import hashlib
import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from conftest import Argv
from exports import generator_file

import inference.export
from inference.export import find_format
from inference.translator import Translator
from scripts.export import main
from train import train

ROOT = Path(__file__).parents[1]


def metadata_of(path: Path) -> dict[str, str]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return dict(session.get_modelmeta().custom_metadata_map)


def test_a_run(argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    train(argv("--model", "pix2pix", "--n_epochs", "2", "--direction", "BtoA", "--nearest", "B"))
    path = main(["--checkpoints_dir", str(tmp_path / "runs"), "--name", "t", "--to", "onnx",
                 "--licence", "CC BY 4.0"])
    assert path == tmp_path / "runs" / "t" / "export" / "t_latest_BtoA.onnx"
    metadata = metadata_of(path)
    wanted = {"name": "t", "epoch": "latest", "direction": "BtoA", "labels": "input",
              "bn_mode": "batch", "multiple": "4"}
    assert {key: metadata[key] for key in wanted} == wanted
    assert "testB/0.png" in caplog.text, "the test pictures of the run"
    assert "batch norm, bn_mode batch: the statistics of each image" in caplog.text
    assert "dropout is off" in caplog.text
    card = path.with_name("t_latest_BtoA.onnx.md").read_text()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for line in (f"SHA-256: {digest}", "licence: CC BY 4.0", "netG: resnet_6blocks", "norm: batch",
                 "training set: 3 images; 6 were shown", "losses: epoch 2", "dropout: off",
                 "trained_with_dropout: true", "on 2 images"):
        assert f"- {line}" in card, card
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, f"{path.name}.md"]


def test_a_two_way_run_and_its_best_epoch(argv: Argv, tmp_path: Path) -> None:
    train(argv("--model", "cycle_gan"))
    run = tmp_path / "runs" / "t"
    best = {"epoch": 1, "images": 3, "metric": "l1", "value": 0.25, "values": {"val_l1": 0.25}}
    (run / "best.json").write_text(json.dumps(best))
    flags = ["--checkpoints_dir", str(run.parent), "--name", "t", "--to", "onnx"]
    forward, back = main(flags), main([*flags, "--direction", "BtoA", "--epoch", "1"])
    assert [forward.name, back.name] == ["t_latest_AtoB.onnx", "t_1_BtoA.onnx"]
    assert forward.read_bytes() != back.read_bytes()
    picture = np.random.default_rng(0).integers(0, 256, (1, 30, 41, 3), np.uint8)
    session = onnxruntime.InferenceSession(str(back))
    expected = Translator.load(run, direction="BtoA", device="cpu")(picture)
    assert np.abs(session.run(None, {"picture": picture})[0].astype(int) - expected).max() <= 1
    card = forward.with_name(f"{forward.name}.md").read_text()
    assert "best validation: epoch 1" in card
    assert "val_l1: 0.25" in card


def test_a_colorization_run_whose_images_are_deleted(
    argv: Argv, tmp_path: Path, dataroot: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(argv("--model", "colorization"))
    for picture in dataroot.rglob("*.png"):
        picture.unlink()
    path = main(["--checkpoints_dir", str(tmp_path / "runs"), "--name", "t", "--to", "onnx"])
    assert (metadata_of(path)["input_channels"], metadata_of(path)["output_channels"]) == ("3", "3")
    assert "verified on noise" in caplog.text


def test_a_pth_file_without_a_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    generator_file(tmp_path, "unet_128", "batch")
    out = tmp_path / "else" / "x.pt"
    main(["--weights", str(tmp_path / "tiny.pth"), "--to", "torchscript", "--half",
          "--out", str(out), "--licence", "<img src=x onerror=f()>"])
    assert "verified on noise" in caplog.text
    metadata = find_format("torchscript").load(out)[1]
    assert (metadata["weights"], metadata["trained_with_dropout"]) == ("half", "unknown")
    card = out.with_name("x.pt.md").read_text()
    assert "<img" not in card
    for line in ("licence: &lt;img src=x onerror=f()&gt;", "training set: unknown",
                 "model: unknown", "on noise: no images were available"):
        assert f"- {line}" in card, card


def test_calibrated_on_images(tmp_path: Path, dataroot: Path) -> None:
    generator_file(tmp_path, "resnet_6blocks", "batch")
    path = main(["--weights", str(tmp_path / "tiny.pth"), "--to", "onnx", "--bn_mode", "calibrated",
                 "--calibrate", str(dataroot / "trainA"), "--num_calibrate", "2",
                 "--pictures", str(dataroot / "testA" / "*.png")])
    assert path == tmp_path / "export" / "tiny_AtoB.onnx"
    assert metadata_of(path)["bn_mode"] == "calibrated"
    assert "estimated on 2 images" in path.with_name(f"{path.name}.md").read_text()


MINE = '''
"""TorchScript, compressed by gzip."""

import gzip

from inference.export.torchscript_file import TorchscriptFile
from inference.export.base_file import ExportFile


class MineFile(ExportFile):
    suffix = ".mine"
    runtime = "torch.jit, after gunzip"

    @staticmethod
    def write(graph, example, path, metadata):
        TorchscriptFile.write(graph, example, path, metadata)
        path.write_bytes(gzip.compress(path.read_bytes()))

    @staticmethod
    def load(path):
        unpacked = path.with_suffix(".pt")
        unpacked.write_bytes(gzip.decompress(path.read_bytes()))
        try:
            return TorchscriptFile.load(unpacked)
        finally:
            unpacked.unlink()
'''


def test_a_format_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_file.py").write_text(MINE)
    monkeypatch.setattr(inference.export, "__path__", [*inference.export.__path__, str(tmp_path)])
    generator_file(tmp_path, "resnet_6blocks", "instance")
    path = main(["--weights", str(tmp_path / "tiny.pth"), "--to", "mine"])
    assert path == tmp_path / "export" / "tiny_AtoB.mine"
    assert path.read_bytes()[:2] == b"\x1f\x8b", "a gzip file"
    card = path.with_name("tiny_AtoB.mine.md").read_text()
    assert "runtime: torch.jit, after gunzip" in card
    assert "all 4 comparisons: maximum" in card


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--weights tiny.pth", "--to"),
        ("--weights tiny.pth --to tflite", "invalid choice"),
        ("--to onnx", "give --name RUN, or --weights FILE"),
        ("--name x --weights tiny.pth --to onnx", "give --name RUN, or --weights FILE"),
        ("--name y --to onnx", "no run runs/y; runs in that folder: x"),
        ("--name x --to onnx", "holds neither latest_net_G.pth"),
        ("--weights other.pth --to onnx", "other.pth does not exist"),
        ("--weights tiny.pth --to onnx --half --int8", "not allowed with"),
        ("--weights tiny.pth --to onnx --bn_mode eval", "invalid choice"),
        ("--weights tiny.pth --to onnx --bn_mode calibrated", "belong together"),
        ("--weights tiny.pth --to onnx --calibrate .", "belong together"),
        ("--weights tiny.pth --to onnx --bn_mode calibrated --calibrate .", "leave it out"),
        ("--weights tiny.pth --to onnx --pictures nowhere", "--pictures nowhere does not exist"),
        ("--weights tiny.pth --to onnx --out x.pt", "writes .onnx files; name it x.onnx"),
        ("--weights tiny.pth --to onnx --ema", "--ema chooses among the files of a run"),
        ("--weights tiny.pth --to onnx --value_range_A 5,1", "LO below HI"),
        ("--weights tiny.pth --to onnx --num_verify 0", "must be >= 1"),
    ],
)
def test_bad_flags_are_parser_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    flags: str, message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    generator_file(tmp_path, "resnet_6blocks", "instance")
    (tmp_path / "runs" / "x").mkdir(parents=True)
    with pytest.raises(SystemExit) as ended:
        main([*flags.split(), "--checkpoints_dir", "runs"])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_help_imports_nothing_slow() -> None:
    script = (
        "import sys\nfrom scripts.export import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "slow = 'onnx onnxruntime skimage tifffile scipy matplotlib torchvision'.split()\n"
        "print('loaded:', *sorted(set(slow) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--bn_mode" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["loaded:"]
