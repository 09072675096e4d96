"""Pairs stored side by side: every picture in <dataroot>/<phase>/ holds A | B."""

import logging
from argparse import Namespace

from data.base_dataset import BaseDataset, Sample, picture_channels
from data.image_folder import find_images
from data.transforms import to_channels, to_tensor
from util.picture_files import PictureError, read_picture, read_size

logger = logging.getLogger(__name__)


class AlignedDataset(BaseDataset):
    """A and B share one draw of crop and flip, so they stay in register.

    The left half is A. In a file of odd width B is one pixel wider before it is resized or cropped.
    """

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.paths = find_images(opt.dataroot, opt.phase, limit=opt.max_dataset_size)
        self.check_sizes(self.paths, pictures_wide=2)
        self._warn_about_single_pictures()
        self.channels_A, self.channels_B = picture_channels(opt)

    def _warn_about_single_pictures(self) -> None:
        """A pair of ordinary pictures is at least 4:3 wide; looks at the first 50 headers."""
        sizes = [read_size(path) for path in self.paths[:50]]
        narrow = [(width, height) for width, height in sizes if 3 * width < 4 * height]
        if 2 * len(narrow) > len(sizes):
            width, height = narrow[0]
            logger.warning(
                "%d of %d files looked at are about as high as wide (%d x %d), like single "
                "pictures; each is cut into A, %d x %d, and B. For pictures without partners: "
                "--dataset_mode unaligned --model cycle_gan",
                len(narrow), len(sizes), width, height, width // 2, height,
            )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        path = self.paths[index]
        pair = read_picture(path)
        width, height = pair.size
        if width < 2:
            raise PictureError(
                f"{path} is {width} x {height}; a pair A | B is at least 2 pixels wide, "
                "remove the file or use another --dataset_mode"
            )
        A = to_channels(pair.crop((0, 0, width // 2, height)), self.channels_A)
        B = to_channels(pair.crop((width // 2, 0, width, height)), self.channels_B)
        draw = self.recipe.draw(A.size, self.random(index), source=path)
        return {
            "A": to_tensor(draw(A)),
            "B": to_tensor(draw(B)),
            "A_paths": str(path),
            "B_paths": str(path),
        }
