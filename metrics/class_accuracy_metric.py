"""Label maps: the accuracy in each class, and then the mean, so that small classes count."""

from statistics import fmean

from metrics.label_maps import Confusion, LabelMetric, class_accuracies


class ClassAccuracy(LabelMetric):
    label = "Per-class accuracy"

    def of_counts(self, counts: Confusion) -> float:
        return fmean(class_accuracies(counts).values())

    def parts(self, counts: Confusion) -> dict[int, float]:
        return class_accuracies(counts)
