"""Each formula compared with another library: scikit-image, torchmetrics, torch-fidelity, scipy."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stand_ins import disturbed, picture

from metrics import find_metric
from metrics.base_metric import MeanMetric, Settings
from metrics.fid_metric import frechet_distance
from metrics.kid_metric import kernel_distance
from metrics.lab_histogram_metric import LabHistogram
from metrics.metric_image import MetricImage

functional = pytest.importorskip("torchmetrics.functional.image")


def measured(
    name: str, fake: MetricImage, real: MetricImage, settings: Settings | None = None
) -> float:
    metric = find_metric(name)(settings or Settings())
    assert isinstance(metric, MeanMetric)
    return metric.measure(fake, real)


def tensors(*pictures: MetricImage) -> list[torch.Tensor]:
    """Return float64 [1, C, H, W] in 0..1."""
    return [torch.from_numpy(picture.unit).permute(2, 0, 1)[None] for picture in pictures]


KINDS = [((60, 50, 3), "uint8"), ((60, 50, 1), "uint16"), ((50, 60, 5), "uint16")]


@pytest.mark.parametrize(("shape", "dtype"), KINDS)
@pytest.mark.parametrize("amount", [0.02, 0.2])
def test_mean_differences_by_hand(shape: tuple[int, ...], dtype: str, amount: float) -> None:
    real = picture(1, shape, dtype)
    fake = disturbed(real, amount)
    difference = (fake.pixels.astype(float) - real.pixels) / np.iinfo(dtype).max
    mse = np.mean(difference**2)
    assert measured("l1", fake, real) == pytest.approx(np.mean(np.abs(difference)))
    assert measured("mse", fake, real) == pytest.approx(mse)
    assert measured("psnr", fake, real) == pytest.approx(10 * math.log10(1 / mse))


@pytest.mark.parametrize(("shape", "dtype"), KINDS)
def test_psnr_equals_that_of_two_libraries(shape: tuple[int, ...], dtype: str) -> None:
    from skimage.metrics import peak_signal_noise_ratio

    real = picture(1, shape, dtype)
    fake = disturbed(real, 0.1)
    ours = measured("psnr", fake, real)
    assert ours == pytest.approx(peak_signal_noise_ratio(real.pixels, fake.pixels))
    theirs = functional.peak_signal_noise_ratio(*tensors(fake, real), data_range=1.0)
    assert ours == pytest.approx(float(theirs), rel=1e-6)


@pytest.mark.parametrize(("shape", "dtype"), KINDS)
@pytest.mark.parametrize("amount", [0.02, 0.2])
def test_ssim_of_scikit_image_equals_that_of_torchmetrics(
    shape: tuple[int, ...], dtype: str, amount: float
) -> None:
    real = picture(2, shape, dtype)
    fake = disturbed(real, amount)
    _, everywhere = functional.structural_similarity_index_measure(
        *tensors(fake, real), data_range=1.0, return_full_image=True
    )
    # torchmetrics continues the image beyond its border; the paper uses only whole windows
    inside = everywhere[:, :, 5:-5, 5:-5]
    assert measured("ssim", fake, real) == pytest.approx(float(inside.mean()), abs=1e-6)


@pytest.mark.parametrize("amount", [0.02, 0.2])
@pytest.mark.parametrize(("side", "count", "border"), [
    (180, 5, 1e-4), (100, 4, 2e-3), (64, 3, 2e-3),
])
def test_ms_ssim_equals_that_of_the_paper(
    amount: float, side: int, count: int, border: float
) -> None:
    """Compute the product of the contrasts of all scales and the last luminance (equation 7).

    With fewer scales, the first weights are divided by their sum.
    """
    real = picture(2, (side + 20, side, 3))
    fake = disturbed(real, amount)
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333][:count]
    if count < 5:
        weights = [weight / sum(weights) for weight in weights]
    values = []
    for channel in range(3):
        x, y = fake.unit[:, :, channel], real.unit[:, :, channel]
        for weight in weights:
            similarity, contrast = ssim_terms(x, y)
            values.append((similarity if weight == weights[-1] else contrast, weight))
            x, y = halved(x), halved(y)
    # torchmetrics averages the channels of each scale before it multiplies.
    scales = np.array([value for value, _ in values]).reshape(3, count).mean(axis=0)
    wanted = float(np.prod(scales ** np.array(weights)))
    # At the last scale torchmetrics continues the image beyond its border.
    assert measured("ms_ssim", fake, real) == pytest.approx(wanted, abs=border)


def ssim_terms(x: Any, y: Any) -> tuple[float, float]:
    """Return the means of SSIM and of its contrast term, without the border of the window."""
    from scipy.ndimage import gaussian_filter

    def blurred(values: Any) -> Any:
        return gaussian_filter(values, sigma=1.5, truncate=3.5)[5:-5, 5:-5]

    mean_x, mean_y = blurred(x), blurred(y)
    var_x, var_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    contrast = (2 * (blurred(x * y) - mean_x * mean_y) + 0.03**2) / (var_x + var_y + 0.03**2)
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    return float((luminance * contrast).mean()), float(contrast.mean())


def halved(values: Any) -> Any:
    rows, columns = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
    return values[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))


def test_lpips_of_its_authors_equals_that_of_torchmetrics(metric_weights: dict[str, Path]) -> None:
    """Each package has its own copy of the linear layers; AlexNet is the same file."""
    from torchmetrics.functional.image.lpips import _LPIPS

    theirs = _LPIPS(net="alex", pnet_rand=True)
    state = torch.load(metric_weights["lpips_weights"], weights_only=True)
    names = {name: f"features.{name.split('.', 1)[1]}" for name in theirs.net.state_dict()}
    theirs.net.load_state_dict({name: state[old] for name, old in names.items()})
    real = picture(5, (64, 64, 3))
    for fake in (disturbed(real, 0.1), picture(6, (64, 64, 3))):
        wanted = theirs.eval()(*(image.float() * 2 - 1 for image in tensors(fake, real)))
        ours = measured("lpips", fake, real, Settings(weights=metric_weights))
        assert ours == pytest.approx(float(wanted.squeeze()), rel=1e-4)


def features(count: int, size: int, seed: int, shift: float = 0.0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.normal(shift, 1, (count, size)) @ rng.normal(0, 0.5, (size, size))


@pytest.mark.parametrize("counts", [(300, 400), (40, 500), (12, 20)])
def test_fid_equals_that_of_two_libraries_and_of_scipy(counts: tuple[int, int]) -> None:
    """Compare also with fewer images than features (32), as precisely as the others compute it."""
    from scipy.linalg import sqrtm

    first, second = features(counts[0], 32, 1), features(counts[1], 32, 2, shift=0.3)
    ours = frechet_distance(first, second)
    means = [sample.mean(axis=0) for sample in (first, second)]
    covariances = [np.cov(sample, rowvar=False) for sample in (first, second)]
    root = np.trace(sqrtm(covariances[0] @ covariances[1])).real
    plain = float(np.sum((means[0] - means[1]) ** 2) + sum(map(np.trace, covariances)) - 2 * root)
    assert ours == pytest.approx(plain, rel=1e-5 if min(counts) > 32 else 1e-3)

    from torchmetrics.image.fid import _compute_fid

    theirs = _compute_fid(*(torch.from_numpy(array) for pair in zip(means, covariances, strict=True)
                            for array in pair))
    assert ours == pytest.approx(float(theirs), rel=1e-5 if min(counts) > 32 else 1e-3)
    fidelity = pytest.importorskip("torch_fidelity.metric_fid")
    statistics = [fidelity.fid_features_to_statistics(torch.from_numpy(sample))
                  for sample in (first, second)]
    found = fidelity.fid_statistics_to_metric(*statistics, verbose=False)
    assert ours == pytest.approx(next(iter(found.values())), rel=1e-5 if min(counts) > 32 else 1e-3)


@pytest.mark.parametrize("count", [3, 20, 100])
def test_fid_of_equal_sets_is_zero_however_few_they_are(count: int) -> None:
    first = features(count, 64, 3)
    assert frechet_distance(first, first[::-1]) == pytest.approx(0, abs=1e-8)


def test_kid_equals_that_of_torch_fidelity() -> None:
    """Use all images at once, like torch-fidelity with a subset of the whole size."""
    fidelity = pytest.importorskip("torch_fidelity.metric_kid")
    first, second = features(60, 24, 1), features(60, 24, 2, shift=0.2)
    kernels = [fidelity.kernel_poly(x, y, kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None,
                                    kid_kernel_poly_coef0=1)
               for x, y in ((first, first), (first, second), (second, second))]
    assert kernel_distance(first, second)[0] == pytest.approx(fidelity.mmd2(*kernels))


def test_kid_of_sets_of_different_size_by_hand() -> None:
    first, second = features(7, 5, 1), features(9, 5, 2)

    def mean(xs: Any, ys: Any, *, same: bool) -> float:
        values = [(x @ y / 5 + 1) ** 3 for i, x in enumerate(xs) for j, y in enumerate(ys)
                  if not (same and i == j)]
        return float(np.mean(values))

    wanted = mean(first, first, same=True) + mean(second, second, same=True)
    wanted -= 2 * mean(first, second, same=False)
    value, error = kernel_distance(first, second)
    assert value == pytest.approx(wanted)
    left_out = [kernel_distance(np.delete(first, i, axis=0), second)[0] for i in range(7)]
    right_out = [kernel_distance(first, np.delete(second, i, axis=0))[0] for i in range(9)]
    assert error == pytest.approx(math.sqrt(6 * np.var(left_out) + 8 * np.var(right_out)))


def test_the_error_of_kid_is_its_standard_deviation_over_sets() -> None:
    """Draw 100 pairs of different sets."""
    mixing = np.random.default_rng(0).normal(0, 0.3, (16, 16))
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        first, second = rng.normal(0, 1, (50, 16)) @ mixing, rng.normal(0.5, 1, (60, 16)) @ mixing
        found.append(kernel_distance(first, second))
    values, errors = (np.array(column, float) for column in zip(*found, strict=True))
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.25)


def test_lab_histograms_by_hand() -> None:
    """Half of the output is white and all of the target: the histograms of L share half."""
    grey = np.zeros((4, 4, 3), np.uint8)
    grey[:2] = 255
    metric = LabHistogram(Settings())
    limits = picture(0).limits
    metric.add(MetricImage(grey, limits), MetricImage(np.full((8, 8, 3), 255, np.uint8), limits))
    score = metric.score()
    assert score.parts["L"] == 0.5
    assert score.value == pytest.approx(np.mean(list(score.parts.values())))


def test_lab_histograms_ignore_places_and_order() -> None:
    metric = LabHistogram(Settings())
    shuffled = picture(1).pixels[::-1, ::-1].copy()
    metric.add(picture(1), picture(2))
    metric.add(picture(2), MetricImage(shuffled, picture(1).limits))
    assert metric.score().value == pytest.approx(1)
