"""Scores under an overlay, made in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hemm.core import HemmError, Metric, Task
from hemm.engine.overlays.cell import OverlaidCell
from hemm.engine.score import score_cell, stored_media
from hemm.engine.stored_task import task_of
from hemm.metrics import listed, metric_key, spec_of
from hemm.metrics.scoring import aggregate, outcome_counts, parser_versions, score_answers
from hemm.results import layout
from hemm.results.read import Cell, cell


def score_overlaid(
    view: OverlaidCell,
    task: Task,
    extra: Sequence[str | Metric] = (),
    *,
    again: bool = False,
    told: Callable[[str], None] = lambda line: None,
) -> None:
    """Score the answers of ``view`` and keep the scores apart from those of the answers as they are stored.

    By the task's metrics and those that scored the cell, where they need neither weights nor a judge, and by
    those in ``extra``. A cell whose right answers and samples stay has no scores of its own. Raises as
    ``score_cell``.
    """
    if not view.effect.rescored:
        return
    known, _ = light(view.plain.aggregates().get("metrics", {}))

    def opened(folder: Any) -> Cell:
        return OverlaidCell.of(cell(folder), view.overlay)

    score_cell(view.folder, task, [*extra, *known.values()], again=again, told=told, opened=opened)


def light(rows: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Metric], dict[str, str]]:
    """Of the metrics that scored a cell (rows of aggregates.json by key) those that run here unasked, by the
    key of theirs; and of the others spec -> why not."""
    found, others = {}, {}
    for key, row in rows.items():
        spec = str(row["spec"])
        if "own" in row:
            others[spec] = "it is a metric of your own"
            continue
        metric = listed(spec)
        if {"weights", "judge"} & metric.needs:
            others[spec] = "it needs weights or a judge"
        else:
            found[key] = metric
    return found, others


def scored_now(
    stored: Cell, kept: Mapping[str, Any], before: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Scores of the answers of ``stored``, which are others than those that ``before`` (aggregates.json) is
    of, by the same metrics; nothing is written.

    kept  aggregates of the same answers, whose scores are taken as they are
    Gives aggregates; metric key -> scores that were made now; spec -> why a metric did not score. Raises
    HemmError where that is the headline, or the task is not known here.
    """
    rows: dict[str, Any] = before["metrics"]
    there = dict(kept.get("metrics", {}))
    names = {str(row["spec"]): key for key, row in there.items()}
    metrics, others = light({key: row for key, row in rows.items() if str(row["spec"]) not in names})
    headline = str(rows[before.get("headline") or next(iter(rows))]["spec"])
    if headline in others:
        raise HemmError(f"{headline} is not made anew unasked, since {others[headline]}")
    tables: dict[str, Any] = {}
    outcomes = kept.get("outcomes")
    if metrics:
        task = task_of(stored)
        answers, media = stored.answers(), stored_media(stored)
        outcomes = outcome_counts(answers, task, media)
        for metric in metrics.values():
            key = metric_key(metric)
            tables[key] = score_answers(answers, task, metric, media)
            there[key] = {"spec": spec_of(metric), **aggregate(tables[key], metric, answers, task, media)}
            names[spec_of(metric)] = key
        parser = dict(parser_versions(task.answer))
    else:
        parser = dict(kept["parser"])
    order = [names[str(row["spec"])] for row in rows.values() if str(row["spec"]) in names]
    found = {
        "schema_version": layout.SCHEMA_VERSION,
        "parser": parser,
        "headline": names[headline],
        "outcomes": outcomes,
        "metrics": {key: there[key] for key in order},
        "unscored": dict(sorted(Counter(stored.unscored()["why"].to_pylist()).items())),
    }
    return found, tables, others
