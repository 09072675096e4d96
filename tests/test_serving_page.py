"""The page to draw on, in a real browser, with both of its engines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import numpy as np
import numpy.typing as npt
import pytest
from demo_runs import SIDE, train_run
from PIL import Image
from web_server import hosted, served

pytest.importorskip("fastapi", reason="fastapi is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")

from datasets.demo_drawing.labels import PALETTE
from serving.answers import DirectionInfo
from serving.description import DirectionDescription, RunDescription, describe
from serving.engine import Engine
from serving.server import PAGE, create_app
from serving.service import Limits

pytestmark = pytest.mark.browser
Pixels = npt.NDArray[np.uint8]
READ = """id => {
    const {width, height} = document.getElementById(id);
    return [...document.getElementById(id).getContext("2d").getImageData(0, 0, width, height).data];
}"""
CAMERA = """
    const canvas = document.createElement("canvas");
    const paint = () => {
        canvas.getContext("2d").fillStyle = "#0c8";
        canvas.getContext("2d").fillRect(0, 0, 300, 150);
    };
    setInterval(paint, 20);
    Object.defineProperty(navigator, "mediaDevices", {value: {
        getUserMedia: async () => canvas.captureStream(),
    }});
"""
# Samples arrive after the first stroke.
LATE_SAMPLES = """
    const started = new Promise((done) => addEventListener("pointerdown",
        (event) => event.target.id === "drawing" && done()));
    const original = fetch;
    window.fetch = async (url, options) => {
        if (url.startsWith("samples/")) await started;
        return original(url, options);
    };
"""


class OpenPage:
    """The page in a browser. ``foreign``: requests to other servers."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.foreign: list[str] = []
        self.faults: list[str] = []
        self._listeners: dict[str, Any] = {
            "request": lambda it: None if it.url.startswith((urljoin(url, "/"), "blob:"))
            else self.foreign.append(it.url),
            "pageerror": lambda error: self.faults.append(str(error)),
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)
        page.goto(url)

    def leave(self) -> None:
        """Remove what a test leaves behind, for the next test with the same page."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        self.page.unroute_all()
        self.page.evaluate("localStorage.clear(), sessionStorage.clear()")

    def wait(self) -> None:
        self.page.wait_for_selector("body[data-state=idle]")

    def read(self, canvas: str) -> Pixels:
        """Return the pixels of a canvas, uint8 [32, 32, 3]."""
        levels = self.page.evaluate(READ, canvas)
        return np.array(levels, np.uint8).reshape(SIDE, SIDE, 4)[:, :, :3]

    def spot(self, x: int, y: int) -> tuple[float, float]:
        """Return the position of a pixel of the drawing on the screen."""
        box = self.page.locator("#drawing").bounding_box()
        return (box["x"] + (x + 0.5) / SIDE * box["width"],
                box["y"] + (y + 0.5) / SIDE * box["height"])

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        self.page.mouse.move(*self.spot(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.spot(*end), steps=4)
        self.page.mouse.up()
        self.wait()


@pytest.fixture(scope="module")
def engine(demo_run: Path) -> Engine:
    return Engine.load(demo_run, device="cpu")


@contextmanager
def opened_page(
    browser: Any, url: str, script: str = "", *, ready: bool = True, **context: Any
) -> Iterator[OpenPage]:
    session = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | context)
    if script:
        session.add_init_script(script)
    opened = OpenPage(session.new_page(), url)
    if ready:
        opened.wait()
    yield opened
    session.close()
    assert (opened.foreign, opened.faults) == ([], [])


@pytest.fixture(scope="module")
def url(engine: Engine, demo_run: Path) -> Iterator[str]:
    with served(create_app(engine, describe(engine, demo_run), Limits())) as address:
        yield address


@pytest.fixture(scope="module")
def shared(browser: Any) -> Iterator[Any]:
    """Yield a page whose process several tests use: to start one takes most of the time of a test.

    The page is loaded again for each test.
    """
    session = browser.new_context(viewport={"width": 1280, "height": 800})
    yield session.new_page()
    session.close()


@pytest.fixture
def opened(shared: Any, url: str) -> Iterator[OpenPage]:
    page = OpenPage(shared, url)
    page.wait()
    yield page
    page.leave()
    assert (page.foreign, page.faults) == ([], [])


def draw_rectangle_of_windows(opened: OpenPage) -> None:
    opened.page.get_by_text("window", exact=True).click()
    opened.page.get_by_role("button", name="Rectangle").click()
    opened.drag((4, 20), (11, 6))


def test_a_rectangle_of_windows_changes_the_translation(opened: OpenPage, engine: Engine) -> None:
    before = opened.read("drawing"), opened.read("result")
    draw_rectangle_of_windows(opened)
    drawn, translated = opened.read("drawing"), opened.read("result")
    wanted = before[0].copy()
    wanted[6:21, 4:12] = PALETTE["window"]
    np.testing.assert_array_equal(drawn, wanted)
    assert (translated != before[1]).any()
    np.testing.assert_array_equal(translated, engine.translators["BtoA"](drawn))
    opened.page.keyboard.press("Control+z")
    opened.wait()
    np.testing.assert_array_equal(opened.read("drawing"), before[0])
    np.testing.assert_array_equal(opened.read("result"), before[1])
    assert opened.page.get_by_role("button", name="Undo").is_disabled()
    opened.page.get_by_role("button", name="Redo").click()
    opened.wait()
    np.testing.assert_array_equal(opened.read("drawing"), drawn)


def test_undo_during_a_stroke_ends_the_stroke(opened: OpenPage) -> None:
    before = opened.read("drawing")
    opened.page.get_by_text("window", exact=True).click()
    opened.page.get_by_role("button", name="Rectangle").click()
    opened.page.mouse.move(*opened.spot(4, 4))
    opened.page.mouse.down()
    opened.page.mouse.move(*opened.spot(9, 9))
    opened.page.keyboard.press("Control+z")
    opened.page.mouse.move(*opened.spot(20, 20), steps=3)
    opened.page.mouse.up()
    opened.wait()
    np.testing.assert_array_equal(opened.read("drawing"), before)


def test_a_late_sample_does_not_replace_a_drawing(browser: Any, url: str) -> None:
    with opened_page(browser, url, LATE_SAMPLES, ready=False) as opened:
        opened.page.get_by_text("door", exact=True).click()
        opened.drag((4, 4), (9, 4))
        opened.page.locator("#samples img").last.evaluate("image => image.decode()")
        drawn = opened.read("drawing")
        assert tuple(drawn[4, 6]) == PALETTE["door"]
        assert tuple(drawn[31, 31]) == PALETTE["sky"]
        assert opened.read("result").std() > 0


def test_without_samples_the_empty_drawing_is_translated(browser: Any, url: str) -> None:
    gone = LATE_SAMPLES.replace("await started", "return new Response('', {status: 404})")
    with opened_page(browser, url, gone) as opened:
        assert (opened.read("drawing") == PALETTE["sky"]).all()
        assert opened.read("result").std() > 0
        assert opened.page.get_by_role("button", name="Both").is_enabled()


def test_brush_fill_eraser_and_clear_keep_exact_colours(opened: OpenPage) -> None:
    press = opened.page.keyboard.press
    opened.page.get_by_role("button", name="Clear").click()
    opened.wait()
    assert (opened.read("drawing") == PALETTE["sky"]).all()
    opened.page.get_by_text("plant", exact=True).click()
    press("b")
    opened.drag((0, 16), (31, 20))
    press("f")
    opened.page.get_by_text("roof", exact=True).click()
    opened.drag((3, 31), (3, 31))
    drawn = opened.read("drawing")
    colours, counts = np.unique(drawn.reshape(-1, 3), axis=0, return_counts=True)
    expected = sorted(PALETTE[name] for name in ("sky", "plant", "roof"))
    assert [tuple(colour) for colour in colours.tolist()] == expected
    assert counts.min() > 100
    assert tuple(drawn[31, 31]) == PALETTE["roof"]
    press("e")
    opened.drag((16, 31), (16, 31))
    assert tuple(opened.read("drawing")[31, 16]) == PALETTE["sky"]


def test_drawing_works_with_the_keyboard_alone(opened: OpenPage) -> None:
    opened.page.keyboard.press("Delete")
    opened.page.keyboard.press("r")
    opened.page.keyboard.press("4")
    opened.page.locator("#drawing").focus()
    for key in ("Space", "Shift+ArrowRight", "ArrowDown", "Space", "ArrowDown"):
        opened.page.keyboard.press(key)
    opened.wait()
    drawn = (opened.read("drawing") == PALETTE["door"]).all(axis=2)
    assert drawn[16:18, 16:25].all()
    assert drawn.sum() == 18


def test_files_get_the_colours_of_the_palette_and_are_saved(
    opened: OpenPage, tmp_path: Path
) -> None:
    labels = np.full((64, 128, 3), PALETTE["wall"], np.uint8)
    labels[16:40, 48:72] = PALETTE["door"]
    Image.fromarray(labels).save(tmp_path / "x.jpg", quality=80)
    opened.page.locator("#file").set_input_files(tmp_path / "x.jpg")
    opened.wait()
    drawn = opened.read("drawing")
    door = (drawn == PALETTE["door"]).all(axis=2)
    assert door[8:20, 8:20].all()
    assert door.sum() == 144
    assert (drawn[~door] == PALETTE["wall"]).all()
    for button, canvas in (("Input", "drawing"), ("Result", "result")):
        with opened.page.expect_download() as saved:
            opened.page.get_by_role("button", name=button).click()
        saved.value.save_as(tmp_path / "saved.png")
        assert saved.value.suggested_filename.startswith("house_")
        np.testing.assert_array_equal(
            np.asarray(Image.open(tmp_path / "saved.png").convert("RGB")), opened.read(canvas)
        )


def test_the_input_half_of_a_training_pair_is_loaded(
    opened: OpenPage, tmp_path: Path
) -> None:
    pair = np.full((SIDE, 2 * SIDE, 3), 128, np.uint8)
    pair[:, SIDE:] = PALETTE["door"]
    Image.fromarray(pair).save(tmp_path / "x.png")
    opened.page.locator("#file").set_input_files(tmp_path / "x.png")
    opened.wait()
    assert (opened.read("drawing") == PALETTE["door"]).all()


def test_both_images_are_saved_side_by_side_as_one(opened: OpenPage, tmp_path: Path) -> None:
    with opened.page.expect_download() as saved:
        opened.page.get_by_role("button", name="Both").click()
    assert saved.value.suggested_filename == "house_both.png"
    saved.value.save_as(tmp_path / "both.png")
    both = np.hstack([opened.read("drawing"), opened.read("result")])
    written = np.asarray(Image.open(tmp_path / "both.png").convert("RGB"))
    np.testing.assert_array_equal(written, both)


def test_a_file_that_is_not_an_image_is_reported(opened: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"not an image")
    before = opened.read("drawing")
    opened.page.locator("#file").set_input_files(tmp_path / "x.png")
    opened.page.get_by_text("x.png is not an image").wait_for()
    np.testing.assert_array_equal(opened.read("drawing"), before)


def test_samples_are_loaded(opened: OpenPage) -> None:
    first = opened.read("drawing")
    opened.page.locator("#samples button").nth(1).click()
    opened.wait()
    assert (opened.read("drawing") != first).any()
    opened.page.evaluate("Math.random = () => 0")
    opened.page.get_by_role("button", name="Random").click()
    opened.wait()
    np.testing.assert_array_equal(opened.read("drawing"), first)


def test_a_phone_accepts_touch_and_does_not_scroll_sideways(
    browser: Any, url: str
) -> None:
    phone: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    with opened_page(browser, url, **phone) as opened:
        assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
        opened.page.get_by_text("plant", exact=True).tap()
        opened.page.evaluate("scrollTo(0, 0)")
        opened.page.touchscreen.tap(*opened.spot(16, 10))
        opened.wait()
        assert tuple(opened.read("drawing")[10, 16]) == PALETTE["plant"]


def test_an_error_of_the_server_is_shown_until_it_succeeds(opened: OpenPage) -> None:
    answer = {"status": 503, "body": '{"error": "too many"}', "content_type": "application/json"}
    opened.page.route("**/translate*", lambda route: route.fulfill(**answer))
    draw_rectangle_of_windows(opened)
    assert opened.page.get_by_role("alert").inner_text() == "too many"
    opened.page.unroute("**/translate*")
    opened.page.route("**/translate*", lambda route: route.abort())
    opened.page.keyboard.press("Control+z")
    opened.wait()
    assert "is it still running" in opened.page.get_by_role("alert").inner_text()
    opened.page.unroute("**/translate*")
    opened.page.keyboard.press("Control+Shift+z")
    opened.wait()
    assert opened.page.get_by_role("alert").inner_text() == ""


def test_a_stopped_server_is_reported(opened: OpenPage) -> None:
    opened.page.route("**/translate*", lambda route: route.abort())
    draw_rectangle_of_windows(opened)
    assert "is it still running?" in opened.page.get_by_role("alert").inner_text()


@pytest.mark.parametrize("event", [
    "new ClipboardEvent('paste', {clipboardData: carried})",
    "new DragEvent('drop', {dataTransfer: carried})",
])
def test_a_link_is_refused(opened: OpenPage, event: str) -> None:
    carried = "const carried = new DataTransfer(); carried.setData('text/uri-list', 'http://x/y');"
    opened.page.evaluate(f"() => {{ {carried} dispatchEvent({event}); }}")
    opened.page.get_by_text("That is not an image but a link").wait_for()


def test_a_phone_shows_messages_inside_its_window(browser: Any, url: str) -> None:
    with opened_page(browser, url, viewport={"width": 390, "height": 600}) as opened:
        opened.page.locator("#file").set_input_files(
            {"name": "x.png", "mimeType": "image/png", "buffer": b"not an image"}
        )
        message = opened.page.get_by_text("x.png is not an image")
        message.wait_for()
        assert opened.page.evaluate("document.documentElement.scrollHeight") > 600
        box = message.bounding_box()
        assert 0 <= box["y"] <= 600 - box["height"]


def test_a_low_window_shows_the_palette_beside_the_whole_canvas(browser: Any, url: str) -> None:
    with opened_page(browser, url, viewport={"width": 844, "height": 390}) as opened:
        canvas, palette = (opened.page.locator(selector).bounding_box()["height"]
                           for selector in ("#drawing", "#palette"))
        assert palette >= canvas


def test_a_slow_start_is_shown(browser: Any, url: str) -> None:
    page = browser.new_page()
    held: list[Any] = []
    page.route("**/translate*", lambda route: held.append(route))
    page.goto(url)
    page.wait_for_selector("body[data-state=busy]")
    words = "getComputedStyle(document.getElementById('time'), '::before').content"
    assert "Loading" in page.evaluate(words)
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    page.wait_for_selector("body[data-state=idle]")
    assert page.evaluate(words) == "none"
    page.close()


def test_the_token_comes_from_the_address(
    browser: Any, engine: Engine, demo_run: Path
) -> None:
    app = create_app(engine, describe(engine, demo_run), Limits(), token="secret")
    with served(app) as url:
        with opened_page(browser, f"{url}#token=secret") as opened:
            assert opened.read("result").std() > 0
            assert opened.page.locator("#samples img").first.evaluate(
                "image => image.decode().then(() => image.naturalWidth)") == SIDE
        with opened_page(browser, url) as opened:
            assert "token" in opened.page.get_by_role("alert").inner_text()
        with opened_page(browser, f"{url}docs#token=secret", ready=False) as opened:
            opened.page.get_by_text("Translate an image.").wait_for()
            assert opened.page.get_by_role("link", name="here").evaluate("it => it.hash") == (
                "#token=secret")
        with opened_page(browser, f"{url}docs", ready=False) as opened:
            opened.page.get_by_text("Failed to load API definition").wait_for()


# Other kinds of input


def test_a_two_way_model_changes_its_direction_and_uses_the_camera(
    browser: Any, demo_run: Path, tmp_path: Path
) -> None:
    root = demo_run.parents[1] / "demo"
    run = train_run(tmp_path, root, "--model cycle_gan --max_dataset_size 2")
    engine = Engine.load(run, device="cpu")
    with (
        served(create_app(engine, describe(engine, run), Limits())) as url,
        opened_page(browser, url, CAMERA) as opened,
    ):
        page = opened.page
        assert page.locator("body").get_attribute("data-kind") == "photo"
        assert page.get_by_role("button", name="Brush").count() == 0
        page.get_by_role("button", name="Camera").click()
        for _ in range(500):
            if opened.read("drawing")[0, 0, 1] == 0xCC:
                break
            page.wait_for_timeout(20)  # the page's CSP forbids Playwright's wait_for_function
        else:
            pytest.fail("no frame of the camera arrived")
        page.get_by_role("button", name="Camera").click()
        opened.wait()
        np.testing.assert_array_equal(
            opened.read("result"), engine.translators["AtoB"](opened.read("drawing"))
        )
        page.get_by_text("B to A").click()
        opened.wait()
        page.get_by_role("button", name="Brush").wait_for()
        assert page.get_by_role("button", name="Camera").count() == 0
        np.testing.assert_array_equal(
            opened.read("result"), engine.translators["BtoA"](opened.read("drawing"))
        )


def test_edges_are_drawn_with_a_pencil(browser: Any, engine: Engine) -> None:
    edges = DirectionDescription(DirectionInfo("BtoA", "edges", [], 0, None, []))
    app = create_app(engine, RunDescription("edges", (SIDE, SIDE), [edges]), Limits())
    with served(app) as url, opened_page(browser, url) as opened:
        assert (opened.read("drawing") == 255).all()
        opened.page.get_by_role("button", name="Pencil").click()
        opened.drag((4, 4), (20, 12))
        drawn = opened.read("drawing")
        assert np.unique(drawn).tolist() == [0, 255]
        assert (drawn == 0).all(axis=2).sum() == 17


def test_an_empty_page_for_photos_opens_a_file_by_a_click(
    browser: Any, engine: Engine, tmp_path: Path
) -> None:
    photos = DirectionDescription(DirectionInfo("BtoA", "photo", [], 0, None, []))
    app = create_app(engine, RunDescription("photos", (SIDE, SIDE), [photos]), Limits())
    Image.new("RGB", (SIDE, SIDE), "teal").save(tmp_path / "teal.png")
    with served(app) as url, opened_page(browser, url) as opened:
        with opened.page.expect_file_chooser() as chooser:
            opened.page.locator("#drawing").click()
        chooser.value.set_files(tmp_path / "teal.png")
        opened.page.wait_for_selector("body:not([data-empty])")
        opened.wait()
        assert (opened.read("drawing") == (0, 128, 128)).all()


# Without a server


@pytest.fixture(scope="module")
def site(
    engine: Engine, demo_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from serving.onnxruntime_web import runtime_files
    from serving.static_site import write_site

    try:
        runtime_files()
    except (FileNotFoundError, ConnectionError) as error:
        pytest.skip(str(error))
    description = replace(describe(engine, demo_run), name="house")
    folder = tmp_path_factory.mktemp("site")
    write_site(folder, engine, description, epoch="latest", run_dir=demo_run)
    with hosted(folder) as url:
        yield url


def test_a_static_site_gives_the_same_images(browser: Any, engine: Engine, site: str) -> None:
    with opened_page(browser, site) as opened:
        before = opened.read("result")
        draw_rectangle_of_windows(opened)
        made = opened.read("result")
        assert (made != before).any()
        wanted = engine.translators["BtoA"](opened.read("drawing"))
        assert np.abs(made.astype(int) - wanted.astype(int)).max() <= 2


def test_a_failed_download_of_the_network_is_repeated(browser: Any, site: str) -> None:
    page = browser.new_page()
    page.route("**/*.onnx", lambda route: route.fulfill(status=503))
    page.goto(site)
    alert = page.get_by_role("alert")
    page.get_by_text("BtoA.onnx answered 503").wait_for()
    page.unroute("**/*.onnx")
    page.keyboard.press("Delete")
    page.get_by_text("Translated in").wait_for()
    assert alert.inner_text() == ""
    page.close()


def test_a_browser_that_cannot_run_the_network_shows_an_error(browser: Any, site: str) -> None:
    page = browser.new_page()
    page.route("**/ort.js", lambda route: route.abort())
    page.goto(site)
    page.get_by_text("the network cannot run here").wait_for()
    page.wait_for_selector("body[data-state=idle]")
    page.keyboard.press("Delete")
    page.wait_for_selector("body[data-state=idle]")
    page.close()


def test_the_page_opened_as_a_file_asks_for_a_web_server(browser: Any) -> None:
    page = browser.new_page()
    page.goto((PAGE / "index.html").as_uri())
    words = page.get_by_text("it needs a web server")
    assert not words.is_visible()
    page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")
    assert words.is_visible()
    page.close()
