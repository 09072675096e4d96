"""A set of outputs with what it is compared with: results of a run, or two folders."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data.files.value_range import ValueRange
from metrics.evaluation import Example
from metrics.picture import Picture
from metrics.report.result_files import (
    Files,
    NoPicturesError,
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
    """Files by picture.

    ``about``: where they are; ``warnings``: what makes the scores less than they seem;
    ``unpaired``: output and target of one name have nothing to do with each other.
    """

    name: str
    files: Sequence[Files]
    about: str
    unpaired: bool = False
    warnings: Sequence[str] = ()

    def describe(self) -> str:
        if not self.unpaired:
            return f"{pluralise(len(self.files), 'pair')}; {self.about}"
        fakes = sum(files.fake is not None for files in self.files)
        reals = sum(files.real is not None for files in self.files)
        sides = f"{pluralise(fakes, 'output')} and {pluralise(reals, 'target')}"
        return f"{sides}, no pairs; {self.about}"

    def examples(
        self, limits: ValueRange | None, *, with_inputs: bool = False
    ) -> Iterator[Example]:
        """``limits``: values in the files that mean black and white; None: as their type says."""
        for files in self.files:
            fake, real, given = (
                None if path is None else Picture.read(path, limits)
                for path in (files.fake, files.real, files.given if with_inputs else None)
            )
            yield Example(files.name, fake, real, given)


def find_runs(
    runs: Sequence[str],
    *,
    results_dir: Path,
    checkpoints_dir: Path,
    label: str | None = None,
    unpaired: bool = False,
) -> list[ComparedSet]:
    """``runs``: names, or folders of results; ``label``: of the output, such as fake_A.

    A test of a data set without pairs (``--dataset_mode unaligned``) is taken as such.

    Raises:
        NoPicturesError: there are no results with targets, or none with that label.
    """
    sets: list[ComparedSet] = []
    names = {"input", "target"}  # what the page calls the other pictures
    for run in runs:
        folder = find_results(run, results_dir, lambda name: _test_command(name, checkpoints_dir))
        chosen = label or next(iter(outputs_in(folder)))
        is_name = Path(run) != folder
        name = run if is_name else f"{folder.parent.name}/{folder.name}"
        while name in names:
            name += "'"
        names.add(name)
        run_dir = checkpoints_dir / (run if is_name else folder.parent.name)
        is_unaligned = _dataset_mode(run_dir) == "unaligned"
        if is_unaligned and not unpaired:
            log.info("%s was tested on pictures without pairs (--dataset_mode unaligned)", name)
        sets.append(_of_results(name, folder, chosen, unpaired=unpaired or is_unaligned))
    return [_beside(one, sets[0]) for one in sets]


def of_folders(fake: Path, real: Path, *, unpaired: bool = False) -> ComparedSet:
    """
    Raises:
        NoPicturesError: there are no pictures, or no pairs.
    """
    name = fake.resolve().name
    name = f"{name}'" if name in ("input", "target") else name
    about = f"{fake} against {real}"
    if unpaired:
        return ComparedSet(name, folder_sets(fake, real), about, unpaired=True)
    files, alone = folder_files(fake, real)
    if not files:
        raise NoPicturesError(
            f"no picture in {fake} has the path of one in {real} (first ones: {alone[0]}, "
            f"{next(path for path in alone if Path(path).is_relative_to(real))}); --unpaired "
            "compares them as two sets"
        )
    return ComparedSet(name, files, about, warnings=_about_alone(alone))


def _of_results(name: str, folder: Path, label: str, *, unpaired: bool) -> ComparedSet:
    files, about = result_files(folder, label), f"{label} in {folder}"
    deep = [path for path in folder.glob(f"images/**/*_{label}.*") if path.suffix != ".png"]
    warnings = [
        f"the PNGs are compared, of 8 bits; {len(deep)} outputs lie beside them whole "
        f"({deep[0].name}): compare those by --fake DIR --real DIR"
    ] if deep else []
    if unpaired:
        return ComparedSet(name, files, about, unpaired=True, warnings=warnings)
    pairs = [one for one in files if one.real]
    alone = [str(one.fake) for one in files if not one.real]
    return ComparedSet(name, pairs, about, warnings=[*warnings, *_about_alone(alone)])


def _about_alone(paths: Sequence[str]) -> list[str]:
    if not paths:
        return []
    number = pluralise(len(paths), "picture")
    return [f"not pluralise, because without a partner: {number}\n{listing(paths)}"]


def _beside(one: ComparedSet, first: ComparedSet) -> ComparedSet:
    """With a warning, if the two have different pictures."""
    if {files.name for files in one.files} == {files.name for files in first.files}:
        return one
    warning = (
        f"{one.name} has {len(one.files)} pictures, {first.name} has {len(first.files)}, and they "
        "are not the same: do not compare their scores"
    )
    return replace(one, warnings=[*one.warnings, warning])


def _dataset_mode(run_dir: Path) -> str:
    path = run_dir / "test_opt.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8")).get("dataset_mode", ""))
    except (OSError, ValueError):
        return ""


def _test_command(name: str, checkpoints_dir: Path) -> str:
    dataroot = load_options(checkpoints_dir / name).get("dataroot", "DATAROOT")
    plain = checkpoints_dir == Path("checkpoints")
    where = "" if plain else f" --checkpoints_dir {checkpoints_dir}"
    return f"python test.py --dataroot {dataroot} --name {name}{where}"
