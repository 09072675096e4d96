"""An own network, an own schedule, a counter, noise, a network that is not listed, extra files."""

import os
import random

import torch
import torch.nn as nn

from models.base_model import BaseModel
from models.networks import init_net


class Shade(nn.Module):
    def __init__(self, nc, width):
        super(Shade, self).__init__()
        self.body = nn.Sequential(nn.Conv2d(nc, width, 3, padding=1), nn.ReLU(True),
                                  nn.BatchNorm2d(width), nn.Conv2d(width, nc, 3, padding=1))

    def forward(self, x):
        return {'image': torch.tanh(self.body(x)), 'level': 0.5}


class ShadeModel(BaseModel):
    @staticmethod
    def modify_commandline_options(parser, is_train=True):
        parser.set_defaults(dataset_mode='aligned')
        parser.add_argument('--lambda_gp', type=float, default=3.0, help='weight of the loss')

    def __init__(self, opt):
        super(ShadeModel, self).__init__(opt)
        self.loss_names = ['shade', 'noise']
        self.visual_names = ['data_A', 'output', 'data_B', 'heat']
        self.model_names = ['Shade']
        self.netShade = init_net(Shade(opt.input_nc, opt.ngf), opt.init_type, opt.init_gain,
                                 self.gpu_ids)
        self.steps = 0
        self.draws = random.Random(7)
        self.previous = None
        if self.isTrain:
            self.gain = nn.Parameter(torch.ones(1, device=self.device))
            self.netHelper = nn.Conv2d(3, 3, 1).to(self.device)
            self.optimizers = [torch.optim.SGD(self.netShade.parameters(), lr=opt.lr, momentum=0.9)]
            self.optimizer_rest = torch.optim.Adam([self.gain, *self.netHelper.parameters()], lr=0.01)

    def setup(self, opt):
        super().setup(opt)
        if self.isTrain:
            self.schedulers = [torch.optim.lr_scheduler.StepLR(o, 1, 0.5) for o in self.optimizers]

    def set_input(self, input):
        self.data_A, self.data_B = input['A'].to(self.device), input['B'].to(self.device)

    def forward(self):
        self.output = self.netShade(self.data_A)['image']

    def optimize_parameters(self):
        self.forward()
        self.steps += 1
        noise = random.random() + self.draws.random() + float(torch.rand(1))
        before = 0 if self.previous is None else (self.output - self.previous).abs().mean()
        self.loss_noise = noise
        self.loss_shade = self.opt.lambda_gp * (
            (self.netHelper(self.output) * self.gain - self.data_B).abs().mean() + noise * before)
        for optimizer in [*self.optimizers, self.optimizer_rest]:
            optimizer.zero_grad()
        self.loss_shade.backward()
        for optimizer in [*self.optimizers, self.optimizer_rest]:
            optimizer.step()
        self.previous = self.output.detach()

    def compute_visuals(self):
        self.heat = (self.output[0, 0] + 1).mul(127.5).detach().cpu().numpy()

    def save_networks(self, epoch):
        BaseModel.save_networks(self, epoch)
        with open(os.path.join(self.save_dir, '%s_steps.txt' % epoch), 'w') as file:
            file.write(str(self.steps))
