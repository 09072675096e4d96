"""The server by HTTP: answers, limits, access control, and batches."""

import asyncio
import io
import re
import struct
import threading
import zlib
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="fastapi is not installed")
pytest.importorskip("httpx2", reason="httpx2, for FastAPI's test client, is not installed")

from fastapi import HTTPException
from fastapi.testclient import TestClient

import test as test_program
from inference.translator import Translator
from serving.batching import Batcher
from serving.description import describe
from serving.engine import Engine
from serving.server import create_app
from serving.service import Limits

ReturnT = TypeVar("ReturnT")
LOCAL = "http://127.0.0.1"
LIMITS = Limits(upload_bytes=100_000, pixels=5_000, side=200)


@pytest.fixture(scope="module")
def engine(demo_run: Path) -> Engine:
    return Engine.load(demo_run, device="cpu")


def client_of(engine: Engine, run: Path, limits: Limits = LIMITS, **flags: Any) -> TestClient:
    return TestClient(create_app(engine, describe(engine, run), limits, **flags), base_url=LOCAL)


@pytest.fixture(scope="module")
def client(engine: Engine, demo_run: Path) -> Iterator[TestClient]:
    with client_of(engine, demo_run) as opened:
        yield opened


def run_coroutine(work: Coroutine[Any, Any, ReturnT]) -> ReturnT:
    """Run a coroutine in a thread: asyncio.run here would drop the loop of another test."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def noise_image(height: int, width: int, seed: int = 0) -> Image.Image:
    draw = np.random.default_rng(seed)
    return Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8))


def encoded(image: Image.Image, name: str = "PNG", **flags: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format=name, **flags)
    return file.getvalue()


SMALL_PNG = encoded(noise_image(8, 8))


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


# Translations


def test_a_translation_equals_the_file_of_test_py(
    client: TestClient, demo_run: Path, tmp_path: Path
) -> None:
    sent = tmp_path / "in" / "x.png"
    sent.parent.mkdir()
    noise_image(20, 30).save(sent)
    flags = f"--checkpoints_dir {demo_run.parent} --name house --gpu_ids -1 --output_dir"
    test_program.test(["--dataroot", str(sent.parent), *flags.split(), str(tmp_path / "out")])
    answer = client.post("/translate", content=sent.read_bytes())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    made, wanted = (np.asarray(image) for image in (
        opened(answer.content), Image.open(tmp_path / "out" / "x.png")
    ))
    np.testing.assert_array_equal(made, wanted)
    assert made.std() > 1


@pytest.mark.parametrize(
    ("accept", "expected"),
    [("", "PNG"), ("*/*", "PNG"), ("image/jpeg", "JPEG"), ("image/webp,image/png;q=0.5", "WEBP"),
     ("image/*;q=0.1,image/jpeg;q=0.2", "JPEG"), ("image/png;q=x, image/jpeg", "JPEG")],
)
def test_the_accept_header_chooses_the_format(
    client: TestClient, accept: str, expected: str
) -> None:
    answer = client.post("/translate", content=SMALL_PNG, headers={"Accept": accept})
    assert opened(answer.content).format == expected
    assert answer.headers["content-type"] == f"image/{expected.lower()}"


def test_an_unknown_format_is_refused(client: TestClient) -> None:
    answer = client.post("/translate", content=SMALL_PNG, headers={"Accept": "text/css"})
    assert answer.status_code == HTTPStatus.NOT_ACCEPTABLE
    assert "image/png" in answer.json()["error"]


def test_a_jpeg_is_turned_upright_and_grey_becomes_rgb(
    client: TestClient, engine: Engine
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(noise_image(8, 16), "JPEG", exif=exif)
    assert opened(client.post("/translate", content=content).content).size == (8, 16)
    grey = noise_image(8, 8).convert("L")
    made = client.post("/translate", content=encoded(grey)).content
    wanted = engine.translators["BtoA"](np.asarray(grey.convert("RGB")))
    np.testing.assert_array_equal(np.asarray(opened(made)), wanted)


# Limits


def bomb() -> bytes:
    """Return a PNG of 1 kB whose header announces 30,000 x 30,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


def truncated(name: str) -> bytes:
    content = encoded(noise_image(40, 40), name)
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, "no content"),
        (b"GIF89a", 422, "not an image|damaged"),
        (b"<svg/>" * 100, 422, "not an image of a known format"),
        (truncated("PNG"), 422, "damaged"),
        (truncated("JPEG"), 422, "damaged"),
        (truncated("WEBP"), 422, "not an image|damaged"),
        (encoded(noise_image(8, 8), "TIFF"), 422, "not an image of a known format"),
        (b"--x\r\nContent-Disposition: form-data; name=image\r\n\r\n" + encoded(
            noise_image(8, 8), "PNG"), 422, "the body is a form, .*--data-binary @FILE"),
        (bytes(128) + b"DICM", 422, "the image is DICOM"),
        (encoded(noise_image(80, 80)), 413, "80 x 80 pixels; at most 5,000"),
        (encoded(noise_image(1, 201)), 413, "201 x 1 pixels"),
        (bomb(), 413, "at most [0-9,]+( on a side)? are accepted"),
        (b"x" * 100_001, 413, "more than 100,000 bytes"),
    ],
    ids=["empty", "stub", "svg", "png", "jpeg", "webp", "tiff", "form", "dicom", "pixels", "side",
         "bomb", "bytes"],
)
def test_bad_uploads_are_refused_and_the_next_one_is_served(
    client: TestClient, content: bytes, status: int, words: str
) -> None:
    answer = client.post("/translate", content=content)
    assert answer.status_code == status
    assert re.search(words, answer.json()["error"]), answer.text
    assert client.post("/translate", content=SMALL_PNG).status_code == 200


def test_bytes_without_content_length_are_counted(client: TestClient) -> None:
    answer = client.post("/translate", content=(b"x" * 10_000 for _ in range(11)))
    assert answer.status_code == 413


def test_unknown_directions_and_samples_are_refused(client: TestClient) -> None:
    answer = client.post("/translate?direction=AtoB", content=SMALL_PNG)
    assert (answer.status_code, answer.json()["error"]) == (
        422, "direction=AtoB: this run knows BtoA"
    )
    for number in ("99", "-1", "9" * 5000):  # Python reads no more than 4300 digits
        assert client.get(f"/samples/BtoA/{number}.png").status_code == 404
    assert client.get("/samples/AtoB/0.png").status_code == 404


def test_a_request_that_takes_too_long_is_answered_with_503(
    engine: Engine, demo_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, release = threading.Event(), threading.Event()

    def blocked(self: Engine, direction: str, images: Sequence[Any]) -> list[Any]:
        started.set()
        release.wait()
        return list(images)

    monkeypatch.setattr(Engine, "translate", blocked)
    limits = Limits(seconds=0.2, waiting=1)
    with client_of(engine, demo_run, limits) as client:
        try:
            answer = client.post("/translate", content=SMALL_PNG)
        finally:
            release.set()
        assert answer.status_code == 503
        assert "within 0.2 seconds" in answer.json()["error"]
        assert answer.headers["retry-after"] == "1"
        assert client.get("/health").json() == {"status": "ok", "waiting": 0}


def test_a_request_over_the_limit_is_refused_and_the_others_are_served(
    engine: Engine, demo_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, release = threading.Event(), threading.Event()
    translate = Engine.translate

    def slow(self: Engine, direction: Any, images: Sequence[Any]) -> list[Any]:
        started.set()
        release.wait()
        return translate(self, direction, images)

    monkeypatch.setattr(Engine, "translate", slow)
    answers: list[int] = []
    with client_of(engine, demo_run, Limits(waiting=1)) as client:

        def ask() -> None:
            answers.append(client.post("/translate", content=SMALL_PNG).status_code)

        first = threading.Thread(target=ask)
        first.start()
        started.wait()
        refused = client.post("/translate", content=SMALL_PNG)
        release.set()
        first.join()
    assert (refused.status_code, answers) == (503, [200])
    assert "1 requests are open" in refused.json()["error"]


def test_an_error_in_the_network_does_not_stop_the_server(
    engine: Engine, demo_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Engine, direction: str, images: Sequence[Any]) -> list[Any]:
        raise MemoryError("out of memory")

    with client_of(engine, demo_run) as client, monkeypatch.context() as patched:
        patched.setattr(Engine, "translate", broken)
        answer = client.post("/translate", content=SMALL_PNG)
        assert (answer.status_code, answer.json()["error"]) == (503, "out of memory")
        patched.undo()
        assert client.post("/translate", content=SMALL_PNG).status_code == 200


# Access control


def test_other_machines_need_the_token(engine: Engine, demo_run: Path) -> None:
    with client_of(engine, demo_run, token="secret") as client:
        upload = SMALL_PNG
        for path in ("/model.json", "/samples/BtoA/0.png", "/openapi.json"):
            assert client.get(path).status_code == 401
        assert client.post("/translate", content=upload).status_code == 401
        wrong = {"Authorization": "Bearer sécret".encode("latin-1")}
        assert client.post("/translate", content=upload, headers=wrong).status_code == 401
        right = {"Authorization": "Bearer secret", "Host": "gpu.example"}
        assert client.post("/translate", content=upload, headers=right).status_code == 200
        assert client.get("/").status_code == client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Host": "["},
     {"Host": "evil.example@127.0.0.1"}, {"Host": "localhost:1:2"}, {"Host": "127.0.0.1:x"},
     {"Host": "127.0.0.1/"}, {"Host": ""}, {"Origin": "x://127.0.0.1"},
     {"Origin": "http://evil.example"}, {"Origin": "http://["}, {"Origin": "null"}],
)
def test_pages_of_other_sites_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/model.json", headers=headers).status_code == 403
    answer = client.post("/translate", content=SMALL_PNG, headers=headers)
    assert answer.status_code == 403


# Other URLs


def test_unknown_urls_and_methods_get_errors_of_the_same_form(client: TestClient) -> None:
    requests = {("GET", "/translate"): 405, ("PUT", "/translate"): 405, ("GET", "/nowhere"): 404}
    for (method, path), status in requests.items():
        answer = client.request(method, path)
        assert answer.status_code == status
        assert "GET /docs" in answer.json()["error"]


def test_the_interface_describes_itself(client: TestClient) -> None:
    api = client.get("/openapi.json").json()
    assert api["openapi"].startswith("3.1")
    for path, methods in api["paths"].items():
        for method in methods:
            assert client.request(method, path).status_code in (200, 422), path
    answers = set(api["paths"]["/translate"]["post"]["responses"])
    assert answers >= {"200", "403", "413", "422", "503"}
    assert "Authorization: Bearer" in api["info"]["description"]
    assert "openapi.json" in client.get("/docs").text


def test_head_requests_are_answered(client: TestClient) -> None:
    for path in ("/", "/health", "/docs", "/model.json", "/samples/BtoA/0.png"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")


def test_every_file_of_the_page_is_served(client: TestClient) -> None:
    assert "<canvas" in client.get("/").text
    for name in ("page.js", "page.css", "engine.js"):
        answer = client.get(f"/{name}")
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/..%2fserver.py").status_code == 404


# Batches


def test_waiting_inputs_of_equal_key_form_a_batch() -> None:
    batches: list[tuple[str, list[int]]] = []
    started, release = threading.Event(), threading.Event()

    def work(key: str, items: Sequence[int]) -> list[int]:
        if not batches:
            started.set()
            release.wait()
        batches.append((key, list(items)))
        return [10 * item for item in items]

    async def ask() -> list[int]:
        batcher: Batcher[str, int, int] = Batcher(work, max_batch=lambda key: 3)
        first = asyncio.create_task(batcher("a", 0))
        await asyncio.to_thread(started.wait)
        keys = ["a", "b", "a", "a", "a", "b"]
        others = [asyncio.create_task(batcher(key, n)) for n, key in enumerate(keys, start=1)]
        cancelled = asyncio.create_task(batcher("a", 99))
        await asyncio.sleep(0)
        cancelled.cancel()
        release.set()
        return [await task for task in (first, *others)]

    assert run_coroutine(ask()) == [0, 10, 20, 30, 40, 50, 60]
    assert batches == [("a", [0]), ("a", [1, 3, 4]), ("b", [2, 6]), ("a", [5])]


def test_a_failed_batch_does_not_stop_the_next_one() -> None:
    def work(key: str, items: Sequence[int]) -> list[int]:
        if key == "raises":
            raise RuntimeError("no")
        return [] if key == "too few" else list(items)

    async def ask() -> None:
        batcher: Batcher[str, int, int] = Batcher(work)
        with pytest.raises(RuntimeError, match="no"):
            await batcher("raises", 1)
        with pytest.raises(ValueError, match="shorter"):
            await batcher("too few", 1)
        assert await batcher("works", 1) == 1

    run_coroutine(ask())


def test_a_full_queue_refuses() -> None:
    async def ask() -> None:
        batcher: Batcher[str, int, int] = Batcher(lambda key, items: items, max_waiting=1)
        waiting = asyncio.create_task(batcher("a", 1))
        await asyncio.sleep(0)
        with pytest.raises(HTTPException, match="1 images are waiting"):
            await batcher("a", 2)
        waiting.cancel()

    run_coroutine(ask())


def test_a_batch_gives_the_same_results_as_single_images(demo_run: Path, engine: Engine) -> None:
    images = [np.asarray(noise_image(20, 24, seed)) for seed in range(3)]
    alone = Translator.load(demo_run, device="cpu")
    for made, image in zip(engine.translate("BtoA", images), images, strict=True):
        off = np.abs(made.astype(int) - alone(image).astype(int))
        assert off.max() <= 1
