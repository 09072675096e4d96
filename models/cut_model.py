"""CUT and FastCUT: learn G: A -> B without pairs and without G: B -> A (Park et al. 2020,
arXiv:2007.15651).

    L = lambda_GAN * GAN(G, D) + lambda_NCE * PatchNCE(A, G(A))                           (FastCUT)
    L = lambda_GAN * GAN(G, D) + lambda_NCE * (PatchNCE(A, G(A)) + PatchNCE(B, G(B))) / 2     (CUT)

PatchNCE(X, Y) compares places of feature maps of G's first half, for X and Y, through the network
F. The authors' code takes the mean of the two terms, the paper (eq. 4) their sum.
"""

from argparse import Action, ArgumentParser, Namespace
from typing import Any

import torch
from torch import Tensor

from data.base_dataset import Batch
from models.base_model import BaseModel
from models.losses import GAN_MODES, check_gan_mode, gradient_penalty
from models.networks import init_weights, own_flags, require_features
from models.networks.layers import NORMS
from models.networks.patch_sample import SAMPLERS
from models.patch_nce import PatchNCE
from util import flags

# RGB, both convolutions that halve the sides, the first and the fifth residual block.
_BLURRED, _STRIDED = "0,4,8,12,16", "0,4,7,10,14"
_MODES = {"CUT": {"nce_idt": True, "lambda_NCE": 1.0, "flip_equivariance": False,
                  "n_epochs": 200, "n_epochs_decay": 200},
          "FastCUT": {"nce_idt": False, "lambda_NCE": 10.0, "flip_equivariance": True,
                      "n_epochs": 150, "n_epochs_decay": 50}}


class _NoAntialias(Action):
    """Switch off the blurred strides of G and D."""

    def __call__(self, parser: ArgumentParser, opt: Namespace, *_: Any) -> None:
        opt.antialias = opt.antialias_D = False


def add_flags(parser: ArgumentParser, is_train: bool, *, mode: str) -> ArgumentParser:
    """Add the flags of CUT. ``mode``: the default of --CUT_mode."""
    words = list(getattr(parser, "words", ()))
    add = parser.add_argument_group("cut").add_argument
    add("--no_antialias", dest="antialias", action=_NoAntialias, nargs=0, const=False, default=True,
        help="strided convolutions in G and D, not blurred strides")
    add("--no_antialias_up", dest="antialias_up", action="store_false", default=True,
        help="transposed convolutions in G, not blurred upsampling")
    add("--normD", choices=tuple(NORMS), help="normalisation of D (default: --norm)")
    parser.set_defaults(no_dropout=True, antialias_D=True, init_type="xavier")
    if not is_train:
        return parser
    add("--CUT_mode", type=flags.one_of(_MODES), choices=tuple(_MODES), default=mode,
        help="sets the defaults of the other flags as in the paper")
    yes_no: dict[str, Any] = {"type": flags.switch, "nargs": "?", "const": True}
    add("--lambda_GAN", type=flags.weight, default=1.0, help="weight of the GAN loss of G")
    add("--lambda_NCE", type=flags.weight, help="weight of PatchNCE; 0 removes it, and F")
    add("--nce_idt", **yes_no, help="PatchNCE also between B and G(B)")
    add("--flip_equivariance", **yes_no,
        help="mirror the inputs of half of the steps; places of outputs are compared with those of "
             "the inputs that are not mirrored")
    add("--nce_layers", type=flags.positions, metavar="0,4,8",
        default=_STRIDED if "--no_antialias" in words else _BLURRED,
        help="positions in netG.model whose outputs are compared (default: the same five layers "
             "with and without --no_antialias)")
    add("--nce_includes_all_negatives_from_minibatch", **yes_no, default=False,
        help="negatives from all images of the batch, not only from the same image")
    add("--netF", choices=tuple(SAMPLERS), default="mlp_sample",
        help="how places of feature maps become vectors")
    add("--netF_nc", type=flags.limits.width, default=256, help="width of --netF mlp_sample")
    add("--nce_T", type=flags.positive_float, default=0.07, help="temperature of PatchNCE")
    add("--num_patches", type=flags.non_negative_int, default=256,
        help="places that are compared in each feature map; 0 = all")
    if peek := getattr(parser, "peek", None):
        mode = peek("CUT_mode", flags.one_of(_MODES)) or mode
    parser.set_defaults(**_MODES.get(mode, {}), pool_size=0, lr_metric="G")
    return parser


class CUTModel(BaseModel):
    LOSSES = ("G_GAN", "D_real", "D_fake", "G", "NCE", "NCE_Y")

    @staticmethod
    def modify_commandline_options(
        parser: ArgumentParser, is_train: bool = True
    ) -> ArgumentParser:
        return add_flags(parser, is_train, mode="CUT")

    @staticmethod
    def check_options(opt: Namespace) -> None:
        if opt.dataset_mode in ("single", "colorization") and opt.isTrain:
            raise ValueError(f"--model {opt.model} needs images of two domains, and --dataset_mode "
                             f"{opt.dataset_mode} has only one; use --dataset_mode unaligned")
        if not opt.isTrain:
            return
        check_gan_mode(opt.gan_mode, opt.normD or opt.norm)
        if opt.lambda_NCE == 0:
            return
        if opt.input_nc != opt.output_nc:
            raise ValueError("PatchNCE puts translations into G again, but --input_nc "
                             f"{opt.input_nc} and --output_nc {opt.output_nc} differ; use equal "
                             "numbers, or --lambda_NCE 0")
        settings = {flag: getattr(opt, flag) for flag in own_flags("generator", opt.netG)}
        require_features(opt.netG, opt.nce_layers, **settings)

    def __init__(self, opt: Namespace) -> None:
        super().__init__(opt)
        self.netG = self.add_generator("G", opt.input_nc, opt.output_nc)
        if not self.isTrain:
            return
        self.nce = self._add_contrast() if opt.lambda_NCE > 0 else None
        self.translates_B = opt.nce_idt and self.nce is not None
        self.netD = self.add_discriminator("D", opt.output_nc)
        self.optimizers_G = [self.add_optimizer("G", self.netG.parameters())]
        if self.nce is not None and (weights := list(self.nce.netF.parameters())):
            self.optimizers_G.append(self.add_optimizer("F", weights))
        self.optimizer_D = self.add_optimizer("D", self.netD.parameters())
        self.gan = self.add_objective(GAN_MODES[opt.gan_mode])

    def _add_contrast(self) -> PatchNCE:
        """Register F, whose weights have the widths of G's features."""
        opt = self.opt
        features = self.probe(self.netG, opt.input_nc, opt.nce_layers)
        sampler = SAMPLERS[opt.netF]([feature.shape for feature in features], opt.netF_nc)
        sampler.processes = self.replicas.size
        netF = self.add_network("F", init_weights(sampler, opt.init_type, opt.init_gain))
        return PatchNCE(self.netG, netF, sampler, layers=opt.nce_layers, places=opt.num_patches,
                        temperature=opt.nce_T,
                        whole_batch=opt.nce_includes_all_negatives_from_minibatch)

    def set_input(self, batch: Batch) -> None:
        self.real_A, self.real_B = self.take(batch)

    def forward(self) -> None:
        self.fake_B: Tensor = self.netG(self.real_A)
        self.idt_B: Tensor | None = None
        self.flipped: Tensor | None = None  # bool: whether G's input was mirrored

    def compute_visuals(self) -> None:
        shown = {"fake_B": self.fake_B}
        if self.idt_B is not None:
            shown["idt_B"] = self.idt_B
        if self.flipped is not None:
            shown = {label: torch.where(self.flipped, image.flip(3), image)
                     for label, image in shown.items()}
        self.visuals = {"real_A": self.real_A, "fake_B": shown.pop("fake_B"),
                        "real_B": self.real_B, **shown}

    def optimize_parameters(self) -> None:
        self._translate()
        fake_B = self.like_real(self.fake_B, self.real_B, self.missing_B)
        losses = self._update_D(fake_B.detach()) | self._update_G(fake_B)
        self.report_losses(**{name: losses[name] for name in self.LOSSES if name in losses})

    def _translate(self) -> None:
        """Translate A, and B if it is compared with its translation, mirrored or not."""
        batches = [self.real_A, self.real_B] if self.translates_B else [self.real_A]
        self.flipped = self.coin() if self.opt.flip_equivariance else None
        if self.flipped is not None:
            batches = [torch.where(self.flipped, images.flip(3), images) for images in batches]
        if len({images.shape[1:] for images in batches}) > 1:
            translated = [self.netG(images) for images in batches]
        else:  # one pass also with batch norm, as in the authors' code
            translated = list(self.netG(torch.cat(batches)).split([len(b) for b in batches]))
        self.fake_B, *rest = translated
        self.idt_B = rest[0] if rest else None

    def coin(self) -> Tensor:
        """Return a bool scalar. It is a tensor, so that a CUDA graph draws it in each step."""
        return torch.rand((), device=self.device) < 0.5

    def _update_D(self, fake_B: Tensor) -> dict[str, Tensor]:
        self.set_requires_grad(self.netD, True)
        on_fake, on_real = self.in_one_pass(self.netD, fake_B, self.real_B)
        losses = {"D_fake": self.gan.fake(on_fake), "D_real": self.gan.real(on_real)}
        loss = 0.5 * (losses["D_fake"] + losses["D_real"])
        if self.opt.gan_mode == "wgangp":
            penalty = gradient_penalty(self.netD, self.real_B, fake_B)
            loss = loss + 0.5 * self.opt.lambda_gp * penalty
        self.update(self.optimizer_D, loss)
        return losses

    def _update_G(self, fake_B: Tensor) -> dict[str, Tensor]:
        self.set_requires_grad(self.netD, False)
        losses = {"G_GAN": self.opt.lambda_GAN * self.gan.generator(self.netD(fake_B))}
        total = losses["G_GAN"]
        if self.nce is not None:
            weight, mirrored = self.opt.lambda_NCE, self.flipped
            losses["NCE"] = contrast = weight * self.nce(self.real_A, self.fake_B, mirrored)
            if self.idt_B is not None:
                losses["NCE_Y"] = weight * self.nce(self.real_B, self.idt_B, mirrored)
                contrast = 0.5 * (contrast + losses["NCE_Y"])
            total = total + contrast
        self.update(self.optimizers_G, total)
        return losses | {"G": total}
