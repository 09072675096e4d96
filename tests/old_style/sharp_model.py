import torch

from models import networks
from models.pix2pix_model import Pix2PixModel


class SharpModel(Pix2PixModel):
    @staticmethod
    def modify_commandline_options(parser, is_train=True):
        parser = Pix2PixModel.modify_commandline_options(parser, is_train)
        if is_train:
            parser.add_argument('--lambda_sharp', type=float, default=1.0)
        return parser

    def __init__(self, opt):
        super().__init__(opt)
        self.netG = networks.define_G(opt.input_nc, opt.output_nc, opt.ngf, 'resnet_6blocks', opt.norm,
                                      False, opt.init_type, opt.init_gain, self.gpu_ids)
        if self.isTrain:
            self.loss_names.append('sharp')
            self.optimizer_G = torch.optim.Adam(self.netG.parameters(), lr=opt.lr,
                                                betas=(opt.beta1, 0.999))
            self.optimizers = [self.optimizer_G, self.optimizer_D]

    def backward_G(self):
        seen = torch.cat((self.real_A, self.fake_B), 1)
        self.loss_G_GAN = self.criterionGAN(self.netD(seen), True)
        self.loss_G_L1 = self.criterionL1(self.fake_B, self.real_B) * self.opt.lambda_L1
        rows = self.fake_B.diff(dim=2) - self.real_B.diff(dim=2)
        self.loss_sharp = rows.abs().mean().item() * 0 + rows.abs().mean() * self.opt.lambda_sharp
        (self.loss_G_GAN + self.loss_G_L1 + self.loss_sharp).backward()
