"""visdom's server, which only its own page and programs can use.

visdom 0.2.4 answers pages of all sites, shows text as it comes, and fails for good when a page
that listened has gone. None of that is an option of its server, so its handlers are wrapped here.
"""

import contextlib
import json
import logging
import re
from pathlib import Path
from typing import Any

from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    ResponseStartLine,
)
from tornado.ioloop import IOLoop
from tornado.routing import Router
from tornado.web import RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from visdom.server import app as visdom_app
from visdom.server.defaults import LAYOUT_FILE
from visdom.server.handlers import web_handlers
from visdom.server.handlers.base_handlers import BaseHandler

from display.live.access import Access
from display.live.page_files import PLOTLY, PlotlyHandler, SafeHeaders, page_file_handler
from display.live.windows import (
    checked_command,
    checked_environment,
    checked_layouts,
    checked_post,
    environment_name,
)
from util.files import write_text
from util.text import pluralise

log = logging.getLogger(__name__)

_PAGES = re.compile(r"/|/env/.*|/compare/.*")
_MOST_REPORTS = 20  # a page could make up any number of names
_PING_SECONDS = 60  # a page that does not answer is closed: messages for it would fill the memory


def application(*, port: int, env_path: Path, page_files: Path) -> Any:
    """Return visdom's application with the environments that were saved in ``env_path``."""
    # autoreload would restart the server, without its data, when a package is updated.
    visdom_app.tornado_settings |= {"static_handler_class": page_file_handler(page_files),
                                    "websocket_ping_interval": _PING_SECONDS, "autoreload": False}
    # The page lists these; visdom would add the names of all files in its folders.
    vars(web_handlers)["gather_envs"] = lambda state, env_path=None: sorted(state)
    saved = {"load_state": lambda _: load_environments(env_path),
             "load_layouts": lambda _: load_layouts(env_path)}
    app: Any = type("LiveApplication", (visdom_app.Application,), saved)(
        port=port, env_path=str(env_path))
    app.settings["debug"] = app.settings["serve_traceback"] = False
    app.add_transform(SafeHeaders)
    app.add_handlers(".*", [(f"/static/{PLOTLY}", PlotlyHandler, {"page_files": page_files})])
    for rule in app.wildcard_router.rules:
        wrapper = (CheckedHandler if issubclass(rule.target, BaseHandler) else
                   PatientSocket if issubclass(rule.target, WebSocketHandler) else None)
        if wrapper:
            rule.target = type(rule.target.__name__, (wrapper, rule.target), {})
    return app


def load_environments(env_path: Path) -> dict[str, Any]:
    """Read what ``save_environments`` or visdom wrote; other files are reported and left alone."""
    (env_path / "view").mkdir(parents=True, exist_ok=True)  # visdom saves arrangements there
    state: dict[str, Any] = {"main": {"jsons": {}, "reload": {}}}
    for path in sorted(env_path.glob("*.json")):
        try:
            if not path.is_file() or environment_name(path.stem) != path.stem:
                raise ValueError("it is not a file that visdom writes")
            saved = json.loads(path.read_text(encoding="utf-8"))
            state[path.stem] = environment = checked_environment(saved)
        except (OSError, ValueError, RecursionError) as error:
            log.warning("%r is not restored: %s", str(path), error)
            continue
        if unknown := len(saved["jsons"]) - len(environment["jsons"]):
            log.warning("%s: %s of unknown kind not restored", path, pluralise(unknown, "window"))
    return state


def load_layouts(env_path: Path) -> str:
    """Return the JSON of the saved arrangements; "" if there is none that the page can read."""
    path = env_path / "view" / LAYOUT_FILE
    return checked_layouts(path.read_text(errors="replace")) if path.is_file() else ""


def save_environments(app: Any, env_path: Path) -> None:
    """Write each environment of the application to a file in ``env_path``."""
    for name, environment in app.state.items():  # as visdom reads it
        write_text(env_path / f"{name}.json", json.dumps(environment))
    log.info("saved %s in %s", pluralise(len(app.state), "environment"), env_path)


class Guard(Router):
    """Answers 403 to requests that ``access`` refuses; passes all others to the application."""

    def __init__(self, app: Any, access: Access) -> None:
        self.app, self.access = app, access
        self.reported: set[str] = set()

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate | None:
        opens_page = request.method == "GET" and _PAGES.fullmatch(request.path) is not None
        refusal = self.access.refusal(request.headers, opens_page=opens_page)
        if refusal and refusal not in self.reported and len(self.reported) < _MOST_REPORTS:
            self.reported.add(refusal)
            log.warning("refused: %s", refusal)
        delegate: HTTPMessageDelegate | None = (
            _Refusal(request, refusal) if refusal else self.app.find_handler(request, **kwargs))
        return delegate


class _Refusal(HTTPMessageDelegate):
    """The body of the request is dropped as it comes, before the answer."""

    def __init__(self, request: HTTPServerRequest, reason: str) -> None:
        self.request, self.reason = request, reason

    def finish(self) -> None:
        body = f"{self.reason}\n".encode()
        headers = HTTPHeaders({"Content-Type": "text/plain; charset=utf-8",
                               "X-Content-Type-Options": "nosniff",
                               "Cross-Origin-Resource-Policy": "same-origin",
                               "Content-Length": str(len(body))})
        connection: Any = self.request.connection
        connection.write_headers(ResponseStartLine("HTTP/1.1", 403, "Forbidden"), headers,
                                 b"" if self.request.method == "HEAD" else body)
        connection.finish()


class CheckedHandler(RequestHandler):
    """Passes only checked messages to a handler of visdom."""

    def prepare(self) -> None:
        if self.request.path not in ("/save", "/delete_env"):
            self.env_path = None  # all environments are loaded; other files are not environments
        if self.request.method == "POST":
            try:
                checked = checked_post(json.loads(self.request.body))
            except (ValueError, RecursionError) as error:
                self.set_status(400)
                self.finish(f"not understood: {error}\n")
                return
            self.request.body = json.dumps(checked).encode()


class PatientSocket(WebSocketHandler):
    """A WebSocket of visdom that survives a page that has gone, and messages that make no sense."""

    def write_message(self, message: Any, binary: bool = False) -> Any:
        try:
            return super().write_message(message, binary)
        except WebSocketClosedError:
            # Not at once: visdom walks over its list of sockets, from which this removes one.
            IOLoop.current().add_callback(self.on_close)

    def on_message(self, message: str | bytes) -> None:
        # The window or environment may have been removed by another page.
        with contextlib.suppress(ValueError, RecursionError, LookupError, FileNotFoundError):
            super().on_message(json.dumps(checked_command(json.loads(message))))
