"""The user's models and the paper's, on the tasks that both have, by the paper's metric and scale.

A score is the mean BARTScore of a task, normalised as in the paper: 0 is the worst model on the task, 1 the
published score of the reference against itself. The worst is taken over the paper's models and the user's
together, so that a weaker model changes every score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
from hemm.analysis.study.normalise import own_scale
from hemm.core import HemmError, storable
from hemm.published import Published, published
from hemm.stats.intervals import Estimate, combine

METRIC = "bartscore"
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankedModel:
    """One model. Only the user's models have an interval (over samples), since the paper gives no answers."""

    model: str
    published: bool
    estimate: Estimate
    tasks: int


@dataclass(frozen=True)
class PublishedComparison:
    """The user's models and the paper's.

    models     the best first
    scores     ``names`` x ``tasks``, normalised; NaN where unknown
    new_worst  tasks on which one of the user's models is worse than all of the paper's
    """

    subset: str
    models: tuple[RankedModel, ...]
    names: tuple[str, ...]
    tasks: tuple[str, ...]
    scores: Floats
    new_worst: tuple[str, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The part ``published`` of the JSON of ``hemm compare``."""
        return {
            "subset": self.subset,
            "metric": METRIC,
            "tasks": list(self.tasks),
            "models": [
                {
                    "model": storable(m.model),
                    "published": m.published,
                    "tasks": m.tasks,
                    **m.estimate.to_json(),
                }
                for m in self.models
            ],
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
    loaded: Sequence[CellScores], labels: Mapping[str, str], subset: str = "100"
) -> PublishedComparison:
    """Compare the models in ``labels`` (subject -> label) with the paper's.

    Raises HemmError where no task is the paper's, or where a model has no BARTScore on one that is.
    """
    source = published(subset)
    by_task = _bart_scores(loaded, source)
    tasks = [t for t in source.tasks if t in by_task]
    subjects = [s for s in labels if any(s in of_task for of_task in by_task.values())]
    estimates = {s: _estimates(s, tasks, by_task) for s in subjects}
    mine = np.array([[_value(estimates[s].get(t)) for t in tasks] for s in subjects])
    columns = [source.tasks.index(t) for t in tasks]
    theirs, identity = source.scores[:, columns], source.identity[columns]
    scores = np.vstack([theirs, mine])
    worst = np.nanmin(scores, axis=0)
    spread = identity - worst
    models = [
        _published_model(source.titles[m], row, (row - worst) / spread)
        for m, row in zip(source.models, theirs, strict=True)
    ]
    for s in subjects:
        parts = [
            e.scaled(float(worst[i]), float(spread[i]))
            for i, t in enumerate(tasks)
            if (e := estimates[s].get(t)) is not None and e.value is not None
        ]
        models.append(RankedModel(labels[s], False, combine(parts), len(parts)))
    lower = np.nanmin(mine, axis=0) < np.nanmin(theirs, axis=0)
    return PublishedComparison(
        subset,
        tuple(sorted(models, key=lambda s: -(s.estimate.value if s.estimate.value is not None else -9e9))),
        (*(source.titles[m] for m in source.models), *(labels[s] for s in subjects)),
        tuple(tasks),
        (scores - worst) / spread,
        tuple(t for t, new in zip(tasks, lower, strict=True) if new),
        tuple(_notes(subset, len(tasks), len(source.tasks), subjects, estimates, labels)),
    )


def _bart_scores(loaded: Sequence[CellScores], source: Published) -> dict[str, dict[str, ScoreColumn]]:
    """Paper's task -> subject -> BARTScores; those of the paper's variant (``task:hemm``) where there are
    both."""
    by_task: dict[str, dict[str, tuple[bool, ScoreColumn]]] = {}
    lacks: dict[str, list[str]] = {}
    for item in loaded:
        name, _, variant = item.task.partition(":")
        if item.control or name not in source.tasks or variant not in ("", "hemm"):
            continue
        scores = next((s for s in item.columns if s.metric.name == METRIC and not s.component), None)
        if scores is None:
            lacks.setdefault(item.label, []).append(item.task)
            continue
        known = by_task.setdefault(name, {}).get(item.subject)
        if known is None or variant == "hemm":
            by_task[name][item.subject] = (variant == "hemm", scores)
    if lacks:
        which = "; ".join(f"{', '.join(dict.fromkeys(tasks))} of {m}" for m, tasks in lacks.items())
        raise HemmError(
            f"--with published compares by {METRIC}, which is missing for {which}: "
            f"hemm score DIR --metric {METRIC} adds it"
        )
    if not by_task:
        raise HemmError(
            "--with published needs results on a task of the paper (hemm paper lists them): there are none"
        )
    return {t: {s: scores for s, (_, scores) in rows.items()} for t, rows in by_task.items()}


def _estimates(
    subject: str, tasks: Sequence[str], by_task: Mapping[str, Mapping[str, ScoreColumn]]
) -> dict[str, Estimate]:
    out = {}
    for task in tasks:
        scores = by_task[task].get(subject)
        if scores is not None:
            out[task] = own_scale(scores)
    return out


def _value(estimate: Estimate | None) -> float:
    return float("nan") if estimate is None or estimate.value is None else estimate.value


def _published_model(title: str, raw: Any, row: Floats) -> RankedModel:
    known = row[~np.isnan(raw)]
    n = len(known)
    value = float(known.mean()) if n else None
    return RankedModel(title, True, Estimate(value, None, None, n, n, "no answers published: no interval"), n)


def _notes(
    subset: str,
    shared: int,
    everything: int,
    subjects: Sequence[str],
    estimates: Mapping[str, Mapping[str, Estimate]],
    labels: Mapping[str, str],
) -> list[str]:
    notes = [
        f"{shared} of the paper's {everything} tasks (subset {subset}); the draw behind its samples is not "
        "known, so the samples are not the same",
        "normalised over the paper's models and yours together: 0 is the worst of them, 1 the reference "
        "scored against itself, as published",
    ]
    for s in subjects:
        n = sum(e.value is not None for e in estimates[s].values())
        if n < shared:
            notes.append(f"{labels[s]}: the mean is over {n} of these {shared} tasks")
    return notes
