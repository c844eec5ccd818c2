"""Where a score falls as something gets harder: a logistic curve between chance and the easiest level.

    p(x) = chance + (top - chance) / (1 + exp((x - threshold) / width))

x grows with difficulty. ``chance`` is given; threshold, width and top are fitted by maximum likelihood
(Wichmann and Hill 2001, with the share of lapses free), over a grid, so that no start matters. At the
threshold, half of what is known beyond chance is gone. Its interval is that of the profile likelihood: all
thresholds under which the data are no less likely than by a factor of exp(-1.92).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemm.stats.intervals import wilson

Floats = NDArray[np.float64]
PROFILE = 3.841458820694124
"""The 95 % point of chi squared with one degree of freedom."""
FALLS = 5.991464547107979
"""The 95 % point with two: a curve that falls has two parameters more than a flat one."""
PLACES, WIDTHS, TOPS = 301, 24, 61
"""Points of the grid."""
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Threshold:
    """A fitted curve.

    value      x at which half of what is known beyond chance is gone; None where the curve is not measurably
               one that falls, or where nothing is known beyond chance
    low, high  its interval; None where it is open within the levels
    width      of the fall, in units of x
    top        the fitted score far on the easy side
    falls      whether a curve that falls fits better than a flat one (likelihood ratio, 5 %)
    known      whether the score at the easiest level is above chance (lower end of Wilson's interval)
    """

    value: float | None
    low: float | None
    high: float | None
    width: float | None
    top: float
    falls: bool
    known: bool


def threshold(x: Sequence[float], right: Sequence[float], n: Sequence[int], chance: float) -> Threshold:
    """The threshold of scores at levels.

    x       difficulty of each level, rising
    right   how many of its samples are right (scores in [0, 1], summed)
    n       how many it has
    chance  what guessing scores, in [0, 1)

    Raises ValueError for fewer than two levels, levels that do not rise, or a level without samples.

    >>> found = threshold([0, 1, 2, 3, 4], [40, 39, 26, 11, 10], [40] * 5, 0.25)
    >>> found.falls, round(found.value, 1), found.low < found.value < found.high
    (True, 2.0, True)
    >>> threshold([0, 1, 2], [40, 40, 39], [40] * 3, 0.25).value is None
    True
    """
    at, hits, size = (np.asarray(v, dtype=np.float64) for v in (x, right, n))
    if len(at) < 2 or (np.diff(at) <= 0).any() or (size <= 0).any():
        raise ValueError("a threshold needs two levels or more that rise, each with samples")
    reach = float(at[-1] - at[0])
    places = at[0] + reach * np.linspace(-0.25, 1.25, PLACES)
    widths = reach * np.geomspace(0.004, 0.5, WIDTHS)
    tops = chance + (1 - chance) * np.linspace(1 / TOPS, 1, TOPS)
    likelihood = np.empty((PLACES, WIDTHS, TOPS))
    for i, place in enumerate(places):
        fall = 1 / (1 + np.exp(np.clip((at - place) / widths[:, None], -60, 60)))
        p = chance + (tops[:, None] - chance) * fall[:, None, :]
        likelihood[i] = _likelihood(p, hits, size)
    best = float(likelihood.max())
    i, j, k = (int(v) for v in np.unravel_index(int(likelihood.argmax()), likelihood.shape))
    flat = _likelihood(np.full(len(at), max(chance, hits.sum() / size.sum())), hits, size)
    falls = 2 * (best - float(flat)) > FALLS
    known = bool(wilson(hits[0] / size[0], size[0], math.sqrt(PROFILE))[0] > chance)
    if not (falls and known):
        return Threshold(None, None, None, None, float(tops[k]), falls, known)
    inside = np.flatnonzero(2 * (best - likelihood.max(axis=(1, 2))) <= PROFILE)
    low = float(places[inside[0]]) if inside[0] > 0 else None
    high = float(places[inside[-1]]) if inside[-1] < PLACES - 1 else None
    return Threshold(float(places[i]), low, high, float(widths[j]), float(tops[k]), True, True)


def _likelihood(p: Floats, hits: Floats, size: Floats) -> Floats:
    p = np.clip(p, _TINY, 1 - _TINY)
    return np.asarray((hits * np.log(p) + (size - hits) * np.log1p(-p)).sum(axis=-1))
