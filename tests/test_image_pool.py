import random

import pytest
import torch

from util.image_pool import ImagePool


def images(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(-1, 1, 1, 1)


def test_size_zero_returns_every_image_unchanged() -> None:
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
    first, second = ImagePool(3, seed=5), ImagePool(3, seed=5)
    for value in range(20):
        assert torch.equal(first.query(images(value)), second.query(images(value)))
    other = ImagePool(3, seed=6)
    other.load_state_dict(first.state_dict(), torch.device("cpu"))
    for value in range(20, 40):
        assert torch.equal(second.query(images(value)), other.query(images(value)))


def test_keeps_no_gradient() -> None:
    pool = ImagePool(1)
    assert not pool.query(images(1.0).requires_grad_()).requires_grad


def test_the_batch_size_is_not_taken_from_restored_images() -> None:
    before, after = ImagePool(3), ImagePool(3)
    before.query(images(1, 2))
    after.load_state_dict(before.state_dict(), torch.device("cpu"))
    with pytest.raises(RuntimeError, match="image pool was not used"):
        after.fix()
    after.query(images(3))
    after.fix()
    assert [image.item() for image in after.images] == [1, 2, 3]


@pytest.mark.parametrize(("shape", "batch"), [((1, 4, 4), 1), ((3, 8, 8), 2)])
def test_restored_images_of_another_size_are_named(shape: tuple[int, ...], batch: int) -> None:
    pool = ImagePool(1)
    state = {"images": [torch.zeros(shape)], "random": random.Random(0).getstate()}
    pool.load_state_dict(state, torch.device("cpu"))
    with pytest.raises(ValueError, match=r"holds images of \[.*this run makes \[3, 4, 4\]"):
        for _ in range(20):
            pool.query(torch.zeros(batch, 3, 4, 4))
