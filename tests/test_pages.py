"""The HTML text of pages of images."""

from pathlib import Path

from read_page import Page

from display.pages.html import Figure, FigureRow, Header, write_page

NAME = "a #1 ü <b>100%.png"


def test_results_page_has_names_sizes_and_links(tmp_path: Path) -> None:
    title = "Experiment = <maps>, Phase = test, Epoch = latest"
    figures = [Figure(f"images/{NAME}", "real_A", 512, 256), Figure("x.png", "fake & B", 64, 64)]
    write_page(tmp_path / "index.html", title, [FigureRow(NAME, [figures])], width=200)
    page = Page(tmp_path / "index.html")
    assert page.texts["title"][0] == page.texts["h1"][0] == title
    assert page.texts["h3"] == [NAME]
    assert page.texts["figcaption"] == ["real_A", "fake & B"]
    encoded = "images/a%20%231%20%C3%BC%20%3Cb%3E100%25.png"
    first, second = page.attributes("img")
    assert first == {
        "src": encoded, "alt": "real_A", "width": "200", "height": "100", "loading": "lazy",
        "decoding": "async",
    }
    assert (second["width"], second["height"]) == ("200", "200")
    assert [link["href"] for link in page.attributes("a")] == [encoded, "x.png"]


def test_page_accepts_file_names_that_are_not_utf8(tmp_path: Path) -> None:
    name = "caf\udce9"
    row = FigureRow(name, [[Figure(f"{name}.png", name, 4, 4)]])
    header = Header(status=name, options={"dataroot": name})
    write_page(tmp_path / "index.html", name, [row], width=4, header=header)
    page = Page(tmp_path / "index.html")
    for tag in ("title", "h1", "p", "td", "h3", "figcaption"):
        assert page.texts[tag][0] == "caf\\udce9", tag
    assert page.attributes("img")[0]["alt"] == "caf\\udce9"
    assert page.sources == ["caf%E9.png"]


def test_options_are_folded_and_escaped(tmp_path: Path) -> None:
    header = Header(options={"name": "<script>alert(1)</script>"})
    write_page(tmp_path / "index.html", "x", [], width=4, header=header)
    page = Page(tmp_path / "index.html")
    assert page.attributes("details") == [{}]
    assert page.texts["td"] == ["<script>alert(1)</script>"]
    assert not page.attributes("script")
