"""The metadata of an exported file."""

from dataclasses import asdict, dataclass
from typing import Any

FORMAT_VERSION = 1


@dataclass(frozen=True)
class ExportMetadata:
    """Describes a file that maps [N, H, W, input_channels] to [N, H, W, output_channels].

    ``multiple``: the sides are padded to it inside the file, by reflection (pixels). ``labels``:
    input, output or both hold colours that stand for class labels. The file has no dropout.
    """

    name: str
    epoch: str
    direction: str
    model: str
    netG: str
    norm: str
    bn_mode: str
    weights: str  # float32, half, int8
    trained_with_dropout: bool | None  # None: unknown, for a .pth file
    multiple: int
    input_channels: int
    output_channels: int
    input_dtype: str  # uint8 or float32
    output_dtype: str
    input_range: tuple[float, float]
    output_range: tuple[float, float]
    labels: str = ""
    format_version: int = FORMAT_VERSION

    def as_text(self) -> dict[str, str]:
        """Return name -> text: ``0,255`` for a range, ``true``, ``false`` or ``unknown``."""
        return {name: _text(value) for name, value in asdict(self).items()}


def _text(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, tuple):
        return ",".join(f"{part:g}" for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
