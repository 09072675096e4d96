"""Images to translate, without targets: the files of <dataroot>/ itself, without a phase."""

from argparse import Namespace

from data.base_dataset import BaseDataset, Sample


class SingleDataset(BaseDataset):
    """A is the input of the generator, with ``--input_nc`` channels for either --direction."""

    packs = draws_itself = True

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.side = self.A if self.input_letter == "A" else self.B
        self.sources = self.find(self.side, phase="")

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> Sample:
        source = self.sources[index]
        A = self.load(self.side, source, self.random(index), packed=True)
        return {"A": A, "A_paths": str(source.path)}
