"""A visdom client that never waits long for its server."""

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = (2, 10)  # to connect, to answer


def connect(*, server: str, port: int, env: str) -> Any:
    """A visdom client, which sends nothing yet; None (said in one line) without the package."""
    try:
        import visdom
    except ImportError:
        log.warning(
            "No visdom display: the package is not installed. To have one: install "
            "requirements.txt, then start %s. --display_id 0 asks for none. Training goes on.",
            _start(port),
        )
        return None
    logging.getLogger("visdom").setLevel(logging.ERROR)  # it announces each new connection
    methods = {"_handle_post": _post, "has_window": _has_window}
    client_class: Any = type("ImpatientVisdom", (visdom.Visdom,), methods)
    # Built without sending, it announces neither a session nor a missing back channel.
    client = client_class(
        server=server, port=port, env=env, raise_exceptions=True, use_incoming_socket=False,
        send=False,
    )
    client.send = True
    return client


def _post(client: Any, url: str, data: str | Mapping[str, Any] | None = None) -> str:
    """visdom's own version waits for ever on a hung server, and takes an error page for success."""
    import requests

    place = f"{client.server}:{client.port}"
    try:
        reply = client.session.post(url, data=data or {}, timeout=_TIMEOUT_SECONDS)
        reply.raise_for_status()
    except requests.Timeout as error:
        raise ConnectionError(f"the server at {place} hangs") from error
    except requests.HTTPError as error:
        raise ConnectionError(f"the server at {place} says: {error}") from error
    except requests.RequestException as error:
        raise ConnectionError(
            f"no server answers at {place} (to start one: {_start(client.port)}; "
            "--display_id 0 asks for none)"
        ) from error
    return str(reply.text)


def _has_window(client: Any, window: str) -> bool:
    message = {"win": window, "eid": client.env}
    return bool(client._send(message, endpoint="win_exists", quiet=True) == "true")


def _start(port: int) -> str:
    return f"python scripts/live_plots.py --port {port}"
