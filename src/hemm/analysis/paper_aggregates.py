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
from dataclasses import asdict, dataclass, replace
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.paper_details import (
    Groups,
    Placed,
    Spread,
    by_task,
    by_use_case,
    common_tasks,
    groups_of,
    placed,
    row_means,
    spreads,
    value_of,
)
from hemm.core import DIMENSIONS
from hemm.published import CITATION, NOT_PUBLISHED, ODD, Published, published
from hemm.stats.corrections import holm
from hemm.stats.paired import paired_t, welch_p
from hemm.stats.regression import Effect, Joint, joint

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Test:
    """The tests of two categories of a dimension.

    p, mean_difference, n  the paper's: paired over ``n`` models (task dimensions) or tasks (model dimensions)
    relative               value of a over value of b, less 1
    p_holm                 p corrected over all tests of the subset
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
    relative: float | None = None
    p_holm: float | None = None


@dataclass(frozen=True)
class Paper:
    """All aggregates of one subset.

    ranked            model -> mean, rank and number of tasks, over all tasks that it has
    common, on_common  the tasks that every model has, and the same over these
    use_cases         use case -> model -> mean and rank
    by_task           modelling dimension -> task -> category -> mean over its models
    spreads, model_spreads  of the categories of task and of modelling dimensions
    """

    source: Published
    normalised: Floats
    models: Mapping[str, float]
    tasks: Mapping[str, float]
    dimensions: Mapping[str, Mapping[str, float]]
    model_dimensions: Mapping[str, Mapping[str, float]]
    tests: tuple[Test, ...]
    fit: Joint
    ranked: Mapping[str, Placed]
    common: tuple[str, ...]
    on_common: Mapping[str, Placed]
    use_cases: Mapping[str, Mapping[str, Placed]]
    by_task: Mapping[str, Mapping[str, Mapping[str, float]]]
    spreads: tuple[Spread, ...]
    model_spreads: tuple[Spread, ...]

    @property
    def subset(self) -> str:
        return self.source.subset

    @property
    def scored(self) -> dict[str, int]:
        """Model -> number of tasks in its mean."""
        return {m: p.tasks for m, p in self.ranked.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings about the figures."""
        most = max(self.scored.values())
        fewer = [
            f"{self.source.titles[m]}: the mean is over {n} tasks, the others' over {most}; "
            f"compare it on the {len(self.common)} that all have"
            for m, n in self.scored.items()
            if n < most
        ]
        unknown = [
            f"{self.source.titles[m]} leaves the tests of {', '.join(lacks)}: not known"
            for m in self.source.models
            if (lacks := [d for d in self.model_dimensions if d not in self.source.model_labels[m]])
        ]
        found, stay = (
            [p for p in ps if p is not None and p < 0.05]
            for ps in zip(*((t.p, t.p_holm) for t in self.tests), strict=True)
        )
        tested = f"{len(found)} of {len(self.tests)} p are below 5 %, {len(stay)} after Holm's correction"
        adjusted = [t.p_adjusted for t in self.tests if t.p_adjusted is not None]
        return (
            tested,
            f"with the other labels held equal the lowest p of a task dimension is {min(adjusted):.2f}",
            *fewer,
            *self._turned,
            *unknown,
            *ODD[self.subset],
            *(f"not published, and so not computed here: {what}" for what in NOT_PUBLISHED),
        )

    @property
    def _turned(self) -> list[str]:
        """Pairs of models that the tasks of one side alone put into another order."""
        return [
            f"on the {len(self.common)} common tasks {self.source.titles[b]} passes {self.source.titles[a]}"
            for a, b in permutations(self.source.models, 2)
            if self.ranked[a].rank < self.ranked[b].rank and self.on_common[a].rank > self.on_common[b].rank
        ]

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``hemm paper``."""
        return {
            "subset": self.subset,
            "normalisation": "paper: 0 is the worst evaluated model, 1 the reference scored against itself",
            "citation": CITATION,
            "models": dict(self.models),
            "tasks_of_model": self.scored,
            "ranks": {m: p.rank for m, p in self.ranked.items()},
            "common": {
                "tasks": list(self.common),
                "models": {m: {"score": p.score, "rank": p.rank} for m, p in self.on_common.items()},
            },
            "use_cases": {
                case: {m: asdict(p) for m, p in row.items()} for case, row in self.use_cases.items()
            },
            "tasks": dict(self.tasks),
            "dimensions": {d: dict(v) for d, v in self.dimensions.items()},
            "model_dimensions": {d: dict(v) for d, v in self.model_dimensions.items()},
            "spreads": [asdict(row) for row in (*self.spreads, *self.model_spreads)],
            "model_dimensions_by_task": self.by_task,
            "params": dict(self.source.params),
            "size_estimated": sorted(self.source.estimated),
            "not_published": list(NOT_PUBLISHED),
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
    of_tasks = groups_of(source.tasks, source.task_labels, categories)
    of_models = groups_of(source.models, source.model_labels, _known(source.model_labels))
    tests = [
        *_tests(normalised, of_tasks, {(e.dimension, e.a, e.b): e for e in fit.effects}),
        *_tests(normalised.T, of_models, {}),
    ]
    corrected = [replace(t, p_holm=p) for t, p in zip(tests, holm([t.p for t in tests]), strict=True)]
    common = common_tasks(source, normalised)
    shared = normalised[:, [source.tasks.index(t) for t in common]]
    task_spreads, model_spreads = spreads(normalised, of_tasks), spreads(normalised.T, of_models)
    return Paper(
        source,
        normalised,
        dict(zip(source.models, np.nanmean(normalised, axis=1).tolist(), strict=True)),
        dict(zip(source.tasks, np.nanmean(normalised, axis=0).tolist(), strict=True)),
        _values(task_spreads),
        _values(model_spreads),
        tuple(corrected),
        fit,
        placed(source.models, normalised),
        common,
        placed(source.models, shared),
        by_use_case(source, normalised, of_tasks),
        by_task(normalised, source.tasks, of_models),
        task_spreads,
        model_spreads,
    )


def _values(rows: Sequence[Spread]) -> dict[str, dict[str, float]]:
    values: dict[str, dict[str, float]] = {}
    for row in rows:
        values.setdefault(row.dimension, {})[row.category] = row.value
    return values


def _known(labels: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """Modelling dimensions and their categories, in the order in which models name them."""
    categories: dict[str, dict[str, None]] = {}
    for of_model in labels.values():
        for dimension, category in of_model.items():
            categories.setdefault(dimension, {})[category] = None
    return {d: list(cs) for d, cs in categories.items()}


def _tests(scores: Floats, groups: Groups, effects: Mapping[tuple[str, str, str], Effect]) -> list[Test]:
    return [
        _test(scores, dimension, a, b, categories, effects.get((dimension, a, b)))
        for dimension, categories in groups.items()
        for a, b in combinations(categories, 2)
    ]


def _test(
    scores: Floats, dimension: str, a: str, b: str, categories: Mapping[str, list[int]], effect: Effect | None
) -> Test:
    left, right = (row_means(scores[:, categories[c]]) for c in (a, b))
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
        _relative(*(value_of(scores, categories[c]) for c in (a, b))),
    )


def _relative(a: float, b: float) -> float | None:
    return a / b - 1 if b else None
