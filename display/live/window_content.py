"""The content of visdom's windows, by their kind, as the page can show it.

The page writes text and the notes of embeddings into itself as HTML. It stops for good, also after
a restart, at a content of another type than it expects.
"""

import math
from collections.abc import Callable
from typing import Any

from display.live.formatted_text import formatted


def as_dict(value: object) -> dict[str, Any]:
    """Return the value. Raises ValueError if it is not a dict."""
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.80} is not an object")
    return value


def as_list(value: object) -> list[Any]:
    """Return the value. Raises ValueError if it is not a list."""
    if not isinstance(value, list):
        raise ValueError(f"{value!r:.80} is not a list")
    return value


def is_plain(value: object) -> bool:
    return isinstance(value, str | bool | int) or (
        isinstance(value, float) and math.isfinite(value))


def without_html(value: Any) -> Any:
    """Return the value; HTML in it, under the key "html", is reduced to its formatting."""
    if isinstance(value, dict):
        return {key: formatted(str(inner)) if key == "html" else without_html(inner)
                for key, inner in value.items()}
    return [without_html(inner) for inner in value] if isinstance(value, list) else value


def text(content: object) -> str:
    return formatted(str(content))


def image(content: object) -> dict[str, Any]:
    parts = as_dict(content)
    source, caption = parts.get("src"), parts.get("caption")
    if not isinstance(source, str) or not source.lower().startswith("data:image/"):
        raise ValueError(f"{source!r:.80} is not an image")
    return {"src": source, "caption": None if caption is None else str(caption)}


def _images(content: object) -> list[Any]:
    if not (images := [image(one) for one in as_list(content)]):
        raise ValueError("a series of images is empty")
    return images


def _fields(content: object) -> list[Any]:
    return [{key: [str(choice) for choice in value] if isinstance(value, list) else value
             for key, value in as_dict(field).items() if isinstance(value, list) or is_plain(value)}
            for field in as_list(content)]


def _with_lists(*names: str) -> Callable[[object], dict[str, Any]]:
    """Return a check of an object that has lists of objects under these names."""
    def check(content: object) -> dict[str, Any]:
        parts = as_dict(without_html(content))
        return {**parts, **{name: [as_dict(one) for one in as_list(parts.get(name))]
                            for name in names}}
    return check


def _plot(content: object) -> dict[str, Any]:
    plot = _with_lists("data")(content)
    return {**plot, "layout": as_dict(plot.get("layout"))}


# Kind of a window -> function that returns its content, or raises ValueError.
KINDS: dict[Any, Callable[[object], Any]] = {
    "text": text, "image": image, "image_history": _images, "plot": _plot, "properties": _fields,
    "network": _with_lists("nodes", "edges"), "embeddings": _with_lists("data"),
}
