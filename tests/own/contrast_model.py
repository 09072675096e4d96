"""One-sided translation similar to CUT (Park et al. 2020), with two parts besides G and D.

    L = GAN(G(A), D) + lambda_NCE * PatchNCE(F(G_enc(G(A))), F(G_enc(A))) + GAN((A, G(A)), J)

F projects features of G and has their widths. J judges input and output together and has two
inputs. The tests train this model with every speed flag.
"""

from argparse import ArgumentParser, Namespace

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from torch.optim import RMSprop

from data.base_dataset import Batch
from models.base_model import BaseModel
from models.losses import GAN_MODES
from models.networks.layers import init_weights
from util.flags import weight

PATCHES = 16


class FeatureGenerator(nn.Module):
    """[N, C, H, W] -> [N, C, H, W] in -1..1, or a list of features if ``layers`` are given."""

    may_recompute = True

    def __init__(self, in_channels: int, out_channels: int, width: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([
            nn.Sequential(nn.Conv2d(in_channels, width, 5, padding=2), nn.ReLU()),
            nn.Sequential(nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(2 * width, out_channels, 3, padding=1), nn.Tanh()),
        ])

    def forward(self, x: Tensor, layers: tuple[int, ...] = ()) -> Tensor | list[Tensor]:
        features = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in layers:
                features.append(x)
            if layers and number == max(layers):
                return features
        return x


class Projection(nn.Module):
    """Features [N, C_i, H, W] -> unit vectors [N, patches, 8] for each feature map."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.heads = nn.ModuleList([nn.Linear(width, 8) for width in widths])

    def forward(self, places: Tensor, *features: Tensor) -> list[Tensor]:
        projected = []
        for head, feature in zip(self.heads, features, strict=True):
            flat = feature.flatten(2).transpose(1, 2)
            index = places[:, :, None].expand(-1, -1, flat.shape[2])
            projected.append(normalize(head(flat.gather(1, index)), dim=2))
        return projected


class JointJudge(nn.Module):
    """Input and output, two tensors [N, C, H, W] -> logits [N, 1, h, w]."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(width, 1, 4, padding=1),
        )

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        logits: Tensor = self.net(torch.cat([a, b], dim=1))
        return logits


class ContrastModel(BaseModel):
    LOSSES = ("G_GAN", "NCE", "D")
    LAYERS = (0, 1)

    @staticmethod
    def modify_commandline_options(parser: ArgumentParser, is_train: bool) -> None:
        parser.set_defaults(dataset_mode="unaligned")
        if is_train:
            parser.add_argument("--lambda_NCE", type=weight, default=1.0, help="weight of NCE")

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        net = FeatureGenerator(opt.input_nc, opt.output_nc, opt.ngf)
        init_weights(net)
        self.netG = self.add_network("G", net, role="generator")
        if not self.isTrain:
            return
        features = self.probe(self.netG, opt.input_nc, self.LAYERS)
        head = Projection([feature.shape[1] for feature in features])
        self.netF = self.add_network("F", head, role="auxiliary")
        self.netD = self.add_discriminator("D", opt.output_nc)
        judge = JointJudge(opt.input_nc + opt.output_nc, opt.ndf)
        self.netJ = self.add_network("J", judge, role="discriminator")
        self.optimizer_G = self.add_optimizer("G", self.netG.parameters())
        self.optimizer_F = self.add_optimizer("F", self.netF.parameters(), RMSprop, lr=1e-3)
        judges = nn.ModuleList([self.netD, self.netJ])
        self.optimizer_D = self.add_optimizer("D", judges.parameters())
        self.gan = self.add_objective(GAN_MODES[opt.gan_mode])

    def set_input(self, batch: Batch) -> None:
        self.real_A, self.real_B = self.take(batch)

    def forward(self) -> None:
        self.fake_B: Tensor = self.netG(self.real_A)

    def compute_visuals(self) -> None:
        self.visuals = {"real_A": self.real_A, "fake_B": self.fake_B, "real_B": self.real_B}

    def optimize_parameters(self) -> None:
        self.forward()
        judges = [self.netD, self.netJ]
        self.set_requires_grad(judges, True)
        fake = self.fake_B.detach()
        on_real = [self.netD(self.real_B), self.netJ(self.real_A, self.real_B)]
        on_fake = [self.netD(fake), self.netJ(self.real_A, fake)]
        loss_D = sum((self.gan.real(real) + self.gan.fake(fake)
                      for real, fake in zip(on_real, on_fake, strict=True)), torch.zeros(()))
        self.update(self.optimizer_D, 0.5 * loss_D)
        self.set_requires_grad(judges, False)
        gan = self.gan.generator(self.netD(self.fake_B))
        gan = gan + self.gan.generator(self.netJ(self.real_A, self.fake_B))
        nce = self.opt.lambda_NCE * self._patch_nce()
        self.update([self.optimizer_G, self.optimizer_F], gan + nce)
        self.report_losses(G_GAN=gan, NCE=nce, D=loss_D)

    def _patch_nce(self) -> Tensor:
        """Return a loss that is small if each output patch is closest to its own input patch."""
        count = self.real_A.shape[-2] * self.real_A.shape[-1]
        places = torch.randperm(count)[:PATCHES].expand(len(self.real_A), -1).to(self.device)
        queries = self.netF(places, *self.netG(self.fake_B, self.LAYERS))
        keys = self.netF(places, *self.netG(self.real_A, self.LAYERS))
        losses = []
        for query, key in zip(queries, keys, strict=True):
            likeness = query @ key.detach().transpose(1, 2) / 0.07
            own = torch.arange(likeness.shape[1], device=self.device).expand(len(likeness), -1)
            losses.append(cross_entropy(likeness.flatten(0, 1), own.flatten()))
        return torch.stack(losses).mean()
