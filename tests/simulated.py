"""Simulated answers with a known truth, many data sets at once, on the grid of docs/statistics.md.

A data set has clusters of unequal sizes. Each cluster has its own chance (beta, intra-cluster correlation
``ICC``), from which its values are drawn. ``tools/statistics_page.py`` makes the page's tables and pictures
with the same functions.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.stats.clusters import cr2, mean_size, satterthwaite_df
from hemm.stats.intervals import Estimate, score_ends, t_quantile, unseen_difference
from hemm.stats.task_means import TaskPart

Floats = NDArray[np.float64]
ICC = 0.3
SPREADS = ("equal", "cv1", "cv2", "giant")
KINDS = ("right_wrong", "graded", "zero_inflated", "mean_of_4")
GROUPS = (5, 10, 30, 100)
CHANCES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)


def sizes_of(spread: str, groups: int) -> NDArray[np.int64]:
    """equal: 3 each; cv1: quantiles of an exponential distribution; cv2: a tenth of 20, the rest of 1; giant:
    one of 40, the rest of 1."""
    if spread == "equal":
        return np.full(groups, 3)
    if spread == "cv1":
        return np.maximum(1, np.round(-5 * np.log(1 - (np.arange(groups) + 0.5) / groups))).astype(np.int64)
    large, count = (20, max(1, round(groups / 10))) if spread == "cv2" else (40, 1)
    return np.array([large] * count + [1] * (groups - count))


def rng_of(*key: Any) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def values(kind: str, own: Floats, rng: np.random.Generator) -> Floats:
    """Scores from 0 to 1, one for each chance in ``own``."""
    q = np.clip(own, 1e-9, 1 - 1e-9)
    if kind == "right_wrong":
        return (rng.random(q.shape) < q).astype(np.float64)
    if kind == "graded":
        return rng.beta(4 * q, 4 * (1 - q))
    if kind == "mean_of_4":  # four repeats of a question that has its own difficulty
        return rng.binomial(4, rng.beta(1.5 * q, 1.5 * (1 - q))) / 4
    assert kind == "zero_inflated"
    return (rng.random(q.shape) < q) * (0.5 + 0.5 * rng.random(q.shape))


def truth_of(kind: str, p: float) -> float:
    return 0.75 * p if kind == "zero_inflated" else p


def scores(
    kind: str, sizes: NDArray[np.int64], p: float, count: int, rng: np.random.Generator, icc: float = ICC
) -> Floats:
    """Scores (simulations x values, cluster by cluster)."""
    total = 1 / icc - 1
    own = rng.beta(p * total, (1 - p) * total, (count, len(sizes)))
    return values(kind, np.repeat(own, sizes, axis=1), rng)


def differences(
    kind: str,
    sizes: NDArray[np.int64],
    p: float,
    count: int,
    rng: np.random.Generator,
    gap: float = 0.0,
) -> Floats:
    """Differences of two models, which find the same clusters hard half of the time. Without ``gap`` they are
    of the same quality."""
    total = 1 / ICC - 1
    shape = (count, len(sizes))
    first, other = (rng.beta(p * total, (1 - p) * total, shape) for _ in range(2))
    second = np.clip(np.where(rng.random(shape) < 0.5, first, other) - gap, 0, 1)
    return values(kind, np.repeat(first, sizes, axis=1), rng) - values(
        kind, np.repeat(second, sizes, axis=1), rng
    )


def rare_losses(sizes: NDArray[np.int64], count: int, rng: np.random.Generator) -> Floats:
    """Differences with mean zero: the largest clusters are lost as a whole, seldom; the others win a little,
    often."""
    large = sizes == sizes.max()
    lost = min(0.3, 0.8 * float(sizes[~large].sum() / sizes[large].sum()))
    won = lost * float(sizes[large].sum() / sizes[~large].sum())
    losses = np.repeat((rng.random((count, len(sizes))) < lost) & large, sizes, axis=1)
    wins = (rng.random(losses.shape) < won) & ~np.repeat(large, sizes)
    return wins.astype(np.float64) - losses


def cluster_sums(x: Floats, sizes: NDArray[np.int64]) -> Floats:
    return np.add.reduceat(x, np.concatenate([[0], np.cumsum(sizes)[:-1]]), axis=1)


def _parts(x: Floats, sizes: NDArray[np.int64]) -> tuple[Floats, Floats, Floats, float, float, float]:
    """Means, n^2 V, squared distances from the mean, n, mean size, t's quantile."""
    n, mean = float(sizes.sum()), x.mean(axis=1)
    squares = cr2(cluster_sums(x, sizes) - sizes * mean[:, None], sizes)
    within = ((x - mean[:, None]) ** 2).sum(axis=1)
    return mean, squares, within, n, mean_size(sizes), t_quantile(satterthwaite_df(sizes))


def score_intervals(x: Floats, sizes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """``mean_interval`` of scores from 0 to 1, all simulations at once."""
    mean, squares, within, n, size, t = _parts(x, sizes)
    flat = np.ptp(x, axis=1) == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = score_ends(mean, squares, within, n, size, t)
    share = t * t / (n / size + t * t)
    return np.where(flat, mean - share * mean, low), np.where(flat, mean + share * (1 - mean), high)


def difference_errors(d: Floats, sizes: NDArray[np.int64]) -> tuple[Floats, Floats, float]:
    """Means of differences from -1 to 1, half the width of their intervals, t's quantile."""
    mean, squares, within, n, size, t = _parts(d, sizes)
    grown = squares + unseen_difference(np.abs(d).sum(axis=1), (d**2).sum(axis=1), n, size, 1.0)
    grown = np.where(grown <= within * 1e-12, within * n / (n - 1), grown)
    return mean, t * np.sqrt(grown) / n, t


def task_parts(d: Floats, sizes: NDArray[np.int64]) -> list[TaskPart]:
    """Each simulation's difference as a part of a mean over tasks (without a test of its own)."""
    mean, half, t = difference_errors(d, sizes)
    low, high = difference_intervals(d, sizes)
    far = np.maximum(mean - low, high - mean)
    error = np.where(np.ptp(d, axis=1) == 0, far, half) / t
    parts, weights, df = cluster_sums(d, sizes) / sizes.sum(), sizes / sizes.sum(), satterthwaite_df(sizes)
    rows = zip(mean, low, high, error, parts, strict=True)
    n = (int(sizes.sum()), len(sizes))
    return [
        TaskPart(Estimate(m, first, last, *n), e, df, None, None, own, weights, 1.0)
        for m, first, last, e, own in rows
    ]


def difference_intervals(d: Floats, sizes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """``mean_difference``, all simulations at once."""
    mean, half, t = difference_errors(d, sizes)
    share = t * t / (sizes.sum() / mean_size(sizes) + t * t)
    flat = np.ptp(d, axis=1) == 0
    low = np.where(flat, mean - share * (mean + 1), np.maximum(-1, mean - half))
    return low, np.where(flat, mean + share * (1 - mean), np.minimum(1, mean + half))


def covered(low: Floats, high: Floats, truth: float) -> float:
    return float(np.mean((low <= truth + 1e-12) & (truth <= high + 1e-12)))


MISSES = {("cv2", 100, "zero_inflated", 0.9): 0.90}
"""Cells that fall below the promise, and what they keep; docs/statistics.md lists them."""


def promised(spread: str, groups: int, p: float, kind: str, count: int) -> float:
    """The least coverage of an interval of scores, less Monte-Carlo error."""
    truth = truth_of(kind, p)
    n = sizes_of(spread, groups).sum()
    hard = groups == 5 or spread == "giant" or min(truth, 1 - truth) * n < 5
    least = MISSES.get((spread, groups, kind, p), 0.90 if hard else 0.93)
    return least - 2.5 * float(np.sqrt(least * (1 - least) / count))
