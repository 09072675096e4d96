"""Results do not depend on the other images in the batch."""

import pytest
import torch
from torch import Tensor, nn

from inference.prepare import prepare
from models.networks import define_G, side_multiple


def generator(name: str, norm: str = "instance", *, dropout: bool = False) -> nn.Module:
    torch.manual_seed(0)
    return define_G(2, 3, 2, name, norm, use_dropout=dropout, init_gain=0.3)


SIDES = {"resnet_6blocks": 24, "resnet_9blocks": 24}


def draw_images(name: str, count: int = 4) -> Tensor:
    """Return images of different contrast: statistics over the batch would change the results."""
    side = SIDES.get(name, side_multiple(name))
    contrast = torch.tensor([0.1, 1.0, 0.5, 0.02])[:count].reshape(-1, 1, 1, 1)
    return torch.randn(count, 2, side, side, generator=torch.Generator().manual_seed(1)) * contrast


@torch.no_grad()
@pytest.mark.parametrize("norm", ["instance", "batch", "syncbatch", "none"])
@pytest.mark.parametrize("name", ["resnet_6blocks", "unet_256", "encoder_decoder_128"])
def test_a_batch_equals_its_images_one_by_one(name: str, norm: str) -> None:
    net = generator(name, norm, dropout=True)
    ready = prepare(net, running_statistics=False)
    images = draw_images(name)
    torch.manual_seed(3)
    together = ready(images)
    for index, image in enumerate(images):
        torch.manual_seed(3)
        alone = ready(image[None])
        assert (together[index] - alone[0]).abs().max() <= 1e-5
        torch.manual_seed(3)
        if norm != "syncbatch":  # trained on GPUs only
            assert (alone - net.train()(image[None])).abs().max() <= 2e-5
    if norm == "batch":
        assert (net(images) - together).abs().max() > 0.01, "unprepared, batch norm mixes images"


@torch.no_grad()
@pytest.mark.parametrize("norm", ["instance", "batch", "syncbatch"])
def test_running_statistics_equal_eval_mode(norm: str) -> None:
    net = generator("resnet_6blocks", norm, dropout=True)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm):
            nn.init.normal_(module.running_mean)  # type: ignore[arg-type]
    ready = prepare(net, running_statistics=True)
    images = draw_images("resnet_6blocks")
    expected = net.eval()(images)
    for seed in (8, 9):
        torch.manual_seed(seed)
        assert (ready(images) - expected).abs().max() <= (1e-5 if norm == "instance" else 0)


@torch.no_grad()
def test_prepare_copies_modules_and_shares_tensors() -> None:
    net = generator("unet_128", "batch", dropout=True).eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    ready = prepare(net, running_statistics=False)
    ready(draw_images("unet_128"))
    assert not net.training
    after = net.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    own = {tensor.data_ptr() for tensor in net.parameters()}
    assert {tensor.data_ptr() for tensor in ready.parameters()} == own


@torch.no_grad()
def test_preparing_twice_changes_nothing() -> None:
    ready = prepare(generator("resnet_6blocks", "batch"), running_statistics=False)
    images = draw_images("resnet_6blocks")
    assert torch.equal(prepare(ready, running_statistics=False)(images), ready(images))
