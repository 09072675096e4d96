"""2,000 requests of 32 clients, among clients that attack the server (make soak)."""

import io
import logging
import os
import re
import signal
import socket
import struct
import sys
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import numpy as np
import pytest
from growth import resident
from PIL import Image
from web_server import started

pytest.importorskip("fastapi", reason="fastapi is not installed")

from scripts.benchmarks import load_server

log = logging.getLogger(__name__)
MB = 2**20


def image(side: int) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    return file.getvalue()


def scan_bomb() -> bytes:
    """Return a progressive JPEG of 84 kB with 4,000 scans without data."""
    file = io.BytesIO()
    Image.new("L", (2048, 2048), 128).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    first = content.index(b"\xff\xda")
    end = re.compile(rb"\xff[^\x00\xd0-\xd7]").search(content, first + 2)
    assert end is not None
    runs = "".join("0" + "1" * 14 for _ in range(3))  # end of band, for 2**15 - 1 blocks each
    data = int(runs + "111", 2).to_bytes(6, "big").replace(b"\xff", b"\xff\0")
    table = b"\xff\xc4" + struct.pack(">H", 20) + b"\x10\1" + bytes(15) + b"\xe0"
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 63, 0) + data
    return content[:end.start()] + table + scan * 4000 + b"\xff\xd9"


def attack(address: tuple[str, int], ended: Event) -> None:
    """Hold idle connections, half heads, half bodies and unread answers, and send bombs."""
    head = b"POST /translate HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    bomb, large = (b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                   for body in (scan_bomb(), image(400)))
    kinds = [b"", head, head + b"Content-Length: 999\r\n\r\nab", head + bomb, head + large]
    while not ended.wait(0.2):
        clients = []
        for content in kinds * 4:
            try:
                clients.append(socket.create_connection(address, timeout=2))
                clients[-1].sendall(content)
            except OSError:  # dropped, to serve others
                continue
        ended.wait(2)
        for client in clients:
            client.close()


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_2000_requests_of_32_clients_among_attackers_are_answered(
    demo_run: Path, record_property: Callable[[str, object], None]
) -> None:
    requests = int(os.environ.get("SOAK_REQUESTS", "2000"))
    with started(demo_run, "--max_waiting", "64") as (program, url):
        upload = image(48)

        def ask(_: int) -> tuple[str, float]:
            begun = time.perf_counter()
            return load_server.send(urllib.request.Request(f"{url}translate", upload)), (
                time.perf_counter() - begun)

        ended, address = Event(), urlsplit(url)
        assert address.hostname is not None and address.port is not None
        attacker = Thread(target=attack, args=((address.hostname, address.port), ended))
        attacker.start()
        with ThreadPoolExecutor(32) as clients:
            list(clients.map(ask, range(200)))
            before = resident(program.pid)
            answers = list(clients.map(ask, range(requests)))
            after = resident(program.pid)
        ended.set()
        attacker.join()
        files = len(list(Path(f"/proc/{program.pid}/fd").iterdir()))
        program.send_signal(signal.SIGINT)
        rest, _ = program.communicate(timeout=30)
    counts = {text: sum(text == one for one, _ in answers) for text, _ in answers}
    seconds = sorted(taken for _, taken in answers)
    measured = (f"{requests:,} requests of 32 clients: {counts}; median "
                f"{seconds[requests // 2]:.2f} s, longest {seconds[-1]:.2f} s; memory "
                f"{before // MB} MB before, {after // MB} MB after; {files} files open")
    log.info("server: %s", measured)
    record_property("measured", measured)
    assert counts == {"ok": requests}
    assert (rest, program.returncode) == ("stopped\n", 0)
    assert after - before < 150 * MB
