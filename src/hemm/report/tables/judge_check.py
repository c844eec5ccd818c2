"""A judge against people, as tables, sentences and CSV; and the file that people fill in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hemm.analysis.judge_check import TEMPLATE, JudgeCheck
from hemm.analysis.judge_check.build import JudgedDifference, JudgedScore
from hemm.core import HemmError, storable
from hemm.core.text import counted
from hemm.report.tables.writer import Table, table_of, to_csv
from hemm.report.text import number, span
from hemm.stats.intervals import Estimate

COLUMNS = (
    *("kind", "task", "model", "other", "answers", "labels", "value", "low", "high", "judge", "weight"),
    *("labels_value", "labels_low", "labels_high", "bias", "bias_low", "bias_high"),
)
"""Of the CSV: a row for each score and each difference (``kind``)."""


def flat(found: JudgeCheck) -> list[dict[str, Any]]:
    """The rows of the CSV."""
    rows = [
        {
            "kind": "score",
            "model": row.subject,
            **_facts(row),
            "bias": row.bias.value,
            "bias_low": row.bias.low,
            "bias_high": row.bias.high,
        }
        for row in found.scores
    ]
    rows += [
        {"kind": "difference", "model": row.a, "other": row.b, **_facts(row)} for row in found.differences
    ]
    return [{name: row.get(name) for name in COLUMNS} for row in rows]


def _facts(row: JudgedScore | JudgedDifference) -> dict[str, Any]:
    facts = {"task": row.task, "answers": row.answers, "labels": row.labels.n, "judge": row.judge}
    values = _columns("", row.estimate) | _columns("labels_", row.labels)
    return {**facts, "weight": row.lam, **values}


def _columns(prefix: str, estimate: Estimate) -> dict[str, float | None]:
    return {f"{prefix}value": estimate.value, f"{prefix}low": estimate.low, f"{prefix}high": estimate.high}


def tables(found: JudgeCheck) -> Iterator[Table]:
    """Scores, differences, and the judge's calibration."""
    scale = f"{found.low:g} to {found.high:g}"
    rows = [
        {
            "model": storable(row.subject),
            "task": row.task or "mean of tasks",
            "answers": row.answers,
            "labels": row.labels.n,
            "judge": number(row.judge, 3),
            "labels alone": _with_interval(row.labels),
            "both": _with_interval(row.estimate),
            "weight": "" if row.lam is None else number(row.lam),
            "judge too high by": _with_interval(row.bias),
        }
        for row in found.scores
    ]
    yield table_of(f"What people say of the answers (scale {scale})", rows)
    differences = [
        {
            "task": row.task,
            "model": storable(row.a),
            "less": storable(row.b),
            "answers": row.answers,
            "labels": row.labels.n,
            "judge": number(row.judge, 3),
            "labels alone": _with_interval(row.labels),
            "both": _with_interval(row.estimate),
            "weight": number(row.lam),
        }
        for row in found.differences
    ]
    if differences:
        yield table_of("Differences, paired on the same samples", differences)
    calibration = [
        {
            "judge says": f"{c.low:.3g}" if c.low == c.high else f"{c.low:.3g} to {c.high:.3g}",
            "answers": c.people.n,
            "people say": _with_interval(c.people),
        }
        for c in found.calibration
    ]
    yield table_of("Where the judge says one thing, what people say", calibration)


def _with_interval(estimate: Estimate) -> str:
    return f"{number(estimate.value, 3)} ({span(estimate.low, estimate.high, 3)})"


def lines(found: JudgeCheck) -> Iterator[str]:
    """What was compared, what it rests on, and notes."""
    correlation = "not defined" if found.correlation is None else f"{found.correlation:.2f}"
    yield (
        f"{storable(found.metric)} against people on {counted(found.labelled, 'answer')}: the same value on "
        f"{found.same:.0%}, correlation {correlation}"
    )
    people = max((row.annotators for row in found.scores), default=0)
    several = sum(row.several for row in found.scores if row.task)
    alpha = "" if found.alpha is None else f", Krippendorff's alpha {found.alpha:.2f}"
    yield f"{counted(people, 'annotator')}; {counted(several, 'answer')} labelled by several, averaged{alpha}"
    yield "both: judge and labels together (PPI++), unbiased if the labelled answers were drawn at random"
    yield from map(storable, found.notes)


def write_template(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Write the rows of ``template_rows`` to a ``.csv`` or ``.jsonl`` file. Raises HemmError for a file that
    is there already, and for others."""
    import orjson

    from hemm.data.files import write_atomic

    if file.suffix not in (".jsonl", ".csv"):
        raise HemmError(f"{file}: labels are .csv or .jsonl files")
    if file.exists():
        raise HemmError(f"{file} is there already, and may hold labels: name another file")
    if file.suffix == ".csv":
        flat_rows = [{**row, "references": " | ".join(row["references"] or ())} for row in rows]
        write_atomic(file, to_csv(flat_rows, TEMPLATE).encode())
    else:
        write_atomic(file, b"".join(orjson.dumps(dict(row)) + b"\n" for row in rows))
