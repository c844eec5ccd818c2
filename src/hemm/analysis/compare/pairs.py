"""Two models over tasks and categories: paired on each task's samples, averaged over tasks.

A task's difference is on its metric's own scale and, normalised, on that of the normaliser. A category's is
the mean of its tasks' normalised differences, each with the same weight; its interval is by square-and-add
(``intervals.combine``), its p by t of the mean over the tasks' errors, with Welch and Satterthwaite's degrees
of freedom; a category of one task has that task's p. p values are corrected over tasks, and over categories.
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
from hemm.core import CorpusMetric
from hemm.stats.corrections import benjamini_hochberg, holm
from hemm.stats.intervals import Estimate, combine, mean_interval, t_quantile
from hemm.stats.paired import Options, Pair, paired, t_p, welch_df
from hemm.stats.power import Power, power_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TaskPair:
    """One task that both models were evaluated on; ``common`` groups have an answer of both.

    pair        the paired test on the metric's own scale
    normalised  the difference on the normaliser's scale
    why         why one of these two is missing
    by_policy   the difference on the own scale under every failure policy; ``worst``: a at its worst and b
                at its best
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
        """Plain values."""
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
    """One category (``overall`` for all tasks): the mean of its tasks' normalised differences."""

    dimension: str
    category: str
    difference: Estimate
    bootstrap: Estimate | None
    p: float | None
    power: Power
    by_policy: PolicyScores | None
    tasks: tuple[str, ...]
    p_holm: float | None = None
    p_bh: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "dimension": self.dimension,
            "category": self.category,
            "difference": self.difference.to_json(),
            "bootstrap": None if self.bootstrap is None else self.bootstrap.to_json(),
            "p": self.p,
            "p_holm": self.p_holm,
            "p_bh": self.p_bh,
            "power": self.power.to_json(),
            "readings": None if self.by_policy is None else self.by_policy.to_json(),
            "tasks": list(self.tasks),
        }


@dataclass(frozen=True, slots=True)
class TaskDifference:
    """A normalised difference of one task with what averaging needs."""

    task: str
    estimate: Estimate
    error: float
    df: float
    p: float | None
    resampled: Floats | None
    by_policy: PolicyScores | None


def task_pair(a: CellScores, b: CellScores, scale: Scale, options: Options) -> TaskPair:
    """Test two models on one task. ``a`` and ``b`` are as loaded: the failure policy is that of ``scale``."""
    one, other, why = common_groups(a.headline, b.headline)
    spec, n = a.headline.spec, len(one)
    if why == UNTESTED:
        return TaskPair(a.task, spec, n, why=why)
    if isinstance(one.metric, CorpusMetric) and n:
        return _corpus_task_pair(a, b, n)
    if why:
        return TaskPair(a.task, spec, n, why=why)
    pair = _pair(one, other, scale.failures, options)
    if pair.difference.value is None:
        return TaskPair(a.task, spec, n, why="no sample has a score of both")
    found, why = task_difference(
        one, other, TaskSlice(a.subject, a.task), TaskSlice(b.subject, b.task), scale, pair
    )
    return TaskPair(
        a.task, spec, n, pair, None if found is None else found.estimate, why, by_policy(one, other)
    )


def _corpus_task_pair(a: CellScores, b: CellScores, n: int) -> TaskPair:
    """The difference of values that are no means, by jackknife."""
    name = a.headline.metric.name
    found = corpus_difference(a, b)
    if isinstance(found, str):
        return TaskPair(a.task, a.headline.spec, n, why=f"{name} is no mean of its values: {found}")
    estimate, error = found.estimate, found.error
    p = t_p(found.a - found.b, error, found.df) if error > 0 else None
    low, high = a.headline.metric.range
    pair = Pair(
        a=found.a,
        b=found.b,
        difference=estimate,
        error=error or None,
        df=found.df,
        p=p,
        test="t (jackknife)" if p is not None else "",
        p_t=p,
        power=power_of(error or None, estimate.clusters, high - low if math.isfinite(high - low) else 1.0),
    )
    why = f"{name} is no mean of its values: not averaged over tasks"
    return TaskPair(a.task, a.headline.spec, n, pair, why=why)


def common_groups(one: ScoreColumn, other: ScoreColumn) -> tuple[ScoreColumn, ScoreColumn, str]:
    """The groups that both have, in one order, and why they cannot be compared (empty: they can)."""
    if (one.metric.name, one.metric.version) != (other.metric.name, other.metric.version):
        names = [f"{s.metric.name} version {s.metric.version}" for s in (one, other)]
        return one.take(np.zeros(0, int)), other, f"scored by {names[0]} and {names[1]}: hemm score helps"
    one, other = one.paired_with(other)
    if not len(one):
        return one, other, "no samples in common"
    if one.anytime is not None or other.anytime is not None:
        return one, other, UNTESTED
    if isinstance(one.metric, CorpusMetric):
        return one, other, f"{one.metric.name} is no mean of its values: not comparable sample by sample"
    return one, other, ""


def _pair(one: ScoreColumn, other: ScoreColumn, failures: str, options: Options) -> Pair:
    """The paired test on the metric's own scale. Under ``bounds`` its interval alone is of both cases: all
    else has failures as the worst score."""
    x, y = (counted(s, point_case(failures)).values for s in (one, other))
    pair = paired(x, y, one.clusters, one.metric.range, options)
    if failures != FailurePolicy.BOUNDS or pair.difference.value is None:
        return pair
    low, high = one.metric.range
    ends = []
    cases: tuple[tuple[Case, Case], ...] = (("worst", "best"), ("best", "worst"))
    for first, second in cases:
        d = counted(one, first).values - counted(other, second).values
        if bool(np.isnan(d).any()):
            note = f"{one.metric.name} has no finite bound for failures"
            empty = replace(pair.difference, low=None, high=None, note=note)
            return replace(pair, difference=empty, bootstrap=None)
        ends.append(mean_interval(d, one.clusters, (low - high, high - low)))
    return replace(pair, difference=bounded(ends[0], ends[1], pair.difference.value))


def task_difference(
    one: ScoreColumn,
    other: ScoreColumn,
    a: TaskSlice,
    b: TaskSlice,
    scale: Scale,
    pair: Pair | None = None,
    resamples: int = 0,
) -> tuple[TaskDifference | None, str]:
    """The difference of two models on the same groups on the scale of the normaliser, or why there is none.

    pair  the paired test of these groups, where it was done before
    """
    read = [counted(s, point_case(scale.failures)) for s in (one, other)]
    if scale.name == "rank":
        for s, part in zip(read, (a, b), strict=True):
            why = limits(s, scale, part)[2]
            if why:
                return None, why
        wins = [wins_of(s, scale, part) for s, part in zip(read, (a, b), strict=True)]
        rated = paired(wins[0], wins[1], one.clusters, (0.0, 1.0), Options(resamples))
        return _task_difference(a.task, rated, 1.0, None), ""
    both = [limits(s, scale, part) for s, part in zip(read, (a, b), strict=True)]
    for _, _, why in both:
        if why:
            return None, why
    width = float(np.mean([ceiling - floor for floor, ceiling, _ in both]))
    if pair is None:
        pair = _pair(one, other, scale.failures, Options(resamples))
    if pair.difference.value is None:
        return None, "no sample has a score of both"
    return _task_difference(a.task, pair, width, by_policy(one, other)), ""


def _task_difference(task: str, pair: Pair, width: float, policies: PolicyScores | None) -> TaskDifference:
    estimate = pair.difference.scaled(0.0, width)
    error = pair.error
    if error is None:  # nothing varies: what the interval grants to other samples
        reach = 0.0 if estimate.low is None or estimate.high is None else (estimate.high - estimate.low) / 2
        error = reach / t_quantile(max(1, int(pair.df))) * abs(width)
    scaled = None if policies is None else policies.scaled(width)
    drawn = None if pair.resampled is None else pair.resampled / width
    return TaskDifference(task, estimate, error / abs(width), pair.df, pair.p, drawn, scaled)


def by_policy(one: ScoreColumn, other: ScoreColumn) -> PolicyScores:
    """The difference under every failure policy: ``worst`` is one at its worst and the other at its best."""

    def mean(first: Case, second: Case) -> float | None:
        d = counted(one, first).values - counted(other, second).values
        if first != second and bool(np.isnan(d).any()):
            return None
        return None if bool(np.isnan(d).all()) else float(np.nanmean(d))

    if not (one.missing.any() or other.missing.any()):
        same = mean("as_worst", "as_worst")
        return PolicyScores(same, same, same, same, 0)
    facing: dict[Case, Case] = {"worst": "best", "best": "worst"}
    return PolicyScores.of(
        lambda case: mean(case, facing.get(case, case)), failures_of(one) + failures_of(other)
    )


def average(dimension: str, category: str, parts: Sequence[TaskDifference]) -> CategoryPair:
    """The mean of the tasks' normalised differences."""
    estimate = combine([p.estimate for p in parts])
    count = len(parts)
    error = math.sqrt(sum(p.error**2 for p in parts)) / count
    df = welch_df([p.error for p in parts], [p.df for p in parts])
    p = parts[0].p if count == 1 else (t_p(estimate.value or 0.0, error, df) if error > 0 else None)
    boot = None
    if estimate.value is not None and all(x.resampled is not None for x in parts):
        drawn = np.mean([x.resampled for x in parts if x.resampled is not None], axis=0)
        factor = math.sqrt((df + 1) / df)
        reach = t_quantile(max(1, int(df))) * float(np.nanstd(drawn, ddof=1)) * factor
        if reach > 0:
            ends = (estimate.value - reach, estimate.value + reach)
            boot = Estimate(estimate.value, *ends, estimate.n, estimate.clusters)
    known = [x.by_policy for x in parts if x.by_policy is not None]
    policies = mean_over(known) if len(known) == count else None
    names = tuple(x.task for x in parts)
    power = power_of(error, estimate.clusters)
    return CategoryPair(dimension, category, estimate, boot, p, power, policies, names)


def category_pairs(
    pairs: Mapping[str, tuple[CellScores, CellScores]], scale: Scale, options: Options
) -> tuple[CategoryPair, list[CategoryPair]]:
    """The overall difference, and that of every category that has one; ``pairs``: task -> both cells."""
    found: dict[tuple[str, str], list[TaskDifference]] = {}
    for task, (a, b) in pairs.items():
        one, other, why = common_groups(a.headline, b.headline)
        if why:
            continue
        whole: TaskDifference | None = None  # most labels are those of the whole task: paired once
        for dimension, category, part in slices_of(one):
            if part is one and whole is not None:
                found.setdefault((dimension, category), []).append(whole)
                continue
            second = other.take(other.rows_of(part.groups))
            one_slice, other_slice = (TaskSlice(c.subject, task, dimension, category) for c in (a, b))
            got, _ = task_difference(part, second, one_slice, other_slice, scale, resamples=options.resamples)
            whole = got if part is one else whole
            if got is not None:
                found.setdefault((dimension, category), []).append(got)
    none = Estimate(None, None, None, 0, 0, "no normalised difference")
    empty = CategoryPair(OVERALL, "", none, None, None, power_of(None, 0), None, ())
    rows = [average(*key, found[key]) for key in sorted(found, key=lambda k: slice_order(*k))]
    overall = next((r for r in rows if r.dimension == OVERALL), empty)
    return overall, _corrected_categories([r for r in rows if r.dimension != OVERALL])


def _corrected_categories(rows: list[CategoryPair]) -> list[CategoryPair]:
    p = [r.p for r in rows]
    both = zip(rows, holm(p), benjamini_hochberg(p), strict=True)
    return [replace(r, p_holm=h, p_bh=q) for r, h, q in both]


def corrected(rows: list[TaskPair]) -> list[TaskPair]:
    """The rows with their p values corrected over all of them."""
    p = [None if r.pair is None else r.pair.p for r in rows]
    both = zip(rows, holm(p), benjamini_hochberg(p), strict=True)
    return [replace(r, p_holm=h, p_bh=q) for r, h, q in both]


__all__ = [
    "CategoryPair",
    "TaskPair",
    "average",
    "category_pairs",
    "common_groups",
    "corrected",
    "task_difference",
    "task_pair",
]  # fmt: skip
