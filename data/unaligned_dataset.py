"""Two sets without pairs: <dataroot>/<phase>A/ and <dataroot>/<phase>B/."""

from argparse import Namespace

from data.base_dataset import BaseDataset, Sample
from data.files.source import Source


class UnalignedDataset(BaseDataset):
    """An epoch shows the larger set once. A comes by index, B by chance.

    With ``--serial_batches`` B comes by index too. A and B are cropped and flipped independently.
    """

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.sources_A = self.find(self.A, opt.phase, "A")
        self.sources_B = self.find(self.B, opt.phase, "B")

    def __len__(self) -> int:
        return max(len(self.sources_A), len(self.sources_B))

    @property
    def examples(self) -> dict[str, list[Source]]:
        return {"A": self.sources_A, "B": self.sources_B}

    def __getitem__(self, index: int) -> Sample:
        rng = self.random(index)
        chosen = index if self.opt.serial_batches else rng.randrange(len(self.sources_B))
        source_A = self.sources_A[index % len(self.sources_A)]
        source_B = self.sources_B[chosen % len(self.sources_B)]
        return {
            "A": self.load_packed(self.A, source_A, rng),
            "B": self.load_packed(self.B, source_B, rng),
            "A_paths": str(source_A.path),
            "B_paths": str(source_B.path),
        }
