"""The mean over tasks as a statement about tasks like these: the tasks are a sample of more tasks of their
kind.

The value y_i of task i is mu + u_i + e_i: u_i, how the task differs from others of its kind, has the variance
T between tasks, and the errors e of the values of k tasks have the known covariance S (its diagonal is each
task's variance over its samples; tasks that share pictures have errors in common). The mean of the k tasks,
each with the same weight, has the variance

    V = T / k + (sum of S) / k^2.

*T* is the restricted maximum likelihood estimate (REML). With z_j the coordinates of y in the space of the
k - 1 contrasts in which S is diagonal with l_j, the restricted likelihood is, but for constants,

    -1/2 sum over j of log(T + l_j) + z_j^2 / (T + l_j),

which is maximised over T >= 0.

*Degrees of freedom* (Satterthwaite): 2 V^2 over the variance of V, which is that of T, 2 / sum of (T +
l_j)^-2, over k^2, and that of each task's own variance S_ii, 2 S_ii^2 / df_i, with the part that V has of it.
With equal S_ii they are k - 1, and more than k - 1 are not taken.

*Few tasks of very unequal size* tell T badly: two large ones that happen to be alike give 0. So V is at least
the variance of the values over k (plus what the errors have in common). With k - 1 degrees of freedom that
holds for normal values of any unequal variances (Bakirov and Szekely 2006; Ibragimov and Muller 2010), and
with equal S_ii it is V itself wherever T > 0.

Fewer than ``LEAST`` tasks say nothing of others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemm.stats.intervals import Estimate, t_quantile
from hemm.stats.paired import t_p

Floats = NDArray[np.float64]
LEAST = 3
"""Fewest tasks that say something of others: with two, t is 12.7 errors wide to each side."""
TOO_FEW = f"fewer than {LEAST} tasks: nothing is known of tasks like these"
NO_ERROR = "the error of a task is not known: nothing is known of tasks like these"


@dataclass(frozen=True, slots=True)
class TasksLike:
    """A mean over tasks, for tasks like these.

    estimate   the same value, with the interval for tasks like these; without one, ``note`` says why
    error, df  standard error and t's degrees of freedom; None and 1 without an interval
    between    standard deviation of the values of tasks like these about their mean, sqrt(T)
    p          two-sided, of no difference from 0
    """

    estimate: Estimate
    error: float | None = None
    df: float = 1.0
    between: float | None = None
    p: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The part ``tasks_like_these`` of the JSON of ``hemm profile`` and ``hemm compare``."""
        return {
            "low": self.estimate.low,
            "high": self.estimate.high,
            "error": self.error,
            "df": None if self.error is None else self.df,
            "between": self.between,
            "p": self.p,
            "note": self.estimate.note,
        }


def reml(values: ArrayLike, within: ArrayLike) -> tuple[float, Floats, Floats]:
    """The variance T between tasks; the precision of each contrast, 1 / (T + l_j); the contrasts (tasks x
    contrasts).

    values  of at least two tasks
    within  covariance of their errors

    >>> round(reml([0.0, 1.0, 2.0], np.zeros((3, 3)))[0], 6)  # without errors it is the usual variance
    1.0
    """
    y, s = np.asarray(values, dtype=np.float64), np.asarray(within, dtype=np.float64)
    k = len(y)
    # the contrasts: an orthonormal basis of what is left beside the mean
    basis = np.linalg.svd(np.eye(k) - 1 / k)[0][:, : k - 1]
    own, turned = np.linalg.eigh(basis.T @ s @ basis)
    contrasts: Floats = basis @ turned
    squares = (y @ contrasts) ** 2
    scale = float(squares.max() + np.abs(own).max())
    own = np.maximum(own, 1e-12 * (scale or 1.0))
    between = _most_likely(squares, own, scale) if scale > 0 else 0.0
    return between, np.asarray(1 / (between + own), dtype=np.float64), contrasts


def _most_likely(squares: Floats, own: Floats, scale: float) -> float:
    # a grid, then finer ones about the lowest point: scipy's search for a minimum takes longer to import than
    # a small profile to make
    grid = np.concatenate([[0.0], scale * np.geomspace(1e-6, 2.0, 60)])
    while True:
        total = grid[:, None] + own
        at = int((np.log(total) + squares / total).sum(axis=-1).argmin())
        low, high = float(grid[max(0, at - 1)]), float(grid[min(len(grid) - 1, at + 1)])
        if high - low <= 1e-9 * scale:
            return float(grid[at])
        grid = np.linspace(low, high, 65)


def tasks_like(
    these: Estimate,
    values: Sequence[float],
    within: ArrayLike,
    dfs: Sequence[float],
    bounds: tuple[float, float] = (-math.inf, math.inf),
    p: float | None = None,
) -> TasksLike:
    """What the mean ``these`` of ``values``, one for each task, says of tasks like these.

    within  covariance of the tasks' errors; NaN where one is not known
    dfs     degrees of freedom of the tasks' own variances (infinite: known)
    bounds  lowest and highest possible value of such a mean
    p       of no difference for these tasks
    The interval is nowhere narrower than that of ``these``, and p not below ``p``: what is not known of these
    tasks is not known of others.
    """
    s = np.asarray(within, dtype=np.float64)
    if len(values) < LEAST or these.value is None:
        return TasksLike(replace(these, low=None, high=None, note=TOO_FEW))
    if these.low is None or these.high is None or not bool(np.isfinite(s).all()):
        return TasksLike(replace(these, low=None, high=None, note=these.note or NO_ERROR))
    error, df, between = error_of_mean(values, s, dfs)
    if not error > 0:
        return TasksLike(replace(these, low=None, high=None, note="nothing varies: no interval"))
    reach = t_quantile(df) * error
    low = max(bounds[0], min(these.low, these.value - reach))
    high = min(bounds[1], max(these.high, these.value + reach))
    low, high = min(low, these.low), max(high, these.high)
    own_p = t_p(these.value, error, df)
    estimate = Estimate(these.value, low, high, these.n, these.clusters)
    return TasksLike(estimate, error, df, math.sqrt(between), own_p if p is None else max(p, own_p))


def error_of_mean(
    values: Sequence[float], within: Floats, dfs: Sequence[float]
) -> tuple[float, float, float]:
    """Standard error and degrees of freedom of the mean over tasks like these, and the variance T between
    them; the arguments are those of ``tasks_like``."""
    k, s = len(values), within
    between, precision, contrasts = reml(values, s)
    variance = between / k + max(0.0, float(s.sum())) / k**2
    shared = (float(s.sum()) - float(np.trace(s))) / (k * (k - 1))
    seen = float(np.var(values, ddof=1)) / k + max(0.0, shared)
    trace = float((precision**2).sum())
    squared = contrasts**2 @ precision**2
    share = 1 / k**2 - (squared / (trace * k) if between > 0 else 0.0)
    own = np.diag(s)
    spread = 1 / (trace * k**2) + float((share**2 * own**2 / np.asarray(dfs, dtype=np.float64)).sum())
    df = min(k - 1.0, max(1.0, variance**2 / spread))
    return math.sqrt(max(variance, seen)), df, between
