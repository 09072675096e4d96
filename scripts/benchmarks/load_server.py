"""Send requests from many clients at once to a running server, and report its answers.

    python scripts/serve.py --name demo_pix2pix --no_browser          # in one terminal
    python scripts/benchmarks/load_server.py --clients 16 --seconds 60           # in another

Every client sends an image, waits for the answer, and repeats. The exit code is 1 if any answer
was an error.
"""

import argparse
import http.client
import io
import json
import logging
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from util.files import write_text
from util.flags import positive_float, positive_int
from util.runtime import run_program

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 60


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--url", default="http://127.0.0.1:8100",
        help="address of the server (default: %(default)s)")
    add("--token", metavar="WORD", help="token of the server, if it requires one")
    add("--clients", type=positive_int, default=16, help="number of clients (default: %(default)s)")
    add("--seconds", type=positive_float, default=60.0,
        help="duration of the test (default: %(default)s)")
    add("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    add("--verbose", action="store_true", help="show the traceback of an error")
    return parser.parse_args(argv)


class LoadClient(threading.Thread):
    """One client. ``seconds``: duration of each request; ``answers``: counts of ok and errors."""

    def __init__(self, url: str, headers: dict[str, str], body: bytes, end: float) -> None:
        super().__init__(daemon=True)  # so that Ctrl-C does not wait for it
        self.request = urllib.request.Request(f"{url}/translate", body, headers)
        self.end = end
        self.seconds: list[float] = []
        self.answers: Counter[str] = Counter()

    def run(self) -> None:
        while time.perf_counter() < self.end:
            began = time.perf_counter()
            self.answers[self._request()] += 1
            self.seconds.append(time.perf_counter() - began)

    def _request(self) -> str:
        try:
            with urllib.request.urlopen(self.request, timeout=TIMEOUT_SECONDS) as answer:
                Image.open(io.BytesIO(answer.read())).load()
                return "ok"
        except urllib.error.HTTPError as error:
            return f"{error.code}"
        except (OSError, http.client.HTTPException) as error:  # or an incomplete answer
            return f"{type(error).__name__}: {error}"


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    url = args.url.rstrip("/")
    headers = {"Accept": "image/png", "Content-Type": "image/png"}
    if args.token:
        headers["Authorization"] = f"Bearer {args.token}"
    body = colour_blocks(url, headers)
    log.info("%d clients send requests to %s for %g seconds", args.clients, url, args.seconds)
    end = time.perf_counter() + args.seconds
    clients = [LoadClient(url, headers, body, end) for _ in range(args.clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    figures = summary(clients, args.seconds)
    for name, value in figures.items():
        log.info("%s: %s", name, value)
    if args.json:
        write_text(args.json, json.dumps(figures, indent=2) + "\n")
    if set(figures["answers"]) != {"ok"}:
        sys.exit(1)


def colour_blocks(url: str, headers: dict[str, str]) -> bytes:
    """Return random blocks of colour in the size of the model's canvas, as PNG."""
    request = urllib.request.Request(f"{url}/model.json", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            width, height = json.load(answer)["size"]
    except OSError as error:
        raise ValueError(
            f"{url} does not answer ({error}); start scripts/serve.py, or give its --url or --token"
        ) from error
    blocks = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()


def summary(clients: Sequence[LoadClient], seconds: float) -> dict[str, Any]:
    milliseconds = np.array([value for client in clients for value in client.seconds]) * 1000
    answers = sum((client.answers for client in clients), Counter[str]())
    return {
        "clients": len(clients),
        "answers": dict(answers),
        "pictures per second": round(answers["ok"] / seconds, 1),
        "milliseconds (median)": round(float(np.median(milliseconds))),
        "milliseconds (99 %)": round(float(np.quantile(milliseconds, 0.99))),
        "milliseconds (longest)": round(float(milliseconds.max())),
    }


if __name__ == "__main__":
    run_program(main)
