"""Receive the bodies of requests: their length, their pace and their memory are limited."""

import asyncio

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

PATIENCE_SECONDS = 5.0  # without any byte
BYTES_PER_SECOND = 1024  # every kB that was received allows for another second


class Bodies:
    """Bodies of at most ``most_bytes`` each. All unfinished ones hold at most ``memory`` bytes."""

    def __init__(self, most_bytes: int, memory: int) -> None:
        self.most_bytes, self.memory = most_bytes, memory
        self._unfinished: dict[asyncio.Task[bytes] | None, int] = {}  # bytes; the oldest is first

    async def receive(self, request: Request) -> bytes:
        """Return the body. Call it in a task of its own: it is cancelled if memory is short.

        The oldest unfinished body is dropped then, since other clients send theirs faster.

        Raises:
            HTTPException: 413 for too many bytes, 408 if they come too slowly.
            ClientDisconnect: the client has left.
        """
        if int(request.headers.get("content-length", "0")) > self.most_bytes:
            raise self._too_long()
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        content, start = bytearray(), loop.time()
        try:
            while True:
                patience = PATIENCE_SECONDS + len(content) / BYTES_PER_SECOND
                message = await asyncio.wait_for(request.receive(), start + patience - loop.time())
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                content += message.get("body", b"")
                if len(content) > self.most_bytes:
                    raise self._too_long()
                if not message.get("more_body", False):
                    return bytes(content)
                self._unfinished[task] = len(content)
                self._drop_oldest()
        except asyncio.TimeoutError as error:
            raise HTTPException(408, f"{len(content):,} bytes came in {loop.time() - start:.0f} "
                                     "seconds, which is too slow; send the image at once",
                                {"Connection": "close"}) from error
        finally:
            self._unfinished.pop(task, None)

    def _drop_oldest(self) -> None:
        if sum(self._unfinished.values()) > self.memory:
            oldest = next(iter(self._unfinished))
            if oldest is not None:
                oldest.cancel()

    def _too_long(self) -> HTTPException:
        return HTTPException(413, f"the file has more than {self.most_bytes:,} bytes; send a "
                                  "smaller one, or start the server with a larger --max_bytes")
