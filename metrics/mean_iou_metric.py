"""Label maps: the mean of the intersections over union of all classes."""

from metrics.label_maps import Confusion, LabelMetric, class_ious


class MeanIoU(LabelMetric):
    label = "Mean IoU"

    def parts(self, counts: Confusion) -> dict[int, float]:
        return class_ious(counts)
