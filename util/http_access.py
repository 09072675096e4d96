"""Addresses of a server, and the requests that it answers: of programs, and of its own page.

A page of another site reaches a server in two ways. The browser sends a request in the name of the
page; then it adds an Origin header (Fetch standard). Or the name of the site is resolved to this
machine (DNS rebinding); then the Host header has that name. An address cannot be rebound.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Mapping

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE)


def refusal(headers: Mapping[str, str], answers_as: Callable[[str], bool], *, advice: str) -> str:
    """Return why a request is refused, "" if it is answered.

    ``headers``: found by names of any case. ``answers_as``: whether the server may be addressed by
    this name or address, in lower case; ``advice``: how to allow the ``{name}``.
    """
    host, origin = headers.get("Host", ""), headers.get("Origin")
    parts = _HOST.fullmatch(host)
    if parts is None:
        return f"{host!r} is not a host name"
    name = parts[1].strip("[]").lower()
    if not answers_as(name):
        return f"this server does not answer as {name}: {advice.format(name=name)}"
    own = (f"http://{host}".lower(), f"https://{host}".lower())
    if origin is not None and origin.lower() not in own:
        return f"pages of {origin!r} may not use this server"
    return ""


def is_this_machine(host: str) -> bool:
    """Return whether only this machine can reach the host: localhost, 127.0.0.0/8 or ::1."""
    address = ip_address(host)
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def ip_address(host: str) -> Address | None:
    """Return the address; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens, and does not block.

    Raises:
        ValueError: the port is in use, or the address does not exist.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ValueError(f"cannot listen on {host}, port {port} ({error}): does a server run there "
                         "already? --port 0 takes any free port") from error
    bound.setblocking(False)
    return bound


def url_of(host: str, port: int) -> str:
    """Return the URL of a server; one that listens on all addresses has the name of its machine."""
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
