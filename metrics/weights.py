"""Weights of the networks of some metrics: given by the user, or downloaded by a library."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from metrics.base_metric import MissingError, Settings
from util.checkpoint import load


@dataclass(frozen=True)
class WeightsFile:
    """``file``: the published name, which ends in the first digits of the SHA-256.

    ``flag``: without dashes, takes the path of the file; ``library`` can download it.
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
        """Return the user's file, or the one in torch's cache; None: the library downloads it.

        Raises:
            MissingError: there is no file, and downloads were not allowed.
        """
        path = settings.weights.get(self.flag) or self._cached()
        if path is None and not settings.download:
            raise MissingError(f"needs --{self.flag} FILE ({self.file}), or --download_weights "
                               f"({self.megabytes} MB)")
        return path

    def read(self, path: Path) -> dict[str, Any]:
        """Return tensors by name; code in the file is refused, not run.

        Raises:
            ValueError: the file is damaged, or is not a file of tensors.
        """
        return load(path, advice=lambda _: f"give {self.file}")

    def not_fetched(self, error: OSError) -> MissingError:
        return MissingError(f"needs {self.file}, which could not be downloaded ({error}): give it "
                            f"by --{self.flag} PATH")

    def describe(self, path: Path | None) -> str:
        """Return text such as "Inception-v3, weights 6726825d"; None: the file in torch's cache.

        Raises:
            ValueError: the file in torch's cache is not the published one. The user's may differ.
        """
        cached = self._cached()
        file = path or cached
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8] if file else "unknown"
        published = f"-{digest}." in self.file
        if file and file == cached and not published:
            raise ValueError(
                f"{file} is damaged or another file: its SHA-256 begins with {digest}, that of the "
                f"published {self.network} weights as its name ends; remove it to download it "
                f"again, or give it by --{self.flag}")
        return f"{self.network}, weights {digest}" + (", not the published ones" * (not published))

    def _cached(self) -> Path | None:
        path = Path(torch.hub.get_dir()) / "checkpoints" / self.file
        return path if path.is_file() else None
