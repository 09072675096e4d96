"""What an exported file says of itself: its metadata, text by text."""

from dataclasses import asdict, dataclass
from typing import Any

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Description:
    """Arrays go in and come out as [N, H, W, channels], in the dtype and the range named here.

    ``multiple``: what the sides are padded to inside, by reflection, in pixels. ``labels``: input,
    output or both hold colours that are names of things. The file itself has no dropout.
    """

    name: str
    epoch: str
    direction: str
    model: str
    netG: str
    norm: str
    bn_mode: str
    weights: str  # float32, half, int8
    trained_with_dropout: bool | None  # None: a bare file that does not tell
    multiple: int
    input_channels: int
    output_channels: int
    input_dtype: str  # uint8 or float32
    output_dtype: str
    input_range: tuple[float, float]
    output_range: tuple[float, float]
    labels: str = ""
    format_version: int = FORMAT_VERSION

    def metadata(self) -> dict[str, str]:
        """Name -> text: ``0,255`` for a range, ``true``, ``false`` or ``unknown``."""
        return {name: _text(value) for name, value in asdict(self).items()}


def _text(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, tuple):
        return ",".join(f"{part:g}" for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
