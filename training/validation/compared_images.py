"""The images of one translation, as the metrics and the film of a validation take them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from data.base_dataset import Batch
from data.files.value_range import LEVELS
from display.images import to_picture
from display.reports import Strip
from metrics.evaluation import Example
from metrics.metric_image import MetricImage
from models.comparison import Comparison


def example_of(
    name: str, visuals: Mapping[str, Tensor], compared: tuple[str, str], given: str,
    missing: Tensor | None
) -> Example:
    """Return the images ``compared`` (output, target) and ``given``, as metrics take them.

    ``missing``: bool [N, C, H, W], True where the target has no value; None: nowhere.
    """
    images = [_eight_bits(visuals[label][0]) for label in (*compared, given)]
    if missing is not None and missing[0].any():
        images[1] = replace(images[1], missing=missing[0].any(dim=0).cpu().numpy())
    return Example(name, *images)


def _eight_bits(image: Tensor) -> MetricImage:
    """Convert [C, H, W] to what test.py writes, to the bit; keep other numbers of channels."""
    exact = image.shape[0] in (1, 3)
    return MetricImage(to_picture(image), LEVELS) if exact else MetricImage.of_tensor(image)


def file_of(comparison: Comparison, own: str, batch: Batch) -> str:
    """Return the file name of the given image; ``own`` is the path of the model's input."""
    others = {*batch.get("A_paths", ()), *batch.get("B_paths", ())} - {own}
    return Path(others.pop() if comparison.from_target_side and others else own).name


def strip_of(name: str, visuals: Mapping[str, Tensor], comparison: Comparison) -> Strip:
    """Return the images of a film: input, output and, if there is one, target."""
    given, made = (to_picture(visuals[label][0]) for label in (comparison.given, comparison.made))
    target = to_picture(visuals[comparison.target][0]) if comparison.target else None
    return Strip(name, comparison.made, given, made, target)
