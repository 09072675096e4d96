"""The port, and the life of a server on it until Ctrl-C."""

import contextlib
import logging
import socket
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import quote

from serving.access import LOCAL_NAMES
from serving.description import Description
from serving.engine import Engine
from serving.limits import Limits

log = logging.getLogger(__name__)
GRACE_SECONDS = 5  # for requests under way when the server is stopped


def is_local(host: str) -> bool:
    return host in LOCAL_NAMES


def bind(host: str, port: int) -> socket.socket:
    """Raises ValueError: the port is taken, or no such address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"cannot listen on {host}, port {port} ({error}): is a server running there already? "
            "--port 0 takes any free port"
        ) from error


def serve(
    engine: Engine, description: Description, limits: Limits, bound: socket.socket, *,
    host: str, token: str | None, ready: Callable[[str], None],
) -> None:
    """Answer until Ctrl-C or SIGTERM. ``ready`` is told the address for a browser."""
    uvicorn = import_module("uvicorn")
    from serving.server import create_app

    class Server(uvicorn.Server):  # type: ignore[name-defined,misc]
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready(address(host, bound.getsockname()[1], token))

    config = uvicorn.Config(
        create_app(engine, description, limits, token=token), http="h11", ws="none", loop="asyncio",
        log_config=None, log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server: Any = Server(config)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn passes it on when all is done
        server.run(sockets=[bound])
    log.info("stopped")


def address(host: str, port: int, token: str | None) -> str:
    """The token stands behind #, which browsers keep to themselves."""
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"#token={quote(token, safe='')}" if token else "")
