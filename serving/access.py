"""Access control: only this machine may use the server, or clients that send the token."""

import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")
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


async def guard_access(
    request: Request, call_next: Callable[[Request], Awaitable[Response]], *, local_only: bool
) -> Response:
    """HTTP middleware: check the Host and Origin headers, and add security headers to answers.

    If ``local_only``, the Host header must name this machine. So no page of another site can reach
    the server through the user's browser: neither by a name that the site resolves to this machine
    (DNS rebinding), nor by a form that sends images.
    """
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    problem = None
    if local_only and _host_name(host) not in LOCAL_NAMES:
        problem = (f"this server does not answer as {host}: open it as 127.0.0.1, or start it with "
                   "--host and a token")
    elif origin and origin.partition("://")[2] != host:
        problem = f"pages of {origin} may not use this server"
    response = JSONResponse({"error": problem}, 403) if problem else await call_next(request)
    response.headers.update(SECURITY_HEADERS)
    return response


def _host_name(host: str) -> str | None:
    """Return the host without the port, or None if it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # a bracket that is not closed
        return None
