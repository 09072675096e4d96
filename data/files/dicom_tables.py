"""Lookup tables in DICOM files: of numbers, and of colours.

PS3.3 of the DICOM standard: C.7.6.3.1.5 and 6 (palettes), C.7.9.2 (segments), C.11.1 (modality).
The functions of pydicom 3.0 for them overflow if a table of 8-bit entries has more than 256, and
read the offsets of indirect segments as positions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from data.files.pillow_files import PictureError

Array = npt.NDArray[Any]
_COLOURS = ("Red", "Green", "Blue", "Alpha")
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


@dataclass(frozen=True)
class Table:
    """The first of ``entries`` replaces ``first`` and smaller numbers, the last one larger ones.

    ``entries``: uint8 or uint16. ``bits``: how many of them are used.
    """

    first: int
    entries: Array
    bits: int
    unit: str = ""

    def __call__(self, stored: Array) -> Array:
        """Map stored numbers of any shape to entries."""
        found: Array = self.entries[
            np.clip(stored.astype(np.int64) - self.first, 0, len(self.entries) - 1)
        ]
        return found

    def inverted(self, stored: Array) -> Array:
        """Return the entries subtracted from the highest number of their bits."""
        highest: Array = self.entries.dtype.type(2**self.bits - 1) - self(stored)
        return highest


def colours_of(stored: Array, data: Any) -> Array:
    """Map numbers of a palette, of any shape, to [..., 3 or 4]: uint8, or uint16 where needed.

    Raises:
        PictureError: the palette is missing, or damaged.
    """
    tables = [_colour_table(data, colour) for colour in _COLOURS
              if colour != "Alpha" or f"{colour}PaletteColorLookupTableDescriptor" in data]
    entries = [table.entries for table in tables]
    if len({array.dtype for array in entries}) > 1:
        raise refusal(data, "its palette has 8 and 16 bits", "export it as RGB")
    for factor in (257, 256):  # the two ways in which programs write 8 bits into 16
        if entries[0].dtype == np.uint16 and not any((array % factor).any() for array in entries):
            entries = [(array // factor).astype(np.uint8) for array in entries]
    mapped = [Table(table.first, array, 8)(stored)
              for table, array in zip(tables, entries, strict=True)]
    return np.stack(mapped, axis=-1)


def table_of(item: Any, data: Any) -> Table:
    """Return the only item of a Modality LUT Sequence.

    Raises:
        PictureError: it is damaged.
    """
    return _table(data, item.LUTDescriptor, item.LUTData, unit=item.get("ModalityLUTType") or "")


def refusal(data: Any, found: str, way_out: str) -> PictureError:
    """Return an error for a file whose numbers cannot be interpreted."""
    return PictureError(f"{data.filename}: {found}; {way_out}")


def _colour_table(data: Any, colour: str) -> Table:
    descriptor = data.get(f"{colour}PaletteColorLookupTableDescriptor")
    entries = data.get(f"{colour}PaletteColorLookupTableData")
    segments = data.get(f"Segmented{colour}PaletteColorLookupTableData")
    if descriptor is None or (entries is None and segments is None):
        raise refusal(data, f"PhotometricInterpretation is PALETTE COLOR, but {colour}Palette"
                            "ColorLookupTableDescriptor or ...Data is missing",
                      "without the palette the colours are unknown; export the file as RGB")
    return _table(data, descriptor, segments if entries is None else entries,
                  segmented=entries is None)


def _table(
    data: Any, descriptor: Sequence[int], content: Any, *, segmented: bool = False, unit: str = ""
) -> Table:
    count, first, bits = (int(number) for number in descriptor)
    count = count % 65536 or 65536
    # The second number is signed as the pixels are, but files often give it the other type.
    first = (first + 32768) % 65536 - 32768 if data.get("PixelRepresentation") else first % 65536
    words = _words(content, data)
    packed = words.astype("<u2").view(np.uint8)
    if not 8 <= bits <= 16:
        raise refusal(data, f"a lookup table has {bits} bits an entry", "8 to 16 are defined")
    if segmented:
        segments = (words if bits > 8 else packed).tolist()
        words = np.array([*islice(_expand(segments, wide=bits > 8), count)])
    elif len(words) < count <= len(packed):  # two entries of 8 bits in a word
        words, bits = packed, 8
    if len(words) < count or words.max() >= 2**bits:
        raise refusal(data, f"a lookup table of {count} entries of {bits} bits has {len(words)} "
                            f"entries up to {words.max(initial=0)}", "it is damaged")
    return Table(first, words[:count].astype(np.uint8 if bits == 8 else np.uint16), bits, unit)


def _words(content: Any, data: Any) -> Array:
    """Return the 16-bit words of a table, which pydicom decodes only if their VR is US."""
    if not isinstance(content, bytes):
        return np.atleast_1d(np.asarray(content)).astype(np.uint16)
    little = data.original_encoding[1]
    return np.frombuffer(content + b"\0" * (len(content) % 2), "<u2" if little else ">u2")


def _expand(segments: list[int], *, wide: bool) -> Iterator[int]:
    """Yield the entries of segments (C.7.9.2). ``wide``: of 16-bit words."""
    base, size = (65536, 2) if wide else (256, 4)  # an offset is a number of ``size`` digits
    last = 0
    todo = [(0, len(segments))]  # position, and how many segments to read from there
    while todo:
        at, remaining = todo.pop()
        if not remaining or at + 2 > len(segments):
            continue
        kind, count = segments[at : at + 2]
        at += 2
        if not count:
            return  # padding at the end; damaged files could repeat such segments for hours
        values: list[int] = []
        if kind == _DISCRETE:
            values, at = segments[at : at + count], at + count
        elif kind == _LINEAR:
            values = np.linspace(last, segments[at], count + 1)[1:].round().astype(int).tolist()
            at += 1
        elif kind == _INDIRECT and len(todo) < 2:
            offset = sum(digit * base**n for n, digit in enumerate(segments[at : at + size]))
            todo += [(at + size, remaining - 1), (offset // (2 if wide else 1), count)]
        else:
            raise ValueError(f"a segmented palette has a segment of type {kind}")
        if kind != _INDIRECT:
            todo.append((at, remaining - 1))
        yield from values
        last = values[-1] if values else last
