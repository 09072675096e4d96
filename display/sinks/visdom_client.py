"""A visdom client that does not wait long for its server."""

import logging
from typing import Any

log = logging.getLogger(__name__)

_START = "python scripts/live_plots.py --port "
_TIMEOUT_SECONDS = (2.0, 10.0)  # to connect, to answer
_SLOWEST_BYTES_PER_SECOND = 100_000  # of an upload; it gets this much more time
_LONGEST_ANSWER_BYTES = 1024**2  # visdom answers with a few words
_LONGEST_REASON = 300  # characters


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
    logging.getLogger("tornado").setLevel(logging.ERROR)  # it logs each invalid answer
    methods = {"_handle_post": _post, "has_window": _has_window}
    client_class: Any = type("VisdomWithTimeout", (visdom.Visdom,), methods)
    # A client that may not send yet prints no messages about its session or connection.
    client = client_class(server=server, port=port, env=env, raise_exceptions=True,
                          use_incoming_socket=False, send=False)
    client.send, client.is_checked = True, False
    return client


def _post(client: Any, url: str, data: str | None = None) -> str:
    """Post within a time limit, also if the server never stops answering, and raise for an error
    page. visdom's own method does none of this."""
    from tornado.httpclient import HTTPClient, HTTPClientError, HTTPRequest
    from tornado.netutil import BlockingResolver
    from tornado.simple_httpclient import HTTPTimeoutError

    place, body = f"{client.server}:{client.port}", (data or "").encode()
    to_connect, to_answer = _TIMEOUT_SECONDS
    request = HTTPRequest(
        url, method="POST", body=body, connect_timeout=to_connect, follow_redirects=False,
        request_timeout=to_answer + len(body) / _SLOWEST_BYTES_PER_SECOND)
    # The default resolver has threads, for which the program would wait at its end.
    http = HTTPClient(max_buffer_size=_LONGEST_ANSWER_BYTES, max_body_size=_LONGEST_ANSWER_BYTES,
                      resolver=BlockingResolver())
    try:
        reply = http.fetch(request)
    except HTTPTimeoutError as error:
        raise ConnectionError(f"the server at {place} does not answer in time") from error
    except HTTPClientError as error:
        raise ConnectionError(f"the server at {place} {_problem(error)}") from error
    except Exception as error:
        raise ConnectionError(f"no server answers at {place} (to start one: {_START}{client.port}; "
                              "--display_id 0 switches visdom off)") from error
    finally:
        http.close()
    if not client.is_checked and "Content-Security-Policy" not in reply.headers:
        log.warning("The visdom server at %s was not started by %s%d: every web page that is open "
                    "in your browser can read and change what it shows.",
                    place, _START, client.port)
    client.is_checked = True
    return reply.body.decode(errors="replace")


def _problem(error: Any) -> str:
    """Return what is wrong with an answer, with the reason that our server gives."""
    if error.response is None or error.code == 599:  # of tornado: there was no complete answer
        return f"does not answer as visdom does ({error.message})"
    reason = error.response.body.decode(errors="replace").strip()
    return f"reported: {error.code} {error.message}" + (
        f" ({reason})" if error.code == 403 and 0 < len(reason) < _LONGEST_REASON else "")


def _has_window(client: Any, window: str) -> bool:
    message = {"win": window, "eid": client.env}
    return bool(client._send(message, endpoint="win_exists", quiet=True) == "true")
