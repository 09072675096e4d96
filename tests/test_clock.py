"""The clock counts images and measures the time per image."""

import pytest

from training.clock import Clock


def crossings(steps: list[int], every: int) -> list[int]:
    clock = Clock(n_epochs=1, epoch_size=sum(steps))
    fired = []
    for images in steps:
        clock.advance(images)
        if clock.due(every):
            fired.append(clock.images)
    return fired


@pytest.mark.parametrize(
    ("steps", "every", "fired"),
    [
        ([1] * 6, 2, [2, 4, 6]),
        ([4] * 4, 5, [8, 12, 16]),  # 5, 10 and 15 are crossed, not reached
        ([3, 3, 2], 4, [6, 8]),  # a short last batch
        ([8, 8], 3, [8, 16]),  # several multiples in one step fire once
    ],
)
def test_due_fires_whenever_a_multiple_is_crossed(
    steps: list[int], every: int, fired: list[int]
) -> None:
    assert crossings(steps, every) == fired


def test_counters_count_images() -> None:
    clock = Clock(n_epochs=2, epoch_size=5)
    for epoch in (1, 2):
        clock.start_epoch(epoch)
        for images in (2, 2, 1):
            clock.advance(images)
    progress = clock.progress
    assert (progress.images, progress.epoch_images, progress.epoch) == (10, 5, 2)


def test_a_resumed_epoch_keeps_its_position() -> None:
    clock = Clock(n_epochs=2, epoch_size=5)
    clock.load_state_dict({"epoch": 2, "images": 8, "epoch_images": 3})
    clock.start_epoch(2)
    assert clock.epoch_images == 3
    clock.start_epoch(3)
    assert clock.epoch_images == 0


def test_waiting_for_data_is_part_of_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    # creation, start of the epoch, batch requested, received, next requested, pace, new interval
    now = iter([0.0, 0.0, 3.0, 5.0, 5.0, 9.0, 9.0])
    monkeypatch.setattr("training.clock.time.perf_counter", lambda: next(now))
    clock = Clock(n_epochs=1, epoch_size=2)
    clock.start_epoch(1)
    for _ in clock.watch(["batch"]):
        clock.advance(2)
    pace = clock.pace()
    assert (pace.seconds, pace.data_seconds) == (4.5, 1.0)


@pytest.mark.parametrize(
    ("step_seconds", "due"),
    [
        (12.0, [1, 3, 5]),  # 24 s: a third step would end after 36 s
        (40.0, [1, 2, 3, 4, 5]),
        (8.0, [1, 4]),
    ],
)
def test_the_status_is_due_after_the_first_step_and_then_within_30_seconds(
    step_seconds: float, due: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("training.clock.time.perf_counter", lambda: now[0])
    clock = Clock(n_epochs=1, epoch_size=5)
    found = []
    for step in range(1, 6):
        now[0] += step_seconds
        if clock.status_due():
            found.append(step)
    assert found == due
    assert clock.pace().seconds == 5 * step_seconds, "what is recorded does not change"
