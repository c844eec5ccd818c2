"""Intervals for means of answers in clusters. ``docs/statistics.md`` says what they promise.

There are n values x in G clusters of sizes m_g (for example pictures with several questions each). The value
is the mean p. Its variance V and t's degrees of freedom are those of ``stats.clusters`` (CR2, Satterthwaite).

*Scores with a lowest and a highest value* (taken as 0 and 1 here): Wilson's interval with t's quantile and
the effective number of answers n / D. D, the design effect, compares V with the variance of n independent
answers that are right or wrong,

    D = (n^2 V + u s^2) / (n p(1-p) n/(n-1) + u s).

With few wrong (or few right) answers V mostly underestimates how much the answers of a cluster have in
common, and how far other answers may lie. So the part u = ``PSEUDO`` (1 - 2p)^2 of one more cluster that is
all wrong (or all right), of mean size s = sum m^2 / n, is added to both sums of squares: s^2 to the clustered
one, s to the independent one. V is at least the variance of the same values if they were independent. For
one right or wrong answer in each cluster D is 1, which gives Wilson's interval on n; partial scores lie
between that and p -+ t sqrt(V).

*Other means*: p -+ t sqrt(V), within the range.

*Differences* of two scores: as other means. Where few answers differ, the variance would be too small; so
n^2 V grows by ``PSEUDO`` h^2 (1 - 2a)^2 s^2 (1 + 1/s). With d the differences, a = (sum |d|)^2 / (n sum d^2)
is the share of answers that differ, and h is the largest possible difference; nothing is added from a = 1/2
on.

*All values equal*, anywhere in the range: Wilson's bound for none of n / s clusters is the share q of
clusters that may score differently. The interval goes from value - q (value - lowest) to value + q (highest -
value), which is Wilson's where the value is an end of the range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemm.stats.clusters import Clustered
from hemm.stats.strata import Part, Strata, Stratified, clustered

LEVEL = 0.95
PSEUDO = 0.2
"""Part of an unseen cluster in the design effect. In simulations, coverage was 91 % with 0 (40 clusters of
five, p = .97), and 94.5 to 96.5 % with 0.2 unless values are few and discrete."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval.

    value        None without values
    low, high    None without an interval
    n, clusters  number of values, and of their clusters
    note         why an interval is missing, or not the usual one
    anytime      the interval, or that of a part of the mean, is valid however often it is checked
                 (``stats.sequential``)
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int
    note: str = ""
    anytime: bool = False

    def scaled(self, shift: float, scale: float) -> Estimate:
        """The estimate of (x - shift) / scale; a negative scale swaps the ends."""
        ends = [None if e is None else (e - shift) / scale for e in (self.low, self.high)]
        low, high = ends if scale > 0 else ends[::-1]
        value = None if self.value is None else (self.value - shift) / scale
        return Estimate(value, low, high, self.n, self.clusters, self.note, self.anytime)

    def to_json(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "clusters": self.clusters,
            "anytime": self.anytime,
            "note": self.note,
        }


@lru_cache(maxsize=4096)
def t_quantile(df: float, level: float = LEVEL) -> float:
    """Two-sided quantile of Student's t: 2.26 for 9 degrees of freedom (which may be fractional) at 0.95."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2))


def wilson(p: Floats | float, n: Floats | float, z: float) -> tuple[Any, Any]:
    """Wilson's score interval of a proportion ``p`` of ``n`` trials (may be fractional) at the quantile
    ``z``."""
    spread = z * z / n
    middle = (p + spread / 2) / (1 + spread)
    half = z / (1 + spread) * np.sqrt(p * (1 - p) / n + spread / (4 * n))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def score_ends(p: Any, squares: Any, within: Any, n: Any, size: Any, z: float) -> tuple[Any, Any]:
    """The interval of a mean of scores between 0 and 1.

    p        the mean
    squares  n^2 times its variance (``clusters.cr2``)
    within   sum over values of (value - p)^2
    size     mean over values of the size of their cluster, sum m^2 / n
    z        t's quantile
    """
    unseen = PSEUDO * (1 - 2 * p) ** 2
    seen = np.maximum(squares, within * n / (n - 1)) + unseen * size**2
    independent = n * p * (1 - p) * n / (n - 1) + unseen * size
    return wilson(p, n * independent / seen, z)


def unseen_difference(total: Any, squares: Any, n: Any, size: Any, reach: float) -> Any:
    """The part of an unseen cluster in n^2 times the variance of a mean difference.

    total, squares  sums over differences d of |d| and d^2
    size            as in ``score_ends``
    reach           largest possible difference; if it is not finite, that of the differences seen counts
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        differ = np.where(squares > 0, total**2 / (n * squares), 0.0)
        height = reach if math.isfinite(reach) else np.where(squares > 0, squares / total, 0.0)
    return PSEUDO * height**2 * np.maximum(0.0, 1 - 2 * differ) ** 2 * size**2 * (1 + 1 / size)


def mean_interval(
    values: ArrayLike,
    clusters: Sequence[Any] | NDArray[Any],
    bounds: tuple[float, float] = (-math.inf, math.inf),
    level: float = LEVEL,
    *,
    variance: float | None = None,
    part: Part | None = None,
) -> Estimate:
    """Mean of scores (NaN are left out) with its interval, which is never of zero width.

    clusters  the cluster of each value
    bounds    lowest and highest possible value
    variance  of the mean, in place of the cluster-robust formula (for a bootstrap)
    part      where these are a part of a data set: the mean is post-stratified (``stats.strata``)

    With one cluster the interval is the whole range. If all values are equal and the bounds are not finite,
    there is none.
    """
    data = clustered(values, clusters, part)
    if (special := _without_spread(data, bounds, level)) is not None:
        return special
    n, mean, (low, high) = float(len(data.values)), data.mean, bounds
    squares = data.squares if variance is None else variance * n * n
    within, quantile = data.within, t_quantile(data.df, level)
    if _finite(bounds):
        width = high - low
        if isinstance(data, Stratified) and data.share < 1:
            ends = _stratified_ends(data, squares, bounds, quantile)
        else:
            scaled = (squares / width**2, within / width**2)
            ends = score_ends((mean - low) / width, *scaled, n, data.size, quantile)
        first, last = (low + float(e) * width for e in ends)
        return Estimate(mean, min(first, mean), max(last, mean), len(data.values), data.groups)
    if squares <= within * 1e-12:  # the means of all clusters are equal
        squares = within * n / (n - 1)
    half = quantile * math.sqrt(squares) / n
    return Estimate(mean, max(low, mean - half), min(high, mean + half), len(data.values), data.groups)


def _stratified_ends(
    data: Stratified, squares: float, bounds: tuple[float, float], z: float
) -> tuple[float, float]:
    """The ends for the scale from 0 to 1: square-and-add of the strata's own intervals, each times its share.

    What else the variance has (clusters that lie in several strata, the part of the whole) is added at each
    end; where it is less than nothing, the ends come nearer, to the root of a half at most.
    """
    low, width = bounds[0], bounds[1] - bounds[0]
    strata: Strata = data.by_stratum
    p = (strata.means - low) / width
    own, within = strata.own / width**2, strata.within / width**2
    with np.errstate(divide="ignore", invalid="ignore"):
        first, last = score_ends(p, own, within, strata.n, strata.sizes, z)
    unseen = z * z / (strata.n / strata.sizes + z * z)
    first = np.where(strata.flat, p - unseen * p, np.minimum(first, p))
    last = np.where(strata.flat, p + unseen * (1 - p), np.maximum(last, p))
    alone = float((strata.shares**2 * own / strata.n**2).sum())
    variance = squares / width**2 / len(data.values) ** 2
    ends = []
    for distance in (p - first, last - p):
        square = float(((strata.shares * distance) ** 2).sum())
        if variance >= alone:
            square += z * z * (variance - alone)
        else:
            square *= max(0.5, variance / alone)
        ends.append(math.sqrt(square))
    mean = (data.mean - low) / width
    return max(0.0, mean - ends[0]), min(1.0, mean + ends[1])


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference: its interval, standard error and t's degrees of freedom.

    error  None with one cluster, and where the differences are all equal (``estimate`` has an interval then,
           if the range is finite)
    """

    estimate: Estimate
    error: float | None
    df: float


def mean_difference(
    values: ArrayLike,
    clusters: Sequence[Any] | NDArray[Any],
    reach: float = math.inf,
    level: float = LEVEL,
    *,
    variance: float | None = None,
    part: Part | None = None,
) -> Difference:
    """Mean of the differences of two scores (NaN are left out), with its interval.

    reach     largest possible difference; the other arguments are those of ``mean_interval``
    variance, part  as in ``mean_interval``
    """
    data = clustered(values, clusters, part)
    if (special := _without_spread(data, (-reach, reach), level)) is not None:
        return Difference(special, None, data.df if data.groups > 1 else 1.0)
    d, n = data.values, float(len(data.values))
    squares = (data.squares if variance is None else variance * n * n) + _unseen(data, reach)
    within = data.within
    if squares <= within * 1e-12:  # the means of all clusters are equal
        squares = within * n / (n - 1)
    error = math.sqrt(squares) / n
    half = t_quantile(data.df, level) * error
    low, high = max(-reach, data.mean - half), min(reach, data.mean + half)
    return Difference(Estimate(data.mean, low, high, len(d), data.groups), error, data.df)


def _unseen(data: Clustered, reach: float) -> float:
    """``unseen_difference`` of all values; of strata that are used, their sum."""
    d, n = data.values, float(len(data.values))
    if not isinstance(data, Stratified):
        return float(unseen_difference(np.abs(d).sum(), (d**2).sum(), n, data.size, reach))
    if data.share == 1:
        weighted = data.weights * np.abs(d)
        return float(unseen_difference(weighted.sum(), (weighted * np.abs(d)).sum(), n, data.size, reach))
    strata: Strata = data.by_stratum
    total, squares = (np.bincount(data.strata, weights=v) for v in (np.abs(d), d**2))
    each = unseen_difference(total, squares, strata.n, strata.sizes, reach)
    return float((strata.shares**2 * each * n**2 / strata.n**2).sum())


def _finite(bounds: tuple[float, float]) -> bool:
    low, high = bounds
    return math.isfinite(low) and math.isfinite(high) and high > low


def _without_spread(data: Clustered, bounds: tuple[float, float], level: float) -> Estimate | None:
    """The estimate where no variance can be had: no values, one cluster, all values equal."""
    low, high = bounds
    n = len(data.values)
    if not n:
        return Estimate(None, None, None, 0, 0, "no answers")
    if data.groups == 1:
        first, last = bounds if _finite(bounds) else (None, None)
        return Estimate(data.mean, first, last, n, 1, "one cluster: the interval is the whole range")
    if float(np.ptp(data.values)) > 1e-12 * float(np.abs(data.values).max()):  # else but for rounding
        return None
    value, note = float(data.values[0]), "all answers score the same"
    if not _finite(bounds):
        return Estimate(value, None, None, n, data.groups, f"{note}: no interval")
    square = t_quantile(data.df, level) ** 2
    share = square / (n / data.size + square)  # Wilson's bound for none of n / size clusters
    return Estimate(
        value, value - share * (value - low), value + share * (high - value), n, data.groups, note
    )


def combine(parts: Sequence[Estimate]) -> Estimate:
    """The unweighted mean of independent estimates.

    The distance to each end is the root of the sum of the parts' squared distances, divided by their number
    (square-and-add): asymmetric intervals stay asymmetric, and a single part keeps its interval. Parts
    without a value are left out; if a part has no interval, the mean has none.
    """
    known = [p for p in parts if p.value is not None]
    if not known:
        return Estimate(None, None, None, 0, 0, parts[0].note if len(parts) == 1 else "no answers")
    if len(known) == 1:
        return known[0]
    mean = math.fsum(p.value for p in known if p.value is not None) / len(known)
    n, clusters = sum(p.n for p in known), sum(p.clusters for p in known)
    notes = "; ".join(dict.fromkeys(p.note for p in known if p.note))
    if any(p.low is None or p.high is None for p in known):
        return Estimate(mean, None, None, n, clusters, notes)
    below = math.hypot(*((p.value or 0.0) - (p.low or 0.0) for p in known)) / len(known)
    above = math.hypot(*((p.high or 0.0) - (p.value or 0.0) for p in known)) / len(known)
    anytime = any(p.anytime for p in known)
    return Estimate(mean, mean - below, mean + above, n, clusters, notes, anytime)
