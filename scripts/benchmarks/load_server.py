"""Ask a running server for translations from many clients at once, and report what came back.

    python scripts/serve.py --name demo_pix2pix --no_browser          # in one terminal
    python scripts/benchmarks/load_server.py --clients 16 --seconds 60           # in another

Every client sends a picture, waits for the answer, and sends the next. The exit code is 1 if any
answer was an error.
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
PATIENCE_SECONDS = 60


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--url", default="http://127.0.0.1:8100", help="of the server (%(default)s)")
    add("--token", metavar="WORD", help="that of the server, where it wants one")
    add("--clients", type=positive_int, default=16, help="at once (%(default)s)")
    add("--seconds", type=positive_float, default=60.0, help="(%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write the figures, too")
    add("--verbose", action="store_true", help="show where an error happened")
    return parser.parse_args(argv)


class Client(threading.Thread):
    """``seconds``: of each request; ``answers``: what came, counted."""

    def __init__(self, url: str, headers: dict[str, str], body: bytes, end: float) -> None:
        super().__init__(daemon=True)  # Ctrl-C need not wait for the end
        self.request = urllib.request.Request(f"{url}/translate", body, headers)
        self.end = end
        self.seconds: list[float] = []
        self.answers: Counter[str] = Counter()

    def run(self) -> None:
        while time.perf_counter() < self.end:
            began = time.perf_counter()
            self.answers[self._ask()] += 1
            self.seconds.append(time.perf_counter() - began)

    def _ask(self) -> str:
        try:
            with urllib.request.urlopen(self.request, timeout=PATIENCE_SECONDS) as answer:
                Image.open(io.BytesIO(answer.read())).load()
                return "ok"
        except urllib.error.HTTPError as error:
            return f"{error.code}"
        except (OSError, http.client.HTTPException) as error:  # half an answer is the latter
            return f"{type(error).__name__}: {error}"


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    url = args.url.rstrip("/")
    headers = {"Accept": "image/png", "Content-Type": "image/png"}
    if args.token:
        headers["Authorization"] = f"Bearer {args.token}"
    body = picture(url, headers)
    log.info("%d clients ask %s for %g seconds", args.clients, url, args.seconds)
    end = time.perf_counter() + args.seconds
    clients = [Client(url, headers, body, end) for _ in range(args.clients)]
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


def picture(url: str, headers: dict[str, str]) -> bytes:
    """Blocks of colour in the size of the model's canvas, as PNG."""
    asked = urllib.request.Request(f"{url}/model.json", headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as answer:
            width, height = json.load(answer)["size"]
    except OSError as error:
        raise ValueError(
            f"{url} does not answer ({error}); start scripts/serve.py, or name its --url or --token"
        ) from error
    blocks = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()


def summary(clients: Sequence[Client], seconds: float) -> dict[str, Any]:
    taken = np.array([one for client in clients for one in client.seconds]) * 1000
    answers = sum((client.answers for client in clients), Counter[str]())
    return {
        "clients": len(clients),
        "answers": dict(answers),
        "pictures per second": round(answers["ok"] / seconds, 1),
        "milliseconds (median)": round(float(np.median(taken))),
        "milliseconds (99 %)": round(float(np.quantile(taken, 0.99))),
        "milliseconds (longest)": round(float(taken.max())),
    }


if __name__ == "__main__":
    run_program(main)
