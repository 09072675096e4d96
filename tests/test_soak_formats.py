"""Minutes of damaged files of every kind (make soak), and a few of each kind that is no image."""

import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from format_fuzz import every_kind, fuzz, other_kinds, until


def test_a_few_damaged_files_that_are_no_images(tmp_path: Path) -> None:
    kinds = other_kinds()
    for name, (content, check) in kinds.items():
        (tmp_path / name).write_bytes(content)
        assert not check(tmp_path / name), f"{name} is intact"
    tally = fuzz(tmp_path, kinds, seed=5, rounds=iter(range(20)))
    assert tally.files == 20 * len(kinds)
    assert tally.refused > tally.files / 2


def test_a_reader_that_fails_in_another_way_is_reported(tmp_path: Path) -> None:
    def check(path: Path) -> bool:
        raise IndexError("list index out of range")

    with pytest.raises(AssertionError, match=r"seed 1, .*bad\.png: IndexError"):
        fuzz(tmp_path, {"bad.png": (b"123", check)}, seed=1, rounds=iter(range(1)))


@pytest.mark.soak
def test_damaged_files_for_minutes(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seconds = float(os.environ.get("SOAK_FUZZ_SECONDS", "600"))
    kinds = every_kind()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of decoders; a program ignores them too
        tally = fuzz(tmp_path, kinds, seed=time.time_ns(), rounds=until(seconds))
    slowest, name = tally.slowest
    record_property("measured", f"{tally.files:,} damaged files of {len(kinds)} kinds in "
                    f"{seconds:.0f} s, {tally.refused:,} refused, none with another error; the "
                    f"slowest took {slowest:.1f} s of the CPU ({name})")
    assert slowest < 20
