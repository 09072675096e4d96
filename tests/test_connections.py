"""Connections of the server: clients that are slow or silent, too many of them, and the stop."""

import io
import logging
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="fastapi is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")

from serving import run_server
from serving.connections import connection
from serving.connections.answer import Answer
from serving.connections.connection import Connection
from serving.description import describe
from serving.engine import Engine
from serving.server import create_app
from serving.service import Limits
from serving.uploads import bodies
from util.http_access import bind

resource = pytest.importorskip("resource", reason="Windows has no limit of open files")

HEAD = b"POST /translate HTTP/1.1\r\nHost: 127.0.0.1\r\n"
FILE = io.BytesIO()
Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(FILE, "PNG")


class Running:
    """The server in a thread. Its limits of time are a tenth of the usual ones."""

    def __init__(self, run: Path) -> None:
        self.engine = Engine.load(run, device="cpu")
        app = create_app(self.engine, describe(self.engine, run), Limits(waiting=4))
        app.get("/big")(self.big)
        self.bound = bind("127.0.0.1", 0)
        self.port: int = self.bound.getsockname()[1]
        self.server = run_server.build_server(app)
        Connection.most = 12
        self.thread = threading.Thread(target=self.server.run, args=([self.bound],))
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    async def big(self) -> Answer:
        return Answer(bytes(30_000_000), media_type="image/png")

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()

    def connect(self, *parts: bytes) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        opened.sendall(b"".join(parts))
        return opened

    def translate(self) -> int:
        url = f"http://127.0.0.1:{self.port}/translate"
        try:
            with urllib.request.urlopen(url, FILE.getvalue(), timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def count(self) -> int:
        return len(self.server.server_state.connections)

    def wait_for(self, count: int, seconds: float = 5.0) -> None:
        end = time.monotonic() + seconds
        while self.count() > count:
            assert time.monotonic() < end, f"{self.count()} connections are open"
            time.sleep(0.02)


@pytest.fixture
def server(
    demo_run: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Running]:
    monkeypatch.setattr(Connection, "most", Connection.most)
    for module, name in ((connection, "HEAD_SECONDS"), (connection, "STALL_SECONDS"),
                         (bodies, "PATIENCE_SECONDS"), (run_server, "ANSWER_SECONDS"),
                         (run_server, "CLOSE_SECONDS"), (connection, "ROOM_SECONDS")):
        monkeypatch.setattr(module, name, getattr(module, name) / 10)
    running = Running(demo_run)
    with caplog.at_level(logging.WARNING):
        yield running
    running.stop()
    assert caplog.text == "", "nothing is logged, and no traceback"


def test_idle_connections_and_half_heads_leave_room(server: Running) -> None:
    clients = [server.connect() for _ in range(20)]
    clients += [server.connect(HEAD, b"X: ") for _ in range(20)]
    assert server.translate() == 200
    assert server.count() <= 13
    server.wait_for(0)  # at their deadline
    for client in clients:
        client.close()


def test_slow_bodies_leave_room_and_are_refused(server: Running) -> None:
    clients = [server.connect(HEAD, b"Content-Length: 1000\r\n\r\nab") for _ in range(8)]
    time.sleep(0.1)
    assert server.translate() == 200
    assert all(client.recv(4096).startswith(b"HTTP/1.1 408 ") for client in clients)
    server.wait_for(0)
    for client in clients:
        client.close()


def test_clients_that_never_read_are_dropped(server: Running) -> None:
    clients = [server.connect(b"GET /big HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") for _ in range(4)]
    time.sleep(0.1)
    assert server.translate() == 200
    server.wait_for(0)
    for client in clients:
        client.close()


def test_pipelined_requests_and_many_on_one_connection_are_answered(server: Running) -> None:
    get = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with server.connect((get + b"\r\n") * 200, get, b"Connection: close\r\n\r\n") as client:
        answers = b"".join(iter(lambda: client.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 200") == 201


def test_a_full_server_refuses_at_once(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "waits_for_client", False)  # as if all were being served
    clients = [server.connect() for _ in range(13)]
    assert b"503 Service Unavailable" in clients[-1].recv(4096)
    for client in clients:
        client.close()


def test_open_requests_get_503_when_the_server_stops(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, release, codes = threading.Event(), threading.Event(), list[int]()
    ended: list[None] = []

    def blocked(self: Engine, direction: str, images: Sequence[Any]) -> list[Any]:
        started.set()
        release.wait()
        return list(images)

    monkeypatch.setattr(Engine, "translate", blocked)
    # The program ends here, although the thread of the network still works.
    monkeypatch.setattr(run_server, "_end", lambda: ended.append(None))
    clients = [threading.Thread(target=lambda: codes.append(server.translate()))
               for _ in range(3)]
    for client in clients:
        client.start()
    idle, slow = server.connect(), server.connect(HEAD, b"Content-Length: 9\r\n\r\n")
    started.wait()
    begun = time.monotonic()
    server.server.should_exit = True
    for client in clients:
        client.join()
    assert codes == [503] * 3
    while not ended:
        time.sleep(0.01)
    assert time.monotonic() - begun < 3
    release.set()
    idle.close()
    slow.close()


def test_the_limit_of_connections_is_below_the_limit_of_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_files = len(list(Path("/dev/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files + 100, hard))
    try:
        assert run_server.ACCEPTED_AT_ONCE < run_server.connection_limit() <= 30
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
