import pytest
import torch

from models.schedules import SCHEDULES, EpochCounts, Plateau

TABLES = {
    "linear": (EpochCounts(constant=2, decay=3, period=1), [1.0, 1.0, 0.75, 0.5, 0.25]),
    "constant": (EpochCounts(constant=2, decay=3, period=1), [1.0] * 5),
    "step": (EpochCounts(constant=5, decay=0, period=2), [1.0, 1.0, 0.1, 0.1, 0.01]),
    "cosine": (EpochCounts(constant=2, decay=2, period=1), [1.0, 0.853553, 0.5, 0.146447, 0.0]),
}


@pytest.mark.parametrize("policy", SCHEDULES)
def test_factors_follow_the_table(policy: str) -> None:
    counts, wanted = TABLES[policy]
    factors = [SCHEDULES[policy](epoch, counts) for epoch in range(1, 6)]
    assert factors == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(1, 2e-4), (100, 2e-4), (101, 1.98020e-4), (150, 1.00990e-4), (200, 1.98020e-6)],
)
def test_linear_has_the_published_rates(epoch: int, rate: float) -> None:
    factor = SCHEDULES["linear"](epoch, EpochCounts(100, 100, 50))
    assert 2e-4 * factor == pytest.approx(rate, rel=1e-5)


def make(rate: float = 1.0) -> tuple[Plateau, torch.optim.Optimizer]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    return Plateau("a+b", [optimizer]), optimizer


def rates(values: list[float]) -> list[float]:
    """Return the rate in each epoch if the sum of the two losses is ``values``."""
    plateau, optimizer = make()
    seen = []
    for epoch, value in enumerate(values, start=1):
        plateau.start_epoch(epoch)
        seen.append(optimizer.param_groups[0]["lr"])
        for share in (0.5, 1.5):  # the mean over the epoch is used
            plateau.add({"a": torch.tensor(share * value), "b": torch.tensor(0.0)})
    return seen


def test_plateau_lowers_the_rate_only_if_the_loss_stops_falling() -> None:
    falling = [10.0 * 0.9**epoch for epoch in range(12)]
    assert rates(falling) == [1.0] * 12
    assert rates([10.0] * 9) == pytest.approx([1.0] * 7 + [0.2] * 2)


def test_plateau_does_not_evaluate_an_epoch_that_is_only_resumed() -> None:
    plateau, optimizer = make()
    plateau.add({"a": torch.tensor(1.0), "b": torch.tensor(1.0)})
    again, _ = make()
    again.load_state_dict(plateau.state_dict(), torch.device("cpu"))
    again.start_epoch(1)
    assert again.steps == 1
    assert again.total.item() == 2.0
    assert optimizer.param_groups[0]["lr"] == 1.0


def test_plateau_error_names_the_existing_losses() -> None:
    plateau, _ = make()
    with pytest.raises(ValueError, match=r"no loss b; choose from a"):
        plateau.add({"a": torch.tensor(1.0)})
