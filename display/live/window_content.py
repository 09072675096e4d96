"""The content of visdom's windows, by their kind, as the page can show it.

The page writes text and the notes of embeddings into itself as HTML. It stops for good, also after
a restart, at a content of another type than it expects.
"""

import math
from collections.abc import Callable
from typing import Any

from display.live.formatted_text import formatted

_FIELD_TYPES = ("text", "number", "button", "checkbox", "select")


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
    """Return True for text, True, False, and numbers that JSON can hold."""
    return isinstance(value, str | bool | int) or (
        isinstance(value, float) and math.isfinite(value))


def without_html(value: Any) -> Any:
    """Return the value; HTML in it, under the key "html", is reduced to its formatting."""
    if isinstance(value, dict):
        return {key: formatted(str(inner)) if key == "html" else without_html(inner)
                for key, inner in value.items()}
    return [without_html(inner) for inner in value] if isinstance(value, list) else value


def checked_text(content: object) -> str:
    """Return the text; HTML in it is reduced to its formatting."""
    return formatted(str(content))


def checked_image(content: object) -> dict[str, Any]:
    """Return source and caption. Raises ValueError if the image is not in the message itself."""
    parts = as_dict(content)
    source, caption = parts.get("src"), parts.get("caption")
    if not isinstance(source, str) or not source.lower().startswith("data:image/"):
        raise ValueError(f"{source!r:.80} is not an image")
    return {"src": source, "caption": None if caption is None else str(caption)}


def _images(content: object) -> list[Any]:
    if not (images := [checked_image(one) for one in as_list(content)]):
        raise ValueError("a series of images is empty")
    return images


def _fields(content: object) -> list[Any]:
    fields = [as_dict(field) for field in as_list(content)]
    return [{"name": str(field.get("name", "")), "type": field["type"],
             "value": field.get("value") if is_plain(field.get("value")) else "",
             "values": [str(choice) for choice in as_list(field.get("values", []))]}
            for field in fields if field.get("type") in _FIELD_TYPES]


def _graph(content: object) -> dict[str, Any]:
    graph = as_dict(content)
    nodes = [as_dict(node) for node in as_list(graph.get("nodes"))]
    edges = [as_dict(edge) for edge in as_list(graph.get("edges"))]
    known = [edge for edge in edges
             if all(_is_place(edge.get(end), nodes) for end in ("source", "target"))]
    return {**graph, "nodes": nodes, "edges": known}


def _is_place(value: object, items: list[Any]) -> bool:
    return isinstance(value, int) and 0 <= value < len(items)


def _embeddings(content: object) -> dict[str, Any]:
    points = as_dict(without_html(content))
    return {**points, "data": [point for point in as_list(points.get("data"))
                               if _is_position(as_dict(point).get("position"))]}


def _is_position(value: object) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(
        isinstance(number, int | float) and math.isfinite(number) for number in value)


def _plot(content: object) -> dict[str, Any]:
    parts = as_dict(content)
    return {**parts, "data": [as_dict(curve) for curve in as_list(parts.get("data"))],
            "layout": as_dict(parts.get("layout"))}


# Kind of a window -> function that returns its content, or raises ValueError.
KINDS: dict[Any, Callable[[object], Any]] = {
    "text": checked_text, "image": checked_image, "image_history": _images, "plot": _plot,
    "properties": _fields, "network": _graph, "embeddings": _embeddings,
}
