"""Images to translate, without partners: <dataroot>/ itself, no phase."""

from argparse import Namespace

from data.base_dataset import BaseDataset, Sample


class SingleDataset(BaseDataset):
    """A is what the generator gets, so it has ``--input_nc`` channels in either direction."""

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.side = self.A if self.input_letter == "A" else self.B
        self.sources = self.find(self.side, phase="")

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> Sample:
        source = self.sources[index]
        picture = self.load_packed(self.side, source, self.random(index))
        return {"A": picture, "A_paths": str(source.path)}
