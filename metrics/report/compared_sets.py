"""Find the images that are compared: results of runs, or two folders."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from data.files.value_range import ValueRange
from metrics.evaluation import Example
from metrics.metric_image import MetricImage
from metrics.report.result_files import (
    ComparedFiles,
    NoImagesError,
    find_results,
    folder_files,
    folder_sets,
    outputs_in,
    result_files,
)
from util.run_folder.options import load_options
from util.text import listing, pluralise

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ComparedSet:
    """Outputs and their targets.

    ``about``: where they are; ``warnings``: reasons to doubt the scores; ``unpaired``: an output
    and a target with the same name are not a pair.
    """

    name: str
    files: Sequence[ComparedFiles]
    about: str
    unpaired: bool = False
    warnings: Sequence[str] = ()

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
                None if path is None else MetricImage.read(path, limits)
                for path in (files.fake, files.real, files.given if with_inputs else None)
            )
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
        is_unaligned = _is_unaligned(checkpoints_dir / (run if is_name else folder.parent.name))
        if is_unaligned and not unpaired:
            log.info("%s was tested on images without pairs (--dataset_mode unaligned)", name)
        sets.append(_of_results(name, folder, chosen, unpaired=unpaired or is_unaligned))
    return [_with_warning(compared, sets[0]) for compared in sets]


def of_folders(fake: Path, real: Path, *, unpaired: bool = False) -> ComparedSet:
    """
    Raises:
        NoImagesError: there are no images, or no pairs.
    """
    name = fake.resolve().name
    name = f"{name}'" if name in ("input", "target") else name
    about = f"{fake} against {real}"
    if unpaired:
        return ComparedSet(name, folder_sets(fake, real), about, unpaired=True)
    files, alone = folder_files(fake, real)
    if not files:
        first_real = next(path for path in alone if Path(path).is_relative_to(real))
        raise NoImagesError(f"no image in {fake} has the path of one in {real} (first ones: "
                            f"{alone[0]}, {first_real}); --unpaired compares them as two sets")
    return ComparedSet(name, files, about, warnings=_about_alone(alone))


def _of_results(name: str, folder: Path, label: str, *, unpaired: bool) -> ComparedSet:
    files, about = result_files(folder, label), f"{label} in {folder}"
    deep = [path for path in folder.glob(f"images/**/*_{label}.*") if path.suffix != ".png"]
    warnings = [f"the PNG files of 8 bits are compared; {len(deep)} outputs exist with all their "
                f"bits ({deep[0].name}): compare those by --fake DIR --real DIR"] if deep else []
    if unpaired:
        return ComparedSet(name, files, about, unpaired=True, warnings=warnings)
    pairs = [pair for pair in files if pair.real]
    alone = [str(output.fake) for output in files if not output.real]
    return ComparedSet(name, pairs, about, warnings=[*warnings, *_about_alone(alone)])


def _about_alone(paths: Sequence[str]) -> list[str]:
    number = pluralise(len(paths), "image")
    text = f"not counted, because without a partner: {number}\n{listing(paths)}"
    return [text] if paths else []


def _with_warning(other: ComparedSet, first: ComparedSet) -> ComparedSet:
    """Add a warning if the two sets have different images."""
    if {files.name for files in other.files} == {files.name for files in first.files}:
        return other
    warning = (f"{other.name} has {len(other.files)} images, {first.name} has {len(first.files)}, "
               "and they are not the same: do not compare their scores")
    return replace(other, warnings=[*other.warnings, warning])


def _is_unaligned(run_dir: Path) -> bool:
    with suppress(OSError, ValueError):
        options = json.loads((run_dir / "test_opt.json").read_text(encoding="utf-8"))
        return bool(options.get("dataset_mode") == "unaligned")
    return False


def _test_command(name: str, checkpoints_dir: Path) -> str:
    dataroot = load_options(checkpoints_dir / name).get("dataroot", "DATAROOT")
    is_default = checkpoints_dir == Path("checkpoints")
    where = "" if is_default else f" --checkpoints_dir {checkpoints_dir}"
    return f"python test.py --dataroot {dataroot} --name {name}{where}"
