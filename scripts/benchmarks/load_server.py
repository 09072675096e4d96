"""Send requests from many clients at once to a running server, and report its answers.

    python scripts/serve.py --name demo_pix2pix --no_browser          # in one terminal
    python scripts/benchmarks/load_server.py --clients 16 --seconds 60           # in another

Every client sends an image, waits for the answer, and repeats. The exit code is 1 if any answer
was an error.
"""

import http.client
import io
import json
import logging
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.command_line import new_parser
from util.flags import positive_float, positive_int
from util.runtime import run_program

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 60
Answer = tuple[str, float]  # "ok" or the error, and the seconds of the request


def main(argv: Sequence[str] | None = None) -> None:
    parser = new_parser(__doc__)
    add = parser.add_argument
    add("--url", default="http://127.0.0.1:8100", help="address of the server (%(default)s)")
    add("--clients", type=positive_int, default=16, help="number of clients (%(default)s)")
    add("--seconds", type=positive_float, default=60.0, help="duration of the test (%(default)s)")
    args = parser.parse_args(argv)
    url = args.url.rstrip("/")
    headers = {"Accept": "image/png", "Content-Type": "image/png"}
    request = urllib.request.Request(f"{url}/translate", colour_blocks(url), headers)
    log.info("%d clients send requests to %s for %g seconds", args.clients, url, args.seconds)
    answers: list[Answer] = []
    end = time.perf_counter() + args.seconds
    # As daemons they end at once after Ctrl-C.
    clients = [Thread(target=send_until, args=(end, request, answers), daemon=True)
               for _ in range(args.clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    counts = Counter(answer for answer, _ in answers)
    milliseconds = 1000 * np.array([seconds for _, seconds in answers])
    log.info("answers: %s", dict(counts))
    log.info("images per second: %.1f", counts["ok"] / args.seconds)
    log.info("milliseconds: %.0f (median), %.0f (99 %%), %.0f (longest)",
             *np.quantile(milliseconds, [0.5, 0.99, 1]))
    if set(counts) != {"ok"}:
        sys.exit(1)


def colour_blocks(url: str) -> bytes:
    """Return random blocks of colour in the size of the model's canvas, as PNG."""
    try:
        with urllib.request.urlopen(f"{url}/model.json", timeout=TIMEOUT_SECONDS) as answer:
            size = json.load(answer)["size"]
    except OSError as error:
        raise ValueError(f"{url} does not answer ({error}); start scripts/serve.py on this "
                         "machine, or give its --url") from error
    blocks = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()


def send_until(end: float, request: urllib.request.Request, answers: list[Answer]) -> None:
    while time.perf_counter() < end:
        start = time.perf_counter()
        text = send(request)
        answers.append((text, time.perf_counter() - start))


def send(request: urllib.request.Request) -> str:
    """Return "ok" or the error."""
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            Image.open(io.BytesIO(answer.read())).load()
            return "ok"
    except urllib.error.HTTPError as error:
        return f"{error.code}"
    except (OSError, http.client.HTTPException) as error:  # or an incomplete answer
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    run_program(main)
