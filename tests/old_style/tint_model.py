from .colorization_model import ColorizationModel


class TintModel(ColorizationModel):
    """A subclass that overrides what the original calls."""

    def __init__(self, opt):
        ColorizationModel.__init__(self, opt)
        self.loss_names = self.loss_names + ['tint']

    def backward_G(self):
        self.loss_tint = self.criterionL1(self.fake_B.mean(), self.real_B.mean())
        ColorizationModel.backward_G(self)

    def compute_visuals(self):
        super().compute_visuals()
        self.visual_names = ['real_A', 'fake_B_rgb', 'real_B_rgb']
