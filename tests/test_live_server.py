"""The visdom server: which requests it answers, what it stores, and what it restores."""

import asyncio
import http.client
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from display.live.access import Access
from display.live.formatted_text import formatted
from display.live.windows import checked_environment, checked_post, environment_name
from util.http_access import bind

LOCAL, REMOTE = Access.of("127.0.0.1"), Access.of("0.0.0.0", ["GPU7.example.org"])
EVIL = "<img src=x onerror=alert(1)>"
PIXEL = "data:image/png;base64,AA=="


# ---- access ------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [
    "127.0.0.1:8097", "localhost:8097", "LOCALHOST:9000", "[::1]:8097", "127.0.0.1",
    "[0:0:0:0:0:0:0:1]:8097", "127.0.0.5:8097",
])
def test_the_names_of_this_machine_are_answered(host: str) -> None:
    assert LOCAL.refusal({"Host": host}) == ""
    assert LOCAL.refusal({"Host": host, "Origin": f"http://{host}"}) == ""
    assert REMOTE.refusal({"Host": host}) == "", "through an ssh tunnel"


@pytest.mark.parametrize("host", [
    "evil.com", "evil.com:8097", "evil.com@127.0.0.1", "evil.com@127.0.0.1:8097", "", " ",
    "127.0.0.1.evil.com:8097", "localhost.evil.com", "127.0.0.1:8097@evil.com",
    "127.0.0.1,evil.com", "127.0.0.1:80:80", "127.0.0.1:x", "127.0.0.1:", "::1", "[::1", "::1]",
    "[::1]evil.com", "[evil.com]:8097", "[::1%25lo]:8097", "http://127.0.0.1",
    "127.0.0.1/", "127.0.0.1\\@evil.com", "192.168.0.7:8097", "[fe80::1]:8097",
    "0.0.0.0:8097", "[::]:8097", "2130706433", "0x7f.1", "127.1", "localhost\u212a",
])
def test_other_names_are_refused(host: str) -> None:
    assert LOCAL.refusal({"Host": host})
    assert LOCAL.refusal({"Host": host, "Origin": f"http://{host}"})


@pytest.mark.parametrize("origin", [
    "http://evil.com", "null", "", "http://127.0.0.1:8098", "http://127.0.0.1", "https://evil.com",
    "http://localhost:8097", "http://127.0.0.1:8097.evil.com", "http://evil.com@127.0.0.1:8097",
    "file://", "chrome-extension://127.0.0.1:8097", "http://127.0.0.1:8097/",
    "http://127.0.0.1:8097, http://evil.com", "http://[::1]:8097",
])
def test_pages_of_other_origins_are_refused(origin: str) -> None:
    for access in (LOCAL, REMOTE):
        assert access.refusal({"Host": "127.0.0.1:8097", "Origin": origin}, opens_page=True)


@pytest.mark.parametrize(("site", "refused"), [
    ("none", False), ("same-origin", False), ("cross-site", True), ("same-site", True),
    ("CROSS-SITE", True), ("", True), ("what", True),
])
def test_requests_that_a_page_sends_without_an_origin(site: str, refused: bool) -> None:
    headers = {"Host": "127.0.0.1:8097", "Sec-Fetch-Site": site}
    followed = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert bool(LOCAL.refusal(headers, opens_page=True)) is refused
    assert bool(LOCAL.refusal(headers | followed)) is refused
    assert not LOCAL.refusal(headers | followed, opens_page=True), "the user follows a link"
    assert bool(LOCAL.refusal(headers | followed | {"Sec-Fetch-Dest": "iframe"},
                              opens_page=True)) is refused


def test_a_server_for_other_machines_answers_as_what_it_was_told() -> None:
    for host in ("gpu7.example.org:8097", "10.0.0.7:8097", "[fd00::7]:8097", socket.gethostname()):
        assert REMOTE.refusal({"Host": host}) == ""
        assert REMOTE.refusal({"Host": host, "Origin": f"https://{host}"}) == ""
    assert "--allow_host evil.com" in REMOTE.refusal({"Host": "evil.com:8097"})
    assert Access.of("127.0.0.1", ["plots"]).refusal({"Host": "plots"}) == ""


# ---- content -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "kept"), [
    ("a < b & c", "a &lt; b &amp; c"),
    ("<table><tr><td colspan=2>x</td></tr></table>",
     '<table><tr><td colspan="2">x</td></tr></table>'),
    ("one<br/>two <b class=x>b</b>", "one<br>two <b>b</b>"),
    ('<a href="https://x.org/?a&amp;b" onclick=f()>x</a>',
     '<a href="https://x.org/?a&amp;b">x</a>'),
    ("<a href=' java&#115;cript:f()'>x</a>", "<a>x</a>"),
    ("<video controls><source src='data:video/mp4;base64,A'></video>",
     '<video controls=""><source src="data:video/mp4;base64,A"></video>'),
    (EVIL, "<img>"),
    ("<IMG/SRC=x\nOnError=alert(1)//", None),
    ("<script>alert(1)</script>", None), ("<style>*{}</style>", None),
    ("<sv<svg onload=f()>", None),
    ("<math><mtext><style><img src=x onerror=f()></style>", None),
    ("<!--><img src=x onerror=f()>", None), ("<iframe srcdoc='x'>", None),
    ("<form action=//x><button>", None),
    ("<svg><script>f()</script></svg>", None), ("<b title='\"><script>'>", None),
])
def test_text_keeps_only_its_formatting(text: str, kept: str | None) -> None:
    result = formatted(text)
    assert kept is None or result == kept
    for forbidden in ("<script", "<svg", "<style", "<iframe", "<form", "<button", "<math", "<!--"):
        assert forbidden not in result.lower()
    assert formatted(result) == result
    tags = result.lower().split("<")[1:]
    assert not any("onerror" in tag.split(">")[0] or "=x" in tag.split(">")[0] for tag in tags)


@pytest.mark.parametrize(("name", "kept"), [
    ("main", "main"), ("maps_2", "maps_2"), ("Häuser 1", "Häuser 1"), ("a/b", "a_b"),
    ("../../x", ".._.._x"), ("\\", "_"), ("x';f()//", "x_;f()__"), ("a\nb\x00", "a_b_"),
    ("\ud800", "_"), (EVIL, "_img src=x onerror=alert(1)_"),
])
def test_names_of_environments_can_be_names_of_files(name: str, kept: str) -> None:
    assert environment_name(name) == kept
    assert environment_name(kept) == kept
    assert len(os.fsencode(environment_name(name * 200))) <= 250


def window(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"command": "window", "id": "w", "type": kind, "content": content, "i": 0, **more}


def test_windows_of_unknown_kinds_are_not_restored() -> None:
    good = {
        "text": EVIL, "image": {"src": PIXEL, "caption": EVIL}, "plot": {"data": [], "layout": {}},
        "image_history": [{"src": PIXEL}], "properties": [{"name": "x", "type": "text"}],
        "network": {"nodes": [], "edges": []},
        "embeddings": {"data": [], "selected": {"html": EVIL}},
    }
    bad: list[Any] = [
        window("script", "x"), window("", "x"), window("text2", ""), None, 3, "text", {}, [],
        window("image", "x"), window("image", {"src": "javascript:f()"}), window("plot", None),
        window("image_history", []), window("plot", {"data": [3], "layout": {}}),
        window("network", {}), window("embeddings", []), {**window("text", ""), "type": ["text"]},
    ]
    saved = {kind: window(kind, content) for kind, content in good.items()}
    saved |= {f"bad{number}": one for number, one in enumerate(bad)}
    restored = checked_environment({"jsons": saved, "reload": {}})["jsons"]
    assert restored.keys() == good.keys()
    assert restored["text"]["content"] == "<img>"
    assert restored["embeddings"]["content"]["selected"]["html"] == "<img>"
    assert restored["image"]["content"] == {"src": PIXEL, "caption": EVIL}, "the page escapes it"


def test_a_restored_window_has_only_what_the_page_expects() -> None:
    saved = window("text", 5, title={"a": 1}, width="7", height=9, command="reload", ref="x", i="1")
    (restored,) = checked_environment({"jsons": {"name": saved}})["jsons"].values()
    assert restored == {
        "command": "window", "id": "name", "type": "text", "content": "5", "title": "{'a': 1}",
        "width": None, "height": 9, "contentID": "restored_name", "inflate": True, "i": 0}


def test_parts_at_which_the_page_would_stop_are_left_out() -> None:
    fields = [{"name": 1, "type": "select"}, {"type": "odd"}, {"type": "text", "value": {}}]
    saved = {
        "fields": window("properties", fields),
        "graph": window("network", {"nodes": [{}, {}], "edges": [
            {"source": 0, "target": 1}, {"source": 0, "target": 2}, {"source": "0", "target": 1}]}),
        "points": window("embeddings", {
            "data": [{}, {"position": [0, 1]}, {"position": [0, "1"]}]}),
        "series": window("image_history", [{"src": PIXEL}, {"src": PIXEL}], selected=7),
    }
    places = {"a": {"x": 0, "y": 1, "w": 2, "h": 3}, "b": {"x": 1e12, "y": 1, "w": 2, "h": 3},
              "c": None, "d": {"x": "0", "y": 1, "w": 2, "h": 3}}
    restored = checked_environment({"jsons": saved, "reload": places})
    assert restored["reload"] == {"a": places["a"]}
    windows = restored["jsons"]
    assert windows["fields"]["content"] == [
        {"name": "1", "type": "select", "value": "", "values": []},
        {"name": "", "type": "text", "value": "", "values": []}]
    assert windows["graph"]["content"]["edges"] == [{"source": 0, "target": 1}]
    assert windows["points"]["content"]["data"] == [{"position": [0, 1]}]
    assert windows["series"]["selected"] == 1


@pytest.mark.parametrize("saved", [None, [], 3, {}, {"jsons": []}, {"jsons": {}, "reload": []}])
def test_other_files_are_no_environments(saved: object) -> None:
    with pytest.raises(ValueError, match="is not an object"):
        checked_environment(saved)


@pytest.mark.parametrize("message", [
    [], "x", {"eid": 3}, {"eid": ""}, {"data": [{"type": "image", "content": "x"}]}, {"data": [3]},
    {"data": "[", "win": None}, {"data": '{"type": "odd"}', "win": "x"}, {"opts": []},
    {"message": '{"cmd": "save"}'},
])
def test_messages_that_no_client_sends_are_refused(message: object) -> None:
    with pytest.raises(ValueError, match=r"is not|Expecting"):
        checked_post(message)


def test_messages_are_reduced_to_what_the_page_can_show() -> None:
    sent = {"eid": "a/b", "win": "w", "data": [{"type": "text", "content": EVIL}],
            "opts": {"title": EVIL, "type": "odd", "content": EVIL, "width": "x", "height": 3}}
    assert checked_post(sent) == {
        "eid": "a_b", "win": "w", "data": [{"type": "text", "content": "<img>"}],
        "opts": {"title": EVIL, "height": 3}}
    assert checked_post({"data": [{"content": EVIL}]})["data"] == [{"content": "<img>"}], "appended"
    assert checked_post({"data": ["a/b"]})["data"] == ["a_b"]
    assert json.loads(checked_post({"message": '{"eid": "../x"}'})["message"])["eid"] == ".._x"
    curve = {"type": "scatter", "x": [1], "y": [None], "name": EVIL}
    assert checked_post({"data": [curve], "layout": {"a": 1}}) == {
        "data": [curve], "layout": {"a": 1}}


# ---- the server --------------------------------------------------------------------------------


class Running:
    """A server in a thread."""

    def __init__(self, env_path: Path) -> None:
        self.env_path = env_path
        self.bound = bind("127.0.0.1", 0)
        self.port: int = self.bound.getsockname()[1]
        self.started = threading.Event()
        self.thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self.thread.start()
        self.started.wait()

    async def _serve(self) -> None:
        from tornado.httpserver import HTTPServer

        from display.live import server

        self.loop, self.stopped = asyncio.get_running_loop(), asyncio.Event()
        self.app = server.application(
            port=self.port, env_path=self.env_path, page_files=self.env_path / "none")
        listening = HTTPServer(server.Guard(self.app, LOCAL))
        listening.add_socket(self.bound)
        self.started.set()
        await self.stopped.wait()
        server.save_environments(self.app, self.env_path)
        listening.stop()
        await listening.close_all_connections()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join()

    def ask(
        self, path: str, message: Any = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        body = None if message is None else json.dumps(message)
        connection.request("POST" if body else "GET", path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def post(self, content: str, *, env: str = "main", window: str = "w") -> int:
        data = [{"type": "text", "content": content}]
        return self.ask("/events", {"data": data, "win": window, "eid": env, "opts": {}})[0]

    def open_socket(self, *, path: str = "/socket", origin: str = "") -> socket.socket:
        """Send the handshake of a WebSocket, and return the connection."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                 "Sec-WebSocket-Version: 13", *([f"Origin: {origin}"] if origin else [])]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Running]]:
    pytest.importorskip("visdom", reason="visdom is not installed")
    servers: list[Running] = []

    def start_server() -> Running:
        servers.append(Running(tmp_path / "environments"))
        return servers[-1]

    yield start_server
    for server in servers:
        if server.thread.is_alive():
            server.stop()


def test_server_refuses_foreign_pages_and_answers_its_own(start: Callable[[], Running]) -> None:
    server = start()
    own = f"http://127.0.0.1:{server.port}"
    message = {"data": [{"type": "text", "content": "x"}], "win": "w", "opts": {}}
    assert server.ask("/events", message, Origin="http://evil.com")[0] == 403
    assert server.ask("/events", message, Host="evil.com")[0] == 403
    assert server.ask("/static/js/main.js", Host=f"evil.com:{server.port}")[0] == 403
    assert server.ask("/socket_wrap", **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    for path in ("/socket", "/vis_socket"):
        for origin, code in (("http://evil.com", b"403"), ("null", b"403"), (own, b"101")):
            with server.open_socket(path=path, origin=origin) as connection:
                assert connection.recv(4096).split()[1] == code
    assert server.app.state["main"]["jsons"] == {}
    assert server.ask("/events", message, Origin=own)[0] == 200
    status, headers, page = server.ask("/")
    assert status == 200
    assert "ENV_LIST" in page
    policy = headers["Content-Security-Policy"]
    assert policy.count("'sha256-") == 2, "the scripts in the page itself"
    assert "script-src 'self' 'unsafe-eval' 'sha256-" in policy


def test_posts_work_after_sockets_that_were_dropped(start: Callable[[], Running]) -> None:
    server = start()
    for _ in range(20):
        for path in ("/socket", "/vis_socket"):
            connection = server.open_socket(path=path)
            # Close with a reset, right after the handshake.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            assert server.post("x") == 200
    assert server.ask("/env/new", {"eid": "new"})[0] == 200


def test_a_restart_restores_windows_and_nothing_else(
    start: Callable[[], Running], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "environments"
    server = start()
    assert server.post("kept", env="maps") == 200
    assert server.post("x", env="../../escaped") == 200
    assert server.ask("/env/x", {"eid": "../../../created"})[0] == 200
    assert server.ask("/events", {"data": [{"type": "image", "content": EVIL}]})[0] == 400
    server.stop()
    assert {path.name for path in folder.glob("*.json")} == {
        "main.json", "maps.json", ".._.._escaped.json", ".._.._.._created.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"environments"}

    saved = json.loads((folder / "maps.json").read_text())
    saved["jsons"] |= {"odd": window("script", EVIL), "evil": window("text", EVIL)}
    (folder / "maps.json").write_text(json.dumps(saved))
    for name, content in (("a", "[]"), ("b", "{"), ("c", "null"), ("d", '{"jsons": {}}'),
                          ("quote'", '{"jsons": {}}'), ("back\\", '{"jsons": {}}'),
                          ("deep", "[" * 100_000), ("latin", "\xff")):
        (folder / f"{name}.json").write_text(content, encoding="latin-1")
    os.mkfifo(folder / "pipe.json")
    (folder / "folder.json").mkdir()
    (folder / "view/layouts.json").write_text("[}")
    server = start()
    assert server.app.state.keys() == {"main", "maps", "d", ".._.._escaped", ".._.._.._created"}
    assert server.app.state["maps"]["jsons"].keys() == {"w", "evil"}
    assert server.app.state["maps"]["jsons"]["evil"]["content"] == "<img>"
    assert server.app.layouts == ""
    assert "1 window of unknown kind not restored" in caplog.text
    assert caplog.text.count("is not restored") == 9
    _, _, page = server.ask("/env/maps")
    assert "quote" not in page
    assert server.ask("/compare/maps+d")[0] == 200
    assert "back" not in page.split("ENV_LIST")[1].split("]")[0]
