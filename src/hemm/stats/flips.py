"""Flipping the signs of whole clusters: a test of a mean difference over any number of tasks, and its
interval.

Two models of the same quality could be exchanged, so each cluster's difference is as likely as its opposite.
Let x_k be the part of cluster k in the value v (v = sum x_k), and y_k its weight (1 = sum y_k). With random
signs s_k, X = sum s_k x_k is distributed as v is without a difference: p is the share of sign patterns with
|X| > |v|. Patterns with |X| = |v| count half, but that of the data themselves (all signs equal) counts whole.
A true difference D is tested in the same way with x_k - D y_k for x_k. A pattern is as far out as the data
for all D between (v - X) / (1 - Y) and (v + X) / (1 + Y), Y = sum s_k y_k; so the interval of all D that are
not rejected follows from quantiles of these two ends.

Up to ``EXACT`` clusters all patterns are taken, above them ``PATTERNS`` random ones; of more than ``SIGNS``
clusters the smaller ones together are a normal variable. p is at most 2 exp(-v^2 / (2 sum x^2)), which bounds
it for any clusters (Hoeffding 1963), since random patterns cannot tell how small a very small p is.

The test is exact if changes are symmetric: a cluster is as likely to gain an amount as to lose it. Rare large
losses against many small gains are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

EXACT, PATTERNS, SIGNS = 13, 10_000, 512

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Flipped:
    """Two-sided p of no difference; the ends of the interval, infinite where no difference can be rejected
    (fewer than six clusters)."""

    p: float
    low: float
    high: float


def flip_signs(parts: Floats, weights: Floats, level: float = 0.95, seed: int = 0) -> Flipped:
    """The test and the interval of the value ``parts.sum()``.

    parts, weights  of each cluster in the value; the weights sum to 1

    >>> flip_signs(np.full(6, 0.1), np.full(6, 1 / 6)).p  # one of 32 patterns
    0.03125
    """
    value, reach = float(parts.sum()), float(np.abs(parts).sum())
    if reach == 0:
        return Flipped(1.0, -math.inf, math.inf)
    scale = np.sqrt([(parts**2).mean(), (weights**2).mean()])
    order = np.argsort(-(np.abs(parts) / scale[0] + weights / scale[1]), kind="stable")
    both = np.column_stack([parts, weights])[order]
    exact = len(parts) <= EXACT
    signs = _all_signs(len(parts)) if exact else _random_signs(seed)[:, : len(parts)]
    drawn = (signs @ both[:SIGNS].astype(signs.dtype)).astype(np.float64)
    sums: Floats = drawn + _remainder(both[SIGNS:], len(drawn), seed)
    distance = np.abs(sums[:, 0]) - abs(value)
    tie = (1e-12 if exact else 1e-6) * reach
    farther = float((distance > tie).sum()) + 0.5 * float((np.abs(distance) <= tie).sum())
    low, high = _ends(value, sums, level, exact)
    if exact:  # the data's own pattern is among them, as half
        return Flipped((farther + 0.5) / len(sums), low, high)
    most = 2 * math.exp(-(value**2) / (2 * float((parts**2).sum())))
    return Flipped(min(1.0, most, (farther + 1) / (len(sums) + 1)), low, high)


def _ends(value: float, sums: Floats, level: float, exact: bool) -> tuple[float, float]:
    x, y = sums[:, 0], np.clip(sums[:, 1], -1.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.stack([(value - x) / (1 - y), (value + x) / (1 + y)])
    first, last = roots.min(axis=0), roots.max(axis=0)
    always = np.abs(y) > 1 - 1e-6  # the pattern of the data itself
    first, last = np.where(always, -math.inf, first), np.where(always, math.inf, last)
    rejected = (1 - level) * (len(sums) + (not exact)) - (not exact)
    at = math.floor(rejected + 1e-9)
    return float(np.partition(first, at)[at]), float(-np.partition(-last, at)[at])


def _remainder(rest: Floats, rows: int, seed: int) -> Floats:
    """Sums over the clusters without a sign of their own, normal with the same variances and covariance."""
    if not len(rest):
        return np.zeros((rows, 2))
    values, vectors = np.linalg.eigh(rest.T @ rest)
    drawn = np.random.default_rng([seed, 1937]).standard_normal((rows, 2))
    return np.asarray(drawn * np.sqrt(np.maximum(values, 0)) @ vectors.T, dtype=np.float64)


def _all_signs(count: int) -> Floats:
    """All signs (patterns x clusters). A pattern and its opposite are equally far, so one of them is
    enough."""
    return np.array([(1, *rest) for rest in product((1, -1), repeat=count - 1)], dtype=np.float64)


@lru_cache(maxsize=1)
def _random_signs(seed: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng([seed, 1935]).integers(0, 2, (PATTERNS, SIGNS), dtype=np.int8)
    return (2 * drawn - 1).astype(np.float32)
