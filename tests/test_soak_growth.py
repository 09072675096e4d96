"""What scripts/benchmarks/soak_growth.py calls growth."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from scripts.benchmarks.growth import Sample, faults
from scripts.benchmarks.soak_growth import children, resident

MB = 2**20
FLAT = [0.02] * 40


def samples(
    megabytes_for_1000: float, *, start: float = 600, jump_at: int = -1, slower: float = 0
) -> list[Sample]:
    """Of a run of 2,000 steps that grows all the time, with one sample far above the others."""
    held = {steps: start + megabytes_for_1000 * steps / 1000 for steps in range(0, 2001, 100)}
    held |= {jump_at: held[jump_at] + 80} if jump_at in held else {}
    return [
        Sample(steps, int(megabytes * MB), 0.02 * steps + slower * steps**2)
        for steps, megabytes in held.items()
    ]


def test_a_flat_run_passes_one_peak_included() -> None:
    assert faults(samples(0), FLAT) == []
    assert faults(samples(0, jump_at=1900), FLAT) == []
    assert faults(samples(3), FLAT) == []


def test_memory_that_grows_is_named() -> None:
    (said,) = faults(samples(6), FLAT)
    assert "grows by 6.0 MB for 1,000 steps; allowed are 5 MB and 2%" in said
    assert faults(samples(3, start=100), FLAT)  # 3 %


def test_one_rise_is_no_growth_but_many_are() -> None:
    once = [replace(s, resident=s.resident + 80 * MB * (s.steps > 1500)) for s in samples(0)]
    assert faults(once, FLAT) == []
    stairs = [replace(s, resident=s.resident + 3 * MB * (s.steps // 300)) for s in samples(0)]
    assert "grows by" in faults(stairs, FLAT)[0]
    (said,) = faults(
        [replace(s, resident=s.resident + 200 * MB * (s.steps > 1500)) for s in samples(0)], FLAT
    )
    assert "risen by 200 MB in the second half; allowed are 128 MB" in said


def test_growth_while_a_run_warms_up_is_none() -> None:
    warm = [replace(s, resident=min(s.resident, 610 * MB)) for s in samples(20)]
    assert faults(warm, FLAT) == []


def test_steps_that_become_slower_are_named() -> None:
    slower = [0.02 + 0.0002 * index for index in range(40)]
    said, of_the_cpu = faults(samples(0, slower=3e-6), slower)
    assert "a step takes 26.9 ms in the last quarter, 22.9 ms in the second" in said
    assert "30.5 ms of the CPU in the last quarter, 24.5 ms in the second" in of_the_cpu
    assert faults(samples(0), slower) == []  # others kept the machine busy
    assert faults(samples(0), [*FLAT[:-1], 0.5]) == []  # one step is no trend
    assert faults(samples(0), FLAT[::-1]) == []


def test_a_run_that_is_too_short_is_not_judged() -> None:
    with pytest.raises(ValueError, match="too few to judge"):
        faults(samples(0)[:5], FLAT)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_count() -> None:
    held = "import sys; data = bytearray(40_000_000); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", held]
    alone = resident(os.getpid())
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.pid in children(os.getpid())
        assert resident(os.getpid()) - alone > 35_000_000
        process.communicate()
    assert resident(process.pid) == 0
