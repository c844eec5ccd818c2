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

from hemm.stats.intervals import LEVEL

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
    rest: ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """Lower and upper ends for the mean of a population of ``population`` values, after each of ``values``.

    values   in [0, 1], in the random order in which they were drawn, each once
    highest  where a value is not known exactly: ``values`` are its lowest, these its highest ones
    aim      half-width at which to stop; the ends hold whatever it is, and are closest around it
    grid     steps of [0, 1] to which the ends are rounded outwards
    rest     where only a part of each draw counts: the share of it that does not, for each of ``values``,
             which are then from 0 to 1 - rest. The mean is that of the part, sum of values over sum of
             1 - rest: were it m, a draw filled up with m, x + rest m, would have the mean m, which is what
             is bet on

    All ends together hold with probability ``level``: looking after each value and stopping when one likes
    costs nothing. Raises ValueError for values out of range, or more than there are.
    """
    low = _checked(values, population)
    high = low if highest is None else _checked(highest, population)
    if len(high) != len(low) or bool(np.any(high < low)):
        raise ValueError("highest: as many as values, none below its value")
    gap = np.zeros(len(low)) if rest is None else _checked(rest, population)
    if len(gap) != len(low) or bool(np.any(high > 1 - gap + 1e-12)):
        raise ValueError("rest: as many as values, none above what a value leaves")
    goal = 2 / (1 - level)
    against = np.maximum(1 - gap - high, 0.0)
    lower = _lower(low, gap, population, goal, aim, grid)
    upper = 1 - _lower(against, gap, population, goal, aim, grid)
    # where an unlikely order has led astray, what is certain wins
    counted = np.maximum(population - np.cumsum(gap), 1e-12)
    least = np.minimum(np.cumsum(low) / counted, 1.0)
    most = 1 - np.minimum(np.cumsum(against) / counted, 1.0)
    lower = np.minimum(lower, most)
    return lower, np.maximum(np.maximum(upper, least), lower)


def _checked(values: ArrayLike, population: int) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or len(found) > population:
        raise ValueError(f"{found.shape} values of a population of {population}")
    if not bool(np.all((found >= 0) & (found <= 1))):
        raise ValueError("values must be from 0 to 1")
    return found


def _lower(x: Floats, gap: Floats, population: int, goal: float, aim: float | None, grid: int) -> Floats:
    """The largest grid value out by betting or by certainty, after each value; never falling."""
    count = len(x)
    seen, filled = (np.concatenate([[0.0], np.cumsum(v)]) for v in (x, gap))
    stakes = _stakes(x + gap * _means_before(x, gap), goal, aim)
    candidates = np.linspace(0.0, 1.0, grid + 1)
    left = population - np.arange(count, dtype=np.float64)
    ends = seen[1:] / np.maximum(population - filled[1:], 1e-12)
    capital = np.zeros(grid + 1)
    for start in range(0, count, _ROWS):
        part = slice(start, min(start + _ROWS, count))
        taken = seen[:-1][part, None] + filled[:-1][part, None] * candidates
        mean = (population * candidates - taken) / left[part, None]
        drawn = x[part, None] + gap[part, None] * candidates
        possible = np.maximum(mean, 1e-12)  # below it a candidate is out for certain: ``ends`` says so
        bet = np.minimum(stakes[part, None], CAUTION / possible)
        capital = capital + np.cumsum(np.log1p(bet * (drawn - possible)), axis=0)
        out = (capital >= math.log(goal)).sum(axis=1)  # the capital falls in m: those out come first
        ends[part] = np.maximum(ends[part], candidates[np.maximum(out - 1, 0)])
        capital = capital[-1]
    return np.asarray(np.maximum.accumulate(np.minimum(ends, 1.0)), dtype=np.float64)


def _means_before(x: Floats, gap: Floats) -> Floats:
    """The mean of the part that counts, as known before each draw."""
    total, weight = (np.concatenate([[0.0], np.cumsum(v)[:-1]]) for v in (x, 1 - gap))
    return np.asarray((0.5 + total) / (1 + weight), dtype=np.float64)


def _stakes(x: Floats, goal: float, aim: float | None) -> Floats:
    """The stake on each value, from those before it alone."""
    t = np.arange(1, len(x) + 1, dtype=np.float64)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance[:-1]])
    if aim is not None:
        return np.asarray(aim / before, dtype=np.float64)
    return np.asarray(np.sqrt(2 * math.log(goal) / (before * t * np.log1p(t))), dtype=np.float64)
