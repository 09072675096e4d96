"""Compare a downloaded file with its published checksum, and with that of an earlier download.

``published_checksums.txt`` holds what is published. The size and the SHA-256 of every file that was
fetched are recorded in ``downloads.json`` in the folder of the data sets or checkpoints.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from util.files import write_text
from util.text import format_bytes

PUBLISHED = Path(__file__).with_name("published_checksums.txt")
RECORD = "downloads.json"
ACCEPT = "I2I_ACCEPT_SHA256"  # environment variable: use a file with this SHA-256 all the same
_BLOCK = 2**20  # bytes


@dataclass(frozen=True)
class Sums:
    """Size in bytes (None: unknown) and checksums by algorithm, such as {"sha256": "845a..."}."""

    size: int | None
    sums: dict[str, str]

    def __str__(self) -> str:
        size = [] if self.size is None else [f"{self.size} bytes ({format_bytes(self.size)})"]
        return ", ".join([*size, *(f"{name} {value}" for name, value in self.sums.items())])

    def contradicts(self, found: "Sums") -> bool:
        """Return whether the found file has another size or checksum than this."""
        known = {name: found.sums[name] for name in self.sums if name in found.sums}
        return known != self.sums or self.size not in (None, found.size)


def published(source: str) -> Sums | None:
    """Return what is published about the file ``source``, its path on the server; None: nothing."""
    for line in PUBLISHED.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{source} "):
            size, checksum = line.split()[1:]
            algorithm, _, value = checksum.partition(":")
            return Sums(None if size == "-" else int(size), {algorithm: value} if value else {})
    return None


def measure(path: Path) -> Sums:
    """Return the size, SHA-256 and MD5 of a file."""
    digests = {"sha256": hashlib.sha256(), "md5": hashlib.md5(usedforsecurity=False)}
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            for digest in digests.values():
                digest.update(block)
    return Sums(path.stat().st_size, {name: each.hexdigest() for name, each in digests.items()})


def verify(path: Path, source: str, folder: Path, *, accepted: str) -> Sums:
    """Return the checksums of a downloaded file.

    ``folder`` holds the record of earlier downloads. A file whose SHA-256 is ``accepted`` is not
    compared.

    Raises:
        ValueError: another size or checksum than published, or than recorded.
    """
    found = measure(path)
    sha256 = found.sums["sha256"]
    known = {f"published ({PUBLISHED.name})": published(source),
             f"fetched before ({folder / RECORD})": _record(folder).get(source)}
    for origin, wanted in known.items():
        if wanted and wanted.contradicts(found) and sha256 != accepted:
            shown = Sums(found.size, {name: found.sums[name] for name in wanted.sums})
            raise ValueError(
                f"{source} is damaged or cut short, or the server has another file; not used.\n"
                f"  found:  {shown}\n  {origin}:  {wanted}\n"
                "Try again, or use another server (I2I_MIRROR=https://host). If you know why it "
                f"differs and trust this file, set {ACCEPT}={sha256}")
    return found


def record(folder: Path, source: str, found: Sums) -> None:
    """Write the size and the SHA-256 of a file that was fetched to the record of the folder."""
    entries = {name: {"bytes": each.size, **each.sums} for name, each in _record(folder).items()}
    entries[source] = {"bytes": found.size, "sha256": found.sums["sha256"]}
    write_text(folder / RECORD, json.dumps(entries, indent=1, sort_keys=True) + "\n")


def _record(folder: Path) -> dict[str, Sums]:
    """Return the record of earlier downloads.

    Raises:
        ValueError: the file is not such a record.
    """
    path = folder / RECORD
    if not path.exists():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {str(source): Sums(int(entry["bytes"]), {"sha256": str(entry["sha256"])})
                for source, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error!r}), so the checksums of earlier downloads "
                         "are unknown; delete the file to record them again") from error
