"""One training step as the original implementation does it, for benchmark.py: float32, one pass
after another, an optimizer without fused or grouped updates, nothing shared with models/.
"""

import random
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss, mse_loss

from scripts.benchmarks.reference_networks import patchgan, resnet, started, unet

NETWORKS = {"unet_256": (unet, 8), "unet_128": (unet, 7),
            "resnet_9blocks": (resnet, 9), "resnet_6blocks": (resnet, 6)}


def generator(name: str, ngf: int, kind: str) -> nn.Module:
    build, depth = NETWORKS[name]
    return started(build(depth, ngf, kind))


def adam(*nets: nn.Module) -> torch.optim.Adam:
    weights = [weight for net in nets for weight in net.parameters()]
    return torch.optim.Adam(weights, lr=2e-4, betas=(0.5, 0.999), foreach=False, fused=False)


def require_gradients(nets: Iterable[nn.Module], wanted: bool) -> None:
    for net in nets:
        net.requires_grad_(wanted)


class ReferencePix2Pix:
    """Batch norm, dropout in G, cross entropy, 100 x L1."""

    def __init__(self, netG: str, width: int, device: torch.device) -> None:
        self.device = device
        self.G = generator(netG, width, "batch").to(device)
        self.D = started(patchgan(6, width, "batch")).to(device)
        self.optimizer_G, self.optimizer_D = adam(self.G), adam(self.D)

    def step(self, A: Tensor, B: Tensor) -> None:
        A, B = A.to(self.device), B.to(self.device)
        fake = self.G(A)
        require_gradients([self.D], True)
        self.optimizer_D.zero_grad()
        D_fake = self._gan(self.D(torch.cat((A, fake), 1).detach()), 0.0)
        D_real = self._gan(self.D(torch.cat((A, B), 1)), 1.0)
        ((D_fake + D_real) * 0.5).backward()
        self.optimizer_D.step()
        require_gradients([self.D], False)
        self.optimizer_G.zero_grad()
        G_GAN = self._gan(self.D(torch.cat((A, fake), 1)), 1.0)
        (G_GAN + l1_loss(fake, B) * 100.0).backward()
        self.optimizer_G.step()

    @staticmethod
    def _gan(logits: Tensor, target: float) -> Tensor:
        return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


class Pool:
    """50 earlier fakes; half of the time one of them is handed out in place of the new one."""

    def __init__(self) -> None:
        self.images: list[Tensor] = []

    def query(self, images: Tensor) -> Tensor:
        chosen = []
        for image in images.detach():
            if len(self.images) < 50:
                self.images.append(image)
            elif random.random() > 0.5:
                place = random.randrange(50)
                image, self.images[place] = self.images[place].clone(), image
            chosen.append(image[None])
        return torch.cat(chosen)


class ReferenceCycleGAN:
    """Instance norm, least squares, cycle losses x 10, identity losses x 5."""

    def __init__(self, netG: str, width: int, device: torch.device) -> None:
        self.device = device
        self.G_A, self.G_B = (generator(netG, width, "instance").to(device) for _ in "AB")
        self.D_A, self.D_B = (started(patchgan(3, width, "instance")).to(device) for _ in "AB")
        self.optimizer_G = adam(self.G_A, self.G_B)
        self.optimizer_D = adam(self.D_A, self.D_B)
        self.pool_A, self.pool_B = Pool(), Pool()

    def step(self, A: Tensor, B: Tensor) -> None:
        A, B = A.to(self.device), B.to(self.device)
        fake_B = self.G_A(A)
        rec_A = self.G_B(fake_B)
        fake_A = self.G_B(B)
        rec_B = self.G_A(fake_A)
        require_gradients([self.D_A, self.D_B], False)
        self.optimizer_G.zero_grad()
        loss = l1_loss(self.G_A(B), B) * 5.0 + l1_loss(self.G_B(A), A) * 5.0
        loss = loss + self._gan(self.D_A(fake_B), 1.0) + self._gan(self.D_B(fake_A), 1.0)
        loss = loss + l1_loss(rec_A, A) * 10.0 + l1_loss(rec_B, B) * 10.0
        loss.backward()
        self.optimizer_G.step()
        require_gradients([self.D_A, self.D_B], True)
        self.optimizer_D.zero_grad()
        self._backward_D(self.D_A, B, self.pool_B.query(fake_B))
        self._backward_D(self.D_B, A, self.pool_A.query(fake_A))
        self.optimizer_D.step()

    def _backward_D(self, D: nn.Module, real: Tensor, fake: Tensor) -> None:
        ((self._gan(D(real), 1.0) + self._gan(D(fake), 0.0)) * 0.5).backward()

    @staticmethod
    def _gan(logits: Tensor, target: float) -> Tensor:
        return mse_loss(logits, torch.full_like(logits, target))


REFERENCES: dict[str, type[ReferencePix2Pix | ReferenceCycleGAN]] = {
    "pix2pix": ReferencePix2Pix, "cycle_gan": ReferenceCycleGAN,
}
