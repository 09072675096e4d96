"""Two sets without pairs: <dataroot>/<phase>A/ and <dataroot>/<phase>B/."""

from argparse import Namespace

from data.base_dataset import BaseDataset, Sample, picture_channels
from data.image_folder import find_images
from data.transforms import to_tensor


class UnalignedDataset(BaseDataset):
    """An epoch shows the larger set once. A comes by index, B by chance.

    With ``--serial_batches`` B comes by index too. A and B are cropped and flipped independently.
    """

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        limit = opt.max_dataset_size
        self.A_paths = find_images(opt.dataroot, opt.phase, side="A", limit=limit)
        self.B_paths = find_images(opt.dataroot, opt.phase, side="B", limit=limit)
        self.check_sizes(self.A_paths)
        self.check_sizes(self.B_paths)
        self.channels_A, self.channels_B = picture_channels(opt)

    def __len__(self) -> int:
        return max(len(self.A_paths), len(self.B_paths))

    def __getitem__(self, index: int) -> Sample:
        rng = self.random(index)
        chosen = index if self.opt.serial_batches else rng.randrange(len(self.B_paths))
        path_A = self.A_paths[index % len(self.A_paths)]
        path_B = self.B_paths[chosen % len(self.B_paths)]
        return {
            "A": to_tensor(self.load_picture(path_A, self.channels_A, rng)),
            "B": to_tensor(self.load_picture(path_B, self.channels_B, rng)),
            "A_paths": str(path_A),
            "B_paths": str(path_B),
        }
