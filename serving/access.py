"""Who may ask: this machine alone, or whoever has the token."""

import hmac
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")
GUARDED = ("/translate", "/model.json", "/samples/", "/openapi.json")  # what tells of the run


class Access:
    """Wraps an application. Without a ``token``, requests must name this machine as their host.

    So no page from elsewhere can reach the server through the user's browser: neither by a name
    that it lets point here (DNS rebinding), nor by a form that sends pictures.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope["path"], Headers(scope=scope))
        answer = refusal or self.app

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cache-Control"] = "no-cache"  # the next start may serve another run
                headers["Referrer-Policy"] = "no-referrer"
                # No page from elsewhere may frame the page, or measure pictures in its own.
                headers["X-Frame-Options"] = "DENY"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
            await send(message)

        await answer(scope, receive, send_guarded)

    def _refusal(self, path: str, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        if self.token is None and _name(host) not in LOCAL_NAMES:
            return refuse(HTTPStatus.FORBIDDEN, f"this server does not answer as {host}: "
                          "open it as 127.0.0.1, or start it with --host and a token")
        origin = headers.get("origin")
        if origin and origin.partition("://")[2] != host:
            return refuse(HTTPStatus.FORBIDDEN, f"pages of {origin} may not use this server")
        if self.token is None or not path.startswith(GUARDED):
            return None
        sent = headers.get("authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(sent.encode(), self.token.encode()):
            return None
        return refuse(
            HTTPStatus.UNAUTHORIZED,
            "a token is wanted: open the page by the address that the server printed, or send "
            "Authorization: Bearer TOKEN",
        )


def _name(host: str) -> str | None:
    """Without the port; None: it is no host."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # a bracket that is not closed
        return None


def refuse(status: HTTPStatus, sentence: str) -> JSONResponse:
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers = {"WWW-Authenticate": "Bearer"}
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers = {"Retry-After": "1"}
    return JSONResponse({"error": sentence}, status, headers)
