"""The mean of several tasks' differences, each task with the same weight: interval, test, power.

Two methods, of which the more careful one counts:

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
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemm.stats.flips import flip_signs
from hemm.stats.intervals import Estimate, combine, t_quantile
from hemm.stats.paired import Pair, t_p, welch_df

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TaskPart:
    """One task's difference on the common scale.

    error, df   its standard error (None: one cluster) and t's degrees of freedom
    p           of the task's own test
    boot_error  standard error by bootstrap, if there is one
    parts, weights  of each cluster in the difference (``stats.flips``)
    reach       largest possible difference
    """

    estimate: Estimate
    error: float | None
    df: float
    p: float | None
    boot_error: float | None
    parts: Floats
    weights: Floats
    reach: float = math.inf

    @classmethod
    def of(cls, pair: Pair, width: float = 1.0) -> TaskPart:
        """The difference of ``pair`` in units of ``width`` (which may be negative)."""
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
        return cls(estimate, error, pair.df, pair.p, boot, parts, pair.weights, pair.reach / scale)


@dataclass(frozen=True, slots=True)
class TaskMean:
    """The mean; ``error`` and ``df`` are t's, None and 1 without a variance."""

    estimate: Estimate
    bootstrap: Estimate | None
    error: float | None
    df: float
    p: float | None


def mean_of_tasks(tasks: Sequence[TaskPart], seed: int = 0) -> TaskMean:
    """The mean of the differences of ``tasks``, at least one."""
    estimate, count = combine([t.estimate for t in tasks]), len(tasks)
    error, df = _error([t.error for t in tasks], [t.df for t in tasks])
    boot, _ = _error([t.boot_error for t in tasks], [t.df for t in tasks])
    value = estimate.value
    if value is None:
        return TaskMean(estimate, None, None, 1.0, None)
    bootstrap = None if boot is None else _around(estimate, value, t_quantile(df) * boot)
    if count == 1:
        return TaskMean(estimate, bootstrap, error, df, tasks[0].p)
    flipped = flip_signs(
        np.concatenate([t.parts for t in tasks]) / count,
        np.concatenate([t.weights for t in tasks]) / count,
        seed=seed,
    )
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
    return TaskMean(_between(estimate, *ends), bootstrap, error, df, p)


def _error(errors: Sequence[float | None], dfs: Sequence[float]) -> tuple[float | None, float]:
    known = [e for e in errors if e is not None]
    if len(known) < len(errors):
        return None, 1.0
    return math.hypot(*known) / len(known), welch_df(known, dfs)


def _between(estimate: Estimate, low: float | None, high: float | None) -> Estimate:
    return Estimate(estimate.value, low, high, estimate.n, estimate.clusters, estimate.note)


def _around(estimate: Estimate, value: float, reach: float) -> Estimate:
    return _between(estimate, value - reach, value + reach)
