"""Two sets without pairs, in the style of the original implementation, with an edited transform."""

import os.path
import random

from PIL import Image
from torchvision import transforms

from .base_dataset import BaseDataset, get_transform
from .image_folder import is_image_file, make_dataset


class Sorted(BaseDataset):
    """A base class of its own in the same file."""

    def paths(self, letter):
        folder = os.path.join(self.root, self.opt.phase + letter)
        return sorted(p for p in make_dataset(folder, self.opt.max_dataset_size) if is_image_file(p))

    def __len__(self):
        return max(self.A_size, self.B_size)

    def __getitem__(self, index):
        raise NotImplementedError


class MixedDataset(Sorted):
    def initialize(self, opt):
        self.A_paths, self.B_paths = self.paths('A'), self.paths('B')
        self.A_size, self.B_size = len(self.A_paths), len(self.B_paths)
        self.transform = get_transform(opt, method=Image.BICUBIC)
        self.transform.transforms.insert(-2, transforms.ColorJitter(brightness=0.2))

    def __getitem__(self, index):
        A_path = self.A_paths[index % self.A_size]
        index_B = index % self.B_size
        if not self.opt.serial_batches:
            index_B = random.randint(0, self.B_size - 1)
        B_path = self.B_paths[index_B]
        A_img = Image.open(A_path).convert('RGB')
        B_img = Image.open(B_path).convert('RGB')
        return {'A': self.transform(A_img), 'B': self.transform(B_img),
                'A_paths': A_path, 'B_paths': B_path}

    def name(self):
        return 'MixedDataset'
