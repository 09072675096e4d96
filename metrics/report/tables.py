"""Evaluations as a table for the terminal, as JSON and as CSV."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence

from metrics import find_metric
from metrics.base_metric import Score
from metrics.evaluation import Evaluation
from metrics.palette import Palette
from util.text import merge_equal_lines

MOST_PARTS = 4  # a score with more parts has one line; the page and the JSON have all


def in_order(found: Mapping[str, Evaluation]) -> list[str]:
    """Return the metrics that have a score: metrics of pairs, of sets, of label maps.

    Doubtful scores are the last of their kind: with few images, KID comes before FID.
    """
    scored = {name: score for run in found.values() for name, score in run.scores.items()}

    def place(name: str) -> tuple[bool, bool, bool, str]:
        metric = find_metric(name)
        return metric.needs_palette, not metric.per_picture, scored[name].doubtful, name

    return sorted(scored, key=place)


def table(found: Mapping[str, Evaluation]) -> list[str]:
    """Return a line for each metric, with a column for each run, and the remarks."""
    rows = [["", "better", *found]]
    for name in in_order(found):
        metric = find_metric(name)
        scores = [evaluation.scores.get(name) for evaluation in found.values()]
        better = "higher" if metric.higher_is_better else "lower"
        cells = (_format(score, metric.places) for score in scores)
        rows.append([label_of(name, found), better, *cells])
        parts = next((score.parts for score in scores if score), {})
        for part in parts if len(parts) <= MOST_PARTS else ():
            values = (score.parts.get(part) if score else None for score in scores)
            rows.append([f"  {part}", "", *("" if value is None else f"{value:.{metric.places}f}"
                                            for value in values)])
    merged = merge_equal_lines({run: remarks(evaluation) for run, evaluation in found.items()})
    notes = [f"{run}: {line}" if run else line for run, line in merged]
    return ["", *(aligned(rows) if rows[1:] else []), *notes]


def label_of(name: str, found: Mapping[str, Evaluation]) -> str:
    """Return the label of a metric, with its variant: "MS-SSIM (3 scales)"."""
    variant = _variant(name, found)
    return f"{find_metric(name).label} ({variant})" if variant else find_metric(name).label


def _key(name: str, found: Mapping[str, Evaluation]) -> str:
    """Return the name in files: a variant is another metric, such as ms_ssim_3_scales."""
    return "_".join([name, *_variant(name, found).split()])


def _variant(name: str, found: Mapping[str, Evaluation]) -> str:
    scores = [run.scores[name] for run in found.values() if name in run.scores]
    return scores[0].variant if scores else ""


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row, in columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in rows]


def remarks(evaluation: Evaluation) -> list[str]:
    """Return the warnings and notes that belong to the numbers, one sentence each."""
    lines = list(evaluation.warnings)
    notes = [(name, note) for name, score in evaluation.scores.items() for note in score.notes]
    lines += [f"{', '.join(labels)}: {note}" for note, labels in _by_sentence(notes).items()]
    lines += _each(evaluation.skipped)
    return lines + [f"left out: {line}" for line in _each(evaluation.left_out)]


def _each(reasons: Mapping[str, str]) -> list[str]:
    """Return sentences; metrics with the same reason share one."""
    return [f"{labels[0] if len(labels) == 1 else ', '.join(labels) + ': each'} {reason}"
            for reason, labels in _by_sentence(sorted(reasons.items())).items()]


def _by_sentence(notes: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return each sentence with the labels of its metrics."""
    labels: dict[str, list[str]] = {}
    for name, sentence in notes:
        labels.setdefault(sentence, []).append(find_metric(name).label)
    return labels


def as_json(found: Mapping[str, Evaluation], palette: Palette | None) -> str:
    """Return everything as JSON; infinite values are the text "Infinity"."""
    metrics = {name: find_metric(name) for name in in_order(found)}
    keys = {name: _key(name, found) for name in metrics}
    content = {
        "metrics": {keys[name]: {"label": label_of(name, found),
                                 "higher_is_better": metric.higher_is_better}
                    for name, metric in metrics.items()},
        "palette": palette and [{"colour": colour.tolist(), "name": palette.name(number)}
                                for number, colour in enumerate(palette.colours)],
        "runs": {
            run: {"scores": {keys[name]: _json_score(evaluation.scores[name]) for name in metrics
                             if name in evaluation.scores},
                  "warnings": evaluation.warnings, "left_out": evaluation.left_out,
                  "skipped": evaluation.skipped,
                  "pictures": {image: {keys.get(name, name): json_number(value)
                                       for name, value in values.items()}
                               for image, values in evaluation.values.items()}}
            for run, evaluation in found.items()
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(found: Mapping[str, Evaluation]) -> str:
    """Return a line for each image of each run; the scores of the set have no image."""
    names = in_order(found)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "picture", *(_key(name, found) for name in names)])
    for run, evaluation in found.items():
        whole = {name: score.value for name, score in evaluation.scores.items()}
        for image, values in [("", whole), *evaluation.values.items()]:
            writer.writerow([run, image, *(values.get(name, "") for name in names)])
    return text.getvalue()


def json_number(value: float) -> float | str:
    """Return a value that JSON can hold: the text "Infinity" for infinity."""
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def _json_score(score: Score) -> dict[str, object]:
    return {"value": json_number(score.value), "standard_error": score.error, "count": score.count,
            "parts": dict(score.parts), "notes": list(score.notes)}


def _format(score: Score | None, places: int) -> str:
    if score is None:
        return "left out"
    error = "" if score.error is None else f" ± {score.error:.{places}f}"
    return f"{score.value:.{places}f}{error}"
