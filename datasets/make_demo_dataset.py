"""Draw a small data set of house fronts: photos (A) and their label maps (B). Needs no download.

    python datasets/make_demo_dataset.py datasets/demo        # 240 pairs of 128 pixels, 11 s

For pix2pix: ``train``, ``val`` and ``test`` hold 0001.png, ..., with the photo on the left and the
label map on the right; ``--direction BtoA`` translates labels to photos. For CycleGAN: ``trainA``
and ``trainB`` hold photos and label maps of different streets; ``valA``, ``valB``, ``testA`` and
``testB`` hold the images of ``val`` and ``test`` separately.
"""

import argparse
import json
import logging
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data.discovery.folders import visible_files
from datasets.demo_drawing.labels import PALETTE, RgbImage, draw_labels
from datasets.demo_drawing.photo import draw_photo
from datasets.demo_drawing.street import invent_street
from datasets.jobs import faults_reported, tool_parser
from util.files import write_text
from util.flags import any_path, limits, non_negative_int, positive_int

log = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
FOLDERS = tuple(split + domain for split in SPLITS for domain in ("", "A", "B"))
PALETTE_FILE = "palette.txt"  # scripts/serve.py reads the names of the labels from it
MANIFEST = "demo.json"  # written last: a folder without it is not a complete set
SMALLEST = 32  # pixels that windows and cornices need
VERSION = 1  # of the drawing code; another version draws another set
UNPAIRED = len(SPLITS)  # the split number of the streets in trainB, for the seed


def _names(count: int) -> list[str]:
    return [f"{number:04d}.png" for number in range(1, count + 1)]


def _difference(root: Path, parameters: dict[str, int]) -> list[str]:
    """Return the files of the set that are missing, and other files in its folders."""
    wanted = {f"{folder}/{name}" for folder in FOLDERS
              for name in _names(parameters[folder.rstrip("AB")])}
    files = (path for folder in FOLDERS if (root / folder).is_dir()
             for path in visible_files(root / folder))
    return sorted(wanted ^ {path.relative_to(root).as_posix() for path in files})


def _is_complete(root: Path, parameters: dict[str, int]) -> bool:
    """Return True for the same set, False for an empty folder.

    Raises:
        FileExistsError: the folder holds anything else.
    """
    if not root.exists() or not any(root.iterdir()):
        return False
    advice = ("choose another folder, or pass --overwrite to delete its folders "
              f"{', '.join(FOLDERS)} and draw them again")
    manifest = root / MANIFEST
    if not manifest.is_file():
        found = ", ".join(sorted(path.name for path in root.iterdir())[:10])
        raise FileExistsError(f"{root} holds no complete demo set, but {found} (no {MANIFEST}); "
                              f"{advice}")
    drawn, wanted = manifest.read_text(encoding="utf-8").strip(), json.dumps(parameters)
    if drawn != wanted:
        raise FileExistsError(f"{root} holds a demo set drawn with {drawn}, asked for {wanted}; "
                              f"{advice}")
    differing = _difference(root, parameters)
    if differing:
        raise FileExistsError(f"{root} holds a demo set with {len(differing)} missing or other "
                              f"files, such as {differing[0]}; {advice}")
    return True


def _images(parameters: dict[str, int]) -> Iterator[tuple[str, RgbImage]]:
    """Yield every image of the set with its path below the root."""
    size, seed = parameters["size"], parameters["seed"]
    for split_number, split in enumerate(SPLITS):
        for number, name in enumerate(_names(parameters[split])):
            layout, paint = (np.random.default_rng([seed, split_number, number, i]) for i in (0, 1))
            street = invent_street(layout, size)
            labels, photo = draw_labels(street), draw_photo(street, paint)
            yield f"{split}/{name}", np.concatenate([photo, labels], axis=1)
            yield f"{split}A/{name}", photo
            if split != "train":
                yield f"{split}B/{name}", labels
    for number, name in enumerate(_names(parameters["train"])):
        street = invent_street(np.random.default_rng([seed, UNPAIRED, number, 0]), size)
        yield f"trainB/{name}", draw_labels(street)


def _clear(root: Path) -> None:
    # The manifest is deleted first, so that an interrupted run does not leave it behind.
    (root / MANIFEST).unlink(missing_ok=True)
    for folder in FOLDERS:
        if (root / folder).exists():
            shutil.rmtree(root / folder)


def _write_palette(root: Path) -> None:
    lines = [f"{red} {green} {blue} {name}\n" for name, (red, green, blue) in PALETTE.items()]
    (root / PALETTE_FILE).write_text("".join(lines), encoding="utf-8")


def _write(root: Path, parameters: dict[str, int]) -> None:
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for path, image in _images(parameters):
        Image.fromarray(image).save(root / path)
    _write_palette(root)
    write_text(root / MANIFEST, json.dumps(parameters) + "\n")


def make_demo_dataset(
    root: Path, *, size: int = 128, train: int = 200, val: int = 20, test: int = 20,
    seed: int = 0, overwrite: bool = False,
) -> None:
    """Draw the set below ``root``; do nothing if ``root`` holds the same set already.

    ``size`` is the side of one image in pixels; ``train``, ``val`` and ``test`` are numbers of
    pairs. Equal arguments give equal files. ``overwrite`` deletes the split folders first.

    Raises:
        ValueError: an argument is out of range.
        FileExistsError: ``root`` holds anything else, and ``overwrite`` is False.
    """
    parameters = {"version": VERSION, "size": size, "train": train, "val": val, "test": test,
                  "seed": seed}
    if size < SMALLEST:
        raise ValueError(f"size must be >= {SMALLEST} pixels for the details of houses, got {size}")
    if train < 1 or min(val, test, seed) < 0:
        raise ValueError(f"wanted train >= 1 and val, test, seed >= 0, got {parameters}")
    if root.exists() and not root.is_dir():
        raise FileExistsError(f"{root} is a file; name a folder for the data set")
    if overwrite:
        _clear(root)
    elif _is_complete(root, parameters):
        if not (root / PALETTE_FILE).exists():  # drawn by an older version of this script
            _write_palette(root)
        log.info("%s is complete already: %d pairs to train on", root, train)
        return
    began = time.monotonic()
    try:
        _write(root, parameters)
    except KeyboardInterrupt:
        _clear(root)  # the same command can then be repeated
        raise
    log.info("%s: %d + %d + %d pairs in %.0f s", root, train, val, test, time.monotonic() - began)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = tool_parser(__doc__)
    parser.add_argument("root", type=any_path, help="folder to write, such as datasets/demo")
    parser.add_argument("--size", type=limits.side, default=128,
                        help=f"side of one image, >= {SMALLEST} pixels (default 128)")
    parser.add_argument("--train", type=positive_int, default=200, help="pairs (default 200)")
    parser.add_argument("--val", type=non_negative_int, default=20, help="pairs (default 20)")
    parser.add_argument("--test", type=non_negative_int, default=20, help="pairs (default 20)")
    parser.add_argument("--seed", type=non_negative_int, default=0,
                        help="another seed draws other streets (default 0)")
    parser.add_argument("--overwrite", action="store_true",
                        help="delete the folders of the set below root first, with all their files")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = _parse(argv)
    with faults_reported("make_demo_dataset"):
        make_demo_dataset(**vars(args))


if __name__ == "__main__":
    main()
