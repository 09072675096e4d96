"""scripts/live_plots.py: its files, its errors, and its page in a real browser."""

import importlib.metadata
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chromium import SHOWN
from imagined_run import losses, pictures

from display import npm_packages, visdom_files
from display.sinks.visdom_client import connect
from display.sinks.visdom_sink import VisdomServer
from scripts import live_plots

ROOT = Path(__file__).resolve().parents[1]
FILES = {"js/a.js": b"1", "css/deep/b.css": b"2"}


@pytest.fixture
def few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the files that the page needs by ``FILES``."""
    few = replace(visdom_files.PAGE, digest=npm_packages.digest(FILES))
    monkeypatch.setattr(visdom_files, "PAGE", few)


# The files


@pytest.mark.usefixtures("few_files")
def test_bundle_copies_the_files_to_another_machine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    here, there, bundle = tmp_path / "here", tmp_path / "there", tmp_path / "page.tar.gz"
    npm_packages.write(FILES, here)
    live_plots.main(["--write_bundle", str(bundle), "--page_files", str(here)])
    live_plots.provide_files(there, bundle)
    assert visdom_files.PAGE.read(there)
    assert (there / "css/deep/b.css").read_bytes() == b"2"
    (there / "js/a.js").write_bytes(b"torn")
    assert not visdom_files.PAGE.read(there)


def pack(path: Path, name: str, content: bytes = b"x") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["/etc/x.js", "../x.js", "js/../../x.js", "..\\x.js"])
def test_bundle_with_a_path_outside_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        visdom_files.from_bundle(pack(tmp_path / "page.tar.gz", name))


def test_unknown_and_truncated_bundles_are_refused(tmp_path: Path) -> None:
    foreign = pack(tmp_path / "page.tar.gz", "js/a.js")
    with pytest.raises(ValueError, match=r"holds other files \(1, digest"):
        visdom_files.from_bundle(foreign)
    foreign.write_bytes(foreign.read_bytes()[:20])
    with pytest.raises(ValueError, match="is not a readable bundle"):
        visdom_files.from_bundle(foreign)


@pytest.mark.parametrize(
    ("npm", "expected"),
    [
        ("echo 'npm error code EAI_AGAIN' >&2; exit 1", r"EAI_AGAIN.*network.*--bundle FILE"),
        ("sleep 30", r"within 0 seconds.*--bundle FILE"),
        (None, r"npm.* is not installed.*--bundle FILE"),
    ],
)
def test_npm_that_fails_hangs_or_is_missing_gives_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, npm: str | None, expected: str
) -> None:
    if npm:
        (tmp_path / "npm").write_text(f"#!/bin/sh\n{npm.replace('sleep', 'exec /bin/sleep')}\n")
        (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match=expected) as raised:
        visdom_files.PAGE.fetch(seconds=0.3)
    assert "\n" not in str(raised.value)


# The program


def test_check_logs_all_that_is_missing_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    def no_package(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", no_package)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        live_plots.main(["--check", "--page_files", str(tmp_path / "none")])
    assert ended.value.code == 1
    (record,) = caplog.records
    assert "the package visdom is not installed" in record.getMessage()
    assert "npm, which would fetch them, is not installed" in record.getMessage()


def find_page_files(cache: pytest.Cache) -> Path:
    """Return the user's files, those of an earlier test, or files fetched now; otherwise skip."""
    fetched = cache.mkdir("visdom_page")
    for folder in (visdom_files.FOLDER, fetched):
        if visdom_files.PAGE.read(folder):
            return folder
    try:
        npm_packages.write(visdom_files.PAGE.fetch(seconds=60), fetched)
    except OSError as error:
        pytest.skip(f"the files of visdom's page cannot be had: {error}")
    return fetched


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Any, int]]:
    """Start live_plots.py; yield its process and its port."""
    pytest.importorskip("visdom", reason="visdom is not installed")
    command = [
        sys.executable, "-u", "scripts/live_plots.py", "--port", "0",
        "--env_path", str(tmp_path / "environments"),
        "--page_files", str(find_page_files(request.config.cache)),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert address, line
        yield process, int(address[1])
        process.kill()


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_browser_shows_curves_and_images_live_and_ctrl_c_saves_them(
    browser: Any,
    server: tuple[Any, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process, port = server
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client = connect(server="http://127.0.0.1", port=port, env="mine")
    sink = VisdomServer(
        client, name="maps", display_id=1, columns=4, width_px=256,
        losses_csv=tmp_path / "x.csv", options={"netG": "<unet>"},
    )
    broken = {"type": "scatter", "x": [1], "y": [1], "mode": "lines", "marker": 3}
    # The client needs a thread without an event loop; playwright has one in this thread.
    thread = ThreadPoolExecutor(1)
    sink.losses(losses(100))
    thread.submit(sink.refresh).result()
    thread.submit(client.text, "<img src=x onerror='document.title = 1'>", win="script").result()
    thread.submit(client._send, {
        "data": [broken], "layout": {"xaxis": 5}, "win": "broken", "eid": "mine"}).result()
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    requests: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("response", lambda reply: failed.extend([reply.url] * (reply.status >= 400)))
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.goto(f"http://127.0.0.1:{port}/env/mine")
    page.wait_for_selector(".legendtext")

    sink.losses(losses(200))
    sink.pictures(pictures(side=64))
    thread.submit(sink.refresh).result()
    sink.close()
    page.wait_for_function(
        "[...document.querySelectorAll('.scatterlayer .js-line')]"
        ".filter(line => line.getTotalLength() > 100).length == 3"  # two losses and the rate
    )
    page.wait_for_function(f"[...document.querySelectorAll('.content img')].some({SHOWN})")
    assert page.locator(".legendtext").all_text_contents()[:2] == ["G_GAN", "G_L1"]
    assert page.get_by_text("<unet>").count() == 1  # the options, escaped
    assert page.locator(".content img[src=x]").count() == 0
    assert page.title() == "visdom"
    page.screenshot(path=tmp_path / "page.png")
    page.goto("data:text/html,another site")
    sent = page.evaluate(
        "address => fetch(address, {method: 'POST', mode: 'no-cors', body: '{}'})"
        ".then(() => 'answered', () => 'refused')", f"http://127.0.0.1:{port}/save")
    assert sent == "refused"
    assert failed.pop(0) == f"http://127.0.0.1:{port}/save"
    page.close()
    local = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")
    assert [url for url in requests if not url.startswith(local)] == []
    assert failed == []

    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    saved = json.loads((tmp_path / "environments" / "mine.json").read_text())
    assert set(saved["jsons"]) == {"1", "1_group_2", "1_lr", "1_options", "2", "script", "broken"}
