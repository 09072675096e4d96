"""What may be wrong with a training, what it means, and which flags change it.

The limits were measured: docs/design.md, the doctor.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Complaint:
    """``remedies``: flag -> what to do with it; a run without the flag is not told. "": always.

    ``looks_back``: it is seen by comparison with how the same start of the program began.
    """

    meaning: str
    remedies: Mapping[str, str]
    looks: int = 3  # in a row, until it is said or over
    explains: Collection[str] = ()  # what is not said beside it, being its effect
    looks_back: bool = False

    def remedy(self, flags: Collection[str]) -> str:
        return "; ".join(text for flag, text in self.remedies.items() if not flag or flag in flags)


_OF_G = ("mode collapse", "inverted colours", "checkerboard")

COMPLAINTS: dict[str, Complaint] = {
    "exploding gradients": Complaint(
        "steps lead far past any valley",
        {
            "lr": "go back to an earlier epoch, or start again, with a lower --lr (the papers' is "
                  "0.0002)",
            "beta1": "keep --beta1 at 0.5",
            "precision": "leave --precision fp16 out, if it is on",
        },
        explains=("discriminator has won", *_OF_G),
        looks_back=True,
    ),
    "discriminator has won": Complaint(
        "it is so sure that the generator learns next to nothing from it",
        {
            "ndf": "a weaker one: smaller --ndf, --netD patch_16",
            "gan_mode": "--gan_mode lsgan or hinge, which saturate less than vanilla",
            "rotate": "with few pictures, augmentation (--rotate, --zoom, --translate)",
            "lambda_L1": "or let pix2pix learn by its L1 term alone: --lambda_GAN 0",
        },
        looks=4,
        explains=_OF_G,
    ),
    "mode collapse": Complaint(
        "the outputs are nearly alike, whatever the input",
        {
            "": "start again with another --seed, or from an epoch before it",
            "lambda_L1": "a larger --lambda_L1, which ties each output to its target",
            "lambda_A": "larger --lambda_A and --lambda_B, which tie each output to its input",
            "batch_size": "--norm instance, if the batches are small",
        },
        explains=("inverted colours", "checkerboard"),
    ),
    "inverted colours": Complaint(
        "what should be bright comes out dark",
        {
            "": "start again with another --seed: a network seldom finds its way back",
            "lambda_identity": "keep --lambda_identity at 0.5 or more; if the two kinds of "
                               "pictures really are each other's negatives, all is well",
        },
        explains=("checkerboard",),
    ),
    "checkerboard": Complaint(
        "the upsampling layers leave their grid in the pictures",
        {
            "": "train longer, since it often fades",
            "lambda_GAN": "a smaller --lambda_GAN, if D has called for the pattern",
            "netG": "another --netG",
        },
    ),
    "waiting for pictures": Complaint("the networks could be trained faster", {}),
    "overfitting": Complaint(
        "the network learns the training pictures by heart",
        {
            "": "take the weights of the best epoch, or stop",
            "rotate": "augmentation (--rotate, --zoom, --translate, --flip_vertical)",
            "ngf": "a smaller --ngf; more pictures",
        },
        looks_back=True,
    ),
}


@dataclass(frozen=True)
class Finding:
    """Result of one check. ``ill`` is None if the check cannot decide.

    ``measured``: name -> value, also for a healthy training.
    """

    complaint: str  # a key of ``COMPLAINTS``
    ill: bool | None
    seen: str = ""  # with the number
    measured: Mapping[str, float] = field(default_factory=dict)


class Watch:
    """Report a diagnosis once, after ``looks`` consecutive checks that agree.

    ``ill``: the diagnosis has been reported and is not over.
    """

    def __init__(self, looks: int, *, ill: bool = False) -> None:
        self.looks = looks
        self.ill = ill
        self._others = 0  # consecutive checks that contradict ``ill``

    @property
    def suspected(self) -> bool:
        """Whether the last check was positive, reported or not."""
        return self.ill != bool(self._others)

    def look(self, ill: bool | None, *, may_begin: bool = True) -> bool:
        """Return whether ``self.ill`` has changed. None: the check could not decide.

        Without ``may_begin`` no diagnosis begins, but checks are counted.
        """
        if ill is None:
            return False
        self._others = self._others + 1 if ill != self.ill else 0
        if self._others < self.looks or (ill and not may_begin):
            return False
        self.ill, self._others = ill, 0
        return True
