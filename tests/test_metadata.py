"""What an output gets of its input beside the pixels: place on earth, colours, resolution."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from data.checking.sample_check import check_sample
from data.files.image_io import read_image, write_image
from data.files.metadata import Metadata
from data.files.raster import Pixels
from data.files.side import Side
from data.files.source import Source
from data.files.tags.read_tags import colour_chunks, read_metadata
from data.record import record_formats
from display.images import save_picture
from inference.conversions import as_type_of

KEYS = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
GEO = [(33550, "d", 3, (0.5, 0.5, 0.0), True),
       (33922, "d", 6, (0, 0, 0, 500000.0, 4600000.0, 0), True),
       (34735, "H", 16, KEYS, True), (34736, "d", 2, (6378137.0, 298.25), True),
       (34737, "s", 0, "WGS 84 / UTM zone 33N|", True)]
GDAL = ('<GDALMetadata><Item name="DATE">2026</Item><Item name="STATISTICS_MEAN">7</Item>'
        '<Item name="OFFSET" sample="0" role="offset">3</Item></GDALMetadata>')
WORLD = b"0.5\n0\n0\n-0.5\n500000.25\n4599999.75\n"


def picture(dtype: str = "uint8", channels: int = 3) -> Pixels:
    return np.arange(8 * 12 * channels).reshape(8, 12, channels).astype(dtype)


def profile(space: str = "RGB ", name: bytes = b"sRGB") -> bytes:
    """Return a profile of the kind ``space``; ``name`` makes it differ from others."""
    icc = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    icc[16:20] = space.encode()
    return bytes(icc).replace(b"s\0R\0G\0B", b"\0".join(bytes([c]) for c in name[:4]))


def tags_of(path: Path) -> dict[int, object]:
    with tifffile.TiffFile(path) as tiff:
        return {tag.code: tag.value for tag in tiff.pages.first.tags}


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.tif"
    tifffile.imwrite(path, picture(), photometric="rgb", iccprofile=profile(),
                     resolution=(300, 150), resolutionunit="INCH",
                     extratags=[*GEO, (42112, "s", 0, GDAL, True), (42113, "s", 0, "0", True)])
    return path


@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 3), ("float32", 1), ("uint16", 3)])
def test_a_tiff_of_equal_size_keeps_the_place(
    dtype: str, channels: int, scene: Path, tmp_path: Path
) -> None:
    metadata = read_metadata(scene, (12, 8))
    write_image(picture(dtype, channels), tmp_path / "out.tif", metadata)
    given, made = tags_of(scene), tags_of(tmp_path / "out.tif")
    assert {code: made[code] for code, *_ in GEO} == {code: given[code] for code, *_ in GEO}
    kept = str(made[42112])
    assert '<Item name="DATE">2026</Item>' in kept
    assert kept.count("<Item") == 1
    assert (made.get(34675) == profile()) == (channels == 3)
    assert made[282] == (300, 1)
    assert made[283] == (150, 1)


@pytest.mark.parametrize(("size", "whole"), [((6, 4), True), ((12, 8), False)])
def test_another_size_or_part_has_no_place(
    size: tuple[int, int], whole: bool, scene: Path, tmp_path: Path
) -> None:
    metadata = read_metadata(scene, size, whole=whole)
    write_image(picture(), tmp_path / "out.tif", metadata)
    assert not {33550, 33922, 34735} & tags_of(tmp_path / "out.tif").keys()
    assert metadata.icc


def test_a_turned_tiff_has_no_place(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", picture(), photometric="rgb",
                     extratags=[*GEO, (274, "H", 1, 3, True)])
    assert read_metadata(tmp_path / "x.tif", (12, 8)).geo == ()


@pytest.mark.parametrize(("turn", "wanted"), [(3, (300, 150)), (6, (150, 300))])
def test_a_turned_image_keeps_its_resolution(
    turn: int, wanted: tuple[int, int], tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x112] = turn
    Image.fromarray(picture()).save(tmp_path / "x.jpg", dpi=(300, 150), exif=exif)
    tifffile.imwrite(tmp_path / "x.tif", picture(), photometric="rgb", resolution=(300, 150),
                     resolutionunit="INCH", extratags=[(274, "H", 1, turn, True)])
    for name in ("x.jpg", "x.tif"):
        assert read_metadata(tmp_path / name, (8, 12)).dpi == wanted


def test_targets_of_mixed_formats_are_recorded_as_tiff(tmp_path: Path) -> None:
    for name in ("1.npy", "2.tif"):
        write_image(picture()[:, :, :1].astype(np.float32), tmp_path / name)
    sources = [Source((tmp_path / name,)) for name in ("1.npy", "2.tif")]
    assert record_formats({"B": sources}).formats["B"].extension == ".tif"
    assert record_formats({"B": sources[:1]}).formats["B"].extension == ".npy"


@pytest.mark.parametrize(("given", "made", "names"), [
    ("a.png", "out/a.png", ["a.pgw"]), ("a.jpg", "out/a.tif", ["a.tfw"]),
    ("a.png", "out/a.jpg", ["a.jgw"]),
])
def test_world_files_are_copied(given: str, made: str, names: list[str], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_image(picture(), tmp_path / given)
    (tmp_path / given).with_suffix(".wld").write_bytes(WORLD)
    (tmp_path / "a.prj").write_bytes(b"PROJCS[]")
    (tmp_path / f"{given}.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:32633</SRS><GeoTransform>1,2</GeoTransform>"
        "<PAMRasterBand>statistics</PAMRasterBand></PAMDataset>")
    write_image(picture(), tmp_path / made, read_metadata(tmp_path / given, (12, 8)))
    out = tmp_path / "out"
    others = {"a.prj", Path(made).name, f"{Path(made).name}.aux.xml"}
    assert {path.name for path in out.iterdir()} == {*names, *others}
    assert (out / names[0]).read_bytes() == WORLD
    kept = (out / f"{Path(made).name}.aux.xml").read_text()
    assert "EPSG:32633" in kept
    assert "statistics" not in kept
    assert read_metadata(tmp_path / given, (6, 4)).world == ()


@pytest.mark.parametrize("given", ["a.png", "a.jpg", "a.tif", "a.webp"])
@pytest.mark.parametrize(("made", "dtype"), [("b.png", "uint8"), ("b.png", "uint16"),
                                             ("b.jpg", "uint8"), ("b.tif", "uint16"),
                                             ("b.webp", "uint8")])
def test_profiles_travel(given: str, made: str, dtype: str, tmp_path: Path) -> None:
    icc = profile()
    Image.fromarray(picture()).save(tmp_path / given, icc_profile=icc, dpi=(300, 300))
    metadata = read_metadata(tmp_path / given, (12, 8))
    write_image(picture(dtype), tmp_path / made, metadata)
    if made == "b.tif":
        assert tags_of(tmp_path / made)[34675] == icc
    else:
        with Image.open(tmp_path / made) as image:
            image.load()
            assert image.info["icc_profile"] == icc
    if made != "b.jpg":
        assert np.array_equal(read_image(tmp_path / made).pixels, picture(dtype))
    if given != "a.webp" and made not in ("b.webp", "b.tif"):
        with Image.open(tmp_path / made) as image:
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize(("space", "channels", "fits"), [
    ("RGB ", 1, False), ("GRAY", 1, True), ("GRAY", 3, False), ("CMYK", 3, False),
    ("RGB ", 3, True),
])
def test_a_profile_is_written_only_if_it_fits(space: str, channels: int, fits: bool) -> None:
    metadata = Metadata(icc=profile(space))
    assert bool(metadata.icc_for(picture("uint8", channels))) == fits
    assert not metadata.icc_for(picture("float32", channels))


def test_gamma_and_primaries_of_a_png_travel(tmp_path: Path) -> None:
    chroma = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
    write_image(picture(), tmp_path / "a.png", Metadata(gamma=0.55, chromaticity=chroma))
    write_image(picture(), tmp_path / "b.png", read_metadata(tmp_path / "a.png", (12, 8)))
    with Image.open(tmp_path / "b.png") as image:
        image.load()
        assert image.info["gamma"] == 0.55
        assert image.info["chromaticity"] == chroma


def test_the_page_shows_the_colours_of_the_file(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.jpg", icc_profile=profile())
    save_picture(picture(), tmp_path / "b.png", chunks=colour_chunks(tmp_path / "a.jpg", picture()))
    with Image.open(tmp_path / "b.png") as image:
        assert image.info["icc_profile"] == profile()


def test_an_image_of_pil_keeps_its_profile() -> None:
    image = Image.fromarray(picture())
    image.info["icc_profile"] = profile()
    assert as_type_of(image, [picture()]).info["icc_profile"] == profile()
    assert "icc_profile" not in as_type_of(image, [picture("uint8", 1)]).info


def test_cmyk_without_a_usable_profile_is_converted_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "x.tif", icc_profile=b"no profile")
    assert read_image(tmp_path / "x.tif").pixels[0, 0].tolist() == [255, 0, 0]
    assert "profile of a CMYK image cannot be used" in caplog.text


def test_different_profiles_give_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, icc in (("a", profile()), ("b", b""), ("c", profile())):
        Image.fromarray(picture()).save(tmp_path / f"{name}.png", icc_profile=icc)
    rows = [(Source((tmp_path / f"{name}.png",)),) for name in "abc"]
    check_sample([Side("A", 3)], rows)
    lines = [record.message for record in caplog.records if "profile" in record.message]
    assert len(lines) == 1
    assert "2 sRGB" in lines[0]
    assert "1 without a profile" in lines[0]
    caplog.clear()
    check_sample([Side("A", 3)], rows[::2])
    check_sample([Side("A", 3), Side("B", 3)], [rows[0] + rows[1], rows[2] + rows[1]])
    assert "profile" not in caplog.text


def test_a_file_that_pillow_cannot_open_has_no_metadata(tmp_path: Path) -> None:
    (tmp_path / "x.jp2").write_bytes(b"other decoders may read this")
    assert read_metadata(tmp_path / "x.jp2", (12, 8)) == Metadata()
