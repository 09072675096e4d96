"""DICOM: stored numbers become real ones, or the file is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_writer import RAMP, dataset, lut, row, slope, write

from data.files.image_io import read_image
from data.files.pillow_files import PictureError


def palette(bits: int, **channels: Any) -> dict[str, Any]:
    """Return the attributes of a palette of 4 entries, or of the entries in ``channels``."""
    size = {8: "u1", 16: "<u2"}[bits]
    attributes: dict[str, Any] = {}
    for colour, entries in channels.items():
        segmented = colour.startswith("Segmented")
        first = colour.removeprefix("Segmented")
        data = np.array(entries, size).tobytes()
        attributes[f"{first}PaletteColorLookupTableDescriptor"] = [
            4 if segmented else len(entries), 3, bits]
        attributes[f"{colour}PaletteColorLookupTableData"] = data + b"\0" * (len(data) % 2)
    return {"PhotometricInterpretation": "PALETTE COLOR", **attributes}


@pytest.mark.parametrize(("bits", "scale"), [(8, 1), (16, 1), (16, 256), (16, 257)])
def test_palettes_become_colours(tmp_path: Path, bits: int, scale: int) -> None:
    red, green, blue = ([scale * n for n in entries] for entries in
                        ([9, 20, 30], [1, 2, 3], [7, 8, 200]))
    path = write(tmp_path / "x.dcm", **palette(bits, Red=red, Green=green, Blue=blue))
    raster = read_image(path)
    assert raster.colour == "rgb"
    # Entries with a full low byte are not 8 bits: they stay as they are.
    assert raster.pixels.dtype == (np.uint16 if bits == 16 and scale == 1 else np.uint8)
    first, second, last = [9, 1, 7], [20, 2, 8], [30, 3, 200]
    assert raster.pixels.reshape(-1, 3)[[0, 3, 4, 5, 11]].tolist() == [
        first, first, second, last, last]


@pytest.mark.parametrize(
    ("bits", "segments", "wanted"),
    [(8, [0, 2, 10, 20, 1, 2, 40], [10, 20, 30, 40]),
     (16, [0, 2, 10, 20, 1, 2, 40], [10, 20, 30, 40]),
     # A segment that repeats one other, which begins at the byte 6 or 3.
     (16, [0, 1, 10, 1, 1, 20, 2, 1, 6, 0, 0, 1, 40], [10, 20, 20, 40]),
     (8, [0, 1, 10, 1, 1, 20, 2, 1, 3, 0, 0, 0, 0, 1, 40], [10, 20, 20, 40])],
)
def test_segmented_palettes_are_expanded(
    tmp_path: Path, bits: int, segments: list[int], wanted: list[int]
) -> None:
    """The segment 1 2 40 goes from the last entry to 40 in 2 steps (PS3.3, C.7.9.2.2)."""
    colours = dict.fromkeys(("SegmentedRed", "SegmentedGreen", "SegmentedBlue"), segments)
    path = write(tmp_path / "x.dcm", **palette(bits, **colours))
    assert read_image(path).pixels.reshape(-1, 3)[3:7, 0].tolist() == wanted


@pytest.mark.parametrize("first", [0, 1, -1])
@pytest.mark.parametrize(("bits", "VR"), [(8, "OW"), (12, "US"), (16, "US")])
def test_modality_tables_are_applied(tmp_path: Path, first: int, bits: int, VR: str) -> None:
    entries = [200, 30, 250, 17]
    stored = RAMP.astype(np.int16)
    item = lut(entries, first, bits, VR=VR)
    path = write(tmp_path / "x.dcm", stored, ModalityLUTSequence=item)
    assert row(path) == [entries[min(max(n - first, 0), 3)] for n in stored.ravel()[:4]]


def test_a_modality_table_of_bytes_may_have_more_than_256_entries(tmp_path: Path) -> None:
    words = np.arange(4096).astype(np.uint8).view("<u2").tolist()  # two entries in a word
    path = write(tmp_path / "x.dcm", RAMP * 300, ModalityLUTSequence=lut(words, 0, 8, count=4096))
    assert row(path) == [0, 300 % 256, 600 % 256, 900 % 256]


def transform(*arguments: float) -> Any:
    return dataset(PixelValueTransformationSequence=dataset(**slope(*arguments)))


def world(slope: float, first: int = 0, last: int = 65535, unit: str = "mm2/s") -> Any:
    return dataset(RealWorldValueSlope=slope, RealWorldValueIntercept=1, LUTLabel=unit,
                   RealWorldValueFirstValueMapped=first, RealWorldValueLastValueMapped=last,
                   MeasurementUnitsCodeSequence=dataset(CodeValue=unit))


CASES: dict[str, tuple[dict[str, Any], list[float]]] = {
    "none": ({}, [0, 1, 2, 3]),
    "slope": (slope(2, -10), [-10, -8, -6, -4]),
    "only an intercept": ({"RescaleIntercept": 5}, [5, 6, 7, 8]),
    "shared": ({"SharedFunctionalGroupsSequence": transform(2, 1)}, [1, 3, 5, 7]),
    "dose": ({"DoseGridScaling": 0.5}, [0, 0.5, 1, 1.5]),
    "fraction": ({"SegmentationType": "FRACTIONAL", "MaximumFractionalValue": 4},
                 [0, 0.25, 0.5, 0.75]),
    "real world": ({"RealWorldValueMappingSequence": world(2)}, [1, 3, 5, 7]),
    "real world and a slope without unit": (
        {**slope(9, RescaleType="US"), "RealWorldValueMappingSequence": world(2)}, [1, 3, 5, 7]),
    "real world and a slope with a unit": (
        {**slope(9, RescaleType="HU"), "RealWorldValueMappingSequence": world(2)}, [0, 9, 18, 27]),
    "real world table": ({"RealWorldValueMappingSequence": dataset(
        RealWorldValueFirstValueMapped=0, RealWorldValueLastValueMapped=11,
        RealWorldValueLUTData=[0.5 * n for n in range(12)])}, [0, 0.5, 1, 1.5]),
    "bright lows": ({"PhotometricInterpretation": "MONOCHROME1"}, [65535, 65534, 65533, 65532]),
    "bright lows of 12 bits": (
        {"PresentationLUTShape": "INVERSE", "BitsStored": 12, "HighBit": 11},
        [4095, 4094, 4093, 4092]),
    "bright lows in a unit": ({**slope(2, -10, RescaleType="HU"),
                               "PhotometricInterpretation": "MONOCHROME1"}, [-10, -8, -6, -4]),
    "bright lows of CT": ({**slope(2), "Modality": "CT", "PresentationLUTShape": "INVERSE"},
                          [0, 2, 4, 6]),
    "bright lows through a table": (
        {"ModalityLUTSequence": lut([1, 2, 3, 4], bits=12),
         "PhotometricInterpretation": "MONOCHROME1"}, [4094, 4093, 4092, 4091]),
    "window": ({"WindowCenter": 2, "WindowWidth": 1}, [0, 1, 2, 3]),
}


@pytest.mark.parametrize("case", CASES)
def test_transforms_to_real_numbers(tmp_path: Path, case: str) -> None:
    attributes, wanted = CASES[case]
    assert row(write(tmp_path / "x.dcm", **attributes)) == wanted


def test_frames_may_have_different_slopes(tmp_path: Path) -> None:
    path = write(tmp_path / "x.dcm", np.stack([RAMP, RAMP]), SharedFunctionalGroupsSequence=[
        transform(5)], PerFrameFunctionalGroupsSequence=[transform(2, 1), dataset()])
    raster = read_image(path)
    assert raster.colour == "bands"
    assert raster.pixels[0, 1].tolist() == [3, 5]


def test_three_grey_frames_are_not_a_colour_image(tmp_path: Path) -> None:
    frames = np.stack([RAMP, RAMP, RAMP]).astype(np.uint8)
    assert read_image(write(tmp_path / "x.dcm", frames)).colour == "bands"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "interpretation": ({"PhotometricInterpretation": "HSV"}, "PhotometricInterpretation is HSV"),
    "no palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, "RedPaletteColorLookupTable"),
    "zero slope": (slope(0), "RescaleSlope is 0"),
    "empty slope": ({"RescaleSlope": None}, "RescaleSlope is empty"),
    "two modalities": ({**slope(2), "ModalityLUTSequence": lut([1])}, "ModalityLUTSequence"),
    "two worlds": ({"RealWorldValueMappingSequence": [world(2), world(3, unit="s")]},
                   r"several items \(mm2/s, s\)"),
    "supplemental": ({"PixelPresentation": "MIXED"}, "PixelPresentation is MIXED"),
    "tiles": ({"TotalPixelMatrixColumns": 99, "TotalPixelMatrixRows": 3}, "tiles"),
    "short table": ({"ModalityLUTSequence": lut([1, 2], count=9)},
                    "a lookup table of 9 entries"),
    "no largest fraction": ({"SegmentationType": "FRACTIONAL"}, "MaximumFractionalValue is empty"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_numbers_without_a_meaning_are_refused(tmp_path: Path, case: str) -> None:
    attributes, wanted = REFUSED[case]
    path = write(tmp_path / "x.dcm", **attributes)
    with pytest.raises(PictureError, match=rf"x\.dcm: .*{wanted}"):
        read_image(path)
