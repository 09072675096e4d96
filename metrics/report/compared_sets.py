"""Find the images that are compared: results of runs, or two folders."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from filecmp import cmp
from pathlib import Path
from statistics import median_low

import numpy as np

from data.files.image_io import read_image, read_size
from data.files.pillow_files import PictureError
from data.files.value_range import ValueRange, of_dtype
from data.record import load_record
from metrics.evaluation import Example
from metrics.metric_image import MetricImage
from metrics.report.result_files import (
    ComparedFiles,
    NoImagesError,
    about_page,
    find_results,
    folder_files,
    folder_sets,
    outputs_in,
    result_files,
)
from util.disk.text_files import read_json
from util.flags import value_range
from util.run_folder.options import load_options
from util.text import pluralise

log = logging.getLogger(__name__)
MOST_NAMES = 3  # in a warning


@dataclass(frozen=True)
class ComparedSet:
    """Outputs and their targets.

    ``about``: where they are; ``warnings``: reasons to doubt the scores; ``unpaired``: an output
    and a target with the same name are not a pair; ``place``: the absolute paths of the folders;
    ``units``: see ``MetricImage``; ``own_targets``: they are not those of the first set; ``page``:
    where a test writes its page of results; ``nan_value``: the number of missing pixels, if any.
    """

    name: str
    files: Sequence[ComparedFiles]
    about: str
    unpaired: bool = False
    warnings: Sequence[str] = ()
    place: str = ""
    units: ValueRange | None = None
    own_targets: bool = False
    page: Path | None = None
    nan_value: float | None = None

    def describe(self) -> str:
        if not self.unpaired:
            return f"{pluralise(len(self.files), 'pair')}; {self.about}"
        fakes = pluralise(sum(files.fake is not None for files in self.files), "output")
        reals = pluralise(sum(files.real is not None for files in self.files), "target")
        return f"{fakes} and {reals}, no pairs; {self.about}"

    def examples(
        self, limits: ValueRange | None, *, with_inputs: bool = False
    ) -> Iterator[Example]:
        """Read the images; ``limits``: black and white (default: the range of the file's type)."""
        for files in self.files:
            fake, real, given = (
                None if path is None else MetricImage.read(
                    path, limits, self.units, nan_value=self.nan_value)
                for path in (files.fake, files.real, files.given if with_inputs else None)
            )
            if real and files.missing:
                mask = read_image(files.missing).pixels[:, :, 0] > 0
                real = replace(real, missing=mask if mask.any() else None)
            yield Example(files.name, fake, real, given)


def find_runs(
    runs: Sequence[str], *, results_dir: Path, checkpoints_dir: Path, label: str | None = None,
    unpaired: bool = False,
) -> list[ComparedSet]:
    """Find results of ``runs``: names of runs, or folders. ``label``: the output, such as fake_A.

    Results of a data set without pairs (``--dataset_mode unaligned``) are compared as two sets.

    Raises:
        NoImagesError: there are no results with targets, or none with that label.
    """
    sets: list[ComparedSet] = []
    names = {"input", "target"}  # the captions of the other images on the page
    for run in runs:
        folder = find_results(run, results_dir, lambda name: _test_command(name, checkpoints_dir))
        chosen = label or outputs_in(folder)[0]
        is_name = Path(run) != folder
        name = run if is_name else f"{folder.parent.name}/{folder.name}"
        while name in names:
            name += "'"
        names.add(name)
        run_dir = checkpoints_dir / (run if is_name else folder.parent.name)
        is_unaligned = _is_unaligned(run_dir)
        if is_unaligned and not unpaired:
            log.info("%s was tested on images without pairs (--dataset_mode unaligned)", name)
        found = _of_results(name, folder, chosen, unpaired=unpaired or is_unaligned)
        warnings = [*found.warnings, *_about_missing(run_dir, found)]
        sets.append(replace(found, units=_units(run_dir, chosen), page=folder / "index.html",
                            warnings=warnings))
    return [_with_warning(compared, sets[0]) for compared in sets]


def usual_side(sets: Sequence[ComparedSet]) -> int | None:
    """Return the median of the shorter sides of the targets (pixels); None if none is readable."""
    sides = []
    for path in {files.real for compared in sets for files in compared.files if files.real}:
        with suppress(PictureError):  # the error is raised when the image is read
            sides.append(min(read_size(path)))
    return median_low(sides) if sides else None


def of_folders(fake: Path, real: Path, *, unpaired: bool = False) -> ComparedSet:
    """Find the outputs in the folder ``fake``, and their targets in ``real``.

    Raises:
        NoImagesError: there are no images, or no pairs.
    """
    name = os.path.basename(os.path.realpath(fake))  # noqa: PTH119  (a link may be a loop)
    name = f"{name}'" if name in ("input", "target") else name
    about = f"{fake} against {real}"
    place = f"{os.path.realpath(fake)} {os.path.realpath(real)}"
    if unpaired:
        return ComparedSet(name, folder_sets(fake, real), about, unpaired=True, place=place)
    files, alone = folder_files(fake, real)
    if not files:
        first_real = next(path for path in alone if Path(path).is_relative_to(real))
        advice = about_page(Path(alone[0])) or "--unpaired compares them as two sets"
        raise NoImagesError(f"no image in {fake} has the path of one in {real} (first ones: "
                            f"{alone[0]}, {first_real}); {advice}")
    return ComparedSet(name, files, about, warnings=_about_alone(alone), place=place)


def _of_results(name: str, folder: Path, label: str, *, unpaired: bool) -> ComparedSet:
    files, about = result_files(folder, label), f"{label} in {folder}"
    place = f"{folder.resolve()} {label}"
    deep = [path for path in folder.glob(f"images/**/*_{label}.*") if path.suffix != ".png"]
    number = pluralise(len(deep), "file")
    warnings = [f"the PNG files of 8 bits are compared, not the {number} with the numbers of the "
                f"data set ({deep[0].name}): for these, give test.py --output_dir DIR, and then "
                "--fake DIR --real DIR"] if deep else []
    if not unpaired:
        warnings += _about_alone([str(output.fake) for output in files if not output.real])
        files = [pair for pair in files if pair.real]
    return ComparedSet(name, files, about, unpaired=unpaired, warnings=warnings, place=place)


def _about_alone(paths: Sequence[str]) -> list[str]:
    if not paths:
        return []
    more = f" and {len(paths) - MOST_NAMES} more" * (len(paths) > MOST_NAMES)
    names = ", ".join(paths[:MOST_NAMES])
    return [f"not counted, without a partner: {pluralise(len(paths), 'image')} ({names}{more})"]


def _units(run_dir: Path, label: str) -> ValueRange | None:
    """Return the numbers that black and white in the PNG of an output mean in the data set."""
    saved = load_options(run_dir)
    side = "AB"[label.startswith("fake_B") != (saved.get("direction") == "BtoA")]
    with suppress(ValueError, TypeError):
        if text := saved.get(f"value_range_{side}"):
            return ValueRange(*value_range(text))
        written = load_record(run_dir).formats.get(side)
        return of_dtype(written.dtype) if written else None
    return None


def _about_missing(run_dir: Path, found: ComparedSet) -> list[str]:
    """Return a warning if a run has --nan_value, but the results do not tell where it was used."""
    unknown = sum(not files.missing for files in found.files)
    if found.unpaired or not unknown or load_options(run_dir).get("nan_value") is None:
        return []
    return [f"{pluralise(unknown, 'target')} without a file *_missing.png: pixels that have no "
            "value in the data set (--nan_value) count here; repeat the test to leave them out"]


def _with_warning(other: ComparedSet, first: ComparedSet) -> ComparedSet:
    """Add a warning if the two sets have different images."""
    targets = {files.name: files.real for files in first.files}
    changed: list[str] = []
    if {files.name for files in other.files} != targets.keys():
        warning = (f"{other.name} has {len(other.files)} images, {first.name} has "
                   f"{len(first.files)}, and they are not the same: do not compare their scores")
    elif changed := [files.name for files in other.files if files.real and
                     not _is_same(files.real, targets[files.name])]:
        warning = (f"{len(changed)} of {len(targets)} targets are not those of {first.name} (such "
                   f"as {changed[0]}): do not compare their scores")
    else:
        return other
    return replace(other, warnings=[*other.warnings, warning], own_targets=bool(changed))


def _is_same(one: Path, other: Path | None) -> bool:
    """Return True for equal pixels; files with equal bytes are not decoded."""
    if other is None or cmp(one, other, shallow=False):
        return other is not None
    with suppress(PictureError):  # the error is raised when the image is compared
        return np.array_equal(read_image(one).pixels, read_image(other).pixels)
    return False


def _is_unaligned(run_dir: Path) -> bool:
    with suppress(OSError, ValueError):
        options = read_json(run_dir / "test_opt.json", advice="repeat the test")
        return bool(options.get("dataset_mode") == "unaligned")
    return False


def _test_command(name: str, checkpoints_dir: Path) -> str:
    dataroot = load_options(checkpoints_dir / name).get("dataroot", "DATAROOT")
    is_default = checkpoints_dir == Path("checkpoints")
    where = "" if is_default else f" --checkpoints_dir {checkpoints_dir}"
    return f"python test.py --dataroot {dataroot} --name {name}{where}"
