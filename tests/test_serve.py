"""scripts/serve.py and scripts/benchmarks/load_server.py as programs."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from web_server import served, started

from data.files.source import Source
from display import npm_packages
from scripts import serve
from scripts.benchmarks import load_server
from serving import onnxruntime_web
from util.http_access import bind
from util.packages import MissingPackageError, require_packages

pytest.importorskip("fastapi", reason="fastapi is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")

from serving.answers import SampleLink
from serving.description import DirectionDescription, describe
from serving.engine import Engine
from serving.run_server import address
from serving.server import create_app
from serving.service import Limits

ROOT = Path(__file__).resolve().parents[1]


def test_other_machines_need_a_token_and_ctrl_c_stops_the_server(demo_run: Path) -> None:
    with started(demo_run, "--host", "0.0.0.0") as (program, url):
        page, token = url.split("#token=")
        local = f"http://127.0.0.1:{re.findall(r':([0-9]+)/', page)[0]}"
        assert len(token) >= 20
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{local}/model.json")
        with urllib.request.urlopen(f"{local}/health") as answer:
            assert answer.status == 200
        program.send_signal(signal.SIGINT)
        rest, _ = program.communicate(timeout=30)
        assert (rest, program.returncode) == ("stopped\n", 0)


def test_addresses_of_the_page() -> None:
    assert address("127.0.0.1", 80, None) == "http://127.0.0.1:80/"
    assert address("::1", 80, None) == "http://[::1]:80/"
    assert address("0.0.0.0", 80, "x") == f"http://{socket.gethostname()}:80/#token=x"
    assert address("::1", 80, "a+b/&=") == "http://[::1]:80/#token=a%2Bb%2F%26%3D"


@pytest.mark.parametrize(
    "flags", ["", "--name a --weights b", "--name a --port -1", "--name a --dropout --no_dropout",
              "--name a --token wört", "--name a --token=", "--name a --onnxruntime_web x.tgz"]
)
def test_bad_flags_exit_with_2(flags: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        serve.main(flags.split())


def test_a_port_in_use_and_a_missing_run_are_reported(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=rf"port {port} .*--port 0 takes any"):
            bind("127.0.0.1", port)
    with pytest.raises(FileNotFoundError, match="make draw"):
        serve.main(["--name", "x", "--checkpoints_dir", str(tmp_path)])


def test_missing_packages_are_named() -> None:
    with pytest.raises(MissingPackageError, match=r"it needs no_such_package.*pip install no_such"):
        require_packages("it", "sys", "no_such_package")


def test_help_does_not_import_the_server() -> None:
    script = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from scripts import serve\n"
        "try: serve.main()\n"
        "except SystemExit: pass\n"
        "print(*sorted({'fastapi', 'uvicorn', 'onnx', 'skimage'} & set(sys.modules)), 'end')"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert "--static" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["end"]


def test_a_display_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not serve.has_screen()
    monkeypatch.setenv("DISPLAY", ":0")
    assert serve.has_screen()


# Static sites


def test_without_npm_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, demo_run: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"npm pack onnxruntime-web@.*--onnxruntime_web"):
        onnxruntime_web.runtime_files()
    archive = tmp_path / "x.tgz"
    archive.write_bytes(b"not an archive")
    with pytest.raises(ValueError, match="not an archive of npm"):
        onnxruntime_web.runtime_files(archive)


def test_unknown_files_of_npm_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "npm").write_text("#!/bin/sh\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setattr(npm_packages, "from_archive", lambda *_: {"ort.js": b"1"})
    with pytest.raises(ValueError, match="npm holds other files"):
        onnxruntime_web.runtime_files()
    known = replace(onnxruntime_web.RUNTIME, digest=npm_packages.digest({"ort.js": b"1"}))
    monkeypatch.setattr(onnxruntime_web, "RUNTIME", known)
    assert onnxruntime_web.runtime_files() == {"ort.js": b"1"}
    (tmp_path / "npm").unlink()  # the next time, the cache has the files
    assert onnxruntime_web.runtime_files() == {"ort.js": b"1"}


def test_a_static_site_does_not_overwrite_other_folders(demo_run: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    (tmp_path / "model.json").write_text("mine")
    with pytest.raises(FileExistsError, match="not a page that this program wrote"):
        serve.main(["--weights", str(demo_run), "--gpu_ids", "-1", "--static", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]
    with pytest.raises(FileExistsError, match="not a page that this program wrote"):
        serve.main(["--weights", str(demo_run), "--static", str(tmp_path / "model.json")])


def test_a_static_site_is_overwritten_and_leaves_unreadable_samples_out(
    demo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from serving import static_site

    monkeypatch.setattr(static_site, "runtime_files", lambda _: {"ort.js": b"1"})
    engine = Engine.load(demo_run, device="cpu")
    description = describe(engine, demo_run)
    direction, = description.directions
    samples = [SampleLink("gone.png", "samples/BtoA/0.png"), *direction.info.samples]
    for number, sample in enumerate(direction.info.samples, start=1):
        samples[number] = replace(sample, url=f"samples/BtoA/{number}.png")
    info = replace(direction.info, samples=samples)
    sources = [Source((tmp_path / "gone.png",)), *direction.sources]
    description = replace(description, directions=[DirectionDescription(info, sources)])
    site = tmp_path / "site"
    (site / "samples" / "AtoB").mkdir(parents=True)
    leftovers = [site / "AtoB.onnx", site / "samples" / "AtoB" / "7.png"]
    for file in (*leftovers, site / static_site.FIRST):
        file.write_bytes(b"of an unfinished site")
    static_site.write_site(site, engine, description, epoch="latest", run_dir=demo_run)
    entry, = json.loads((site / "model.json").read_text())["directions"]
    listed = {sample["url"] for sample in entry["samples"]}
    assert len(listed) == len(direction.sources)
    written = {path.relative_to(site).as_posix() for path in site.rglob("*.png")}
    assert written == listed
    assert not leftovers[0].exists()
    assert f"python -m http.server --bind 127.0.0.1 --directory {site}`" in caplog.text
    assert (site / entry["onnx"]).stat().st_size > 1000
    assert "Copyright (c) Microsoft" in (site / "onnxruntime" / "LICENSE.txt").read_text()


# Load


def test_many_clients_are_served(
    demo_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    engine = Engine.load(demo_run, device="cpu")
    flags = ["--clients", "4", "--seconds", "0.5"]
    with served(create_app(engine, describe(engine, demo_run), Limits())) as url:
        load_server.main(["--url", url, *flags])
    assert f"4 clients send requests to {url.rstrip('/')} for 0.5 seconds" in caplog.text
    assert re.search(r"answers: {'ok': \d+}", caplog.text)
    refusing: Any = create_app(engine, describe(engine, demo_run), Limits(pixels=1))
    with served(refusing) as url, pytest.raises(SystemExit, match="1"):
        load_server.main(["--url", url, *flags])
    assert "'413'" in caplog.text
    with pytest.raises(ValueError, match=r"start scripts/serve\.py"):
        load_server.main(["--url", url])
