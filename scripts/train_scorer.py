"""Train the segmenter of a labelled set, which scores generated photos (pix2pix, section 4.2).

    python scripts/train_scorer.py --dataroot datasets/facades --out facades_scorer.pth
    python scripts/evaluate.py --run facades_pix2pix --metrics fcn_score --scorer facades_scorer.pth

It learns the labels of real photos, and is then measured on real pairs that it has not seen.
Compare the scores of generated photos with those. The colours of the labels are found in the label
maps.
"""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median_low

import numpy as np
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from util import interrupts

if __name__ == "__main__":
    interrupts.quit_at_signals()  # before imports that take seconds

from data.discovery.pairs import find_pairs
from display.sinks.console_sink import RunStatus
from metrics.fcn_score_metric import three_scores
from metrics.label_maps import Confusion, class_accuracies, confusion, pixel_accuracy
from metrics.palette import NoPaletteError, Palette, find_palette, read_palette
from metrics.segmenter.network import Segmenter
from metrics.segmenter.scorer import SIDE_MULTIPLE, Scorer, check_size
from metrics.segmenter.training import LabelledPhoto, fingerprint, fit, read_examples
from scripts.command_line import new_parser
from training.clock import Clock
from util.flags import any_path, gpu_list, limits, positive_int, rate, seed, word
from util.random_states import seed_everything
from util.runtime import choose_device, describe_device, run_program, set_arithmetic

log = logging.getLogger(__name__)
MOST_PIXELS = 256  # largest side without --size
MOST_IN_NOISE = 0.05  # per-pixel accuracy; the most frequent label alone would give far more
PALETTE_IMAGES = 100  # label maps, spread over the set, in which the palette is searched


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = new_parser(__doc__)
    add = parser.add_argument
    add("--dataroot", type=any_path, required=True, help="folder of pairs, as for train.py")
    add("--labels", choices=("A", "B"), default="B", help="side of the label maps (%(default)s)")
    add("--pairs", type=any_path, metavar="FILE", help="a table of the pairs, as for train.py")
    add("--phase", type=word, default="train", help="training pairs (%(default)s)")
    add("--test_phase", type=word, default="test", help="pairs for the measurement (%(default)s)")
    add("--palette", type=any_path, metavar="FILE",
        help="lines R G B NAME (found in the label maps)")
    add("--out", type=any_path, default=Path("scorer.pth"), help="file to write (%(default)s)")
    add("--size", type=limits.side, help="side to which images are scaled (pixels, a multiple of "
        f"{SIDE_MULTIPLE}; their own side, at most {MOST_PIXELS})")
    add("--width", type=limits.width, default=16, help="channels of the first level (%(default)s)")
    add("--epochs", type=limits.epochs, default=50, help="(%(default)s)")
    add("--batch_size", type=limits.batch, default=8, help="(%(default)s)")
    add("--lr", type=rate, default=2e-3, help="highest rate of AdamW (%(default)s)")
    add("--max_dataset_size", type=positive_int, metavar="N", help="use at most N pairs")
    add("--seed", type=seed, default=0, help="(%(default)s)")
    add("--gpu_ids", type=gpu_list, metavar="N", help="GPU; -1: the CPU (a GPU if there is one)")
    args = parser.parse_args(argv)
    try:
        check_size(args.size or MOST_PIXELS)
    except ValueError as error:
        parser.error(str(error))
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    device = choose_device(args.gpu_ids)
    log.info("device: %s", describe_device(device))
    seed_everything(args.seed)
    set_arithmetic("default", equal_sizes=True)
    pairs = pairs_of(args, args.phase)
    palette = find_colours(args, pairs)
    size = args.size or usual_size(pairs)
    log.info("%d pairs, %d classes, %d x %d pixels", len(pairs), len(palette), size, size)
    net = Segmenter(len(palette) + 1, width=args.width).to(device)
    facts = {"pairs": len(pairs), "epochs": args.epochs, "seed": args.seed}
    scorer = Scorer(net, palette, size, args.width, fingerprint(pairs), facts, device)
    train(scorer, args, pairs)
    try:
        report(scorer, args, pairs)
    except KeyboardInterrupt as stop:
        raise interrupts.explained(stop, f"Interrupted while {args.out} was measured; the file is "
                                   "complete") from None


def train(scorer: Scorer, args: argparse.Namespace, pairs: Sequence[LabelledPhoto]) -> None:
    """Train and save the segmenter; after Ctrl-C save it as it is, under another name."""
    start = time.monotonic()
    examples = read_examples(pairs, scorer.palette, scorer.size)
    count = len(pairs)
    batch_size = min(args.batch_size, count)
    status = Status(args.epochs, count // batch_size * batch_size)
    try:
        fit(scorer.net, examples, epochs=args.epochs, batch_size=batch_size, rate=args.lr,
            after_step=status.advance)
    except KeyboardInterrupt as stop:
        if not status.clock.images:
            raise
        scorer.net.eval()
        facts = {**scorer.facts, "epochs": status.clock.epoch - 1}
        path = args.out.with_stem(f"{args.out.stem}_interrupted")
        replace(scorer, facts=facts).save(path)
        raise interrupts.explained(stop, f"Interrupted in epoch {status.clock.epoch} of "
                                   f"{args.epochs}: {path} holds the segmenter as it was then; "
                                   f"{args.out} was not written") from None
    scorer.save(args.out)
    log.info("trained in %.0f s; wrote %s", time.monotonic() - start, args.out)


class Status:
    """Logs speed, time left and loss after the first step, and then every 30 s."""

    def __init__(self, epochs: int, epoch_size: int) -> None:
        self.clock = Clock(n_epochs=epochs, epoch_size=epoch_size)
        self._status = RunStatus(self.clock.progress, time.monotonic())

    def advance(self, epoch: int, images: int, loss: Tensor) -> None:
        if epoch != self.clock.epoch:
            self.clock.start_epoch(epoch)
        self.clock.advance(images)
        self._status.advance(self.clock.progress, time.monotonic())
        if self.clock.status_due():
            self._status.losses = {"cross_entropy": loss.item()}
            log.info("%s", self._status.line(time.monotonic()))


def pairs_of(args: argparse.Namespace, phase: str) -> list[LabelledPhoto]:
    found = find_pairs(args.dataroot, phase, list_file=args.pairs, limit=args.max_dataset_size,
                       order=str)
    return [LabelledPhoto(pair.A, pair.B) if args.labels == "B" else LabelledPhoto(pair.B, pair.A)
            for pair in found.pairs]


def usual_size(pairs: Sequence[LabelledPhoto]) -> int:
    """Return the median of the shorter sides, rounded down to a side that the network can halve."""
    side = median_low(min(pair.photo.read_size()) for pair in pairs)
    return max(2 * SIDE_MULTIPLE, min(side, MOST_PIXELS) // SIDE_MULTIPLE * SIDE_MULTIPLE)


def find_colours(args: argparse.Namespace, pairs: Sequence[LabelledPhoto]) -> Palette:
    if args.palette:
        return read_palette(args.palette)
    try:
        return find_palette(pair.read()[1] for pair in pairs[:: -(-len(pairs) // PALETTE_IMAGES)])
    except NoPaletteError as error:
        other = "A" if args.labels == "B" else "B"
        raise NoPaletteError(f"side {args.labels} of {args.dataroot}: {error}; if the labels are "
                             f"on the other side give --labels {other}, or name their colours by "
                             "--palette FILE") from error


def report(scorer: Scorer, args: argparse.Namespace, learned: Sequence[LabelledPhoto]) -> None:
    """Log the scores of training photos, of new photos, and of noise instead of photos."""
    log.info("real photos of %s: %s", args.phase, scores_text(confusion_of(scorer, learned)))
    try:
        pairs = [pair for pair in pairs_of(args, args.test_phase) if pair not in set(learned)]
        if not pairs:
            raise FileNotFoundError(f"all pairs of phase {args.test_phase} were training pairs; "
                                    "name another phase by --test_phase, with --pairs one in the "
                                    "third column of the table")
    except FileNotFoundError as error:
        log.warning("not measured on new photos: %s", error)
        return
    new = confusion_of(scorer, pairs)
    log.info("real photos of %s: %s", args.test_phase, scores_text(new))
    noise = confusion_of(scorer, pairs, noise=True)
    log.info("noise instead of photos: %s", scores_text(noise))
    if pixel_accuracy(noise) > MOST_IN_NOISE:
        log.warning("it has not learned to label noise as nothing; give more pairs or --epochs")
    log.info("accuracy of each class in %s:", args.test_phase)
    for number, value in class_accuracies(new).items():
        log.info("  %s %.3f", scorer.palette.name(number), value)


def confusion_of(
    scorer: Scorer, pairs: Sequence[LabelledPhoto], *, noise: bool = False
) -> Confusion:
    count, rng = scorer.class_count, np.random.default_rng(0)
    counts = np.zeros((count, count), np.int64)
    for pair in pairs:
        photo, labels = pair.read()
        if noise:
            photo = rng.integers(0, 256, (scorer.size, scorer.size, 3), dtype=np.uint8)
        counts += confusion(scorer.labels(labels), scorer.segment(photo), count)
    return counts


def scores_text(counts: Confusion) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in three_scores(counts).items())


if __name__ == "__main__":
    run_program(main, interrupted="Interrupted before the first step; nothing was written")
