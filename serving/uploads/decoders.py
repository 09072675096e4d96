"""Decode uploads in a few processes, which can be ended; a decoder in a thread cannot."""

import json
import struct
import subprocess
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import IO, Any, cast

from fastapi import HTTPException
from PIL import Image

from serving.uploads.decoder import FORMATS, ORIENTATION
from util.disk.content import format_of
from util.runtime import count_cores

ROOT = Path(__file__).resolve().parents[2]
MOST_PROCESSES = 4


class Decoders:
    """Processes that decode images of at most ``pixels``, each side at most ``side`` pixels.

    ``threads``: each of them waits for one process at a time.
    """

    def __init__(self, pixels: int, side: int, *, processes: int | None = None) -> None:
        self.pixels, self.side = pixels, side
        count = processes or min(MOST_PROCESSES, count_cores())
        self.threads = ThreadPoolExecutor(count, thread_name_prefix="decoder")
        self._idle: deque[subprocess.Popen[bytes]] = deque()
        self._busy: set[subprocess.Popen[bytes]] = set()

    def __call__(self, content: bytes, deadline: float) -> Image.Image:
        """Decode a file in one of the processes, which is killed at the ``deadline``.

        It blocks, so it is called in one of the ``threads``. ``deadline``: of time.monotonic().

        Raises:
            HTTPException: 413 for too many pixels; 422 if the content is not a complete image, or
                takes too much work; 503 at the deadline.
        """
        process = self._idle.pop() if self._idle else self._start()
        if process.poll() is not None:  # the system has ended it because memory ran out
            _close(process)
            process = self._start()
        self._busy.add(process)
        # The service answers at the deadline; the process ends right after it.
        timer = Timer(max(0.0, deadline - time.monotonic()) + 0.2, process.kill)
        timer.start()
        try:
            answer, data = _exchange(process, content)
            self._idle.append(process)
        except (OSError, ValueError) as error:  # the process has ended
            process.kill()
            process.wait()
            _close(process)
            if time.monotonic() >= deadline:
                raise HTTPException(503, "the image could not be decoded in time; send a smaller "
                                         "image, or try again later") from error
            raise _problem("work", "decoding takes too much time or memory", content) from error
        finally:
            timer.cancel()
            self._busy.discard(process)
        if "fault" in answer:
            raise self._refusal(answer["fault"], answer["text"], content)
        return _rebuilt(answer, data)

    def close(self) -> None:
        """End all processes, also those that are decoding."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        for process in [*self._busy, *self._idle]:
            process.kill()
        while self._idle:
            process = self._idle.pop()
            process.wait()
            _close(process)

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "serving.uploads.decoder", str(self.pixels),
                   str(self.side)]
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL)

    def _refusal(self, fault: str, text: str, content: bytes) -> HTTPException:
        if fault == "side":  # no flag changes this limit
            return HTTPException(413, f"{text}; at most {self.side:,} on a side are accepted: "
                                      "send a smaller image, or cut it")
        if fault == "pixels":
            return HTTPException(413, f"{text}; at most {self.pixels:,} are accepted: send a "
                                      "smaller image, or start the server with a larger "
                                      "--max_pixels")
        return _problem(fault, text, content)


def _exchange(
    process: "subprocess.Popen[bytes]", content: bytes
) -> tuple[dict[str, Any], bytes]:
    source, target = cast(IO[bytes], process.stdout), cast(IO[bytes], process.stdin)
    target.write(struct.pack(">Q", len(content)))
    target.write(content)
    target.flush()
    answer = json.loads(source.readline())  # ValueError if it is empty
    data = source.read(answer["length"])
    if len(data) < answer["length"]:
        raise OSError("the decoder has ended")
    return answer, data


def _close(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # bytes that could not be sent
            cast(IO[bytes], pipe).close()


def _rebuilt(answer: dict[str, Any], data: bytes) -> Image.Image:
    image = Image.frombytes(answer["mode"], tuple(answer["size"]), data)
    image.getexif()[ORIENTATION] = answer["orientation"]
    if answer["profile"]:
        image.info["icc_profile"] = bytes.fromhex(answer["profile"])
    return image


def _problem(fault: str, text: str, content: bytes) -> HTTPException:
    if not content:
        found = "the request has no content"
    elif format_of(content) == ".dcm":  # pydicom and its decoders are not for unknown senders
        found = "the image is DICOM, which test.py translates (--dataroot FILE), but not the server"
    elif content.startswith(b"--") and b"form-data" in content[:1000]:  # RFC 7578
        found = "the body is a form, which is not read (with curl: --data-binary @FILE, not -F)"
    elif fault == "format":
        found = f"the {len(content):,} bytes are not an image of a known format"
    elif fault == "work":
        found = f"the image is damaged or hostile: {text}"
    else:
        found = "the image is damaged or cut off"
    return HTTPException(
        422, f"{found}; send a complete {' or '.join(FORMATS)} file as the request body")
