"""Confidence sequences: intervals that are valid after every draw, for stopping when a score is known well
enough.

This is the betting confidence sequence of Waudby-Smith and Ramdas (Estimating means of bounded random
variables by betting, JRSS B 2024, section 5) for draws without replacement, in the hedged form with half the
error on each side. N values in [0, 1] come in a random order. If their mean were m, value t would have the
expectation

    eta_t(m) = (N m - sum of the t - 1 values before) / (N - t + 1),

and a gambler who stakes lambda_t on larger values would have the capital prod (1 + lambda_t (x_t - eta_t)).
This is a nonnegative martingale, which ever reaches 2 / alpha with probability alpha / 2 at most (Ville). So
every m for which the capital has reached 2 / alpha is below the interval; with 1 - x for x, above it. The
stake may depend on the values before x_t. With a target half-width w it is w / s^2, where s^2 is the variance
of the values before (started with one value of 1/4), since capital then grows fastest at a distance of w from
the mean. Otherwise it is the paper's plug-in sqrt(2 log(2 / alpha) / (s^2 t log(1 + t))). It is at most
``CAUTION`` / eta. The capital decreases in m, so the bound is where it crosses 2 / alpha, rounded outwards to
a grid. The values seen also bound the mean with certainty: sum / N <= m <= 1 - sum(1 - x) / N; so at t = N
the interval is the mean itself.
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

    values   in [0, 1], each once, in the random order in which they were drawn
    highest  for values that are not known exactly: ``values`` are then the lowest, these the highest possible
    aim      target half-width; the ends are valid for any, and closest around it
    grid     steps of [0, 1] to which the ends are rounded outwards
    rest     if only a part of each draw counts: the share that does not, so that values are at most 1 - rest.
             The mean is sum of values / sum of (1 - rest). If it were m, a draw filled up with m, x + rest m,
             would have the mean m; that is what the bets are on

    With probability ``level`` all ends are valid together, so checking after each value and stopping at any
    time is allowed. Raises ValueError for values out of range, or more values than the population has.
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
    # in an unlikely order the bets may exclude the true mean: the certain bounds take precedence
    counted = np.maximum(population - np.cumsum(gap), 1e-12)
    least = np.minimum(np.cumsum(low) / counted, 1.0)
    most = 1 - np.minimum(np.cumsum(against) / counted, 1.0)
    lower = np.minimum(lower, most)
    return lower, np.maximum(np.maximum(upper, least), lower)


def _checked(values: ArrayLike, population: int) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) > population:
        raise ValueError(f"{array.shape} values of a population of {population}")
    if not bool(np.all((array >= 0) & (array <= 1))):
        raise ValueError("values must be from 0 to 1")
    return array


def _lower(x: Floats, gap: Floats, population: int, goal: float, aim: float | None, grid: int) -> Floats:
    """The largest grid value excluded by betting or with certainty after each value, as running maximum."""
    count = len(x)
    seen, filled = (np.concatenate([[0.0], np.cumsum(v)]) for v in (x, gap))
    stakes = _stakes(x + gap * _means_before(x, gap), goal, aim)
    candidates = np.linspace(0.0, 1.0, grid + 1)
    remaining = population - np.arange(count, dtype=np.float64)
    ends = seen[1:] / np.maximum(population - filled[1:], 1e-12)
    capital = np.zeros(grid + 1)
    for start in range(0, count, _ROWS):
        rows = slice(start, min(start + _ROWS, count))
        drawn_before = seen[:-1][rows, None] + filled[:-1][rows, None] * candidates
        mean = (population * candidates - drawn_before) / remaining[rows, None]
        filled_up = x[rows, None] + gap[rows, None] * candidates
        possible = np.maximum(mean, 1e-12)  # smaller means are excluded with certainty, by ``ends``
        bet = np.minimum(stakes[rows, None], CAUTION / possible)
        capital = capital + np.cumsum(np.log1p(bet * (filled_up - possible)), axis=0)
        out = (capital >= math.log(goal)).sum(axis=1)  # capital decreases in m: excluded candidates are first
        ends[rows] = np.maximum(ends[rows], candidates[np.maximum(out - 1, 0)])
        capital = capital[-1]
    return np.asarray(np.maximum.accumulate(np.minimum(ends, 1.0)), dtype=np.float64)


def _means_before(x: Floats, gap: Floats) -> Floats:
    """The mean of the counted parts before each draw."""
    total, weight = (np.concatenate([[0.0], np.cumsum(v)[:-1]]) for v in (x, 1 - gap))
    return np.asarray((0.5 + total) / (1 + weight), dtype=np.float64)


def _stakes(x: Floats, goal: float, aim: float | None) -> Floats:
    """The stake on each value, from the values before it."""
    t = np.arange(1, len(x) + 1, dtype=np.float64)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance[:-1]])
    if aim is not None:
        return np.asarray(aim / before, dtype=np.float64)
    return np.asarray(np.sqrt(2 * math.log(goal) / (before * t * np.log1p(t))), dtype=np.float64)
