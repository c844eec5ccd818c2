"""The aggregates of the HEMM paper (arXiv 2407.03418) from its published figures, and tests that it leaves
out.

The normalised score of a model on a task is (score - worst evaluated model) / (identity - worst evaluated
model). A dimension's value is the mean over its tasks of the tasks' mean over models. The paper's test pairs
the models' means over the two categories' tasks (paired t-test over models); for modelling dimensions models
and tasks change places. Such a test takes the tasks as fixed. Whether the models would differ on *other
tasks* is answered by two more p values: over tasks (Welch's t of the task means), and from the joint model
(``stats.regression``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.core import DIMENSIONS
from hemm.published import CITATION, ODD, Published, published
from hemm.stats.paired import paired_t, welch_p
from hemm.stats.regression import Effect, Joint, joint

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Test:
    """The tests of two categories of a dimension.

    p, mean_difference, n  the paper's: paired over ``n`` models (task dimensions) or tasks (model dimensions)
    p_tasks                over tasks (model dimensions: over models), by Welch's t of their means; None where
                           a category has only one
    adjusted, p_adjusted   from the joint model of all task dimensions; None for model dimensions
    """

    dimension: str
    a: str
    b: str
    p: float | None
    mean_difference: float
    n: int
    p_tasks: float | None
    adjusted: float | None
    p_adjusted: float | None


@dataclass(frozen=True)
class Paper:
    """All aggregates of one subset."""

    source: Published
    normalised: Floats
    models: Mapping[str, float]
    tasks: Mapping[str, float]
    dimensions: Mapping[str, Mapping[str, float]]
    model_dimensions: Mapping[str, Mapping[str, float]]
    tests: tuple[Test, ...]
    fit: Joint

    @property
    def subset(self) -> str:
        return self.source.subset

    @property
    def scored(self) -> dict[str, int]:
        """Model -> number of tasks in its mean."""
        counts = (~np.isnan(self.normalised)).sum(axis=1)
        return {m: int(n) for m, n in zip(self.source.models, counts, strict=True)}

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings about the figures."""
        most = max(self.scored.values())
        fewer = [
            f"{self.source.titles[m]}: the mean is over {n} tasks, the others' over {most}"
            for m, n in self.scored.items()
            if n < most
        ]
        unknown = [
            f"{self.source.titles[m]} leaves the tests of {', '.join(lacks)}: not known"
            for m in self.source.models
            if (lacks := [d for d in self.model_dimensions if d not in self.source.model_labels[m]])
        ]
        return (*fewer, *unknown, *ODD[self.subset])

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``hemm paper``."""
        return {
            "subset": self.subset,
            "normalisation": "paper: 0 is the worst evaluated model, 1 the reference scored against itself",
            "citation": CITATION,
            "models": dict(self.models),
            "tasks_of_model": self.scored,
            "tasks": dict(self.tasks),
            "dimensions": {d: dict(v) for d, v in self.dimensions.items()},
            "model_dimensions": {d: dict(v) for d, v in self.model_dimensions.items()},
            "tests": [asdict(t) for t in self.tests],
            "joint": [asdict(e) for e in self.fit.effects],
            "normalised": {
                m: {
                    t: (None if np.isnan(v) else float(v))
                    for t, v in zip(self.source.tasks, row, strict=True)
                }
                for m, row in zip(self.source.models, self.normalised, strict=True)
            },
            "notes": list(self.notes),
        }


def paper(subset: str = "100") -> Paper:
    """The paper's aggregates from ``hemm.published``. Raises UnknownName for another subset."""
    source = published(subset)
    worst = np.nanmin(source.scores, axis=0)
    normalised = (source.scores - worst) / (source.identity - worst)
    categories = {name: d.categories for name, d in DIMENSIONS.items()}
    fit = joint(normalised, source.tasks, source.task_labels, categories)
    by_task = _groups(source.tasks, source.task_labels, categories)
    by_model = _groups(source.models, source.model_labels, _known(source.model_labels))
    tests = [
        *_tests(normalised, by_task, {(e.dimension, e.a, e.b): e for e in fit.effects}),
        *_tests(normalised.T, by_model, {}),
    ]
    return Paper(
        source,
        normalised,
        dict(zip(source.models, np.nanmean(normalised, axis=1).tolist(), strict=True)),
        dict(zip(source.tasks, np.nanmean(normalised, axis=0).tolist(), strict=True)),
        {d: {c: _value(normalised, at) for c, at in cs.items()} for d, cs in by_task.items()},
        {d: {c: _value(normalised.T, at) for c, at in cs.items()} for d, cs in by_model.items()},
        tuple(tests),
        fit,
    )


Groups = dict[str, dict[str, list[int]]]


def _groups(
    names: Sequence[str], labels: Mapping[str, Mapping[str, str]], order: Mapping[str, Sequence[str]]
) -> Groups:
    """Dimension -> category -> indices of the names with that label; only categories that occur."""
    groups: Groups = {}
    for dimension, categories in order.items():
        places = {c: [i for i, n in enumerate(names) if labels[n].get(dimension) == c] for c in categories}
        groups[dimension] = {c: at for c, at in places.items() if at}
    return groups


def _known(labels: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """Modelling dimensions and their categories, in the order in which models name them."""
    categories: dict[str, dict[str, None]] = {}
    for of_model in labels.values():
        for dimension, category in of_model.items():
            categories.setdefault(dimension, {})[category] = None
    return {d: list(cs) for d, cs in categories.items()}


def _value(scores: Floats, columns: Sequence[int]) -> float:
    """The mean over columns of their mean over rows."""
    return float(np.mean(np.nanmean(scores[:, columns], axis=0)))


def _tests(scores: Floats, groups: Groups, effects: Mapping[tuple[str, str, str], Effect]) -> list[Test]:
    return [
        _test(scores, dimension, a, b, categories, effects.get((dimension, a, b)))
        for dimension, categories in groups.items()
        for a, b in combinations(categories, 2)
    ]


def _test(
    scores: Floats, dimension: str, a: str, b: str, categories: Mapping[str, list[int]], effect: Effect | None
) -> Test:
    left, right = (_means(scores[:, categories[c]]) for c in (a, b))
    p, difference, n = paired_t(left, right)
    return Test(
        dimension,
        a,
        b,
        p,
        difference,
        n,
        welch_p(*(np.nanmean(scores[:, categories[c]], axis=0) for c in (a, b))),
        None if effect is None else effect.value,
        None if effect is None else effect.p,
    )


def _means(scores: Floats) -> Floats:
    """Row means without NaN; NaN for a row of NaN."""
    counts = (~np.isnan(scores)).sum(axis=1)
    sums = np.nansum(scores, axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
