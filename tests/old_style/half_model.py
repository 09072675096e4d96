"""A file that is half modernised: a list of names and hand-made steps beside registered parts."""
from models.base_model import BaseModel


class HalfModel(BaseModel):
    def modify_commandline_options(parser, is_train=True):
        parser.set_defaults(dataset_mode='aligned')

    def __init__(self, opt):
        super().__init__(opt)
        self.loss_names = ['G']
        self.netG = self.add_generator('G', opt.input_nc, opt.output_nc)
        if self.isTrain:
            self.optimizer_G = self.add_optimizer('G', self.netG.parameters())
            self.fakes = self.add_pool('fakes')

    def set_input(self, input):
        self.real_A, self.real_B = self.take(input)

    def forward(self):
        self.fake_B = self.netG(self.real_A)

    def optimize_parameters(self):
        self.forward()
        self.loss_G = (self.fake_B - self.real_B).abs().mean()
        loss = (self.fakes.query(self.fake_B) - self.real_B).square().mean()
        self.update(self.optimizer_G, self.loss_G)
        self.report_losses(square=loss)

    def compute_visuals(self):
        self.visuals = {'real_A': self.real_A, 'fake_B': self.fake_B, 'real_B': self.real_B}
