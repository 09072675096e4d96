import pytest
import torch

from util.image_pool import ImagePool


def images(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(-1, 1, 1, 1)


def test_size_zero_hands_everything_through() -> None:
    batch = images(1, 2)
    assert ImagePool(0).query(batch) is batch


def test_fills_first_then_returns_old_images_half_of_the_time() -> None:
    pool = ImagePool(10, seed=1)
    assert pool.query(images(*range(10))).flatten().tolist() == list(range(10))
    asked = images(*range(10, 1010))
    got = pool.query(asked)
    older = (got != asked).float().mean().item()
    assert 0.45 < older < 0.55
    assert got.flatten().unique().numel() == got.numel()  # an image leaves the pool once


def test_draws_come_from_the_seed_and_survive_saving() -> None:
    one, two = ImagePool(3, seed=5), ImagePool(3, seed=5)
    for value in range(20):
        assert torch.equal(one.query(images(value)), two.query(images(value)))
    other = ImagePool(3, seed=6)
    other.load_state_dict(one.state_dict(), torch.device("cpu"))
    for value in range(20, 40):
        assert torch.equal(two.query(images(value)), other.query(images(value)))


def test_keeps_no_gradient() -> None:
    pool = ImagePool(1)
    assert not pool.query(images(1.0).requires_grad_()).requires_grad


def test_images_of_an_earlier_run_do_not_tell_the_size_of_a_batch() -> None:
    before, after = ImagePool(3), ImagePool(3)
    before.query(images(1, 2))
    after.load_state_dict(before.state_dict(), torch.device("cpu"))
    with pytest.raises(RuntimeError, match="image buffer was not asked"):
        after.fix()
    after.query(images(3))
    after.fix()
    assert [image.item() for image in after.images] == [1, 2, 3]
