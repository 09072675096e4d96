from .cycle_gan_model import CycleGANModel


class SoftModel(CycleGANModel):
    def __init__(self, opt):
        CycleGANModel.__init__(self, opt)
        self.rounds = 0

    def backward_D_basic(self, netD, real, fake):
        loss_D = (self.criterionGAN(netD(real), True)
                  + self.criterionGAN(netD(fake.detach()), False)) * 0.25
        loss_D.backward()
        return loss_D

    def optimize_parameters(self):
        self.rounds += 1
        super().optimize_parameters()
