"""Two sets without pairs: <dataroot>/<phase>A/ and <dataroot>/<phase>B/."""

from argparse import Namespace

from data.base_dataset import BaseDataset, Sample
from data.files.source import Source


class UnalignedDataset(BaseDataset):
    """An epoch shows each image of the larger set once. The index selects A; B is random.

    With ``--serial_batches`` the index selects B too. A and B are cropped and flipped separately.
    """

    packs = draws_itself = True

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
        return {"A": self.load(self.A, source_A, rng, packed=True),
                "B": self.load(self.B, source_B, rng, packed=True),
                "A_paths": str(source_A.path), "B_paths": str(source_B.path)}
