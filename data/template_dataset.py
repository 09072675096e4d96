"""A dataset to copy: images of <dataroot>/<phase>/ (B) and brighter versions of them (A).

1. Copy this file to data/<name>_dataset.py; ``--dataset_mode <name>`` finds it there. It must
   define exactly one subclass of BaseDataset; the class name is free.
2. Write the four methods below; the static one may be left out. To refuse flags that contradict
   each other, extend ``BaseDataset.check_options``, as colorization_dataset.py does. A sample may
   have further keys, such as labels or masks: data/base_dataset.py describes the contract.
3. Try this one, which learns to darken images that are too bright:
   python train.py --model template --dataset_mode template --dataroot <folder with train/>
"""

from argparse import ArgumentParser, Namespace

from data.base_dataset import BaseDataset, Sample
from util.flags import positive_float
from util.pixel_values import from_unit, to_unit


class TemplateDataset(BaseDataset):
    """A = B with its brightness multiplied by ``--new_dataset_option``, clipped at white."""

    unused_flags = (*BaseDataset.unused_flags, "input_suffixes")
    paired = True
    draws_itself = True  # ``self.random`` gives all random numbers

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> ArgumentParser:
        """Add your own flags, with strict types, and other defaults for shared flags."""
        parser.add_argument("--new_dataset_option", type=positive_float, default=2.0,
                            help="dataset template: brightness of A relative to B (1 = the same "
                            "image)")
        parser.set_defaults(max_dataset_size=10)
        return parser

    def __init__(self, opt: Namespace) -> None:
        """Find the files; refuse here, before the training begins, what cannot work."""
        super().__init__(opt)
        self.sources = self.find(self.A, opt.phase)

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> Sample:
        """Return tensors float32 [C, H, W] in -1..1; randomness comes from ``self.random``."""
        source = self.sources[index]
        # Decoded and scaled, [H, W, C]. Do not write to them.
        A, B = self.pictures.one(self.A, source), self.pictures.one(self.B, source)
        # Both images take the same draw, so they stay aligned with each other.
        draw = self.draw(A, self.random(index), source)
        light = to_unit(self.finish(self.A, A, draw))
        return {"A": from_unit((light * self.opt.new_dataset_option).clamp(max=1)),
                "B": self.finish(self.B, B, draw),
                "A_paths": str(source.path), "B_paths": str(source.path)}
