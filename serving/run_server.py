"""Run the server until Ctrl-C."""

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from urllib.parse import quote

import uvicorn
from fastapi import FastAPI

from serving.connections.connection import Connection, drop_late
from serving.service import TranslationService
from util.http_access import url_of
from util.interrupts import handled, quit_at_signals

log = logging.getLogger(__name__)
GRACE_SECONDS = 5  # from Ctrl-C to the end of the program
ANSWER_SECONDS, CLOSE_SECONDS = 3.5, 4.2  # after Ctrl-C: the last answers; no connection is open
MOST_CONNECTIONS = 500
QUEUE = 128  # clients that the system lets wait for their connection
ACCEPTED_AT_ONCE = 8  # so many connections may exist for a moment above the limit
OTHER_FILES = 40  # that the program opens for itself: weights, pipes to decoders, samples


class Server(uvicorn.Server):
    """uvicorn's server, which drops clients that are late, and stops within ``GRACE_SECONDS``.

    uvicorn itself cancels the requests that are open at the end of its grace; then their clients
    get 500, and the log gets their tracebacks. Here they get 503 before.
    """

    def __init__(self, config: uvicorn.Config, service: TranslationService) -> None:
        super().__init__(config)
        self.service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().set_exception_handler(_log_line)
        for listening in sockets or []:
            listening.listen(QUEUE)  # asyncio uses one number for this and ACCEPTED_AT_ONCE

    async def on_tick(self, counter: int) -> bool:
        if counter % 5 == 0:  # twice a second
            drop_late(self.server_state.connections,
                      most_stalled=self.service.limits.waiting // 2)
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with handled(self.handle_exit):
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at the first signal; a further one ends the process at once."""
        self.should_exit = True
        quit_at_signals()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.service.is_stopping = True
        loop.call_later(ANSWER_SECONDS, self.service.send_away)
        loop.call_later(CLOSE_SECONDS, self._drop_all)
        await super().shutdown(sockets)
        if not self.service.close():
            _end()  # else asyncio and Python would wait for the thread of the network

    def _drop_all(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def build_server(app: FastAPI) -> Server:
    """Return a server for an application of ``serving.server.create_app``."""
    Connection.most = connection_limit()
    config = uvicorn.Config(app, http=Connection, ws="none", loop="asyncio", log_config=None,
                            log_level="error", access_log=False, server_header=False,
                            backlog=ACCEPTED_AT_ONCE, timeout_graceful_shutdown=GRACE_SECONDS)
    return Server(config, app.state.service)


def serve(app: FastAPI, bound: socket.socket) -> NoReturn:
    """Answer requests until Ctrl-C or SIGTERM, and end the program with exit code 0."""
    build_server(app).run(sockets=[bound])
    _end()


def _end() -> NoReturn:
    """End at once: Python takes seconds to unload torch, and there is nothing to save."""
    log.info("stopped")
    logging.shutdown()
    os._exit(0)


def connection_limit() -> int:
    """Return how many connections leave enough of the files that the process may open.

    A connection may need two of them: its own, and a file of the page that it is sent.
    """
    with suppress(ImportError, OSError):  # Windows
        import resource

        most_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most_files != resource.RLIM_INFINITY:
            free = most_files - len(list(Path("/dev/fd").iterdir())) - OTHER_FILES
            return max(ACCEPTED_AT_ONCE, min(MOST_CONNECTIONS, free // 2))
    return MOST_CONNECTIONS


def _log_line(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log errors of asyncio, such as too many open files, in one line each."""
    log.error("%s (%s)", context["message"], context.get("exception"))


def address(host: str, port: int, token: str | None) -> str:
    """Return the URL of the page. The token follows #, a part that browsers do not send."""
    return f"{url_of(host, port)}/" + (f"#token={quote(token, safe='')}" if token else "")
