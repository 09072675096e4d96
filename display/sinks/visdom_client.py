"""A visdom client that does not wait long for its server."""

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)

_START = "python scripts/live_plots.py --port "
_TIMEOUT_SECONDS = (2, 10)  # to connect, to answer


def connect(*, server: str, port: int, env: str) -> Any:
    """Return a visdom client; log one line and return None without the package."""
    try:
        import visdom
    except ImportError:
        log.warning("No visdom display: the package is not installed. To use it: install "
                    "requirements.txt, then start %s%d. --display_id 0 switches it off. "
                    "Training continues.", _START, port)
        return None
    logging.getLogger("visdom").setLevel(logging.ERROR)  # it logs each new connection
    methods = {"_handle_post": _post, "has_window": _has_window}
    client_class: Any = type("VisdomWithTimeout", (visdom.Visdom,), methods)
    # A client that may not send yet prints no messages about its session or connection.
    client = client_class(server=server, port=port, env=env, raise_exceptions=True,
                          use_incoming_socket=False, send=False)
    client.send = True
    return client


def _post(client: Any, url: str, data: str | Mapping[str, Any] | None = None) -> str:
    """Post with a timeout, and raise for an error page; visdom's own method does neither."""
    import requests

    place = f"{client.server}:{client.port}"
    try:
        reply = client.session.post(url, data=data or {}, timeout=_TIMEOUT_SECONDS)
        reply.raise_for_status()
    except requests.Timeout as error:
        raise ConnectionError(f"the server at {place} does not answer in time") from error
    except requests.HTTPError as error:
        raise ConnectionError(f"the server at {place} reported: {error}") from error
    except requests.RequestException as error:
        raise ConnectionError(f"no server answers at {place} (to start one: {_START}{client.port}; "
                              "--display_id 0 switches visdom off)") from error
    return str(reply.text)


def _has_window(client: Any, window: str) -> bool:
    message = {"win": window, "eid": client.env}
    return bool(client._send(message, endpoint="win_exists", quiet=True) == "true")
