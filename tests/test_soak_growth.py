"""A long run does not grow (make soak), and the judgement of growth is correct."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from growth import MODELS, MemorySample, children, describe, plot, problems, resident, steady, train

log = logging.getLogger(__name__)

MB = 2**20
FLAT = [0.02] * 40


def samples(
    megabytes_for_1000: float, *, start: float = 600, jump_at: int = -1, slower: float = 0
) -> list[MemorySample]:
    """Return a run of 6,000 steps that grows steadily; one sample may be far above the rest."""
    held = {steps: start + megabytes_for_1000 * steps / 1000 for steps in range(0, 6001, 300)}
    held |= {jump_at: held[jump_at] + 80} if jump_at in held else {}
    return [
        MemorySample(steps, int(megabytes * MB), 0.02 * steps + slower * steps**2 / 3)
        for steps, megabytes in held.items()
    ]


def test_a_flat_run_passes_even_with_one_peak() -> None:
    assert problems(samples(0), FLAT) == []
    assert problems(samples(0, jump_at=5700), FLAT) == []
    assert problems(samples(3), FLAT) == []


def test_memory_growth_is_reported() -> None:
    (sentence,) = problems(samples(6), FLAT)
    assert "grows by 6.0 MB for 1,000 steps; allowed are 5 MB and 2%" in sentence
    assert problems(samples(3, start=100), FLAT)  # 3 %
    short = [replace(sample, steps=sample.steps // 4) for sample in samples(4)]  # 16 MB for 1,000
    assert problems(short, FLAT) == []
    assert problems([replace(sample, steps=sample.steps // 4) for sample in samples(6)], FLAT)


def test_one_rise_is_allowed_but_many_are_not() -> None:
    once = [replace(s, resident=s.resident + 80 * MB * (s.steps > 4500)) for s in samples(0)]
    assert problems(once, FLAT) == []
    stairs = [replace(s, resident=s.resident + 9 * MB * (s.steps // 900)) for s in samples(0)]
    assert "grows by" in problems(stairs, FLAT)[0]
    (sentence,) = problems(
        [replace(s, resident=s.resident + 200 * MB * (s.steps > 4500)) for s in samples(0)], FLAT
    )
    assert "risen by 200 MB in the second half; allowed are 128 MB" in sentence


def test_growth_in_the_first_half_is_allowed() -> None:
    warm = [replace(s, resident=min(s.resident, 610 * MB)) for s in samples(20)]
    assert problems(warm, FLAT) == []


def test_slower_steps_are_reported() -> None:
    slower = [0.02 + 0.0002 * index for index in range(40)]
    wall_clock, of_the_cpu = problems(samples(0, slower=3e-6), slower)
    assert "a step takes 26.9 ms in the last quarter, 22.9 ms in the second" in wall_clock
    assert "30.5 ms of the CPU in the last quarter, 24.5 ms in the second" in of_the_cpu
    assert problems(samples(0), slower) == []  # other programs kept the machine busy
    busy = [replace(sample, pace=1 + sample.steps / 12000) for sample in samples(0, slower=3e-6)]
    assert problems(busy, slower) == []
    assert problems(samples(0), [*FLAT[:-1], 0.5]) == []  # one step is no trend
    assert problems(samples(0), FLAT[::-1]) == []


def test_a_short_run_is_refused() -> None:
    with pytest.raises(ValueError, match="too few to judge"):
        problems(samples(0)[:5], FLAT)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_workers_counts() -> None:
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


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_copies_of_shared_memory_are_no_growth() -> None:
    code = ("import os, sys, time; data = bytearray(40_000_000); child = os.fork()\n"
            "while not child: time.sleep(1)\n"
            "print(flush=True); sys.stdin.readline(); data[:] = bytes(len(data)); print(flush=True)"
            "\nsys.stdin.readline(); os.kill(child, 9)")
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        process.stdout.readline()
        before = resident(process.pid)
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        assert abs(resident(process.pid) - before) < 10_000_000
        assert before > 80_000_000
        process.communicate(b"\n")


def test_samples_without_the_workers_are_left_out() -> None:
    run = samples(0)
    ended = [replace(run[0], processes=1), *run[1:-1], replace(run[-1], resident=0, processes=1)]
    assert steady(ended) == run[1:-1]


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("model", MODELS)
def test_a_long_run_does_not_grow(
    model: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    samples, seconds = train(tmp_path, model, steps=int(os.environ.get("SOAK_STEPS", "6000")))
    plot(tmp_path / "growth.png", samples, seconds)
    record_property("measured", f"{model}: {describe(samples, seconds)}")
    log.info("%s: %s; figure: %s", model, describe(samples, seconds), tmp_path / "growth.png")
    assert problems(samples, seconds) == []
