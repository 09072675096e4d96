"""Label maps: intersection over union of each class, and then the mean."""

from statistics import fmean

from metrics.label_maps import Confusion, LabelMetric, class_ious


class MeanIoU(LabelMetric):
    label = "Mean IoU"

    def of_counts(self, counts: Confusion) -> float:
        return fmean(class_ious(counts).values())

    def parts(self, counts: Confusion) -> dict[int, float]:
        return class_ious(counts)
