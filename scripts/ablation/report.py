"""Scores of an ablation's rows beside the published ones: as a table and as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations

from metrics import create_metrics
from metrics.base_metric import Settings
from metrics.evaluation import evaluate
from metrics.report.compared_sets import ComparedSet
from metrics.report.result_files import result_files
from metrics.report.tables import aligned
from scripts.ablation.runs import Ablation
from scripts.ablation.tables import AblationRow, AblationTable, SegmentationScores

OUTPUT = "fake_B"  # label of the generator's output
LABEL_METRICS = ("pixel_accuracy", "class_accuracy", "mean_iou")
SCORES = {"per_pixel": "per pixel", "per_class": "per class", "iou": "IoU"}


@dataclass(frozen=True)
class RowResult:
    """``reals``: scores of the real photos by the same segmenter, if the outputs are photos."""

    ours: SegmentationScores
    reals: SegmentationScores | None
    pictures: int
    seconds: float


def score(ablation: Ablation, row: AblationRow, settings: Settings) -> RowResult:
    """
    Raises:
        ValueError: the results have no score.
    """
    names = LABEL_METRICS if row.to_labels else ("fcn_score",)
    metrics, left_out = create_metrics(names, settings)
    folder = ablation.results(row)
    results = ComparedSet(row.run, result_files(folder, OUTPUT), str(folder))
    evaluation = evaluate(results.examples(None, with_inputs=True), metrics, report_every=0)
    for reason in (*left_out.values(), *evaluation.left_out.values()):
        raise ValueError(f"{folder}: {reason}")
    if row.to_labels:
        values = [evaluation.scores[name].value for name in LABEL_METRICS]
    else:
        # The order of the metric: its value and two parts for the outputs, three for real photos.
        fcn = evaluation.scores["fcn_score"]
        values = [fcn.value, *fcn.parts.values()]
    reals = SegmentationScores(*values[3:]) if values[3:] else None
    return RowResult(SegmentationScores(*values[:3]), reals, len(results.files),
                     ablation.seconds(row))


def grid(table: AblationTable, results: Mapping[str, RowResult]) -> list[list[str]]:
    """Return a list for each row: label, our three scores, the published ones, training minutes.

    Rows that are not done have no scores of ours.
    """
    cells = []
    for row in table.rows:
        own = results.get(row.run)
        ours, time = (own.ours, f"{own.seconds / 60:.1f} min") if own else (None, "not done")
        cells.append([row.label, *_digits(ours), *_digits(row.published), time])
    reals = next((results[row.run].reals for row in table.rows if row.run in results), None)
    if reals or table.reals:
        cells.append(["Real photos", *_digits(reals), *_digits(table.reals), ""])
    return cells


def _digits(scores: SegmentationScores | None) -> list[str]:
    return [f"{value:.2f}" for value in scores] if scores else ["", "", ""]


def lines(table: AblationTable, results: Mapping[str, RowResult]) -> list[str]:
    """Return the table for a terminal."""
    rows = [["", "ours", "", "", "published", "", "", ""],
            ["", *SCORES.values(), *SCORES.values(), "training"], *grid(table, results)]
    return [table.title, *aligned(rows), *order(table, results)]


def order(table: AblationTable, results: Mapping[str, RowResult]) -> list[str]:
    """Return, for each score, how many pairs of rows have the paper's order, and the other pairs.

    Equal scores of ours count as another order; pairs that are equal in the paper do not count.
    """
    done = [row for row in table.rows if row.run in results]
    sentences = []
    for field, name in SCORES.items():
        count, others = 0, []
        for pair in combinations(done, 2):
            high, low = sorted(pair, key=lambda row: -getattr(row.published, field))
            if getattr(high.published, field) == getattr(low.published, field):
                continue
            count += 1
            if getattr(results[high.run].ours, field) <= getattr(results[low.run].ours, field):
                others.append(f"{low.label} over {high.label}")
        if count:
            differs = f"; against it: {', '.join(others)}" if others else ""
            sentences.append(f"{name}: {count - len(others)} of {count} pairs of rows in the "
                             f"paper's order{differs}")
    return sentences


def as_json(
    ablation: Ablation, tables: Mapping[str, AblationTable], results: Mapping[str, RowResult]
) -> str:
    contents = {name: {"title": table.title,
                       "rows": [_json_row(row, results.get(row.run)) for row in table.rows],
                       "real_photos_published": table.reals and table.reals._asdict()}
                for name, table in tables.items()}
    return json.dumps({"budget": asdict(ablation.budget), "tables": contents}, indent=2) + "\n"


def _json_row(row: AblationRow, own: RowResult | None) -> dict[str, object]:
    measured: dict[str, object] = {} if own is None else {
        "ours": own.ours._asdict(), "real_photos": own.reals and own.reals._asdict(),
        "pictures": own.pictures, "training_seconds": round(own.seconds, 3),
    }
    return {"label": row.label, "run": row.run, "published": row.published._asdict(), **measured}
