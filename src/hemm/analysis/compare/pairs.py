"""Two models over tasks and categories: paired on each task's samples, averaged over tasks.

A task's difference is on its metric's own scale and, normalised, on that of the normaliser. A category's is
the mean of its tasks' normalised differences, each with the same weight; interval, p and power are those of
``stats.task_means``, for these tasks and for tasks like these. p values are corrected over tasks, and over
categories.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.study.anytime_interval import UNTESTED
from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
from hemm.analysis.study.corpus_values import corpus_difference
from hemm.analysis.study.failure_policy import (
    Case,
    FailurePolicy,
    PolicyScores,
    bounded,
    counted,
    failures_of,
    mean_over,
    point_case,
)
from hemm.analysis.study.normalise import OVERALL, Scale, TaskSlice, limits, slice_order, slices_of, wins_of
from hemm.analysis.study.variants import left_out
from hemm.core import CorpusMetric
from hemm.stats.between_tasks import TasksLike, tasks_like
from hemm.stats.corrections import benjamini_hochberg, holm
from hemm.stats.intervals import Estimate, mean_difference
from hemm.stats.paired import Options, Pair, paired, t_p
from hemm.stats.power import Power, power_of
from hemm.stats.task_means import TaskPart, mean_of_tasks

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TaskPair:
    """One task that both models were run on.

    common      number of groups with answers of both
    pair        the paired test on the metric's own scale
    normalised  the difference on the normaliser's scale
    why         why one of these two is missing
    by_policy   the difference on the metric's own scale under every failure policy; ``worst``: a at its worst
                and b at its best
    """

    task: str
    metric: str
    common: int
    pair: Pair | None = None
    normalised: Estimate | None = None
    why: str = ""
    by_policy: PolicyScores | None = None
    p_holm: float | None = None
    p_bh: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "metric": self.metric,
            "common": self.common,
            "pair": None if self.pair is None else self.pair.to_json(),
            "normalised": None if self.normalised is None else self.normalised.to_json(),
            "why": self.why,
            "p_holm": self.p_holm,
            "p_bh": self.p_bh,
            "readings": None if self.by_policy is None else self.by_policy.to_json(),
        }


@dataclass(frozen=True, slots=True)
class CategoryPair:
    """One category (``overall`` for all tasks): the mean of its tasks' normalised differences.

    difference, p  for other samples of these tasks
    like           for tasks like these
    a, b           the means of both models' normalised scores; None without a task
    """

    dimension: str
    category: str
    difference: Estimate
    bootstrap: Estimate | None
    p: float | None
    power: Power
    by_policy: PolicyScores | None
    tasks: tuple[str, ...]
    like: TasksLike
    a: float | None = None
    b: float | None = None
    p_holm: float | None = None
    p_bh: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "dimension": self.dimension,
            "category": self.category,
            "a": self.a,
            "b": self.b,
            "difference": self.difference.to_json(),
            "bootstrap": None if self.bootstrap is None else self.bootstrap.to_json(),
            "tasks_like_these": self.like.to_json(),
            "p": self.p,
            "p_holm": self.p_holm,
            "p_bh": self.p_bh,
            "power": self.power.to_json(),
            "readings": None if self.by_policy is None else self.by_policy.to_json(),
            "tasks": list(self.tasks),
        }


@dataclass(frozen=True, slots=True)
class TaskDifference:
    """A normalised difference of one task; ``estimate`` covers both cases under ``bounds``.

    scores  both models' normalised scores, whose difference it is
    """

    task: str
    estimate: Estimate
    part: TaskPart
    by_policy: PolicyScores | None
    scores: tuple[float, float]


def task_pair(a: CellScores, b: CellScores, scale: Scale, options: Options) -> TaskPair:
    """Test two models on one task, under the failure policy of ``scale``."""
    left, right, why = common_groups(a.headline, b.headline)
    spec, n = a.headline.spec, len(left)
    if why == UNTESTED:
        return TaskPair(a.task, spec, n, why=why)
    if isinstance(left.metric, CorpusMetric) and n:
        return _corpus_task_pair(a, b, n)
    if why:
        return TaskPair(a.task, spec, n, why=why)
    pair = _pair(left, right, scale.failures, options)
    if pair.difference.value is None:
        return TaskPair(a.task, spec, n, why="no sample has a score of both")
    difference, why = task_difference(
        left, right, TaskSlice(a.subject, a.task), TaskSlice(b.subject, b.task), scale, pair
    )
    normalised = None if difference is None else difference.estimate
    return TaskPair(a.task, spec, n, pair, normalised, why, by_policy(left, right))


def _corpus_task_pair(a: CellScores, b: CellScores, n: int) -> TaskPair:
    """The difference of corpus values, by jackknife."""
    name = a.headline.metric.name
    difference = corpus_difference(a, b)
    if isinstance(difference, str):
        return TaskPair(a.task, a.headline.spec, n, why=f"{name} is no mean of its values: {difference}")
    estimate, error = difference.estimate, difference.error
    p = t_p(difference.a - difference.b, error, difference.df) if error > 0 else None
    low, high = a.headline.metric.range
    pair = Pair(
        a=difference.a,
        b=difference.b,
        difference=estimate,
        error=error or None,
        df=difference.df,
        p=p,
        test="t (jackknife)" if p is not None else "",
        p_t=p,
        power=power_of(
            error or None, estimate.clusters, difference.df, high - low if math.isfinite(high - low) else 1.0
        ),
    )
    why = f"{name} is no mean of its values: not averaged over tasks"
    return TaskPair(a.task, a.headline.spec, n, pair, why=why)


def common_groups(left: ScoreColumn, right: ScoreColumn) -> tuple[ScoreColumn, ScoreColumn, str]:
    """Both columns on the groups that both have, and why they cannot be compared (empty: they can)."""
    if (left.metric.name, left.version) != (right.metric.name, right.version):
        names = [f"{s.metric.name} version {s.version}" for s in (left, right)]
        return left.take(np.zeros(0, int)), right, f"scored by {names[0]} and {names[1]}: hemm score helps"
    left, right = left.paired_with(right)
    if not len(left):
        return left, right, "no samples in common"
    if left.anytime is not None or right.anytime is not None:
        return left, right, UNTESTED
    if isinstance(left.metric, CorpusMetric):
        return left, right, f"{left.metric.name} is no mean of its values: not comparable sample by sample"
    return left, right, ""


def _pair(left: ScoreColumn, right: ScoreColumn, failures: str, options: Options) -> Pair:
    """The paired test on the metric's own scale. Under ``bounds`` only its interval covers both cases; the
    rest counts failures as the worst score."""
    x, y = (counted(s, point_case(failures)).values for s in (left, right))
    pair = paired(x, y, left.clusters, left.metric.range, options, left.part)
    pair = replace(pair, difference=left.noted(pair.difference))
    if failures != FailurePolicy.BOUNDS or pair.difference.value is None:
        return pair
    low, high = left.metric.range
    ends = []
    cases: tuple[tuple[Case, Case], ...] = (("worst", "best"), ("best", "worst"))
    for first, second in cases:
        d = counted(left, first).values - counted(right, second).values
        if bool(np.isnan(d).any()):
            note = f"{left.metric.name} has no finite bound for failures"
            empty = replace(pair.difference, low=None, high=None, note=note)
            return replace(pair, difference=empty, bootstrap=None)
        ends.append(mean_difference(d, left.clusters, high - low, part=left.part).estimate)
    return replace(pair, difference=bounded(ends[0], ends[1], pair.difference.value))


def task_difference(
    left: ScoreColumn,
    right: ScoreColumn,
    a: TaskSlice,
    b: TaskSlice,
    scale: Scale,
    pair: Pair | None = None,
    resamples: int = 0,
) -> tuple[TaskDifference | None, str]:
    """The difference of two models on the same groups, on the normaliser's scale; or why there is none.

    pair  the paired test of these groups, if it is done already
    """
    columns = [counted(s, point_case(scale.failures)) for s in (left, right)]
    if scale.name == "rank":
        for s, part in zip(columns, (a, b), strict=True):
            why = limits(s, scale, part)[2]
            if why:
                return None, why
        wins = [wins_of(s, scale, part) for s, part in zip(columns, (a, b), strict=True)]
        rated = paired(wins[0], wins[1], left.clusters, (0.0, 1.0), Options(resamples), left.part)
        return _task_difference(a.task, rated, (0.0, 1.0), None, left.numbers(wins[0] - wins[1])), ""
    bounds = [limits(s, scale, part) for s, part in zip(columns, (a, b), strict=True)]
    for _, _, why in bounds:
        if why:
            return None, why
    ends = [
        float(np.mean(end)) for end in zip(*((floor, ceiling) for floor, ceiling, _ in bounds), strict=True)
    ]
    if pair is None:
        pair = _pair(left, right, scale.failures, Options(resamples))
    if pair.difference.value is None:
        return None, "no sample has a score of both"
    numbers = left.numbers(columns[0].values - columns[1].values)
    return _task_difference(a.task, pair, (ends[0], ends[1]), by_policy(left, right), numbers), ""


def _task_difference(
    task: str, pair: Pair, ends: tuple[float, float], policies: PolicyScores | None, numbers: Any
) -> TaskDifference:
    width = ends[1] - ends[0]
    part = TaskPart.of(pair, width, numbers)
    scaled = None if policies is None else policies.scaled(width)
    assert pair.a is not None  # as its difference is
    assert pair.b is not None
    scores = (pair.a - ends[0]) / width, (pair.b - ends[0]) / width
    return TaskDifference(task, part.estimate, part, scaled, scores)


def by_policy(left: ScoreColumn, right: ScoreColumn) -> PolicyScores:
    """The difference under every failure policy; ``worst`` has ``left`` at its worst, ``right`` at its
    best."""

    def mean(first: Case, second: Case) -> float | None:
        d = counted(left, first).values - counted(right, second).values
        if first != second and bool(np.isnan(d).any()):
            return None
        return None if bool(np.isnan(d).all()) else left.mean_of(d)

    if not (left.missing.any() or right.missing.any()):
        same = mean("as_worst", "as_worst")
        return PolicyScores(same, same, same, same, 0)
    facing: dict[Case, Case] = {"worst": "best", "best": "worst"}
    return PolicyScores.of(
        lambda case: mean(case, facing.get(case, case)), failures_of(left) + failures_of(right)
    )


def average(
    dimension: str, category: str, parts: Sequence[TaskDifference], failures: str = "", seed: int = 0
) -> CategoryPair:
    """The mean of the tasks' normalised differences under the failure policy ``failures``."""
    mean = mean_of_tasks([x.part for x in parts], seed, both_cases=failures == FailurePolicy.BOUNDS)
    estimate = mean.estimate
    known = [x.by_policy for x in parts if x.by_policy is not None]
    policies = mean_over(known) if len(known) == len(parts) else None
    power = power_of(mean.error, estimate.clusters, mean.df)
    names = tuple(x.task for x in parts)
    a, b = (float(np.mean(scores)) for scores in zip(*(x.scores for x in parts), strict=True))
    return CategoryPair(
        dimension, category, estimate, mean.bootstrap, mean.p, power, policies, names, mean.like, a, b
    )


def category_pairs(
    pairs: Mapping[str, tuple[CellScores, CellScores]], scale: Scale, options: Options
) -> tuple[CategoryPair, list[CategoryPair]]:
    """The overall difference, and those of the categories. ``pairs``: task -> both cells; of several forms of
    a task one counts."""
    by_category: dict[tuple[str, str], list[TaskDifference]] = {}
    for task, (a, b) in pairs.items():
        if task in left_out(pairs):
            continue
        left, right, why = common_groups(a.headline, b.headline)
        if why:
            continue
        of_task: TaskDifference | None = None  # most labels belong to all groups: test these once
        for dimension, category, subset in slices_of(left):
            if subset is left and of_task is not None:
                by_category.setdefault((dimension, category), []).append(of_task)
                continue
            facing = right.take(right.rows_of(subset.groups))
            first, second = (TaskSlice(c.subject, task, dimension, category) for c in (a, b))
            difference, _ = task_difference(subset, facing, first, second, scale, resamples=options.resamples)
            of_task = difference if subset is left else of_task
            if difference is not None:
                by_category.setdefault((dimension, category), []).append(difference)
    none = Estimate(None, None, None, 0, 0, "no normalised difference")
    empty = CategoryPair(
        OVERALL, "", none, None, None, power_of(None, 0), None, (), tasks_like(none, [], [], [])
    )
    order = sorted(by_category, key=lambda key: slice_order(*key))
    rows = [average(*key, by_category[key], scale.failures, options.seed) for key in order]
    overall = next((r for r in rows if r.dimension == OVERALL), empty)
    return overall, _corrected_categories([r for r in rows if r.dimension != OVERALL])


def _corrected_categories(rows: list[CategoryPair]) -> list[CategoryPair]:
    p = [r.p for r in rows]
    corrections = zip(rows, holm(p), benjamini_hochberg(p), strict=True)
    return [replace(r, p_holm=h, p_bh=q) for r, h, q in corrections]


def corrected(rows: list[TaskPair]) -> list[TaskPair]:
    """The rows with their p values corrected over all of them."""
    p = [None if r.pair is None else r.pair.p for r in rows]
    corrections = zip(rows, holm(p), benjamini_hochberg(p), strict=True)
    return [replace(r, p_holm=h, p_bh=q) for r, h, q in corrections]
