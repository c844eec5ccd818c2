"""Means over tasks, each task with the same weight: of scores, and of differences with test and power.

A mean is known for other samples of these tasks, and for tasks like these (``stats.between_tasks``). Clusters
that several tasks share count as one (``stats.shared_clusters``).

*Scores* (``mean_of_scores``): for these tasks square-and-add of their intervals.

*Differences* (``mean_of_tasks``): two methods, of which the more careful one counts:

*t*: the error is the root of the sum of the tasks' variances over their number, with Welch and
Satterthwaite's degrees of freedom. It relies on the variance within each task, which few or very unequal
clusters tell badly.

*Flips* of whole clusters over all tasks at once (``stats.flips``). They rely on symmetric changes instead.

p is the larger of the two, and the interval reaches to the farther ends. So p is below 5 % where 0 is outside
the interval (or, with ties, its end). A task with one cluster has no variance: then the flips decide alone.
The mean of one task is that task.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.stats.between_tasks import TasksLike, tasks_like
from hemm.stats.flips import flip_signs
from hemm.stats.intervals import Estimate, combine, t_quantile
from hemm.stats.paired import Pair, t_p, welch_df
from hemm.stats.shared_clusters import ClusterParts, Joined

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TaskScore:
    """One task's value on the common scale.

    df        degrees of freedom of its own variance (infinite where the interval is no t interval)
    clusters  its clusters, named as over all tasks
    bounds    lowest and highest possible value
    """

    estimate: Estimate
    df: float
    clusters: ClusterParts
    bounds: tuple[float, float] = (-math.inf, math.inf)

    @property
    def variance(self) -> float:
        """Of the value over samples, from its interval; NaN without one."""
        low, high = self.estimate.low, self.estimate.high
        if low is None or high is None:
            return math.nan
        return ((high - low) / 2 / t_quantile(self.df)) ** 2


def mean_of_scores(
    tasks: Sequence[TaskScore], bounds: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[Estimate, TasksLike]:
    """The mean of ``tasks`` (which have values, at least one): for these tasks, and for tasks like these.

    bounds  lowest and highest possible value of a mean over tasks like these
    """
    joined = Joined.of([t.clusters for t in tasks])
    variances = np.array([t.variance for t in tasks])
    these = _shared_interval(combine([t.estimate for t in tasks]), tasks, variances, joined)
    least, most = (math.fsum(ends) / len(tasks) for ends in zip(*(t.bounds for t in tasks), strict=True))
    if these.low is not None and these.high is not None:
        these = replace(these, low=max(these.low, least), high=min(these.high, most))
    values = [t.estimate.value or 0.0 for t in tasks]
    return these, tasks_like(these, values, _within(variances, joined), [t.df for t in tasks], bounds)


def _within(variances: Floats, joined: Joined | None) -> Floats:
    """The covariance of the tasks' errors."""
    root = np.sqrt(variances)
    return np.diag(variances) if joined is None else np.outer(root, root) * joined.correlation()


def _shared_interval(
    these: Estimate, tasks: Sequence[TaskScore], variances: Floats, joined: Joined | None
) -> Estimate:
    """``these`` as wide as clusters that several tasks share make it."""
    if joined is None or these.value is None or these.low is None or these.high is None:
        return these
    quantiles = np.array([t_quantile(t.df) for t in tasks])
    own = math.sqrt(float((quantiles**2 * variances).sum() / variances.sum()))  # that of square-and-add
    wider = joined.widening(variances) * max(1.0, t_quantile(joined.df(variances)) / own)
    low, high = (these.value + wider * (end - these.value) for end in (these.low, these.high))
    return replace(these, low=low, high=high, clusters=joined.clusters)


@dataclass(frozen=True, slots=True)
class TaskPart:
    """One task's difference on the common scale.

    error, df   its standard error (None: one cluster) and t's degrees of freedom
    p           of the task's own test
    boot_error  standard error by bootstrap, if there is one
    parts, weights  of each cluster in the difference (``stats.flips``)
    reach       largest possible difference
    names       of the clusters, as over all tasks; empty: no other task has them
    """

    estimate: Estimate
    error: float | None
    df: float
    p: float | None
    boot_error: float | None
    parts: Floats
    weights: Floats
    reach: float = math.inf
    names: NDArray[Any] = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, pair: Pair, width: float = 1.0, names: NDArray[Any] | None = None) -> TaskPart:
        """The difference of ``pair`` in units of ``width`` (which may be negative), whose clusters have
        ``names`` over all tasks."""
        estimate, scale = pair.difference.scaled(0.0, width), abs(width)
        error = None if pair.error is None else pair.error / scale
        if error is None and estimate.clusters > 1 and estimate.low is not None and estimate.high is not None:
            # the differences do not vary: take the error that the interval assumes
            value = estimate.value or 0.0
            error = max(value - estimate.low, estimate.high - value) / t_quantile(pair.df)
        boot = None if pair.bootstrap is None else error
        if pair.boot_error is not None:
            boot = pair.boot_error / scale
        parts = pair.parts / width
        known = np.zeros(0) if names is None else names
        return cls(estimate, error, pair.df, pair.p, boot, parts, pair.weights, pair.reach / scale, known)

    @property
    def clusters(self) -> ClusterParts:
        return ClusterParts(self.names, self.weights, self.parts - self.weights * self.parts.sum())


@dataclass(frozen=True, slots=True)
class TaskMean:
    """The mean; ``error`` and ``df`` are t's, None and 1 without a variance. ``like``: for tasks like
    these."""

    estimate: Estimate
    bootstrap: Estimate | None
    error: float | None
    df: float
    p: float | None
    like: TasksLike


def mean_of_tasks(tasks: Sequence[TaskPart], seed: int = 0, both_cases: bool = False) -> TaskMean:
    """The mean of the differences of ``tasks``, at least one.

    both_cases  the tasks' intervals cover two readings of failures and their tests only one: the interval is
                by square-and-add
    """
    joined = Joined.of([t.clusters for t in tasks])
    estimate, count = combine([t.estimate for t in tasks]), len(tasks)
    value = estimate.value
    if value is None:
        return TaskMean(estimate, None, None, 1.0, None, tasks_like(estimate, [], [], []))
    error, df = _error([t.error for t in tasks], [t.df for t in tasks], joined)
    boot, _ = _error([t.boot_error for t in tasks], [t.df for t in tasks], joined)
    bootstrap = None if boot is None else _around(estimate, value, t_quantile(df) * boot)
    if both_cases:
        scores = [TaskScore(t.estimate, t.df, t.clusters) for t in tasks]
        estimate = _shared_interval(estimate, scores, np.array([x.variance for x in scores]), joined)
    p = tasks[0].p
    if count > 1:
        flipped, p = _flipped(tasks, joined, estimate, value, (error, df), seed)
        estimate = estimate if both_cases else flipped
    errors = np.array([math.nan if t.error is None else t.error for t in tasks])
    most = math.fsum(t.reach for t in tasks) / count
    like = tasks_like(
        estimate,
        [t.estimate.value or 0.0 for t in tasks],
        _within(errors**2, joined),
        [t.df for t in tasks],
        (-most, most),
        p,
    )
    return TaskMean(estimate, bootstrap, error, df, p, like)


def _flipped(
    tasks: Sequence[TaskPart],
    joined: Joined | None,
    estimate: Estimate,
    value: float,
    student: tuple[float | None, float],
    seed: int,
) -> tuple[Estimate, float]:
    """The interval and p by flips and by t (error, degrees of freedom), whichever is more careful."""
    count, (error, df) = len(tasks), student
    parts, weights = _clusters(tasks, joined)
    flipped = flip_signs(parts, weights, seed=seed)
    low, high, p = flipped.low, flipped.high, flipped.p
    if not math.isfinite(high - low) and estimate.low is not None and estimate.high is not None:
        low, high = min(0.0, estimate.low), max(0.0, estimate.high)  # nothing can be rejected, 0 neither
    if error is not None:
        reach = t_quantile(df) * error
        low, high, p = min(low, value - reach), max(high, value + reach), max(p, t_p(value, error, df))
    most = math.fsum(t.reach for t in tasks) / count
    low, high = max(low, -most), min(high, most)
    ends: tuple[float | None, float | None] = (low, high) if math.isfinite(high - low) else (None, None)
    if high - low <= 1e-5 * abs(value):  # nothing varies: flips reject all but the very value seen
        ends = (estimate.low, estimate.high)
    clusters = estimate.clusters if joined is None else joined.clusters
    return replace(_between(estimate, *ends), clusters=clusters), p


def _clusters(tasks: Sequence[TaskPart], joined: Joined | None) -> tuple[Floats, Floats]:
    """Parts and weights of the clusters in the mean; those that several tasks share are one."""
    count = len(tasks)
    if joined is None:
        parts, weights = (np.concatenate(x) for x in zip(*((t.parts, t.weights) for t in tasks), strict=True))
        return parts / count, weights / count
    values = np.array([[t.parts.sum()] for t in tasks])
    parts = (joined.residuals + joined.weights * values).sum(axis=0) / count
    return parts, np.asarray(joined.weights.sum(axis=0) / count, dtype=np.float64)


def _error(
    errors: Sequence[float | None], dfs: Sequence[float], joined: Joined | None
) -> tuple[float | None, float]:
    known = [e for e in errors if e is not None]
    if len(known) < len(errors):
        return None, 1.0
    error, df = math.hypot(*known) / len(known), welch_df(known, dfs)
    if joined is None:
        return error, df
    variances = np.square(known)
    return error * joined.widening(variances), min(df, joined.df(variances))


def _between(estimate: Estimate, low: float | None, high: float | None) -> Estimate:
    return Estimate(estimate.value, low, high, estimate.n, estimate.clusters, estimate.note)


def _around(estimate: Estimate, value: float, reach: float) -> Estimate:
    return _between(estimate, value - reach, value + reach)
