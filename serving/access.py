"""Access control: only this machine may use the server, or clients that send the token."""

import hmac

from fastapi import HTTPException
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from util.http_access import is_this_machine, refusal

_ADVICE = "open it as 127.0.0.1, or start it with --host and a token"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # the next start of the server may serve another run
    "Referrer-Policy": "no-referrer",
    # Pages of other sites must not show this page in a frame, or embed its images.
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class RequireToken(HTTPBearer):
    """FastAPI dependency: the request must carry ``Authorization: Bearer TOKEN``."""

    def __init__(self, token: str) -> None:
        super().__init__(scheme_name="token", auto_error=False)
        self.token = token.encode()

    async def __call__(self, request: HTTPConnection) -> HTTPAuthorizationCredentials:
        sent = await super().__call__(request)
        if sent and hmac.compare_digest(sent.credentials.encode(), self.token):
            return sent
        raise HTTPException(401, "a token is required: open the page by the address that the "
                                 "server printed, or send Authorization: Bearer TOKEN",
                            {"WWW-Authenticate": "Bearer"})


class AccessGuard:
    """Checks the Host and Origin headers of requests, and adds security headers to answers.

    If ``local_only``, the Host header must name this machine. So no page of another site can reach
    the server through the user's browser: neither by a name that the site resolves to this machine
    (DNS rebinding), nor by a form that sends images.
    """

    def __init__(self, app: ASGIApp, *, local_only: bool) -> None:
        self.app, self.local_only = app, local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the start and the end of the server
            await self.app(scope, receive, send)
            return

        async def send_securely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        problem = refusal(Headers(scope=scope), self._answers_as, advice=_ADVICE)
        app = JSONResponse({"error": problem}, 403) if problem else self.app
        await app(scope, receive, send_securely)

    def _answers_as(self, name: str) -> bool:
        return not self.local_only or is_this_machine(name)
