"""Bind the port, and run the server until Ctrl-C."""

import contextlib
import logging
import socket
from urllib.parse import quote

import uvicorn
from fastapi import FastAPI

log = logging.getLogger(__name__)
GRACE_SECONDS = 5  # for open requests when the server is stopped


def bind(host: str, port: int) -> socket.socket:
    """Raise ValueError if the port is in use, or the address does not exist."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ValueError(f"cannot listen on {host}, port {port} ({error}): does a server run there "
                         "already? --port 0 takes any free port") from error


def serve(app: FastAPI, bound: socket.socket) -> None:
    """Answer requests until Ctrl-C or SIGTERM."""
    config = uvicorn.Config(app, http="h11", ws="none", loop="asyncio", log_config=None,
                            log_level="warning", access_log=False, server_header=False,
                            timeout_graceful_shutdown=GRACE_SECONDS)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it after the shutdown
        uvicorn.Server(config).run(sockets=[bound])
    log.info("stopped")


def address(host: str, port: int, token: str | None) -> str:
    """Return the URL of the page. The token follows #, a part that browsers do not send."""
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"#token={quote(token, safe='')}" if token else "")
