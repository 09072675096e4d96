"""Convert the original Cityscapes files to 256 x 256 photo | label pairs and unpaired folders.

    python datasets/prepare_cityscapes_dataset.py --gtFine_dir gtFine \\
        --leftImg8bit_dir leftImg8bit --output_dir datasets/cityscapes

The licence does not allow others to distribute the images. Download gtFine_trainvaltest.zip and
leftImg8bit_trainvaltest.zip from https://www.cityscapes-dataset.com and run this tool once. It
writes train/<i>.png and test/<i>.png (from val; photo left, label right), trainA and
testA/<i>_A.png (photos), trainB and testB/<i>_B.png (labels); <i> counts from 0 in the order of
the names.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data.discovery.folders import visible_files
from data.files.pillow_files import read_rgb
from datasets.jobs import add_job_flags, do_jobs, faults_reported, tool_parser
from datasets.pairs import NamedPair, match, require_equal_sizes, warn_about_leftovers
from datasets.pictures import save_if_changed, side_by_side
from util.flags import any_path

log = logging.getLogger(__name__)

SIZE = (256, 256)
SPLITS = {"train": "train", "val": "test"}  # split of Cityscapes: folder to write
PHOTO, LABEL = "_leftImg8bit.png", "_gtFine_color.png"


@dataclass(frozen=True)
class Scene:
    """One pair and its three output files."""

    pair: NamedPair
    joined: Path
    photo: Path
    label: Path
    overwrite: bool


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = tool_parser(__doc__)
    parser.add_argument("--gtFine_dir", type=any_path, required=True,
                        help="unpacked gtFine: <split>/<city>/*_color.png")
    parser.add_argument("--leftImg8bit_dir", type=any_path, required=True,
                        help="unpacked leftImg8bit: <split>/<city>/*_leftImg8bit.png")
    parser.add_argument("--output_dir", type=any_path, required=True, help="folder to write")
    add_job_flags(parser)
    return parser.parse_args(argv)


def find(root: Path, split: str, ending: str) -> dict[str, Path]:
    """Return the files ``<root>/<split>/<city>/<scene><ending>`` by ``<city>/<scene>``."""
    folder = root / split
    files = {path.relative_to(folder).as_posix().removesuffix(ending): path
             for path in (visible_files(folder) if folder.is_dir() else ())
             if path.name.endswith(ending)}
    log.info("%s: %d files *%s", folder, len(files), ending)
    if not files:
        raise FileNotFoundError(f"{folder} holds no <city>/*{ending}; pass the unpacked "
                                "gtFine to --gtFine_dir and leftImg8bit to --leftImg8bit_dir")
    return files


def plan_scenes(split: str, args: argparse.Namespace) -> list[Scene]:
    """Return the scenes of one split; A is the photo, B the label."""
    photos, labels = find(args.leftImg8bit_dir, split, PHOTO), find(args.gtFine_dir, split, LABEL)
    folder, root = SPLITS[split], args.output_dir
    return [Scene(pair, root / folder / f"{i}.png", root / f"{folder}A" / f"{i}_A.png",
                  root / f"{folder}B" / f"{i}_B.png", args.overwrite)
            for i, pair in enumerate(match(photos, labels))]


def write_scene(scene: Scene) -> bool:
    """Write the three files of one scene; return False if all of them existed already."""
    photo = read_rgb(scene.pair.A).resize(SIZE, Image.Resampling.LANCZOS)
    # A label colour is a class: any filter except nearest creates wrong classes at the edges.
    label = read_rgb(scene.pair.B).resize(SIZE, Image.Resampling.NEAREST)
    outputs = {scene.joined: side_by_side(photo, label), scene.photo: photo, scene.label: label}
    try:
        written = [save_if_changed(image, path, overwrite=scene.overwrite)
                   for path, image in outputs.items()]
    except ValueError as error:
        raise ValueError(f"{scene.joined} from {scene.pair.A}: {error}") from error
    return any(written)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    with faults_reported("prepare_cityscapes_dataset"):
        scenes = [scene for split in SPLITS for scene in plan_scenes(split, args)]
        require_equal_sizes([scene.pair for scene in scenes])
        warn_about_leftovers([path for scene in scenes
                              for path in (scene.joined, scene.photo, scene.label)])
        do_jobs(write_scene, scenes, parallel=not args.no_multiprocessing)


if __name__ == "__main__":
    main()
