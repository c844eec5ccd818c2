"""Prediction-powered means: few labels by people, and the predictions of a judge for all answers.

PPI++ (Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453): with labels y on n answers, and predictions f on
these and on N others,

    mean = mean of y + lam (mean of f over the others - mean of f over the labelled),

which is right on average whatever the judge does, if the labelled answers are a random part. ``lam`` is tuned
as there, cov(y, f) / ((1 + n/N) var f) between 0 and 1: 0 are the labels alone.

*Variance*: answers of one cluster depend on each other, labelled or not. With r_g the sum over the labelled
of a cluster of (y - lam f) less its mean over all n, and u_g the same of f over the others,

    V = sum over clusters of (r_g / (n sqrt(1 - w_g)) + lam u_g / (N sqrt(1 - v_g)))^2,

where w_g and v_g are the cluster's shares of the labelled and of the others: CR2 (``stats.clusters``) of the
two means together. Degrees of freedom are Satterthwaite's for independent answers. ``lam`` is estimated: one
of them is taken off, and V grows accordingly, and by the variance of ``lam`` (that of the covariance in it)
times that of the difference of the two means of f. Without this last part, differences of two models were
covered in 91 to 92 % with 15 labels.

*Interval*: as in ``stats.intervals`` for scores with a lowest and a highest value (Wilson's with the
effective number of answers) and for differences (t). Where judge and people seldom disagree, V is too small:
the part of an unseen cluster is added, as for differences of two scores, and 1 - lam of that of the labels.
If the interval would be wider than that of the labels alone, these are taken instead: it never is wider.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemm.stats.clusters import Clustered
from hemm.stats.intervals import (
    PSEUDO,
    Estimate,
    mean_difference,
    mean_interval,
    t_quantile,
    unseen_difference,
    wilson,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Powered:
    """A prediction-powered mean.

    estimate  the mean with its interval; n and clusters are those of the labelled answers
    labels    the labels alone
    judge     mean prediction over all answers
    answers   number of answers, labelled or not
    lam       weight of the predictions; 0: the labels alone
    error, df  standard error and degrees of freedom; None where the labels alone are taken
    p_drawn   p that the judge scores labelled and other answers alike, as it does if the labelled ones were
              drawn at random; None where it cannot be tested
    """

    estimate: Estimate
    labels: Estimate
    judge: float
    answers: int
    lam: float
    error: float | None
    df: float | None
    p_drawn: float | None


def powered_mean(
    labels: ArrayLike,
    predictions: ArrayLike,
    clusters: Sequence[Any] | NDArray[Any],
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Powered:
    """The mean of what people would say of all answers.

    labels       NaN for answers without one; at least one is labelled
    predictions  the judge's, of all answers, on any scale
    clusters     the cluster of each answer
    bounds       lowest and highest possible label

    >>> found = powered_mean([1, 0, 1, *[math.nan] * 3], [1, 0, 1, 0, 0, 0], range(6), (0, 1))
    >>> round(found.labels.value, 3), found.judge
    (0.667, 0.3333333333333333)
    """
    return _powered(_Data.of(labels, predictions, clusters), bounds, difference=False)


def powered_difference(
    labels: ArrayLike,
    predictions: ArrayLike,
    clusters: Sequence[Any] | NDArray[Any],
    reach: float = math.inf,
) -> Powered:
    """The same for paired differences of two models: ``labels`` and ``predictions`` are differences, of which
    ``reach`` is the largest possible."""
    return _powered(_Data.of(labels, predictions, clusters), (-reach, reach), difference=True)


@dataclass(frozen=True)
class _Data:
    """Labels and predictions, with the share of each cluster in the labelled answers and in the others."""

    y: Floats
    f: Floats
    codes: NDArray[np.int64]
    labelled: NDArray[np.bool_]

    @classmethod
    def of(cls, labels: ArrayLike, predictions: ArrayLike, clusters: Sequence[Any] | NDArray[Any]) -> _Data:
        y = np.asarray(labels, dtype=np.float64)
        codes = np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)
        return cls(y, np.asarray(predictions, dtype=np.float64), codes, ~np.isnan(y))

    def part(self, values: Floats, mask: NDArray[np.bool_]) -> Floats:
        """What each cluster adds to the error of the mean of ``values[mask]``, by CR2."""
        n, share = int(mask.sum()), self.shares(mask)
        centred = values[mask] - values[mask].mean()
        sums = np.bincount(self.codes[mask], weights=centred, minlength=len(share))
        return np.asarray(sums / (n * np.sqrt(1 - share)), dtype=np.float64)

    def shares(self, mask: NDArray[np.bool_]) -> Floats:
        counts = np.bincount(self.codes[mask], minlength=int(self.codes.max()) + 1)
        return np.asarray(counts / mask.sum(), dtype=np.float64)

    def testable(self) -> bool:
        """Whether labelled and other answers can be compared: both have several clusters, and predictions
        vary."""
        sides = (self.labelled, ~self.labelled)
        several = all(len(set(self.codes[side].tolist())) > 1 for side in sides)
        return several and float(np.ptp(self.f)) > 0


def tuned(y: Floats, f: Floats, others: Floats) -> float:
    """PPI++'s weight of the predictions ``f`` (of the labelled) and ``others``, between 0 and 1."""
    variance = float(np.var(np.concatenate([f, others]), ddof=1))
    covariance = float(np.mean((y - y.mean()) * (f - f.mean())))
    return min(1.0, max(0.0, covariance / ((1 + len(y) / len(others)) * variance)))


def _powered(data: _Data, bounds: tuple[float, float], difference: bool) -> Powered:
    y, f, labelled = data.y, data.f, data.labelled
    names = data.codes[labelled]
    labels = (
        mean_difference(y[labelled], names, bounds[1]).estimate
        if difference
        else mean_interval(y[labelled], names, bounds)
    )
    if not data.testable():
        return Powered(labels, labels, float(f.mean()), len(f), 0.0, None, None, None)
    mine, others = f[labelled], f[~labelled]
    gap = float(others.mean() - mine.mean())
    p_drawn = _p_drawn(data, gap)
    alone = Powered(labels, labels, float(f.mean()), len(f), 0.0, None, None, p_drawn)
    lam = tuned(y[labelled], mine, others)
    if lam == 0:
        return alone
    value = float(y[labelled].mean()) + lam * gap
    each = data.part(y - lam * f, labelled) + lam * data.part(f, ~labelled)
    df = _df(data, float(np.var((y - lam * f)[labelled], ddof=1)), lam**2 * float(np.var(others, ddof=1))) - 1
    if df < 1:
        return alone
    variance = float((each**2).sum()) * (df + 1) / df + _of_weight(data)
    variance += _unseen(data, lam, bounds, difference)
    if variance == 0:
        return alone
    value = min(max(value, bounds[0]), bounds[1])
    low, high = _ends(value, variance, t_quantile(df), bounds, len(mine))
    if labels.low is not None and labels.high is not None and high - low > labels.high - labels.low:
        return alone
    estimate = Estimate(value, low, high, labels.n, labels.clusters)
    return Powered(estimate, labels, float(f.mean()), len(f), lam, math.sqrt(variance), df, p_drawn)


def _p_drawn(data: _Data, gap: float) -> float | None:
    from hemm.stats.paired import t_p

    error = math.sqrt(_of_gap(data))
    variances = [float(np.var(data.f[side], ddof=1)) for side in (data.labelled, ~data.labelled)]
    return t_p(gap, error, _df(data, *variances)) if error > 0 else None


def _df(data: _Data, of_labelled: float, of_others: float) -> float:
    """Satterthwaite's degrees of freedom of the variance, for independent answers with these variances."""
    diagonal = np.zeros(int(data.codes.max()) + 1)
    terms = []
    for mask, variance in ((data.labelled, of_labelled), (~data.labelled, of_others)):
        n, share = int(mask.sum()), data.shares(mask)
        diagonal += variance / n * share / (1 - share)
        terms.append(math.sqrt(variance / n) * share / np.sqrt(1 - share))
    a, b = terms  # the covariances of the clusters' terms are the diagonal less a a' and b b'
    trace = float((diagonal - a**2 - b**2).sum())
    crossed = float(a @ a) ** 2 + float(b @ b) ** 2 + 2 * float(a @ b) ** 2
    squares = float((diagonal**2).sum()) - 2 * float((diagonal * (a**2 + b**2)).sum()) + crossed
    return trace**2 / squares if squares > 0 else 1.0


def _of_gap(data: _Data) -> float:
    """The variance of the difference of the mean predictions of labelled and other answers."""
    each = data.part(data.f, data.labelled) - data.part(data.f, ~data.labelled)
    return float((each**2).sum())


def _of_weight(data: _Data) -> float:
    """What the error of the weight adds to the variance of the mean."""
    side = data.labelled
    n, others = int(side.sum()), int((~side).sum())
    products = (data.y - data.y[side].mean()) * (data.f - data.f[side].mean())
    scale = (1 + n / others) * float(np.var(data.f, ddof=1))
    return float((data.part(products, side) ** 2).sum()) / scale**2 * _of_gap(data)


def _unseen(data: _Data, lam: float, bounds: tuple[float, float], difference: bool) -> float:
    """The part of an unseen cluster in the variance: lam of the disagreement of judge and people, and the
    rest of that of the labels."""
    y, f = data.y[data.labelled], data.f[data.labelled]
    n, size = float(len(y)), Clustered.of(y, data.codes[data.labelled]).size
    reach = bounds[1] if difference else bounds[1] - bounds[0]

    def of(values: Floats) -> float:
        return float(unseen_difference(np.abs(values).sum(), (values**2).sum(), n, size, reach))

    if difference or not math.isfinite(reach):
        own = of(y) if difference else 0.0
    else:
        own = PSEUDO * (1 - 2 * (float(y.mean()) - bounds[0]) / reach) ** 2 * reach**2 * size**2
    return (lam**2 * of(y - f) + (1 - lam) ** 2 * own) / n**2


def _ends(
    value: float, variance: float, quantile: float, bounds: tuple[float, float], labelled: int
) -> tuple[float, float]:
    low, high = bounds
    width = high - low
    if low == -high or not math.isfinite(width):  # a difference, or no scale
        half = quantile * math.sqrt(variance)
        return max(low, value - half), min(high, value + half)
    least = 0.5 / labelled  # at an end the variance of a share would be 0
    share = min(1 - least, max(least, (value - low) / width))
    first, last = wilson(share, share * (1 - share) / (variance / width**2), quantile)
    return min(value, low + float(first) * width), max(value, low + float(last) * width)
