"""Judging stored answers: scores of one cell, made anew when answers, parser or metrics change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.core import Metric, Task, digest
from hemm.data.files import replacing
from hemm.results import layout
from hemm.results.files import write_json
from hemm.results.read import Cell, cell
from hemm.results.record import media_path

if TYPE_CHECKING:
    from hemm.metrics.media import StoredMedia


def metrics_for(task: Task, extra: Sequence[str] = ()) -> dict[str, Metric]:
    """Metric key -> metric: the task's own that need no weights, and those asked for.

    Raises UnknownName or HemmError for a spec that means none, and where packages or weights are missing.
    """
    from hemm.metrics import metric_key, prepared, resolve

    own = [m for m in map(resolve, task.metrics) if "weights" not in m.needs]
    return {metric_key(m): m for m in map(prepared, [*own, *map(resolve, extra)])}


def stored_media(found: Cell) -> StoredMedia:
    """Where scoring finds the pictures of a cell's answers: its media folder, then its task's pack."""
    from hemm.metrics.media import StoredMedia

    answered = str(found.run.get("pack", {}).get("hash", ""))
    return StoredMedia(found.task, found.folder, partial(media_path, found.folder / layout.MEDIA), answered)


def _basis(found: Cell, task: Task) -> str:
    """What scores depend on beside the metric: the answers and the parser."""
    from hemm.metrics.scoring import parser_versions

    lines = found.folder / layout.JOURNAL
    journal = lines.stat().st_size if lines.exists() else 0
    return digest([[p.plain() for p in found.parts], journal, dict(parser_versions(task.answer))], 32)


def _headline(task: Task, metrics: Mapping[str, Metric]) -> str | None:
    """The key of the task's first metric that is among these, else the first of these."""
    from hemm.metrics import resolve

    own = {resolve(spec).name: place for place, spec in reversed(list(enumerate(task.metrics)))}
    return min(metrics, key=lambda key: own.get(metrics[key].name, len(own)), default=None)


def is_scored(folder: Path, task: Task, extra: Sequence[str] = ()) -> bool:
    """Whether the scores on disk are those of today's answers, parser and metrics."""
    found = cell(folder)
    there = found.aggregates()
    return there.get("basis") == _basis(found, task) and set(metrics_for(task, extra)) <= set(
        there["metrics"]
    )


def score_cell(folder: Path, task: Task, extra: Sequence[str] = ()) -> dict[str, int]:
    """Score one cell with the task's metrics, those in ``extra``, and those that scored it before.

    Writes scores/<metric-key>.parquet and aggregates.json; the counts of outcomes are returned. Metrics of
    the task that need weights run only where ``extra`` names them. Raises UnknownName or HemmError for a
    metric spec, and HemmError where a metric needs pictures that are neither in the cell nor in the pack.
    """
    import pyarrow.parquet as pq

    from hemm.metrics import metric_key, resolve, spec_of
    from hemm.metrics.scoring import aggregate, outcome_counts, parser_versions, score_answers
    from hemm.models.hf import vision

    found = cell(folder)
    metrics = metrics_for(task, extra)
    stored = found.aggregates()
    before: dict[str, Any] = stored.get("metrics", {})
    same = stored.get("basis") == _basis(found, task)
    again = [resolve(row["spec"]) for key, row in before.items() if key not in metrics]
    metrics |= {metric_key(m): m for m in again}
    answers, media = found.answers(), stored_media(found)
    rows: dict[str, Any] = {}
    for key, metric in metrics.items():
        if same and key in before and {"weights", "media"} & metric.needs:
            rows[key] = before[key]  # costly, and weights or pack may lie on another machine
            continue
        if "weights" in metric.needs:
            vision.prepare()  # a torchvision that does not import would end transformers' imports
        scores = score_answers(answers, task, metric, media)
        with replacing(folder / layout.SCORES / f"{key}.parquet") as path:
            pq.write_table(scores, path, compression="zstd")
        rows[key] = {"spec": spec_of(metric), **aggregate(scores, metric, answers, task, media)}
    outcomes = outcome_counts(answers, task, media)
    write_json(
        folder / layout.SCORES / layout.AGGREGATES,
        {
            "schema_version": layout.SCHEMA_VERSION,
            "basis": _basis(found, task),
            "parser": dict(parser_versions(task.answer)),
            "headline": _headline(task, metrics),
            "outcomes": outcomes,
            "metrics": rows,
        },
    )
    return outcomes
