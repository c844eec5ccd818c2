"""Intervals that hold at every moment of asking: for stopping when the score is known well enough.

The betting confidence sequence of Waudby-Smith and Ramdas (Estimating means of bounded random variables by
betting, JRSS B 2024, section 5; the hedged form, each side at half the error) for draws without replacement.
N values in [0, 1] stand in a random order; t of them are seen. Were m their mean, the next one would have
the mean

    eta_t(m) = (N m - sum of the t - 1 seen before) / (N - t + 1),

and a gambler who stakes on larger values would have the capital prod (1 + lambda_t (x_t - eta_t)), a
nonnegative martingale that ever reaches 2 / alpha with probability alpha / 2 at most (Ville). So every m at
which it has reached that is out, from below; with 1 - x for x from above. Any stake that is known before x_t
will do. Where a half-width w is aimed at it is w / s^2, s^2 the variance of what was seen before (as if 1/4
had been seen once): capital grows fastest at a distance of w from the mean. Else it is the paper's plug-in
sqrt(2 log(2 / alpha) / (s^2 t log(1 + t))). It is at most ``CAUTION`` / eta. The capital falls in m: the
bound is where it crosses, rounded outwards to a grid. What is seen bounds the mean too, for certain:
sum / N <= m <= 1 - sum(1 - x) / N; so at t = N the interval is the mean itself.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemm.analysis.intervals import LEVEL

METHOD = "hedged betting confidence sequence without replacement (Waudby-Smith and Ramdas 2024)"
CAUTION = 0.75
GRID = 1000
_ROWS = 512

Floats = NDArray[np.float64]


def running_interval(
    values: ArrayLike,
    population: int,
    *,
    highest: ArrayLike | None = None,
    aim: float | None = None,
    level: float = LEVEL,
    grid: int = GRID,
) -> tuple[Floats, Floats]:
    """Lower and upper ends for the mean of a population of ``population`` values, after each of ``values``.

    values   in [0, 1], in the random order in which they were drawn, each once
    highest  where a value is not known exactly: ``values`` are its lowest, these its highest ones
    aim      half-width at which to stop; the ends hold whatever it is, and are closest around it
    grid     steps of [0, 1] to which the ends are rounded outwards

    All ends together hold with probability ``level``: looking after each value and stopping when one likes
    costs nothing. Raises ValueError for values out of range, or more than there are.
    """
    low = _checked(values, population)
    high = low if highest is None else _checked(highest, population)
    if len(high) != len(low) or bool(np.any(high < low)):
        raise ValueError("highest: as many as values, none below its value")
    goal = 2 / (1 - level)
    lower = _lower(low, population, goal, aim, grid)
    upper = 1 - _lower(1 - high, population, goal, aim, grid)
    # where an unlikely order has led astray, what is certain wins
    least = np.cumsum(low) / population
    most = 1 - np.cumsum(1 - high) / population
    lower = np.minimum(lower, most)
    return lower, np.maximum(np.maximum(upper, least), lower)


def _checked(values: ArrayLike, population: int) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or len(found) > population:
        raise ValueError(f"{found.shape} values of a population of {population}")
    if not bool(np.all((found >= 0) & (found <= 1))):
        raise ValueError("values must be from 0 to 1")
    return found


def _lower(x: Floats, population: int, goal: float, aim: float | None, grid: int) -> Floats:
    """The largest grid value out by betting or by certainty, after each value; never falling."""
    count = len(x)
    seen = np.concatenate([[0.0], np.cumsum(x)])
    stakes = _stakes(x, goal, aim)
    candidates = np.linspace(0.0, 1.0, grid + 1)
    left = population - np.arange(count, dtype=np.float64)
    ends = seen[1:] / population
    capital = np.zeros(grid + 1)
    for start in range(0, count, _ROWS):
        part = slice(start, min(start + _ROWS, count))
        mean = (population * candidates - seen[:-1][part, None]) / left[part, None]
        possible = np.maximum(mean, 1e-12)  # below it a candidate is out for certain: ``ends`` says so
        bet = np.minimum(stakes[part, None], CAUTION / possible)
        capital = capital + np.cumsum(np.log1p(bet * (x[part, None] - possible)), axis=0)
        out = (capital >= math.log(goal)).sum(axis=1)  # the capital falls in m: those out come first
        ends[part] = np.maximum(ends[part], candidates[np.maximum(out - 1, 0)])
        capital = capital[-1]
    return np.asarray(np.maximum.accumulate(np.minimum(ends, 1.0)), dtype=np.float64)


def _stakes(x: Floats, goal: float, aim: float | None) -> Floats:
    """The stake on each value, from those before it alone."""
    t = np.arange(1, len(x) + 1, dtype=np.float64)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance[:-1]])
    if aim is not None:
        return np.asarray(aim / before, dtype=np.float64)
    return np.asarray(np.sqrt(2 * math.log(goal) / (before * t * np.log1p(t))), dtype=np.float64)
