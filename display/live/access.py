"""Which requests the visdom server answers: those of programs, and those of its own page."""

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from util.http_access import ip_address, is_this_machine, refusal

_ADVICE = "to allow that, start scripts/live_plots.py with --allow_host {name}"


@dataclass(frozen=True)
class Access:
    """``names``: the host names, in lower case, by which the server may be addressed.

    ``any_address``: it may be addressed by any IP address, too.
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

        ``opens_page``: the request only shows a page; a link of another site may do that. The
        browser adds Sec-Fetch-Site also to requests without Origin (W3C Fetch Metadata).
        """
        if reason := refusal(headers, self._answers_as, advice=_ADVICE):
            return reason
        if headers.get("Sec-Fetch-Site", "none").lower() not in ("none", "same-origin"):
            followed = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"))
            if not opens_page or followed != ("navigate", "document"):
                return "pages of other sites may not use this server"
        return ""

    def _answers_as(self, name: str) -> bool:
        return name in self.names or is_this_machine(name) or (
            self.any_address and ip_address(name) is not None)
