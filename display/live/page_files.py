"""The files of visdom's page, and the headers with which they are sent."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import HTTPError, OutputTransform, RequestHandler, StaticFileHandler

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
PLOTLY = "js/plotly-plotly.min.js"
# plotly raises for some curves that make no sense, and React then removes the whole page.
_CATCH = b"""
(plot => { Plotly.newPlot = (...values) => {
  try { return plot(...values) } catch (error) { console.error(error) }
} })(Plotly.newPlot)
"""


class PlotlyHandler(RequestHandler):
    """The file of plotly, which shows an empty window for a plot that it cannot draw."""

    def initialize(self, page_files: Path) -> None:
        self.file = page_files / PLOTLY

    def get(self) -> None:
        if not self.file.is_file():
            raise HTTPError(404)
        self.set_header("Content-Type", "text/javascript")
        self.finish(self.file.read_bytes() + _CATCH)


class SafeHeaders(OutputTransform):
    """Answers run only the scripts of the page (Content Security Policy, W3C CSP level 3)."""

    def __init__(self, request: HTTPServerRequest) -> None:
        self.host = request.host

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        scripts = _INLINE_SCRIPT.findall(chunk) if "html" in headers.get("Content-Type", "") else ()
        digests = (base64.b64encode(hashlib.sha256(text).digest()).decode() for text in scripts)
        inline = " ".join(f"'sha256-{digest}'" for digest in digests)
        headers.update({
            # MathJax and plotly evaluate text of their own, and set styles.
            "Content-Security-Policy":
                f"default-src 'self'; script-src 'self' 'unsafe-eval' {inline}; "
                "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
                f"media-src data:; font-src 'self' data:; connect-src 'self' ws://{self.host} "
                f"wss://{self.host}; object-src 'none'; base-uri 'none'; form-action 'none'; "
                "frame-ancestors 'none'",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        })
        return status_code, headers, chunk


def page_file_handler(page_files: Path) -> type[Any]:
    """Return a handler for the files in ``page_files``, and for those in visdom's own package."""
    page_root = str(page_files.resolve())

    class PageFileHandler(StaticFileHandler):
        @classmethod
        def make_static_url(cls, settings: Any, path: str, include_version: bool = True) -> str:
            # visdom's template uses ../user/style.css, which tornado 6.6 refuses with 403.
            if path.startswith("../"):
                return path.removeprefix("..")
            return super().make_static_url(settings, path, include_version)

        @classmethod
        def get_absolute_path(cls, root: str, path: str) -> str:
            ours = super().get_absolute_path(page_root, path)
            return ours if Path(ours).is_file() else super().get_absolute_path(root, path)

        def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
            if Path(absolute_path).is_relative_to(page_root):
                root = page_root
            return super().validate_absolute_path(root, absolute_path)

    return PageFileHandler
