"""What the visdom server takes from programs, and from the files of earlier starts.

visdom itself stores and shows whatever it gets: names inside the page's script and as names of
files, and windows of unknown kinds, at which the page stops.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from display.live.window_content import (
    KINDS,
    as_dict,
    as_list,
    checked_image,
    checked_text,
    is_plain,
    without_html,
)
from util.disk.file_names import shorten

# Keys of a window that the page reads, without its content.
_WINDOW_KEYS = frozenset({"title", "inflate", "width", "height", "contentID", "i", "selected",
    "show_slider", "directed", "showEdgeLabels", "showVertexLabels", "has_compare"})
_OPTION_KEYS = _WINDOW_KEYS - {"contentID", "i", "has_compare"} | {"legend"}
_LARGEST_PX = 20_000  # of a window; the page would hang
_FORBIDDEN_IN_NAMES = re.compile(r"""[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\<>&'"`]""")


def environment_name(name: object) -> str:
    """Return the name of an environment, which is a file's name and part of the page's script.

    Raises:
        ValueError: the name is not text, or empty.
    """
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"{name!r:.80} is not the name of an environment")
    return shorten(_FORBIDDEN_IN_NAMES.sub("_", name), room=len(".json"))


def checked_post(message: object) -> dict[str, Any]:
    """Return the body of a POST, to any path of the server, reduced to what the page can show.

    Raises:
        ValueError: visdom's client does not send such a message.
    """
    result = checked_command(message)
    if isinstance(result.get("message"), str):  # /socket_wrap: a message of the page
        result["message"] = json.dumps(checked_command(json.loads(result["message"])))
    data = result.get("data")
    if isinstance(data, str):  # /win_data: a window, or all windows of an environment
        sent = json.loads(data)
        result["data"] = json.dumps(
            checked_windows(sent) if result.get("win") is None else
            checked_window(sent, name=str(result["win"])))
    elif isinstance(data, list):  # /save: names of environments
        result["data"] = [environment_name(item) if isinstance(item, str) else _item(as_dict(item))
                          for item in data]
    elif data is not None:
        result["data"] = without_html(data)
    if "opts" in result:
        result["opts"] = _properties(as_dict(result["opts"]), _OPTION_KEYS)
    return result


def checked_command(message: object) -> dict[str, Any]:
    """Return a message of the page; environments in it get names that a file can have.

    Raises:
        ValueError: the page does not send such a message.
    """
    result = dict(as_dict(message))
    for key in ("eid", "prev_eid"):
        if result.get(key) is not None:
            result[key] = environment_name(result[key])
    if result.get("cmd") == "save":
        result["data"] = _places(result.get("data"))
    elif result.get("cmd") == "save_layouts":
        result["data"] = checked_layouts(result.get("data"))
    return result


def checked_environment(saved: object) -> dict[str, Any]:
    """Return the content of an environment's file, without windows that the page cannot show.

    Raises:
        ValueError: the file holds something else.
    """
    environment = as_dict(saved)
    return {"jsons": checked_windows(environment.get("jsons")),
            "reload": _places(environment.get("reload", {}))}


def checked_windows(saved: object) -> dict[str, Any]:
    """Return the windows by name, without those that the page cannot show.

    Raises:
        ValueError: ``saved`` is not a dict.
    """
    windows: dict[str, Any] = {}
    for name, window in as_dict(saved).items():
        try:
            windows[name] = {"i": len(windows), **checked_window(window, name=name)}
        except ValueError:
            continue
    return windows


def checked_window(saved: object, *, name: str) -> dict[str, Any]:
    """Return a window as visdom keeps it.

    Raises:
        ValueError: the page cannot show it.
    """
    window = as_dict(saved)
    kind = window.get("type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"{kind!r:.80} is not a kind of window")
    checked: dict[str, Any] = {
        "title": "", "contentID": f"restored_{name}", "inflate": True, "width": None,
        "height": None, **_properties(window, _WINDOW_KEYS), "command": "window", "id": name,
        "type": kind, "content": KINDS[kind](window.get("content"))}
    if kind == "image_history":
        newest = len(checked["content"]) - 1
        checked["selected"] = min(int(checked.get("selected", newest)), newest)
    if kind == "embeddings":
        checked["old_content"] = as_list(without_html(window.get("old_content", [])))
    return checked


def checked_layouts(saved: object) -> str:
    """Return the saved arrangements of windows, or "" if the page cannot read them."""
    try:
        for arrangements in as_dict(json.loads(str(saved))).values():  # those of an environment
            for places in as_dict(arrangements).values():
                as_dict(places)
    except (ValueError, RecursionError):
        return ""
    return str(saved)


def _places(saved: object) -> dict[str, Any]:
    """Return where the page put its windows, without places that no page computes."""
    return {name: place for name, place in as_dict(saved).items() if isinstance(place, dict)
            and all(_is_length(place.get(side), least=0) for side in ("x", "y", "w", "h"))}


def _is_length(value: object, *, least: int) -> bool:
    return isinstance(value, int | float) and least <= value <= _LARGEST_PX


def _properties(given: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    """Return the values of these keys, without those of a type at which the page stops."""
    kept: dict[str, Any] = {}
    for key in keys & {key for key, value in given.items() if value is not None}:
        if key in ("title", "contentID"):
            kept[key] = str(given[key])
        elif key == "legend":
            kept[key] = [str(name) for name in as_list(given[key])]
        elif key in ("width", "height", "i", "selected"):
            if _is_length(given[key], least=0 if key in ("i", "selected") else 1):
                kept[key] = given[key]
        elif is_plain(given[key]):
            kept[key] = given[key]
    return kept


def _item(item: dict[str, Any]) -> dict[str, Any]:
    """Return an element of ``data`` in a message: the content of a window, or a curve."""
    content, kind = item.get("content"), item.get("type")
    if kind in ("image", "image_history"):
        return {**item, "content": checked_image(content)}
    if isinstance(kind, str) and kind in KINDS and kind != "plot":
        return {**item, "content": KINDS[kind](content)}
    return {**item, "content": checked_text(content)} if isinstance(content, str) else item
