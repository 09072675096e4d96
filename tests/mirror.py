"""A download server on 127.0.0.1, and archives for it."""

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parents[1]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Mirror:
    """A server of ``folder``, and the folder in which the scripts run."""

    def __init__(self, folder: Path, place: Path, url: str) -> None:
        self.folder = folder
        self.place = place
        self.environment = {"I2I_MIRROR": url, "PATH": os.environ["PATH"], "no_proxy": "127.0.0.1"}

    def put(self, name: str, content: bytes, *, trusted: bool = True) -> None:
        """Serve a file; ``trusted``: its checksum may differ from the published one."""
        self.environment["I2I_ACCEPT_SHA256"] = sha256(content).hexdigest() if trusted else ""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(content)

    def run(self, script: str, *names: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", str(ROOT / script), *names], cwd=self.place, text=True,
                              env=self.environment, capture_output=True, timeout=60)

    def left(self) -> list[str]:
        return sorted(path.relative_to(self.place).as_posix() for path in self.place.rglob("*"))

    def refuses(self, script: str, name: str, message: str) -> None:
        ended = self.run(script, name)
        assert ended.returncode == 1, ended
        assert message in ended.stderr
        assert self.left() == []


@contextmanager
def serving(tmp_path: Path) -> Iterator[Mirror]:
    folder, place = tmp_path / "server", tmp_path / "place"
    folder.mkdir()
    place.mkdir()
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Mirror(folder, place, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


def zip_of(*names: str, content: bytes = b"pixels" * 99) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return packed.getvalue()


def tar_of(*names: str, link: str = "") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 6
            archive.addfile(entry, io.BytesIO(b"pixels"))
        if link:
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc"
            archive.addfile(entry)
    return packed.getvalue()
