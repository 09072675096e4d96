"""Pairs side by side, in the style of the original implementation: drawn once for A and B."""

import os
import random

import numpy as np
import torch
from PIL import Image

from data.base_dataset import BaseDataset, get_params, get_transform
from data.image_folder import make_dataset


class StreetDataset(BaseDataset):
    @staticmethod
    def modify_commandline_options(parser, is_train):
        parser.add_argument('--darken', type=float, default=0.0, help='largest loss of light')
        parser.set_defaults(max_dataset_size=7)
        return parser

    def __init__(self, opt):
        BaseDataset.__init__(self, opt)
        self.dir_AB = opt.dataroot + '/' + opt.phase
        self.AB_paths = sorted(make_dataset(self.dir_AB, opt.max_dataset_size))
        assert self.opt.load_size >= self.opt.crop_size
        self.input_nc = self.opt.output_nc if self.opt.direction == 'BtoA' else self.opt.input_nc

    def __getitem__(self, index):
        AB_path = self.AB_paths[index]
        AB = Image.open(AB_path).convert('RGB')
        w, h = AB.size
        w2 = int(w / 2)
        A = AB.crop((0, 0, w2, h))
        B = AB.crop((w2, 0, w, h))
        params = get_params(self.opt, A.size)
        transform = get_transform(self.opt, params, grayscale=(self.input_nc == 1))
        A = transform(A) - random.random() * self.opt.darken
        B = transform(B)
        noise = torch.rand(1).item() + np.random.rand()
        return {'A': A, 'B': B, 'A_paths': AB_path, 'B_paths': AB_path,
                'noise': noise, 'label': torch.tensor(index, dtype=torch.uint8),
                'stem': os.path.splitext(os.path.basename(AB_path))[0]}

    def __len__(self):
        return len(self.AB_paths)
