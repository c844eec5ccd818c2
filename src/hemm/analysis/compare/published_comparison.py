"""The user's models and the paper's, on the tasks that both have, by the paper's metric and scale.

A score is the mean BARTScore of a task, normalised as in the paper: 0 is the worst model on the task, 1 the
published score of the reference against itself. The worst is taken over the paper's models and the user's
together, so that a weaker model changes every score. It means something only if BARTScore is the paper's
(``published_settings``).

BARTScore has no worst value. So failures are read in two ways: left out, as in the paper, and as the worst
model's score on that task (0), which is what a model that fails deserves at least. Errors are left out of
both. Models are ranked over the tasks that all of them have a score on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.compare.published_settings import METRIC, bart_scores
from hemm.analysis.study.anytime_interval import NO_INTERVAL
from hemm.analysis.study.cell_scores import OUTCOMES, CellScores, ScoreColumn
from hemm.analysis.study.normalise import own_scale
from hemm.core import Outcome, storable
from hemm.core.text import counted
from hemm.published import Published, published
from hemm.stats.intervals import Estimate, combine

Floats = NDArray[np.float64]
NO_ANSWERS = "no answers published: no interval"
_FAILURES = [OUTCOMES.index(o) for o in (Outcome.REFUSED, Outcome.TRUNCATED, Outcome.UNPARSABLE)]


@dataclass(frozen=True, slots=True)
class RankedModel:
    """One model. Only the user's models have an interval (over samples), since the paper gives no answers.

    estimate, tasks      failures left out, over the tasks that it has
    common, rank         the same over the tasks that all models have; None without such tasks
    as_worst, worst_rank  the same with failures as the worst model's score
    failures             answers that failed, errors not among them
    """

    model: str
    published: bool
    estimate: Estimate
    tasks: int
    common: Estimate | None = None
    rank: int | None = None
    as_worst: Estimate | None = None
    worst_rank: int | None = None
    failures: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "model": storable(self.model),
            "published": self.published,
            "tasks": self.tasks,
            **self.estimate.to_json(),
            "common": None if self.common is None else self.common.to_json(),
            "rank": self.rank,
            "as_worst": None if self.as_worst is None else self.as_worst.to_json(),
            "worst_rank": self.worst_rank,
            "failures": self.failures,
        }


@dataclass(frozen=True)
class PublishedComparison:
    """The user's models and the paper's.

    models         the best first
    scores         ``names`` x ``tasks``, normalised, failures left out; NaN where unknown
    new_worst      tasks on which one of the user's models is worse than all of the paper's
    common, common_as_worst  the tasks that models are ranked over, by how failures are read
    forced         how the metric differs from the paper's, where the comparison was forced; else empty
    """

    subset: str
    models: tuple[RankedModel, ...]
    names: tuple[str, ...]
    tasks: tuple[str, ...]
    scores: Floats
    new_worst: tuple[str, ...]
    notes: tuple[str, ...]
    common: tuple[str, ...] = ()
    common_as_worst: tuple[str, ...] = ()
    forced: str = ""

    def to_json(self) -> dict[str, Any]:
        """The part ``published`` of the JSON of ``hemm compare``."""
        forced = {"forced": self.forced} if self.forced else {}
        return {
            "subset": self.subset,
            "metric": METRIC,
            "forced": self.forced,
            "tasks": list(self.tasks),
            "common": list(self.common),
            "common_as_worst": list(self.common_as_worst),
            "models": [{**m.to_json(), **forced} for m in self.models],
            "scores": {
                storable(name): {
                    t: None if np.isnan(v) else float(v) for t, v in zip(self.tasks, row, strict=True)
                }
                for name, row in zip(self.names, self.scores, strict=True)
            },
            "new_worst": list(self.new_worst),
            "notes": list(self.notes),
        }


def compare_with_published(
    loaded: Sequence[CellScores], labels: Mapping[str, str], subset: str = "100", *, force: bool = False
) -> PublishedComparison:
    """Compare the models in ``labels`` (subject -> label; controls are left out) with the paper's.

    Raises HemmError where no task is the paper's, where a model has no BARTScore on one that is, or, unless
    ``force``, where checkpoint, direction or case are not the paper's.
    """
    source = published(subset)
    by_task, forced = bart_scores(loaded, source, force)
    tasks = tuple(t for t in source.tasks if t in by_task)
    plain = [s for s in labels if s not in {i.subject for i in loaded if i.control}]
    of_subject = {s: {t: by_task[t][s] for t in tasks if s in by_task[t]} for s in plain}
    mine = {s: row for s, row in of_subject.items() if row}
    columns = [source.tasks.index(t) for t in tasks]
    theirs = source.scores[:, columns]
    own = np.array([[_value(row.get(t)) for t in tasks] for row in mine.values()])
    raw = np.vstack([theirs, own])
    worst = np.nanmin(raw, axis=0)
    scale = _Scale(tasks, worst, source.identity[columns] - worst)
    papers = [scale.published(row) for row in theirs]
    left_out = _reading([*papers, *(scale.here(row) for row in mine.values())], tasks)
    as_worst = _reading([*papers, *(scale.here(row, as_worst=True) for row in mine.values())], tasks)
    names = (*(source.titles[m] for m in source.models), *(labels[s] for s in mine))
    failures = [0] * len(papers) + [sum(map(_failed, row.values())) for row in mine.values()]
    models = [
        RankedModel(
            name,
            n < len(papers),
            combine(list(left_out.rows[n].values())),
            len(left_out.rows[n]),
            left_out.means[n],
            left_out.ranks[n],
            as_worst.means[n],
            as_worst.ranks[n],
            failures[n],
        )
        for n, name in enumerate(names)
    ]
    new = (own < np.nanmin(theirs, axis=0)).any(axis=0).tolist()
    away = [labels[s] for s in plain if s not in mine]
    own_rows = {labels[s]: row for s, row in mine.items()}
    readings = {"failures left out": left_out, "failures as the worst": as_worst}
    notes = [*_scope(source, tasks, away), *_failing(own_rows), *_left(tasks, names, own_rows, readings)]
    return PublishedComparison(
        subset,
        tuple(sorted(models, key=_order)),
        names,
        tasks,
        (raw - worst) / scale.spread,
        tuple(t for t, lower in zip(tasks, new, strict=True) if lower),
        tuple(f"{note} [forced: {forced}]" if forced else note for note in notes),
        left_out.common,
        as_worst.common,
        forced,
    )


Row = Mapping[str, Estimate]
"""Task -> one model's normalised score; tasks without one are left out."""


@dataclass(frozen=True)
class _Scale:
    """``worst`` of each of ``tasks`` becomes 0, ``worst`` + ``spread`` 1."""

    tasks: tuple[str, ...]
    worst: Floats
    spread: Floats

    def published(self, scores: Floats) -> Row:
        normal = ((scores - self.worst) / self.spread).tolist()
        known = {t: v for t, v in zip(self.tasks, normal, strict=True) if v == v}
        return {t: Estimate(v, None, None, 1, 1, NO_ANSWERS) for t, v in known.items()}

    def here(self, row: Mapping[str, ScoreColumn], *, as_worst: bool = False) -> Row:
        found = {}
        for task, low, spread in zip(self.tasks, self.worst.tolist(), self.spread.tolist(), strict=True):
            if task in row:
                estimate = own_scale(_filled(row[task], low) if as_worst else row[task])
                if estimate.value is not None:
                    found[task] = estimate.scaled(low, spread)
        return found


def _filled(scores: ScoreColumn, low: float) -> ScoreColumn:
    """The scores with failed answers as ``low``; errors, and answers that cannot be scored, are left out."""
    failed = scores.counts[:, _FAILURES].sum(axis=1)
    if not failed.any():
        return scores
    answered = np.rint(scores.counts.sum(axis=1) * (1 - scores.missing))
    sums = np.where(answered > 0, answered * scores.answered, 0.0) + failed * low
    values = np.where(failed > 0, sums / np.maximum(answered + failed, 1), scores.values)
    return replace(scores, values=values, anytime=None if scores.anytime is None else NO_INTERVAL)


def _failed(scores: ScoreColumn) -> int:
    return int(scores.counts[:, _FAILURES].sum())


@dataclass(frozen=True)
class _Reading:
    """The rows of all models under one reading of failures; means and ranks over the ``common`` tasks."""

    rows: Sequence[Row]
    common: tuple[str, ...]
    means: Sequence[Estimate | None]
    ranks: Sequence[int | None]


def _reading(rows: Sequence[Row], tasks: Sequence[str]) -> _Reading:
    common = tuple(t for t in tasks if all(t in row for row in rows))
    if not common:
        return _Reading(rows, (), [None] * len(rows), [None] * len(rows))
    means = [combine([row[t] for t in common]) for row in rows]
    values = [m.value or 0.0 for m in means]
    return _Reading(rows, common, means, [1 + sum(other > v for other in values) for v in values])


def _order(model: RankedModel) -> tuple[bool, int, float]:
    value = model.estimate.value
    return model.rank is None, model.rank or 0, -(value if value is not None else -9e9)


def _value(scores: ScoreColumn | None) -> float:
    value = None if scores is None else own_scale(scores).value
    return float("nan") if value is None else value


def _scope(source: Published, tasks: Sequence[str], away: Sequence[str]) -> list[str]:
    return [
        f"{len(tasks)} of the paper's {len(source.tasks)} tasks (subset {source.subset}); the draw behind "
        "its samples is not known, so the samples are not the same",
        "normalised over the paper's models and yours together: 0 is the worst of them, 1 the reference "
        "scored against itself, as published",
        *(f"{name} was asked none of the paper's tasks: it is not among these models" for name in away),
    ]


def _failing(rows: Mapping[str, Mapping[str, ScoreColumn]]) -> list[str]:
    """What failed, model by model."""
    notes = []
    for name, row in rows.items():
        failed = {t: n for t, scores in row.items() if (n := _failed(scores))}
        if failed:
            places = ", ".join(f"{n} of {sum(row[t].outcomes.values())} on {t}" for t, n in failed.items())
            notes.append(
                f"{name}: answers failed ({places}): left out as in the paper, and beside it counted as the "
                "worst model's score"
            )
    return notes


def _left(
    tasks: Sequence[str],
    names: Sequence[str],
    rows: Mapping[str, Mapping[str, ScoreColumn]],
    readings: Mapping[str, _Reading],
) -> list[str]:
    """Over which tasks models are ranked, and who lacks the others."""
    notes = []
    for words, reading in readings.items():
        over = (
            f"ranks are over {counted(len(reading.common), 'task')}" if reading.common else "no ranks: tasks"
        )
        without = []
        for task in tasks:
            lack = [
                _why(n, task, rows) for n, row in zip(names, reading.rows, strict=True) if task not in row
            ]
            without += [f"{task} (no score of {', '.join(lack)})"] if lack else []
        told = f", so without {', '.join(without)}" if without else ""
        notes.append(f"{words}: {over} that all models have a score on{told}")
    return notes


def _why(name: str, task: str, rows: Mapping[str, Mapping[str, ScoreColumn]]) -> str:
    """The model's name, and for the user's why it has no score."""
    if name not in rows:
        return name
    scores = rows[name].get(task)
    if scores is None:
        return f"{name}: not asked"
    told = ", ".join(f"{n} {outcome}" for outcome, n in scores.outcomes.items() if n)
    return f"{name}: {told}"
