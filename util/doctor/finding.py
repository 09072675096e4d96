"""What one look at a training has found."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """``ill`` None: this look cannot tell. ``measured``: name -> value, also when all is well."""

    complaint: str  # a name of util.doctor.complaints.COMPLAINTS
    ill: bool | None
    seen: str = ""  # with the number
    measured: Mapping[str, float] = field(default_factory=dict)
