"""Pictures to translate, without partners: <dataroot>/ itself, no phase."""

from argparse import Namespace

from data.base_dataset import BaseDataset, Sample
from data.image_folder import find_images
from data.transforms import to_tensor


class SingleDataset(BaseDataset):
    """A is what the generator gets, so it has ``--input_nc`` channels in either direction."""

    picture_flags = ("input_nc",)

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.paths = find_images(opt.dataroot, limit=opt.max_dataset_size)
        self.check_sizes(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        path = self.paths[index]
        picture = self.load_picture(path, self.opt.input_nc, self.random(index))
        return {"A": to_tensor(picture), "A_paths": str(path)}
