"""Turn the numbers stored in a DICOM file into real ones, frame by frame.

PS3.3 of the DICOM standard: C.11.1 (modality: lookup table, or slope and intercept),
C.7.6.16.2.9 (the same, for each frame of a multi-frame file), C.7.6.16.2.11 (real world values),
C.8.8.3 (dose), C.8.20.2 (segmentations). Windows and presentation tables (C.11.2, C.11.4 to 6)
are for screens: they cut off values, so they are not applied.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.files.dicom_tables import Array, Table, refusal, table_of
from data.files.reading import log_once

_EXPORT = "export the file as TIFF or .npy with the numbers that you want"
# Units that name none, in RescaleType and ModalityLUTType.
_NO_UNIT = ("", "US", "UNSPECIFIED")
# Files of these kinds have the unit even if RescaleType is missing (C.8.2.1.1.5, C.8.9.1.1.3).
_UNIT_OF = {"CT": "HU", "PT": "activity"}


@dataclass(frozen=True)
class Linear:
    """``slope`` * stored number + ``intercept``; NaN outside ``within`` (inclusive)."""

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    within: tuple[float, float] | None = None

    def __call__(self, stored: Array) -> Array:
        real = stored.astype(np.float64) * self.slope + self.intercept
        if self.within:
            real[(stored < self.within[0]) | (stored > self.within[1])] = np.nan
        return real.astype(np.float32)


@dataclass(frozen=True)
class RealTable:
    """Real numbers for the stored ``first``, ``first`` + 1, ...; NaN outside."""

    first: int
    entries: tuple[float, ...]
    unit: str = ""

    def __call__(self, stored: Array) -> Array:
        index = stored.astype(np.int64) - self.first
        known = (index >= 0) & (index < len(self.entries))
        entries = np.asarray(self.entries, np.float32)
        return np.where(known, entries[np.where(known, index, 0)], np.float32(np.nan))


Mapping = Linear | Table | RealTable


def real_values(stored: Array, data: Any) -> Array:
    """Return grey frames [F, H, W] in real numbers; integers if the file has no transform.

    If low numbers are bright (MONOCHROME1) and have no unit, they are inverted within their range.

    Raises:
        PictureError: a transform is incomplete, ambiguous or unknown; the message names it.
    """
    if data.get("SegmentationType") == "FRACTIONAL":
        return Linear(1 / _number(data, "MaximumFractionalValue", data))(stored)
    if "DoseGridScaling" in data:
        return Linear(_number(data, "DoseGridScaling", data), unit="GY")(stored)
    mappings = [_mapping(data, _groups(data, frame, len(stored))) for frame in range(len(stored))]
    if len({mapping is None for mapping in mappings}) > 1:
        frame = mappings.index(None) + 1
        raise refusal(data, f"frame {frame} has no PixelValueTransformationSequence, others have",
                      _EXPORT)
    frames = [_apply(mapping, frame, data) for mapping, frame in zip(mappings, stored, strict=True)]
    if data.get("BitsStored") == 1:
        return 255 * np.stack(frames)
    return np.stack(frames)


def padding_of(stored: Array, data: Any) -> Array | None:
    """Return where frames have no value, bool [F, H, W] (C.7.5.1.1.2); None if they have all."""
    kind = {"float32": "Float", "float64": "DoubleFloat"}.get(stored.dtype.name, "")
    value = data.get(f"{kind}PixelPaddingValue")
    if value is None:
        return None
    limit = data.get(f"{kind}PixelPaddingRangeLimit", value)
    low, high = sorted(_as_stored(number, data) for number in (value, limit))
    found: Array = (stored >= low) & (stored <= high)
    return found if found.any() else None


def refuse_transform(data: Any) -> None:
    """Raise PictureError if a colour image has a transform, which is defined for grey ones only."""
    if _modality(data, data) not in (None, Linear()):
        raise refusal(data, f"it is {data.PhotometricInterpretation} with ModalityLUTSequence or "
                            "RescaleSlope, which belong to grey images", _EXPORT)


def _groups(data: Any, frame: int, count: int) -> list[Any]:
    """Return the datasets that describe a frame, the most specific one first."""
    per_frame = data.get("PerFrameFunctionalGroupsSequence") or []
    if per_frame and len(per_frame) < count:
        raise refusal(data, f"{count} frames, but PerFrameFunctionalGroupsSequence describes "
                            f"{len(per_frame)}", "it is damaged; " + _EXPORT)
    shared = data.get("SharedFunctionalGroupsSequence") or []
    return [*per_frame[frame : frame + 1], *shared[:1], data]


def _mapping(data: Any, groups: list[Any]) -> Mapping | None:
    """Return the transform to the numbers with a unit, if there are several."""
    items = [item for group in groups for item in group.get("PixelValueTransformationSequence", [])]
    modality = _modality((items or [data])[0], data)
    worlds = [group.RealWorldValueMappingSequence for group in groups
              if group.get("RealWorldValueMappingSequence")]
    if not worlds:
        return modality
    if modality is not None and modality.unit not in _NO_UNIT:
        log_once("DICOM files have RealWorldValueMappingSequence beside the rescale slope; the "
                 "numbers of the slope are used (%s)", modality.unit, key=("unit", modality.unit),
                 level=logging.INFO)
        return modality
    found = [_real_world(item, data) for item in worlds[0]]
    if len({(*vars(mapping).values(),) for mapping in found}) > 1:
        labels = ", ".join(str(item.get("LUTLabel", "?")) for item in worlds[0])
        raise refusal(data, f"RealWorldValueMappingSequence has several items ({labels})",
                      "keep the wanted one, or " + _EXPORT)
    return found[0]


def _modality(item: Any, data: Any) -> Linear | Table | None:
    """Return the modality transform of ``item``, a part of ``data`` or the whole (C.11.1)."""
    tables = item.get("ModalityLUTSequence") or []
    linear = "RescaleSlope" in item or "RescaleIntercept" in item
    slope = _number(item, "RescaleSlope", data) if "RescaleSlope" in item else 1.0
    intercept = _number(item, "RescaleIntercept", data) if "RescaleIntercept" in item else 0.0
    if len(tables) > 1 or (tables and (slope, intercept) != (1, 0)):
        raise refusal(data, f"ModalityLUTSequence has {len(tables)} items, RescaleSlope is "
                            f"{slope:g}, RescaleIntercept is {intercept:g}; only one transform may "
                            "be there", _EXPORT)
    if tables:
        return table_of(tables[0], data)
    unit = item.get("RescaleType") or _UNIT_OF.get(data.get("Modality", ""), "")
    return Linear(slope, intercept, unit) if linear else None


def _real_world(item: Any, data: Any) -> Linear | RealTable:
    codes = item.get("MeasurementUnitsCodeSequence") or [{}]
    unit = str(codes[0].get("CodeValue", "1"))
    limits = [item.get(f"DoubleFloatRealWorldValue{end}ValueMapped",
                       item.get(f"RealWorldValue{end}ValueMapped")) for end in ("First", "Last")]
    entries = item.get("RealWorldValueLUTData")
    if entries is not None:
        return RealTable(_as_stored(limits[0], data), tuple(np.atleast_1d(entries).tolist()), unit)
    within = None if None in limits else tuple(_as_stored(limit, data) for limit in limits)
    return Linear(_number(item, "RealWorldValueSlope", data),
                  float(item.get("RealWorldValueIntercept", 0)), unit, within)


def _as_stored(limit: Any, data: Any) -> Any:
    """Return a limit with the sign of the pixels; files often give it the other integer type."""
    if isinstance(limit, float) or data.get("PixelRepresentation") is None:
        return limit
    if data.PixelRepresentation and data.BitsAllocated == 16:
        return (limit + 32768) % 65536 - 32768
    return limit % 65536 if limit < 0 else limit


def _number(item: Any, name: str, data: Any) -> float:
    """Return an attribute that scales the numbers."""
    value = item.get(name)
    wrong = value in (None, "") or not np.isfinite(float(value))
    if wrong or (float(value) == 0 and name != "RescaleIntercept"):
        raise refusal(data, f"{name} is {'empty' if value in (None, '') else value}",
                      "without it the numbers have no meaning; correct it, or leave the file out")
    return float(value)


def _apply(mapping: Mapping | None, frame: Array, data: Any) -> Array:
    """Return one frame in real numbers, with high numbers bright unless they have a unit."""
    low_is_bright = (data.PhotometricInterpretation == "MONOCHROME1"
                     or data.get("PresentationLUTShape") == "INVERSE")
    if low_is_bright and (mapping is None or mapping.unit in _NO_UNIT):
        if isinstance(mapping, Table):
            return mapping.inverted(frame)
        if frame.dtype.kind == "f":
            raise refusal(data, "MONOCHROME1 with floating point has no range to invert in",
                          "set PhotometricInterpretation to MONOCHROME2, or " + _EXPORT)
        # The lowest plus the highest number that fits; the same for all files of a scanner.
        frame = (-1 if data.PixelRepresentation else 2**data.BitsStored - 1) - frame
    return frame if mapping is None else mapping(frame)
