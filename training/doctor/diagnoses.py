"""The diagnoses of the doctor: what each means, and which flags help.

The limits were measured: docs/design.md, the doctor.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Diagnosis:
    """A kind of problem that a training can have."""

    meaning: str
    remedies: Mapping[str, str]  # flag -> advice for runs that have it; "" -> advice for every run
    checks: int = 3  # consecutive checks until it is reported, and until it is over
    explains: Collection[str] = ()  # its effects, which are not reported while it lasts
    needs_baseline: bool = False  # found by comparison with the start of this program

    def remedy(self, flags: Collection[str]) -> str:
        return "; ".join(text for flag, text in self.remedies.items() if not flag or flag in flags)


_OUTPUT_PROBLEMS = ("mode collapse", "inverted colours", "checkerboard")

DIAGNOSES: dict[str, Diagnosis] = {
    "exploding gradients": Diagnosis(
        "the updates overshoot",
        {"lr": "go back to an earlier epoch, or start again, with a lower --lr (the papers use "
               "0.0002)",
         "beta1": "keep --beta1 at 0.5",
         "precision": "remove --precision fp16 if it is set"},
        explains=("discriminator has won", *_OUTPUT_PROBLEMS), needs_baseline=True,
    ),
    "discriminator has won": Diagnosis(
        "the discriminator is so certain that the generator gets almost no gradient from it",
        {"ndf": "use a weaker discriminator: smaller --ndf, --netD patch_16",
         "gan_mode": "use --gan_mode lsgan or hinge, which saturate less than vanilla",
         "rotate": "with few images, use augmentation (--rotate, --zoom, --translate)",
         "lambda_L1": "or train pix2pix with its L1 loss only: --lambda_GAN 0"},
        checks=4, explains=_OUTPUT_PROBLEMS,
    ),
    "mode collapse": Diagnosis(
        "the outputs are almost the same for all inputs",
        {"": "start again with another --seed, or from an epoch before it",
         "lambda_L1": "use a larger --lambda_L1, which ties each output to its target",
         "lambda_A": "use larger --lambda_A and --lambda_B, which tie each output to its input",
         "batch_size": "use --norm instance if the batches are small"},
        explains=("inverted colours", "checkerboard"),
    ),
    "inverted colours": Diagnosis(
        "parts that should be bright are dark in the output",
        {"": "start again with another --seed: networks seldom recover from it",
         "lambda_identity": "keep --lambda_identity at 0.5 or more; ignore this if the two "
                            "domains really are negatives of each other"},
        explains=("checkerboard",),
    ),
    "checkerboard": Diagnosis(
        "the upsampling layers leave a regular grid in the images",
        {"": "train longer, since it often fades",
         "lambda_GAN": "use a smaller --lambda_GAN, if the discriminator rewards the pattern",
         "netG": "use another --netG"},
    ),
    "waiting for pictures": Diagnosis("the networks could be trained faster", {}),
    "overfitting": Diagnosis(
        "the network memorises the training images",
        {"": "use the weights of the best epoch, or stop",
         "rotate": "use augmentation (--rotate, --zoom, --translate, --flip_vertical)",
         "ngf": "use a smaller --ngf or more images"},
        needs_baseline=True,
    ),
}


@dataclass(frozen=True)
class Finding:
    """Result of one check."""

    diagnosis: str  # a key of ``DIAGNOSES``
    present: bool | None  # None: the check cannot decide
    seen: str = ""  # the evidence, with its number
    measured: Mapping[str, float] = field(default_factory=dict)  # also if nothing is wrong


class DiagnosisState:
    """Whether a diagnosis is active. It changes after ``checks`` consecutive checks that agree."""

    def __init__(self, checks: int, *, active: bool = False) -> None:
        self.active = active
        self._checks = checks
        self._contradictions = 0  # consecutive checks that contradict ``active``

    @property
    def suspected(self) -> bool:
        """Whether the last check was positive, reported or not."""
        return self.active != bool(self._contradictions)

    def add(self, present: bool | None, *, may_begin: bool = True) -> bool:
        """Add the result of a check; return whether ``active`` has changed.

        None means that the check could not decide. Without ``may_begin`` the diagnosis does not
        become active, but checks are counted.
        """
        if present is None:
            return False
        self._contradictions = self._contradictions + 1 if present != self.active else 0
        if self._contradictions < self._checks or (present and not may_begin):
            return False
        self.active, self._contradictions = present, 0
        return True
