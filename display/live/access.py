"""Which requests the visdom server answers: those of programs, and those of its own page."""

import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE)


@dataclass(frozen=True)
class Access:
    """``names``: the host names, in lower case, by which the server may be addressed.

    A page of another site reaches a server in two ways. The browser sends a request in the name of
    the page; then it adds an Origin header, or at least Sec-Fetch-Site (Fetch standard, W3C Fetch
    Metadata). Or the name of the site is resolved to this machine (DNS rebinding); then the Host
    header has that name. An address (``any_address``) cannot be rebound.
    """

    names: frozenset[str]
    any_address: bool = False

    @classmethod
    def of(cls, listening: str, more_names: Iterable[str] = ()) -> "Access":
        """Return what a server allows that listens on this address ("127.0.0.1", "::", ...)."""
        names = {"localhost", listening.lower(), *(name.lower() for name in more_names)}
        if is_this_machine(listening):
            return cls(frozenset(names))
        return cls(frozenset({*names, socket.gethostname().lower()}), any_address=True)

    def refusal(self, headers: Mapping[str, str], *, opens_page: bool = False) -> str:
        """Return why a request is refused, "" if it is answered.

        ``opens_page``: the request only shows a page; a link of another site may do that.
        """
        host, origin = headers.get("Host", ""), headers.get("Origin")
        if (name := host_name(host)) is None:
            return f"{host!r} is not a host name"
        if not self._answers_as(name):
            return (f"this server does not answer as {name}: to allow that, start "
                    f"scripts/live_plots.py with --allow_host {name}")
        if origin is not None and origin.lower() not in (f"http://{host}".lower(),
                                                         f"https://{host}".lower()):
            return f"pages of {origin!r} may not use this server"
        if headers.get("Sec-Fetch-Site", "none").lower() not in ("none", "same-origin"):
            followed = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"))
            if not opens_page or followed != ("navigate", "document"):
                return "pages of other sites may not use this server"
        return ""

    def _answers_as(self, name: str) -> bool:
        return name in self.names or is_this_machine(name) or (
            self.any_address and _address(name) is not None)


def host_name(header: str) -> str | None:
    """Return the name in a Host header, in lower case and without the port; None if malformed."""
    parts = _HOST.fullmatch(header)
    return parts and parts[1].strip("[]").lower()


def is_this_machine(host: str) -> bool:
    address = _address(host)
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
