"""HTML reduced to its formatting: no script, no style, nothing loaded from elsewhere."""

import base64
import re
from html import escape
from html.parser import HTMLParser

_TAG = re.compile(
    "a|b|big|blockquote|br|caption|center|code|col|dd|del|div|dl|dt|em|font|h[1-6]|hr|i|ins|kbd|li|"
    "mark|ol|p|pre|s|small|span|strike|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr|u|ul|"
    "img|audio|video|source")
_ATTRIBUTE = re.compile(
    "align|alt|border|color|colspan|controls|height|loop|rowspan|size|title|type|width")
_ADDRESSES = {  # attribute -> what its value may begin with
    "href": ("http://", "https://", "mailto:"),
    "src": ("data:image/", "data:video/", "data:audio/"),
}
_DRAWING = re.compile(r"<svg\b.*</svg\s*>", re.IGNORECASE | re.DOTALL)


def formatted(text: str) -> str:
    """Return HTML that only formats; other tags are shown as text, other attributes left out.

    A drawing (svg) becomes an image, in which browsers run no script.
    """
    parser = _Formatting()
    parser.feed(_DRAWING.sub(_as_image, text))
    parser.close()
    return "".join(parser.parts)


def _as_image(drawing: re.Match[str]) -> str:
    data = base64.b64encode(drawing[0].encode(errors="replace")).decode()
    return f'<img src="data:image/svg+xml;base64,{data}">'


class _Formatting(HTMLParser):
    """Everything in ``parts`` is escaped text or a tag that is built here."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if _TAG.fullmatch(tag):
            self.parts.append(f"<{tag}{''.join(_attribute(*pair) for pair in attrs)}>")
        else:
            self.parts.append(escape(self.get_starttag_text() or ""))

    handle_startendtag = handle_starttag  # HTML reads <br/> as <br>

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"</{tag}>" if _TAG.fullmatch(tag) else escape(f"</{tag}>"))

    def handle_data(self, data: str) -> None:
        self.parts.append(escape(data))


def _attribute(name: str, value: str | None) -> str:
    value = (value or "").strip()
    allowed = _ATTRIBUTE.fullmatch(name) or value.lower().startswith(_ADDRESSES.get(name, ("\0",)))
    return f' {name}="{escape(value)}"' if allowed else ""
