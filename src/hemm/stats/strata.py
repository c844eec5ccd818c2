"""Means over a part of a data set, with the strata of the whole: post-stratification.

Of N values in strata of sizes N_h, n were had, n_h of each stratum: a simple random sample of it. The value
is the sum of W_h = N_h / N times the mean of the stratum's n_h values.

*Small strata* are merged into one: those whose share makes fewer than ``LEAST`` of the clusters at hand, and
those with values in fewer than two. Where the merged one makes fewer than half of that still, or has values
in fewer than two, the next smallest join it. (Merged by the number at hand alone, rare values would count for
more or less by chance.)

*Variance*, as that of a whole data set, of other samples of the task: (1 - f) V_w + f V_t with f = n / N.

V_w is CR2 within strata. With r the sum of the values of a cluster in a stratum less m times the stratum's
mean, m their number,

    V_w = sum over clusters of (sum over strata of (W_h / n_h) r / sqrt(1 - m / n_h))^2,

which is Bell and McCaffrey's for the regression on the strata: a cluster may lie in several. The degrees of
freedom are Satterthwaite's for independent values of equal variance.

V_t is that of the weighted mean as if strata were unknown. It stands alone where some of the values that were
asked for are missing, and for a part of the values (those of one category): how many of them each stratum of
the whole has is not known, so weights stay and strata go.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemm.stats.clusters import Clustered

LEAST = 8
"""Fewest clusters that a stratum's share makes, else it is merged."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """How values stand for a whole.

    strata    of each value, from 0 on
    weights   of each value; equal within a stratum
    share     of the whole that was asked
    complete  whether these are all values that were asked, so that strata have their share of the whole
    merged, of  strata of the whole that were merged, and all
    """

    strata: Ints
    weights: Floats
    share: float
    complete: bool = True
    merged: int = 0
    of: int = 0

    def take(self, picked: NDArray[Any]) -> Part:
        """That of the picked values (a mask or row numbers), as a category of the whole."""
        return Part(self.strata[picked], self.weights[picked], self.share, False, self.merged, self.of)


def post_stratify(
    strata: Sequence[str] | NDArray[Any],
    sizes: Mapping[str, int],
    clusters: Sequence[Any] | NDArray[Any],
    least: float = LEAST,
) -> Part:
    """The weights of values that are a random sample within strata.

    strata    stratum of each value
    sizes     stratum -> number of values of the whole, also of strata without a value here
    clusters  of each value
    least     clusters that a stratum's share must make; 0 where strata were not taken by their shares

    >>> part = post_stratify(["yes"] * 100 + ["no"] * 100, {"yes": 900, "no": 100}, range(200))
    >>> part.weights[[0, 100]].tolist(), part.share
    ([1.8, 0.2], 0.2)
    """
    names, codes = np.unique(np.asarray(strata, dtype=object).astype(str), return_inverse=True)
    codes = codes.reshape(-1)
    pairs = np.unique(np.stack([codes, _codes(clusters)], axis=1), axis=0)
    wide = dict(zip(names.tolist(), np.bincount(pairs[:, 0], minlength=len(names)).tolist(), strict=True))
    whole = {name: max(sizes.get(name, 0), count) for name, count in _counts(names, codes).items()}
    whole |= {name: size for name, size in sizes.items() if name not in whole and size > 0}
    total, groups = sum(whole.values()), len(set(pairs[:, 1].tolist()))
    small = {n for n, size in whole.items() if size * groups < least * total or wide.get(n, 0) < 2}
    rest = sorted((name for name in whole if name not in small), key=lambda name: (whole[name], name))

    def is_thin() -> bool:
        share = sum(whole[name] for name in small) * groups / total
        return share < least / 2 or sum(wide.get(name, 0) for name in small) < 2

    while small and rest and is_thin():
        small.add(rest.pop(0))
    number = {name: place + bool(small) for place, name in enumerate(sorted(rest))}
    new = np.array([number.get(name, 0) for name in names.tolist()], dtype=np.int64)[codes]
    totals = np.zeros(len(rest) + bool(small))
    for name, size in whole.items():
        totals[number.get(name, 0)] += size
    counts = np.bincount(new, minlength=len(totals))
    weights = (totals / np.maximum(counts, 1))[new]
    return Part(new, weights * (len(new) / total), len(new) / total, True, len(small), len(whole))


def clustered(
    values: ArrayLike, clusters: Sequence[Any] | NDArray[Any], part: Part | None = None
) -> Clustered:
    """The values that are no NaN; ``part``: those of a part of a data set, None: of all of it."""
    return Clustered.of(values, clusters) if part is None else Stratified.of_part(values, clusters, part)


def weighted_mean(values: ArrayLike, part: Part | None, known: NDArray[np.bool_] | None = None) -> float:
    """The mean of the values that are ``known`` (by default, no NaN), with the weights of ``part``; NaN
    without any."""
    x = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(x) if known is None else known
    if not known.any():
        return math.nan
    return float(np.mean(x[known]) if part is None else np.average(x[known], weights=part.weights[known]))


def _codes(names: Any) -> Ints:
    return np.unique(np.asarray(names), return_inverse=True)[1].reshape(-1)


def _counts(names: NDArray[Any], codes: Ints) -> dict[str, int]:
    return dict(zip(names.tolist(), np.bincount(codes, minlength=len(names)).tolist(), strict=True))


@dataclass(frozen=True)
class Stratified(Clustered):
    """Values of a part, without NaN; ``sizes``, ``sums`` and ``residuals`` of clusters are weighted.

    strata   of each value
    weights  of each value; they sum to the number of values
    share    f: 1 where the strata are not used
    """

    strata: Ints
    weights: Floats
    share: float

    @classmethod
    def of_part(cls, values: ArrayLike, clusters: Sequence[Any] | NDArray[Any], part: Part) -> Stratified:
        x = np.asarray(values, dtype=np.float64)
        known = ~np.isnan(x)
        codes = _codes(np.asarray(clusters)[known])
        weights = part.weights[known]
        weights = weights * (len(weights) / weights.sum()) if len(weights) else weights
        strata, share = _codes(part.strata[known]), part.share
        if not (part.complete and bool(known.all()) and _spread(strata, codes)):
            strata, share = np.zeros_like(codes), 1.0
        sizes = np.bincount(codes, weights=weights).astype(np.float64)
        return cls(x[known], codes, sizes, strata, weights, share)

    @cached_property
    def mean(self) -> float:
        return float((self.weights * self.values).sum() / len(self.values))

    @cached_property
    def sums(self) -> Floats:
        return np.bincount(self.codes, weights=self.weights * self.values).astype(np.float64)

    @cached_property
    def by_stratum(self) -> Strata:
        return Strata.of(self)

    @property
    def linear(self) -> Floats:
        """Values whose weighted mean is this mean and varies as it does: that of the stratum counts by the
        root of f."""
        means = self.by_stratum.means[self.strata]
        return np.asarray(self.values - (1 - math.sqrt(self.share)) * (means - self.mean), dtype=np.float64)

    @cached_property
    def squares(self) -> float:
        total = _weighted(self)[0] if self.share > 0 else 0.0
        within = self.by_stratum.squares if self.share < 1 else 0.0
        return (1 - self.share) * within + self.share * total

    @property
    def plain(self) -> float:
        away = np.bincount(self.codes, weights=self.weights * (self.linear - self.mean))
        return float((away**2).sum())

    @property
    def within(self) -> float:
        return float((self.weights**2 * (self.linear - self.mean) ** 2).sum())

    @property
    def df(self) -> float:
        """Degrees of freedom of the variance."""
        return self.by_stratum.df if self.share < 1 else _weighted(self)[1]


def _spread(strata: Ints, clusters: Ints) -> bool:
    """Whether every stratum lies in two clusters at least."""
    pairs = np.unique(np.stack([strata, clusters], axis=1), axis=0)
    return bool(len(pairs)) and int(np.bincount(pairs[:, 0]).min()) > 1


def _weighted(data: Stratified) -> tuple[float, float]:
    """n^2 times the variance of a weighted mean, and its degrees of freedom.

    With W the weight of each cluster and S the sum of its squared weights (all sum to 1), independent
    values give residuals with the covariance C = diag(S) - W S' - S W' + T W W', T the sum of S. Residuals
    are scaled by (S / diag C)^.5, so that the variance is unbiased then.
    """
    n = len(data.values)
    share = data.weights / n
    w = np.bincount(data.codes, weights=share)
    s = np.bincount(data.codes, weights=share**2)
    total = float(s.sum())
    scale = np.sqrt(s / np.maximum(s - 2 * w * s + w**2 * total, 1e-300))
    squares = float(((scale * data.residuals) ** 2).sum())
    d, u, v = scale**2 * s, scale * w, scale * s
    inner = -2 * u * v + total * u**2
    uu, vv, uv = float(u @ u), float(v @ v), float(u @ v)
    low_rank = 2 * uu * vv + 2 * uv**2 + total**2 * uu**2 - 4 * total * uu * uv
    return squares, total**2 / float((d**2).sum() + 2 * (d * inner).sum() + low_rank)


@dataclass(frozen=True)
class Strata:
    """The strata of ``Stratified`` values, each by itself.

    shares, n, means, within, sizes  of each stratum: its share W_h, number of values, mean, sum of squared
                 distances from it, mean over values of the size of their cluster within it
    own          n_h^2 times the variance of each mean (CR2)
    squares, df  n^2 V_w and its degrees of freedom
    flat         strata whose values are all the same
    """

    shares: Floats
    n: Floats
    means: Floats
    within: Floats
    sizes: Floats
    own: Floats
    squares: float
    df: float
    flat: NDArray[np.bool_]

    @classmethod
    def of(cls, data: Stratified) -> Strata:
        h, x, count = data.strata, data.values, len(data.values)
        n = np.bincount(h).astype(np.float64)
        shares = np.bincount(h, weights=data.weights) / count
        means = np.bincount(h, weights=x) / n
        away = x - means[h]
        pairs, place = np.unique(data.codes * len(n) + h, return_inverse=True)
        cluster, stratum = np.divmod(pairs, len(n))
        m = np.bincount(place).astype(np.float64)
        r = np.bincount(place, weights=away) / np.sqrt(np.maximum(1 - m / n[stratum], 1e-12))
        factor = (shares / n)[stratum]
        own = np.bincount(stratum, weights=r**2).astype(np.float64)
        by_cluster = np.bincount(cluster, weights=factor * r)
        low, high = np.full(len(n), np.inf), np.full(len(n), -np.inf)
        np.minimum.at(low, h, x)
        np.maximum.at(high, h, x)
        return cls(
            shares,
            n,
            means,
            np.bincount(h, weights=away**2).astype(np.float64),
            np.bincount(stratum, weights=m**2) / n,
            own,
            float((by_cluster**2).sum()) * count**2,
            _df(cluster, stratum, m, n, shares),
            high - low <= 1e-12 * np.maximum(np.abs(high), np.abs(low)),
        )


def _df(cluster: Ints, stratum: Ints, m: Floats, n: Floats, shares: Floats) -> float:
    """Satterthwaite's degrees of freedom: tr(M)^2 / tr(M^2) of the clusters' terms, M = diag(D) - B B'."""
    from scipy.sparse import csr_array

    alpha = (shares / n)[stratum] / np.sqrt(np.maximum(1 - m / n[stratum], 1e-12))
    diagonal = np.bincount(cluster, weights=m * alpha**2)
    b = csr_array((m * alpha / np.sqrt(n)[stratum], (cluster, stratum)), shape=(len(diagonal), len(n)))
    own = np.bincount(cluster, weights=(m * alpha) ** 2 / n[stratum])
    trace = float((shares**2 / n).sum())
    gram = (b.T @ b).tocsr()
    squared = float((diagonal**2).sum() - 2 * (diagonal * own).sum() + (gram.data**2).sum())
    return trace**2 / squared
