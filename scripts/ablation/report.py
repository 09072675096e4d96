"""Scores of an ablation's rows, beside the published ones: as a table, and as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

from metrics import create_metrics
from metrics.base_metric import Settings
from metrics.evaluation import evaluate
from metrics.report.compared_sets import ComparedSet
from metrics.report.result_files import result_files
from scripts.ablation.runs import Ablation
from scripts.ablation.tables import Row, Scores, Table

OUTPUT = "fake_B"  # label of what the generator made
OF_LABELS = ("pixel_accuracy", "class_accuracy", "mean_iou")
SCORES = {"per_pixel": "per pixel", "per_class": "per class", "iou": "IoU"}


@dataclass(frozen=True)
class Scored:
    """``reals``: what the real photos score by the same measure, if photos were made."""

    ours: Scores
    reals: Scores | None
    pictures: int
    seconds: float


def score(ablation: Ablation, table: Table, row: Row, settings: Settings) -> Scored:
    """
    Raises:
        ValueError: the results have no score.
    """
    names = OF_LABELS if table.to_labels else ("fcn_score",)
    metrics, left_out = create_metrics(names, settings)
    folder = ablation.results(row)
    files = result_files(folder, OUTPUT)
    one = ComparedSet(row.run, files, str(folder))
    found = evaluate(one.examples(None, with_inputs=True), metrics, report_every=0)
    left_out |= found.left_out
    if left_out:
        raise ValueError(f"{folder}: {next(iter(left_out.values()))}")
    reals = None
    if table.to_labels:
        ours = Scores(*(found.scores[name].value for name in OF_LABELS))
    else:
        # In the order in which the metric gives them: two of the outputs, three of the real photos.
        whole = found.scores["fcn_score"]
        values = [whole.value, *whole.parts.values()]
        ours, reals = Scores(*values[:3]), Scores(*values[3:])
    return Scored(ours, reals, len(files), ablation.seconds(row))


def grid(table: Table, scored: Mapping[str, Scored]) -> list[list[str]]:
    """Label, three scores of ours, three published ones, minutes of training: a list for each row.

    Rows that are not done have no numbers of ours.
    """
    cells = []
    for row in table.rows:
        own = scored.get(row.run)
        time = f"{own.seconds / 60:.1f} min" if own else "not done"
        ours = _numbers(own.ours if own else None)
        cells.append([row.label, *ours, *_numbers(row.published), time])
    reals = next((own.reals for row in table.rows if (own := scored.get(row.run))), None)
    if reals or table.reals:
        cells.append(["Real photos", *_numbers(reals), *_numbers(table.reals), ""])
    return cells


def lines(table: Table, scored: Mapping[str, Scored]) -> list[str]:
    """The table for a terminal."""
    names = [*SCORES.values()]
    rows = [["", "ours", "", "", "published", "", "", ""], ["", *names, *names, "training"],
            *grid(table, scored)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    drawn = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
             for row in rows]
    return [table.title, *drawn, *order(table, scored)]


def order(table: Table, scored: Mapping[str, Scored]) -> list[str]:
    """For each score, how many pairs of rows stand as in the paper, and which do not.

    Equals stand against it; pairs that are equal in the paper are left out.
    """
    done = [row for row in table.rows if row.run in scored]
    found = []
    for field, name in SCORES.items():
        pairs, other = 0, []
        for pair in combinations(done, 2):
            high, low = sorted(pair, key=lambda row: -getattr(row.published, field))
            if getattr(high.published, field) == getattr(low.published, field):
                continue
            pairs += 1
            if getattr(scored[high.run].ours, field) <= getattr(scored[low.run].ours, field):
                other.append(f"{low.label} over {high.label}")
        if pairs:
            differs = f"; against it: {', '.join(other)}" if other else ""
            found.append(f"{name}: {pairs - len(other)} of {pairs} pairs of rows in the paper's "
                         f"order{differs}")
    return found


def as_json(
    ablation: Ablation, tables: Sequence[tuple[str, Table]], scored: Mapping[str, Scored]
) -> str:
    content = {
        "budget": asdict(ablation.budget),
        "tables": {
            name: {
                "title": table.title,
                "rows": [_entry(row, scored.get(row.run)) for row in table.rows],
                "real_photos_published": table.reals and table.reals._asdict(),
            }
            for name, table in tables
        },
    }
    return json.dumps(content, indent=2) + "\n"


def _entry(row: Row, own: Scored | None) -> dict[str, object]:
    measured = own and {
        "ours": own.ours._asdict(), "real_photos": own.reals and own.reals._asdict(),
        "pictures": own.pictures, "training_seconds": round(own.seconds, 3),
    }
    return {"label": row.label, "run": row.run, "published": row.published._asdict(),
            **(measured or {})}


def _numbers(scores: Scores | None) -> list[str]:
    return [f"{value:.2f}" for value in scores] if scores else ["", "", ""]


def spread(folder: Path, count: int) -> list[str]:
    """Names of some results, the same for every row: evenly over the set."""
    names = [files.name for files in result_files(folder, OUTPUT)]
    count = min(count, len(names))
    return [names[index * (len(names) - 1) // max(1, count - 1)] for index in range(count)]
