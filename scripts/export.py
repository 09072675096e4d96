"""Export a generator for other runtimes: the file takes an image and returns its translation.

    python scripts/export.py --name facades_pix2pix --to onnx
    python scripts/export.py --weights downloaded.pth --to torchscript --out horse2zebra.pt

Scaling, padding and rounding are inside the file. Before it gets its name, it is run in its own
runtime and compared with PyTorch; a model card is written beside it. See docs/export.md.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from util import interrupts

if __name__ == "__main__":
    interrupts.quit_at_signals()  # before imports that take seconds

from data.discovery.inputs import Input, find_inputs, is_pattern
from data.files.raster import Pixels
from inference.export import available, find_format
from inference.export.exporter import Exporter, ExportRequest
from inference.export.norms import BN_MODES
from inference.find_generator import find_generator
from inference.generator_file import GeneratorFile
from options.parser import Dependency
from scripts.command_line import (
    GENERATOR_FLAGS,
    add_generator_flags,
    new_parser,
    refuse_unused,
)
from util.disk.file_names import shorten
from util.flags import any_path, positive_int, value_range, word
from util.run_folder.layout import list_folders
from util.run_folder.options import load_options
from util.runtime import run_program

log = logging.getLogger(__name__)
_CALIBRATION = Dependency(("num_calibrate",), lambda args: args.calibrate is not None,
                          "--bn_mode calibrated --calibrate PATH")


def add_file_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how")
    add = group.add_argument
    add("--to", required=True, choices=available(), help="format")
    for side in "AB":
        add(f"--value_range_{side}", type=value_range, metavar="LO,HI",
            help=f"values that mean black and white in {side} (those of the run)")
    add("--bn_mode", choices=BN_MODES, default="batch",
        help="statistics of batch norms: of each image, as test.py; running, as test.py --eval; "
             "estimated on the images of --calibrate (%(default)s)")
    add("--calibrate", type=any_path, metavar="PATH",
        help="images for --bn_mode calibrated: a folder, file or pattern")
    add("--num_calibrate", type=positive_int, default=100, help="number of these (%(default)s)")
    small = group.add_mutually_exclusive_group()
    small.add_argument("--half", dest="weights_as", action="store_const", const="half",
                       default="float32", help="weights of 16 bits: half the size")
    small.add_argument("--int8", dest="weights_as", action="store_const", const="int8",
                       help="weights of 8 bits: a quarter of the size, less exact")
    add = parser.add_argument_group("result").add_argument
    add("--out", type=any_path, metavar="FILE",
        help="the file (<checkpoints_dir>/<name>/export/<name>_<epoch>_<direction>.<suffix>)")
    add("--pictures", type=any_path, metavar="PATH",
        help="verify on these: a folder, file or pattern (the test images of the run)")
    add("--num_verify", type=positive_int, default=2, help="number of these (%(default)s)")
    add("--licence", type=word, default="", help="for the model card")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the flags, and add the generator as ``file``: flags that do not fit it are errors."""
    parser = new_parser(__doc__)
    add_generator_flags(parser.add_argument_group("which generator"))
    add_file_flags(parser)
    args = parser.parse_args(argv)
    if bool(args.name) == bool(args.weights):
        parser.error("give --name RUN, or --weights FILE")
    refuse_unused(parser, args, (*GENERATOR_FLAGS, _CALIBRATION))
    args.path = args.weights or args.checkpoints_dir / args.name
    try:
        check(args)
        args.file = find_generator(args.path, epoch=args.epoch, direction=args.direction,
                                   ema=args.ema, weights_key=args.weights_key,
                                   value_range_A=args.value_range_A,
                                   value_range_B=args.value_range_B)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    if args.bn_mode == "calibrated" and args.file.norm not in ("batch", "syncbatch"):
        parser.error(f"--bn_mode calibrated is for batch norms, this network has norm "
                     f"{args.file.norm}: leave it out")
    return args


def check(args: argparse.Namespace) -> None:
    """Raise ValueError for flags that contradict each other, and for missing files."""
    if args.name and not args.path.is_dir():
        runs = list_folders(args.checkpoints_dir)
        raise ValueError(f"--name: there is no run {args.path}; runs in that folder: {runs}")
    if not args.path.exists():
        raise ValueError(f"--weights {args.path} does not exist: give a .pth file or a folder")
    if (args.bn_mode == "calibrated") != bool(args.calibrate):
        raise ValueError("--bn_mode calibrated and --calibrate PATH belong together: give both, "
                         "or none of them")
    for flag in ("calibrate", "pictures"):
        path = getattr(args, flag)
        if path and not path.exists() and not is_pattern(path):
            raise ValueError(f"--{flag} {path} does not exist: give a folder, a file or a pattern")
    suffix = find_format(args.to).suffix
    if args.out and args.out.suffix != suffix:
        raise ValueError(f"--out {args.out}: --to {args.to} writes {suffix} files; name it "
                         f"{args.out.with_suffix(suffix)}")
    if args.out and args.out.is_dir():
        raise ValueError(f"--out {args.out} is a folder: give the name of a file in it")


def main(argv: Sequence[str] | None = None) -> Path:
    """Return the path of the exported file."""
    args = parse(argv)
    file: GeneratorFile = args.file
    run_dir = args.path if args.path.is_dir() else None
    saved = load_options(run_dir) if run_dir else {}
    name = run_dir.resolve().name if run_dir else args.path.stem
    label, net, _ = file.path.stem.partition("_net_")
    epoch = args.epoch if run_dir else label if net else "unknown"
    request = ExportRequest(
        name=name, epoch=f"{epoch}{'_ema' if args.ema else ''}", to=args.to, run_dir=run_dir,
        bn_mode=args.bn_mode, weights=args.weights_as, licence=args.licence,
        labels=labels(saved, file),
        calibrate=inputs(args.calibrate, file)[: args.num_calibrate] if args.calibrate else (),
    )
    exporter = Exporter(file, request)
    log.info("%s: %s %s, %s", file.path, file.netG, file.direction, exporter.norm_text)
    if exporter.dropout:
        log.info("dropout is off: test.py without --eval keeps it on as the noise of pix2pix")
    path = args.out or default_path(request, file, args.path)
    exporter.write(path, images(args, saved, exporter))
    return Path(path)


def default_path(request: ExportRequest, file: GeneratorFile, path: Path) -> Path:
    folder = path if request.run_dir else path.parent
    suffix = find_format(request.to).suffix
    small = "" if request.weights == "float32" else f"_{request.weights}"
    stem = request.name if not request.run_dir else f"{request.name}_{request.epoch}"
    end = f"_{file.direction}{small}{suffix}"
    stem = shorten(stem, room=len(f"{end}.md"))  # the model card has this name with .md
    return Path(folder) / "export" / f"{stem}{end}"


def labels(saved: dict[str, Any], file: GeneratorFile) -> str:
    """Return the sides of the network that hold labels: --nearest of the training."""
    sides = {"input": file.input_letter, "output": file.output_letter}
    return ",".join(side for side, letter in sides.items()
                    if letter in (saved.get("nearest") or ""))


def inputs(path: Path, file: GeneratorFile) -> list[Input]:
    return find_inputs(path, phase="test", letter=file.input_letter, record=file.record,
                       suffixes=file.input_suffixes)


def images(args: argparse.Namespace, saved: dict[str, Any], exporter: Exporter) -> list[Pixels]:
    """Return images of --pictures or of the run's data set; [] if these do not exist."""
    found: list[Input] = []
    if args.pictures:
        found = inputs(args.pictures, exporter.file)
    elif saved.get("dataroot"):
        with suppress(FileNotFoundError):
            found = inputs(Path(saved["dataroot"]), exporter.file)
    if not found:
        log.warning("verified on noise: the images of the training do not exist here; --pictures "
                    "PATH names others")
        return []
    chosen = found[:: max(1, len(found) // args.num_verify)][: args.num_verify]
    log.info("verified on %s", ", ".join(str(item.source) for item in chosen))
    return [exporter.read(item) for item in chosen]


if __name__ == "__main__":
    run_program(main)
