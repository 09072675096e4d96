"""An answer that is sent piece by piece, so that a slow reader is noticed."""

from collections.abc import Callable

from fastapi import Response
from starlette.types import Receive, Scope, Send

_PIECE = 2**16  # bytes; the server waits for the client while more than that is unsent


class Answer(Response):
    """``release``: called when the client has taken all but the last piece, or has left.

    Starlette hands a response to the server in one piece, which accepts any number of bytes; so
    a client that never reads would cost memory without being counted.
    """

    def __init__(
        self, content: bytes, *, media_type: str, release: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(content, media_type=media_type)
        self.release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code,
                 "headers": self.raw_headers}
        try:
            await send(start)
            for first in range(0, max(len(self.body), 1), _PIECE):
                await send({"type": "http.response.body", "more_body": True,
                            "body": bytes(self.body[first:first + _PIECE])})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self.release()
