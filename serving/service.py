"""Translation of uploads: decode an untrusted image within limits, run the network, encode."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from data.files.image_io import raster_of_pil
from data.files.pillow_files import upright
from data.files.raster import Pixels
from inference.generator_file import Direction
from serving.batching import Batcher
from serving.connections.answer import Answer
from serving.content_negotiation import ENCODERS, choose_media_type
from serving.engine import Engine
from serving.uploads.bodies import Bodies
from serving.uploads.decoders import Decoders
from serving.waiting import in_thread

_UPLOAD = Path("the image")  # the name of an upload in error messages
_BatchKey = tuple[Direction, tuple[int, ...], str]  # direction, shape, dtype
_BATCH_PIXELS = 2**20  # of all images of a batch; a larger image is a batch of its own
_MOST_IN_BATCH = 8
STOPPING = "the server is stopping; try again later"
ReturnT = TypeVar("ReturnT")


@dataclass(frozen=True)
class Limits:
    """``seconds``: from the head of a request to its answer. ``waiting``: open requests."""

    upload_bytes: int = 8 * 2**20
    pixels: int = 2048 * 2048
    side: int = 8192  # pixels; the limit of WebP is twice as large
    seconds: float = 30.0
    waiting: int = 32


class TranslationService:
    """``open_requests``: those whose image has come, until their work has ended and their client
    has taken the answer. Uploads do not count: their memory is limited by ``Bodies``.
    """

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self.engine, self.limits = engine, limits
        self.network: Batcher[_BatchKey, Pixels, Pixels] = Batcher(
            lambda key, images: engine.translate(key[0], images), max_waiting=limits.waiting,
            max_batch=lambda key: _largest_batch(key[1]),
        )
        self.bodies = Bodies(limits.upload_bytes, limits.waiting * limits.upload_bytes)
        self.decoders = Decoders(limits.pixels, limits.side)
        self.encoders = ThreadPoolExecutor(2, thread_name_prefix="encoder")
        self.open_requests = 0
        self.is_stopping = False
        self._clients: set[asyncio.Future[None]] = set()  # set to send all of them away

    async def translate(self, request: Request, direction: Direction) -> Answer:
        """Return the translation of the body of a request.

        Raises:
            HTTPException: the request exceeds a limit, or its content cannot be used.
        """
        deadline = time.monotonic() + self.limits.seconds
        media_type = choose_media_type(request.headers.get("accept", ""))
        content = await self._until(deadline, asyncio.create_task(self.bodies.receive(request)))
        if self.open_requests >= self.limits.waiting:
            message = f"{self.open_requests} requests are open, which is the limit; try again later"
            raise HTTPException(503, message)
        self.open_requests += 1
        work = asyncio.create_task(self._work(content, direction, media_type, deadline))
        leaving = asyncio.ensure_future(request.receive())  # the body is complete
        try:
            answer = await self._until(deadline, work, leaving)
            return Answer(answer, media_type=media_type, release=self._release)
        except BaseException:
            work.add_done_callback(lambda _: self._release())
            raise
        finally:
            leaving.cancel()

    def send_away(self) -> None:
        """Answer all open requests by 503."""
        for client in self._clients:
            if not client.done():
                client.set_result(None)

    def close(self) -> bool:
        """End the decoders. Return False if threads still work, which nothing can stop."""
        self.decoders.close()
        return self.open_requests == 0

    async def _until(
        self, deadline: float, work: "asyncio.Task[ReturnT]", *leaving: "asyncio.Future[Any]"
    ) -> ReturnT:
        """Return the result of a task. It is cancelled at the deadline, or if the client leaves.

        Raises:
            ClientDisconnect: ``leaving`` has ended.
            HTTPException: 503 if there is no result in time, or the server stops.
        """
        client: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._clients.add(client)
        try:
            events: set[asyncio.Future[Any]] = {work, client, *leaving}
            await asyncio.wait(events, timeout=max(0.0, deadline - time.monotonic()),
                               return_when=asyncio.FIRST_COMPLETED)
            if work.done() and not work.cancelled():
                return work.result()
        finally:
            self._clients.discard(client)
            work.cancel()
        message = (f"there was no answer within {self.limits.seconds:g} seconds; send a smaller "
                   "image, or try again later")
        if client.done():
            message = STOPPING
        elif work.cancelled():  # by ``Bodies``
            message = "too many images are being uploaded; send yours faster, or try again later"
        elif any(event.done() for event in leaving):
            raise ClientDisconnect
        raise HTTPException(503, message)

    async def _work(
        self, content: bytes, direction: Direction, media_type: str, deadline: float
    ) -> bytes:
        if self.is_stopping:
            raise HTTPException(503, STOPPING)
        pixels = await in_thread(self.decoders.threads, self._decode, content, direction, deadline)
        output = await self.network((direction, pixels.shape, pixels.dtype.str), pixels)
        return await in_thread(self.encoders, ENCODERS[media_type], output)

    def _decode(self, content: bytes, direction: Direction, deadline: float) -> Pixels:
        image = self.decoders(content, deadline)
        raster = raster_of_pil(upright(image, _UPLOAD), source=_UPLOAD)
        return self.engine.translators[direction].input.convert(raster, source=_UPLOAD)

    def _release(self) -> None:
        self.open_requests -= 1


def _largest_batch(shape: tuple[int, ...]) -> int:
    """Return how many images of a shape [H, W, C] may form a batch."""
    height, width, *_ = shape
    return max(1, min(_MOST_IN_BATCH, _BATCH_PIXELS // (height * width)))
