"""Servers for tests of the visdom display: one answers, one never does, one never stops."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class FakeVisdom:
    """Answers like visdom's server on ``port``; its windows are lost when it stops."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[dict[str, Any]] = []
        self.windows: dict[str, dict[str, Any]] = {}
        self.status = 200
        self.headers = {"Content-Security-Policy": "default-src 'self'"}  # as live_plots.py sends
        self._server = HTTPServer(("127.0.0.1", port), self._handler())
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, message: dict[str, Any]) -> bytes:
        if path == "/win_exists":
            return b"true" if message["win"] in self.windows else b"false"
        self.received.append(message)
        self.windows[message["win"]] = message
        return b"ok"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                reply = fake.answer(self.path, json.loads(body))
                self.send_response(fake.status)
                self.send_header("Content-Length", str(len(reply)))
                for name, value in fake.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: object) -> None: ...

        return Handler


@contextlib.contextmanager
def answering(port: int = 0) -> Iterator[FakeVisdom]:
    server = FakeVisdom(port)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def hung(port: int = 0) -> Iterator[int]:
    """Yield the port of a server that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(50)
        yield listening.getsockname()[1]


@contextlib.contextmanager
def talking(start: bytes, more: bytes, *, pause_seconds: float = 0) -> Iterator[int]:
    """Yield the port of a server that answers with ``start``, and then with ``more`` for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        def talk() -> None:
            with contextlib.suppress(OSError):  # the client has gone
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(start)
                    while True:
                        connection.sendall(more)
                        time.sleep(pause_seconds)

        thread = threading.Thread(target=talk)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
