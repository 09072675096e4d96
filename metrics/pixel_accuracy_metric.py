"""Label maps: the share of pixels whose nearest palette colour is that of the target."""

from metrics.label_maps import Confusion, LabelMetric, pixel_accuracy


class PixelAccuracy(LabelMetric):
    label = "Per-pixel accuracy"

    def of_counts(self, counts: Confusion) -> float:
        return pixel_accuracy(counts)
