"""One client of the server: uvicorn's protocol, with limits that uvicorn does not have.

uvicorn closes a connection that stays idle after an answer (timeout_keep_alive). It does not limit
how long a client may take for its first request, for a head that it has begun, or to read an
answer; and limit_concurrency answers 503, but leaves the connections open.
"""

from asyncio import Transport
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0  # for a whole head, from the connection or the last answer on
STALL_SECONDS = 10.0  # for 48 kB of an answer: uvicorn's buffer between its two marks
ANSWER_SECONDS = 120.0  # for the whole answer
ROOM_SECONDS = 1.0  # a client that does not read as long may be dropped to serve others
_FULL = (b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
         b"Content-Type: application/json\r\nContent-Length: 38\r\n\r\n"
         b'{"error": "too many open connections"}')


class Connection(H11Protocol):
    """``most``: connections that the server keeps open. One more takes the place of the one that
    has waited longest for its client; if all of them are being served, it is refused.
    """

    most = 100

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.since = self.loop.time()  # of the connection, or of the last answer
        self.stalled_since: float | None = None  # the client does not read
        self.reading_since: float | None = None  # it has not read this answer at once
        if len(others := open_connections(self.connections)) > self.most:
            waiting = [one for one in others if one is not self and one.waits_for_client]
            if waiting:
                min(waiting, key=lambda one: one.since).transport.abort()
            else:
                transport.write(_FULL)
                transport.close()

    @property
    def waits_for_client(self) -> bool:
        """True if the client has not sent a whole request, or does not read its answer."""
        return (self.cycle is None or self.cycle.response_complete or self.cycle.more_body
                or self.flow.write_paused)

    def on_response_complete(self) -> None:
        self.since, self.reading_since = self.loop.time(), None
        super().on_response_complete()

    def pause_writing(self) -> None:
        self.stalled_since = self.loop.time()
        self.reading_since = self.reading_since or self.stalled_since
        super().pause_writing()

    def resume_writing(self) -> None:
        self.stalled_since = None
        super().resume_writing()

    def drop_if_late(self) -> None:
        """Close the connection if its client exceeds one of the times above."""
        now = self.loop.time()
        is_idle = self.cycle is None or self.cycle.response_complete
        limits = ((self.since if is_idle else None, HEAD_SECONDS),
                  (self.stalled_since, STALL_SECONDS), (self.reading_since, ANSWER_SECONDS))
        if any(since is not None and now - since > most for since, most in limits):
            self.transport.abort()


def open_connections(connections: Any) -> list[Connection]:
    """Return the connections without those that are being closed."""
    return [one for one in connections if not one.transport.is_closing()]


def drop_late(connections: Any, *, most_stalled: int) -> None:
    """Close connections that exceed their time.

    ``most_stalled``: clients that may fail to read for more than a second, so that the answers for
    them, which count as open requests, leave room for others.
    """
    stalled: list[tuple[float, Connection]] = []
    for one in list(connections):
        one.drop_if_late()
        if one.stalled_since is not None:
            stalled.append((one.stalled_since, one))
    stalled.sort(key=lambda pair: pair[0])
    for since, one in stalled[:max(0, len(stalled) - most_stalled)]:
        if one.loop.time() - since > ROOM_SECONDS:
            one.transport.abort()
