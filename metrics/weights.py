"""Files of the networks that some metrics look through: given, fetched before, or fetched now."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from metrics.base_metric import MissingError, Settings
from util.checkpoint import load


@dataclass(frozen=True)
class Weights:
    """``file``: as its publisher calls it, with the first digits of its SHA-256 at the end.

    ``flag``: without dashes, takes another place of it; ``library`` can fetch it.
    """

    flag: str
    network: str
    file: str
    library: str
    megabytes: int

    @property
    def requires(self) -> dict[str, str]:
        return {self.flag: f"{self.network} weights of {self.library} ({self.file})"}

    def find(self, settings: Settings) -> Path | None:
        """The file that was given, or that torch keeps; None: the library may fetch it.

        Raises:
            MissingError: it may not.
        """
        path = settings.weights.get(self.flag) or self._kept()
        if path is None and not settings.download:
            raise MissingError(
                f"needs {self.file}: give it by --{self.flag} PATH, or let {self.library} fetch it "
                f"by --download_weights ({self.megabytes} MB)"
            )
        return path

    def read(self, path: Path) -> dict[str, Any]:
        """Tensors by name; a file that holds code is refused.

        Raises:
            ValueError: the file is damaged or is no file of tensors.
        """
        return load(path, advice=lambda _: f"give {self.file}")

    def not_fetched(self, error: OSError) -> MissingError:
        return MissingError(
            f"needs {self.file}, which could not be fetched ({error}): give it by --{self.flag} "
            "PATH"
        )

    def describe(self, path: Path | None) -> str:
        """"Inception-v3, weights 6726825d"; None: those that torch keeps by now."""
        found = path or self._kept()
        digest = hashlib.sha256(found.read_bytes()).hexdigest()[:8] if found else "unknown"
        published = digest in self.file
        return f"{self.network}, weights {digest}" + (", not the published ones" * (not published))

    def _kept(self) -> Path | None:
        path = Path(torch.hub.get_dir()) / "checkpoints" / self.file
        return path if path.is_file() else None
