"""Which value range was taken for the images, and how much of it they use."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from data.checking.levels import Levels, levels_of, merged
from data.checking.limits import SmallPart, small_part, without_marks
from data.files.value_range import LEVELS, ValueRange, of_dtype
from metrics.evaluation import Example
from metrics.metric_image import MaybeImage
from util.text import pluralise

OTHER_SCALE = 15  # 12 bits against 8 or 16; the largest value of a bad output is nearer than that
OUTPUTS, TARGETS = "outputs", "targets"


@dataclass
class ValueUse:
    """Collects the values of all images; ``given``: the --value_range."""

    given: ValueRange | None = None
    levels: dict[str, dict[str, list[Levels]]] = field(  # side -> dtype -> of each image
        default_factory=lambda: {OUTPUTS: {}, TARGETS: {}})
    transparent: int = 0
    grey_with_rgb: int = 0
    units: ValueRange | None = None  # see ``MetricImage``

    def watch(self, examples: Iterable[Example]) -> Iterator[Example]:
        """Yield the examples unchanged."""
        for example in examples:
            self._add(OUTPUTS, example.fake)
            self._add(TARGETS, example.real)
            if example.fake and example.real:
                channels = {example.fake.channels, example.real.channels}
                self.grey_with_rgb += channels == {1, 3}
            yield example

    def _add(self, side: str, image: MaybeImage) -> None:
        if image:
            dtypes = self.levels[side].setdefault(str(image.pixels.dtype), [])
            dtypes.append(levels_of(image.pixels))
            self.transparent += image.transparent
            self.units = image.units

    def taken(self) -> str:
        """Return the range that was taken for each side, in one line."""
        if self.given:
            return f"value range: {_text(self.given)}, by --value_range"
        sides = {
            side: " and ".join(f"{_text(of_dtype(dtype))} ({dtype})" for dtype in sorted(found))
            for side, found in self.levels.items() if found
        }
        if len(set(sides.values())) == 1:
            has_units = self.units not in (None, LEVELS)
            units = f"; {_text(self.units)} in the data set" if has_units else ""
            return f"value range: {next(iter(sides.values()))}, by the type of the files{units}"
        parts = ", ".join(f"{side} {text}" for side, text in sides.items())
        return f"value range by the type of the files: {parts}"

    def unused(self) -> tuple[str, SmallPart] | None:
        """Return the dtype and the values that are used, if they are a small part of the range.

        Return None if outputs and targets seem to have different scales.
        """
        if self._scales():
            return None
        for dtype in {**self.levels[TARGETS], **self.levels[OUTPUTS]}:
            images = [image for found in self.levels.values() for image in found.get(dtype, ())]
            part = small_part(merged(images), self.given)
            if part:
                return dtype, part
        return None

    def shown(self) -> ValueRange | None:
        """Return the values that a page shows as black and white; None: those of the type."""
        found = None if self.given else self.unused()
        return found[1].as_range if found else self.given

    def warnings(self) -> list[str]:
        """Return sentences about values that make the scores doubtful."""
        lines = [self.taken()] if self.given or self._deep() else []
        if found := self.unused():
            part = found[1]
            mark = f" and --nan_value={part.missing[-1]:g}" if part.missing else ""
            lines = [f"{self.taken()}; {self._shares(*found)}: give --value_range="
                     f"{part.limits}{mark}{part.remark}"]
        lines += self._scales()
        if self.transparent:
            lines.append(f"{pluralise(self.transparent, 'image')} with transparent pixels: they "
                         "are compared on a white background")
        if self.grey_with_rgb:
            lines.append(f"{pluralise(self.grey_with_rgb, 'pair')} of a grey and an RGB image: "
                         "the grey one is compared with each channel")
        return lines

    def _deep(self) -> bool:
        return any(dtype != "uint8" for found in self.levels.values() for dtype in found)

    def _shares(self, dtype: str, part: SmallPart) -> str:
        limits = self.given or of_dtype(dtype) or LEVELS
        shares = []
        for side in (TARGETS, OUTPUTS):
            if images := self.levels[side].get(dtype):
                low, high, _ = without_marks(merged(images))
                share = (high - low) / (limits.high - limits.low)
                shares.append(f"the {side} use {100 * share:.{1 if share < 0.1 else 0}f} % of it "
                              f"({low:g} to {high:g})")
        return ", ".join(shares)

    def _scales(self) -> list[str]:
        """Compare the numbers of outputs and targets, whatever their types are."""
        sides = {side: [image for images in found.values() for image in images]
                 for side, found in self.levels.items()}
        if not all(sides.values()) or (not self.given and len(self._ranges()) > 1):
            return []
        found = {side: _extremes(images) for side, images in sides.items()}
        sizes = [max(abs(low), abs(high)) for low, high in found.values()]
        if max(sizes) < OTHER_SCALE * min(sizes) or not max(sizes):
            return []
        texts = [f"{side} hold {low:g} to {high:g}" for side, (low, high) in found.items()]
        return [f"{', '.join(texts)}: if they have different scales, the scores mean nothing"]

    def _ranges(self) -> set[ValueRange | None]:
        return {of_dtype(dtype) for found in self.levels.values() for dtype in found}


def _extremes(images: Sequence[Levels]) -> tuple[float, float]:
    return min(image.low for image in images), max(image.high for image in images)


def _text(limits: ValueRange | None) -> str:
    return f"{limits.low:g} to {limits.high:g}" if limits else "none"
