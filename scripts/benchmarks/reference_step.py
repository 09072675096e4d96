"""The published networks and training steps, written plainly: the opponent of our training.

It shares no code with models/: float32, one pass after another, Adam without fused or grouped
updates. U-Net: arXiv:1611.07004, appendix 6.1.1. ResNet and the 70 x 70 PatchGAN:
arXiv:1703.10593, appendix 7.2. Images are [N, 3, H, W] in -1..1.
"""

import random
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss, mse_loss

NORMS = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d}


class Skip(nn.Sequential):
    """Join the input and the output of ``layers``: by concatenation (U-Net) or sum (ResNet)."""

    def __init__(self, *layers: nn.Module, join: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__(*layers)
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        return self.join(x, super().forward(x))


def concatenate(a: Tensor, b: Tensor) -> Tensor:
    return torch.cat((a, b), 1)


def unet_level(outer: int, width: int, inner: nn.Module | None, kind: str, *,
               dropout: bool = False) -> nn.Module:
    """Return one level of the U-Net around ``inner``, the level below it."""
    bias = kind == "instance"
    return Skip(nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(outer, width, 4, 2, 1, bias=bias),
                *([NORMS[kind](width), inner] if inner else []), nn.ReLU(inplace=True),
                nn.ConvTranspose2d(2 * width if inner else width, outer, 4, 2, 1, bias=bias),
                NORMS[kind](outer), *([nn.Dropout(0.5)] if dropout else []), join=concatenate)


def unet(levels: int, ngf: int, kind: str) -> nn.Module:
    """Return unet_256 (``levels`` 8) or unet_128 (7), with dropout in the wide middle levels."""
    level = unet_level(8 * ngf, 8 * ngf, None, kind)
    for _ in range(levels - 5):
        level = unet_level(8 * ngf, 8 * ngf, level, kind, dropout=True)
    for factor in (4, 2, 1):
        level = unet_level(factor * ngf, 2 * factor * ngf, level, kind)
    return nn.Sequential(nn.Conv2d(3, ngf, 4, 2, 1, bias=kind == "instance"), level,
                         nn.ReLU(inplace=True), nn.ConvTranspose2d(2 * ngf, 3, 4, 2, 1), nn.Tanh())


def resnet(blocks: int, ngf: int, kind: str) -> nn.Module:
    bias = kind == "instance"

    def normed(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
        return [convolution, NORMS[kind](convolution.out_channels), nn.ReLU(inplace=True)]

    def padded(width: int) -> list[nn.Module]:
        return [nn.ReflectionPad2d(1), *normed(nn.Conv2d(width, width, 3, bias=bias))]

    layers = [nn.ReflectionPad2d(3), *normed(nn.Conv2d(3, ngf, 7, bias=bias))]
    for width in (ngf, 2 * ngf):
        layers += normed(nn.Conv2d(width, 2 * width, 3, 2, 1, bias=bias))
    layers += [Skip(*padded(4 * ngf), *padded(4 * ngf)[:-1], join=torch.add)
               for _ in range(blocks)]
    for width in (4 * ngf, 2 * ngf):
        layers += normed(nn.ConvTranspose2d(width, width // 2, 3, 2, 1, 1, bias=bias))
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh())


def patchgan(channels: int, ndf: int, kind: str) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(channels, ndf, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for width, stride in ((ndf, 2), (2 * ndf, 2), (4 * ndf, 1)):
        layers += [nn.Conv2d(width, 2 * width, 4, stride, 1, bias=kind == "instance"),
                   NORMS[kind](2 * width), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * ndf, 1, 4, 1, 1))


def initialise(layer: nn.Module) -> None:
    """Draw the initial weights of both papers: N(0, 0.02), for batch norm N(1, 0.02)."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
        nn.init.normal_(layer.weight, float(isinstance(layer, nn.BatchNorm2d)), 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


GENERATORS = {"unet_256": (unet, 8), "unet_128": (unet, 7),
              "resnet_9blocks": (resnet, 9), "resnet_6blocks": (resnet, 6)}


class ReferenceModel(nn.Module):
    """Generators and, unless they are loaded from the folder ``run``, all that training needs."""

    kind: str  # of the norm layers
    sides: tuple[str, ...]  # suffixes of the networks' names
    D_channels: int
    gan_loss: Callable[[Tensor, Tensor], Tensor]

    def __init__(self, netG: str, width: int, device: torch.device, run: Path | None = None
                 ) -> None:
        super().__init__()
        build, depth = GENERATORS[netG]
        self.device = device
        self.G = nn.ModuleList(build(depth, width, self.kind) for _ in self.sides)
        if run:
            for net, side in zip(self.G, self.sides, strict=True):
                weights = torch.load(run / f"latest_net_G{side}.pth", "cpu", weights_only=True)
                # The names differ from the published ones; the order is the same.
                net.load_state_dict(dict(zip(net.state_dict(), weights.values(), strict=True)))
            self.to(device)
            return
        self.D = nn.ModuleList(patchgan(self.D_channels, width, self.kind) for _ in self.sides)
        self.D.requires_grad_(False)
        self.apply(initialise).to(device)
        self.optimizer_G, self.optimizer_D = (
            torch.optim.Adam(nets.parameters(), lr=2e-4, betas=(0.5, 0.999), foreach=False,
                             fused=False) for nets in (self.G, self.D)
        )
        self.pools: list[list[Tensor]] = [[] for _ in self.sides]

    def gan(self, logits: Tensor, target: float) -> Tensor:
        return self.gan_loss(logits, torch.full_like(logits, target))

    def update_G(self, loss: Tensor) -> None:
        self.optimizer_G.zero_grad()
        loss.backward()
        self.optimizer_G.step()

    def update_D(self, *images: tuple[Tensor, Tensor]) -> None:
        """Take one step of all discriminators; ``images``: real and fake ones for each."""
        self.D.requires_grad_(True)
        self.optimizer_D.zero_grad()
        for D, (real, fake) in zip(self.D, images, strict=True):
            ((self.gan(D(real), 1.0) + self.gan(D(fake), 0.0)) * 0.5).backward()
        self.optimizer_D.step()
        self.D.requires_grad_(False)

    def from_pool(self, index: int, images: Tensor) -> Tensor:
        """Exchange half of the new fakes for fakes of earlier steps, of which 50 are kept."""
        pool, chosen = self.pools[index], list(images.detach())
        for number, image in enumerate(chosen):
            if len(pool) < 50:
                pool.append(image)
            elif random.random() > 0.5:
                place = random.randrange(50)
                chosen[number], pool[place] = pool[place], image
        return torch.stack(chosen)


class ReferencePix2Pix(ReferenceModel):
    """Batch norm, dropout in G, cross entropy, 100 x L1.

    ``translate`` returns the images of a row of the results page by their labels.
    """

    kind, sides, D_channels = "batch", ("",), 6
    gan_loss = staticmethod(binary_cross_entropy_with_logits)

    def translate(self, A: Tensor, B: Tensor) -> dict[str, Tensor]:
        return {"real_A": A, "fake_B": self.G[0](A), "real_B": B}

    def train_step(self, A: Tensor, B: Tensor) -> None:
        fake = self.G[0](A)
        self.update_D((concatenate(A, B), concatenate(A, fake).detach()))
        G_GAN = self.gan(self.D[0](concatenate(A, fake)), 1.0)
        self.update_G(G_GAN + l1_loss(fake, B) * 100.0)


class ReferenceCycleGAN(ReferenceModel):
    """Instance norm, least squares, cycle losses x 10, identity losses x 5."""

    kind, sides, D_channels = "instance", ("_A", "_B"), 3
    gan_loss = staticmethod(mse_loss)

    def translate(self, A: Tensor, B: Tensor) -> dict[str, Tensor]:
        G_A, G_B = self.G
        fake_B, fake_A = G_A(A), G_B(B)
        return {"real_A": A, "fake_B": fake_B, "rec_A": G_B(fake_B),
                "real_B": B, "fake_A": fake_A, "rec_B": G_A(fake_A)}

    def train_step(self, A: Tensor, B: Tensor) -> None:
        [G_A, G_B], [D_A, D_B] = self.G, self.D
        _, fake_B, rec_A, _, fake_A, rec_B = self.translate(A, B).values()
        loss = l1_loss(G_A(B), B) * 5.0 + l1_loss(G_B(A), A) * 5.0
        loss = loss + self.gan(D_A(fake_B), 1.0) + self.gan(D_B(fake_A), 1.0)
        self.update_G(loss + l1_loss(rec_A, A) * 10.0 + l1_loss(rec_B, B) * 10.0)
        self.update_D((B, self.from_pool(0, fake_B)), (A, self.from_pool(1, fake_A)))


Reference = ReferencePix2Pix | ReferenceCycleGAN
REFERENCES: dict[str, type[Reference]] = {
    "pix2pix": ReferencePix2Pix, "cycle_gan": ReferenceCycleGAN,
}
