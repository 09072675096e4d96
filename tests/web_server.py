"""Web servers, in threads of the test or as programs."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an ASGI application; yield its address."""
    import uvicorn

    from util.http_access import bind

    bound = bind("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


@contextmanager
def started(run: Path, *flags: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start the program. Yield it and the address that it prints."""
    command = [sys.executable, "scripts/serve.py", "--weights", str(run), "--gpu_ids", "-1",
               "--port", "0", "--no_browser", *flags]
    program = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert program.stdout is not None
    output = []
    for line in program.stdout:
        output.append(line)
        if found := re.search(r"is at (http://\S+)", line):
            break
    else:
        pytest.fail("".join(output))
    try:
        yield program, found[1]
    finally:
        program.kill()
        program.wait()
        program.stdout.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def hosted(folder: Path) -> Iterator[str]:
    """Serve a folder as static files; yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()
