"""Label maps: the mean of the accuracies of all classes, so that small classes count."""

from metrics.label_maps import Confusion, LabelMetric, class_accuracies


class ClassAccuracy(LabelMetric):
    label = "Per-class accuracy"

    def parts(self, counts: Confusion) -> dict[int, float]:
        return class_accuracies(counts)
