"""CUT and FastCUT against recordings of the authors' code, and the mistakes of that code.

The recordings are not part of the repository. Without them their tests are skipped.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from models import create_model
from models.cut_model import CUTModel
from models.networks import define_D, define_G
from models.networks.patch_sample import SAMPLERS, draw_places, mirrored, unit_vectors
from models.patch_nce import patch_nce
from models.weights.infer_flags import infer_flags
from options.train_options import TrainOptions
from util.run_folder.options import load_options

RECORDED = Path(__file__).parents[2] / "shared" / "fixtures" / "cut"
needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recordings of CUT here")


def recording(name: str) -> Any:
    return torch.load(RECORDED / name, weights_only=True)


def build(flags: str) -> CUTModel:
    words = "--dataroot . --gpu_ids -1 --model cut --netG resnet_6blocks --ngf 4 --ndf 4"
    words += " --netF_nc 8 --num_patches 16 --load_size 32 --crop_size 32"
    opt = TrainOptions().parse([*words.split(), *flags.split()])
    torch.manual_seed(0)
    model = create_model(opt)
    assert isinstance(model, CUTModel)
    return model


def step(model: CUTModel, A: Tensor, B: Tensor) -> dict[str, float]:
    model.set_input({"A": A, "B": B, "A_paths": ["a"] * len(A), "B_paths": ["b"] * len(B)})
    model.optimize_parameters()
    return model.get_current_losses()


def images(count: int = 1, side: int = 32) -> tuple[Tensor, Tensor]:
    A, B = torch.rand(2, count, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return A, B


# ---- recordings --------------------------------------------------------------------------------


def replay(name: str, steps: int) -> dict[str, float]:
    """Return the largest excess of a loss over its tolerance, by the name of the loss."""
    model = build(" ".join((RECORDED / name / "args").read_text().split()).partition(" ")[2]
                  .partition(" ")[2])
    for part, net in model.networks.items():
        net.load_state_dict(recording(f"{name}/init/latest_net_{part}.pth"))
    choices = recording(f"{name}/choices.pt")
    drawn: list[list[Tensor]] = []
    if "patch_ids_NCE" in choices and model.nce is not None:
        model.nce.draw = lambda *_: drawn.pop(0)  # type: ignore[method-assign]
    excess: dict[str, float] = {}
    for number in range(min(steps, choices["steps"])):
        drawn[:] = [[place[number].long() for place in choices[key]]
                    for key in ("patch_ids_NCE", "patch_ids_NCE_Y") if choices.get(key)]
        if "flipped" in choices:
            model.coin = lambda n=number: choices["flipped"][n]  # type: ignore[method-assign, misc]
        for optimizer in model.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = float(choices["learning_rate"][number])
        A, B = (choices[f"real_{side}"][number].float() / 127.5 - 1 for side in "AB")
        found = step(model, A, B)
        assert list(found) == list(choices["losses"])
        for loss, values in choices["losses"].items():
            wanted = float(values[number])
            allowed = (2e-5 + 1e-6 * abs(wanted), 1e-4, 2e-3)[min(number, 2)]
            excess[loss] = max(excess.get(loss, 0.0), abs(found[loss] - wanted) / allowed)
    return excess


@needs_recordings
@pytest.mark.parametrize(("name", "steps"), [
    ("cut_default_init", 1), ("fastcut", 1),
    pytest.param("cut_all", 99, marks=pytest.mark.soak),
    pytest.param("cut", 99, marks=pytest.mark.soak),
    pytest.param("fastcut", 99, marks=pytest.mark.soak),
])
def test_recorded_losses_are_reproduced(name: str, steps: int) -> None:
    excess = replay(name, steps)
    assert max(excess.values()) <= 1, excess


@needs_recordings
@pytest.mark.parametrize("path", sorted(RECORDED.glob("forward/[GD]_*.pt")), ids=lambda p: p.stem)
def test_recorded_outputs_of_networks_are_reproduced(path: Path) -> None:
    saved = torch.load(path, weights_only=True)
    blurred = not saved["no_antialias"]
    if path.stem[0] == "G":
        net = define_G(saved["input_nc"], saved["output_nc"], saved["ngf"], saved["netG"],
                       saved["normG"], antialias=blurred,
                       antialias_up=not saved["no_antialias_up"])
    else:
        net = define_D(saved["input_nc"], saved["ndf"], saved["netD"], saved["n_layers_D"],
                       saved["normD"], antialias_D=blurred)
    net.eval().load_state_dict(saved["state_dict"])
    with torch.no_grad():
        found, wanted = [net(saved["input"])], [saved["output"]]
        if path.stem[0] == "G":
            found += net(saved["input"], saved["nce_layers"])
            wanted += saved["features"]
    for ours, theirs in zip(found, wanted, strict=True):
        assert (ours - theirs).abs().max() <= 1e-5


@needs_recordings
@pytest.mark.parametrize("netF", ["mlp_sample", "sample"])
def test_recorded_vectors_of_F_are_reproduced(netF: str) -> None:
    saved = recording(f"forward/F_{netF}.pt")
    features = saved["features"]
    net = SAMPLERS[netF]([feature.shape for feature in features], saved["netF_nc"])
    net.load_state_dict(saved.get("state_dict", {}))
    places = [place.expand(len(features[0]), -1) for place in saved["patch_ids"]]
    for ours, theirs in zip(net(*features, *places), saved["pooled"], strict=True):
        assert (ours.flatten(0, 1) - theirs).abs().max() <= 1e-5


@needs_recordings
def test_recorded_losses_of_places_are_reproduced() -> None:
    for case in recording("forward/PatchNCE.pt")["cases"]:
        query = case["query"].requires_grad_()
        key = case["key"].requires_grad_()
        q, k = (vectors.view(case["batch_size"], -1, vectors.shape[1]) for vectors in (query, key))
        loss = patch_nce(q, k, case["temperature"],
                         whole_batch=case["all_negatives_from_minibatch"])
        loss.mean().backward()
        assert (loss.flatten() - case["loss_per_patch"]).abs().max() <= 1e-5
        assert query.grad is not None and key.grad is None
        assert (query.grad - case["grad_query_of_mean"]).abs().max() <= 1e-5


# ---- PatchNCE and F ----------------------------------------------------------------------------


@pytest.mark.parametrize("whole_batch", [False, True])
def test_the_loss_is_that_of_the_paper(whole_batch: bool) -> None:
    """Equation 3, place by place, up to exp(-10 / T)."""
    query, key = unit_vectors(torch.randn(2, 2, 3, 4, generator=torch.Generator().manual_seed(0)))
    found = patch_nce(query, key, 0.07, whole_batch=whole_batch)
    for image in range(2):
        for place in range(3):
            scores = {(i, p): float(query[image, place] @ key[i, p]) / 0.07
                      for i in range(2) for p in range(3) if whole_batch or i == image}
            total = torch.tensor(list(scores.values())).logsumexp(0)
            assert found[image, place] == pytest.approx(
                float(total) - scores[image, place], abs=1e-4)


def test_one_place_has_no_negatives() -> None:
    vectors = unit_vectors(torch.randn(2, 1, 4))
    assert patch_nce(vectors, vectors, 0.07).abs().max() == 0


def test_a_feature_of_zero_has_a_finite_gradient() -> None:
    vectors = torch.zeros(1, 2, 4)
    vectors[0, 1, 0] = 3.0
    vectors.requires_grad_()
    unit = unit_vectors(vectors)
    unit.sum().backward()
    assert torch.allclose(unit[0, 1, 0], torch.tensor(1.0)) and unit[0, 0].abs().max() == 0
    assert vectors.grad is not None and vectors.grad.isfinite().all()


def test_places_are_different_and_new_in_each_draw() -> None:
    first, second = (draw_places([8, 9], 50, torch.device("cpu")) for _ in range(2))
    assert len(set(first.tolist())) == 50 and not torch.equal(first, second)
    assert set(draw_places([8, 9], 0, torch.device("cpu")).tolist()) == set(range(72))
    assert len(draw_places([2, 2], 256, torch.device("cpu"))) == 4


def test_mirrored_places_are_those_of_the_mirrored_map() -> None:
    image = torch.arange(12.0).view(3, 4)
    places = torch.arange(12)
    assert torch.equal(image.flip(1).flatten()[mirrored(places, 4)], image.flatten())


@pytest.mark.parametrize("side", [16, 80])
def test_strided_convolutions_make_small_maps(side: int) -> None:
    feature = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    net = SAMPLERS["strided_conv"]([feature.shape], 7)
    sides = net.sides_of(0, feature)
    places = torch.arange(sides[0] * sides[1]).expand(2, -1)
    with torch.no_grad():
        net(feature, places)
    mean = net.get_buffer("mean_0").clone()
    small = net.get_submodule("conv_0")(feature)
    assert list(small.shape[1:]) == [64, *sides]
    assert torch.allclose(mean, small.mean(dim=(0, 2, 3)), atol=1e-6)
    (found,) = net(feature, places)  # with gradients: queries, which do not change the average
    assert torch.equal(net.get_buffer("mean_0"), mean)
    wanted = unit_vectors(small.flatten(2).transpose(1, 2) - mean)
    assert torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(("layers", "norm", "blurred"), [
    (1, "instance", True), (2, "batch", True), (3, "none", True), (3, "instance", False),
])
def test_the_flags_of_a_discriminator_are_seen_in_its_file(
    layers: int, norm: str, blurred: bool
) -> None:
    net = define_D(3, 2, "n_layers", layers, norm, antialias_D=blurred)
    shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    assert infer_flags(shapes) == {
        "--netD": f"n_layers --n_layers_D {layers}", "--norm": norm, "--ndf": "2",
        "input channels": "3", **({"--antialias_D": ""} if blurred else {})}


# ---- the model ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("flags", "values"), [
    ("", (True, 1.0, False, 200, 200)),
    ("--CUT_mode fastcut", (False, 10.0, True, 150, 50)),
    ("--CUT_mode=FastCUT --nce_idt true --n_epochs 7", (True, 10.0, True, 7, 50)),
    ("--n_epochs 200 --CUT_mode FastCUT --lambda_NCE 1", (False, 1.0, True, 200, 50)),
    ("--model fastcut", (False, 10.0, True, 150, 50)),
    ("--model fastcut --CUT_mode CUT --nce_idt no", (False, 1.0, False, 200, 200)),
])
def test_the_mode_sets_defaults(flags: str, values: tuple[object, ...]) -> None:
    opt = TrainOptions().parse(["--dataroot", ".", "--model", "cut", *flags.split()])
    assert (opt.nce_idt, opt.lambda_NCE, opt.flip_equivariance, opt.n_epochs,
            opt.n_epochs_decay) == values
    assert (opt.init_type, opt.no_dropout, opt.antialias, opt.antialias_D) == (
        "xavier", True, True, True)


def test_flags_of_the_authors_code_are_read(tmp_path: Path) -> None:
    words = "--no_dropout False --normG batch --easy_label x --evaluation_freq=5 --nce_idt"
    opt = TrainOptions().parse(["--dataroot", ".", "--model", "fastcut", *words.split()])
    assert (opt.no_dropout, opt.norm, opt.nce_idt) == (False, "batch", True)
    lines = ["model: cut", "normG: batch", "no_antialias: True", "no_antialias_up: False",
             "display_id: None"]
    (tmp_path / "train_opt.txt").write_text("\n".join(lines))
    assert load_options(tmp_path) == {"model": "cut", "norm": "batch", "antialias": False,
                                      "antialias_up": True, "antialias_D": False}


def test_layers_keep_their_meaning_without_blurred_strides() -> None:
    """The positions move; by default the same five layers are compared."""
    blurred, strided = build(""), build("--no_antialias")
    kinds = []
    for model in (blurred, strided):
        net = model.networks["G"]
        kinds.append([type(net.get_submodule(f"model.{position}")).__name__
                       for position in model.opt.nce_layers])
        assert ("filt" in str(list(model.networks["D"].state_dict()))) == (model is blurred)
    assert kinds[0] == kinds[1] == [
        "ReflectionPad2d", "Conv2d", "Conv2d", "ResnetBlock", "ResnetBlock"]


@pytest.mark.parametrize("flags", [
    "", "--CUT_mode FastCUT", "--lambda_NCE 0", "--lambda_GAN 0", "--netF sample",
    "--netF strided_conv", "--nce_layers 12,4", "--num_patches 1", "--num_patches 0 --nce_layers 8",
    "--nce_includes_all_negatives_from_minibatch", "--gan_mode wgangp", "--normD none",
    "--gan_mode nonsaturating", "--no_antialias --no_antialias_up", "--norm batch",
])
def test_every_network_learns_from_finite_losses(flags: str) -> None:
    model = build(flags)
    before = {name: [weight.clone() for weight in net.parameters()]
              for name, net in model.networks.items()}
    wanted = {"G_GAN", "D_real", "D_fake", "G"}
    if "--lambda_NCE 0" not in flags:
        wanted |= {"NCE"} if "FastCUT" in flags else {"NCE", "NCE_Y"}
    for batch in (2, 3):  # any batch size
        losses = step(model, *images(batch))
        assert set(losses) == wanted
        assert torch.tensor(list(losses.values())).isfinite().all()
    for name, weights in before.items():  # one place has no negatives, so F has nothing to learn
        changed = [not torch.equal(old, new) for old, new in
                   zip(weights, model.networks[name].parameters(), strict=True)]
        has_gradient = changed and (name, flags) != ("F", "--num_patches 1")
        assert any(changed) or not has_gradient


def test_dead_features_do_not_stop_the_training() -> None:
    """Features that are exactly 0 made all weights of the original NaN in the second step."""
    model = build("--init_gain 1")
    with torch.no_grad():
        for weight in model.networks["F"].parameters():
            weight.zero_()
    for _ in range(2):
        losses = step(model, *images())
    assert torch.tensor(list(losses.values())).isfinite().all()
    assert all(weight.isfinite().all() for net in model.networks.values()
               for weight in net.parameters())


@pytest.mark.parametrize("flags", ["", "--channels_last"])
def test_the_gradient_of_one_image_is_that_of_finite_differences(flags: str) -> None:
    """torch's own instance norm returns another one on a CPU (2.14), for one image."""
    model = build(f"{flags} --init_gain 1 --nce_layers 4,12,14 --ngf 2 --netF_nc 4 --num_patches 0")
    for net in model.networks.values():
        net.double()
    assert model.nce is not None
    source, target = (side.double() for side in images(side=16))
    (gradient,) = torch.autograd.grad(model.nce(source, target.requires_grad_()), target)
    with torch.no_grad():
        step_ahead = 1e-6 * torch.randn_like(target)
        difference = model.nce(source, target + step_ahead) - model.nce(source, target - step_ahead)
    assert float(2 * (gradient * step_ahead).sum()) == pytest.approx(float(difference), rel=1e-4)


def test_shown_translations_are_not_mirrored() -> None:
    model = build("--CUT_mode FastCUT")
    model.coin = lambda: torch.tensor(True)  # type: ignore[method-assign]
    step(model, *images())
    model.compute_visuals()
    assert torch.equal(model.visuals["fake_B"], model.fake_B.flip(3))


@pytest.mark.parametrize(("flags", "message"), [
    ("--nce_layers 0,29", "has the positions 0 to 28"),
    ("--nce_layers -1", "nce_layers"),
    ("--nce_layers 4,4", "different positions"),
    ("--netG unet_128 --crop_size 128 --load_size 128", "unet_128 does not return features"),
    ("--output_nc 1", "--lambda_NCE 0"),
    ("--CUT_mode C", "CUT_mode"),
    ("--nce_idt maybe", "must be true or false"),
    ("--gan_mode wgangp --normD batch", "gradient penalty"),
    ("--dataset_mode single", "two domains"),
])
def test_flags_that_cannot_work_are_refused(
    flags: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        build(flags)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
