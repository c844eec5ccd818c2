"""The ratio of two means over the same clustered values, with Fieller's interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemm.stats.intervals import Estimate, t_quantile
from hemm.stats.paired import welch_df
from hemm.stats.strata import Part, clustered


@dataclass(frozen=True, slots=True)
class PairOfMeans:
    """Two means over the same values with their variances and covariance, of one task."""

    above: float
    below: float
    variances: tuple[float, float, float]
    df: float
    n: int
    clusters: int

    @classmethod
    def of(
        cls,
        above: ArrayLike,
        below: ArrayLike,
        clusters: Sequence[Any] | NDArray[Any],
        part: Part | None = None,
    ) -> PairOfMeans | None:
        """Values where either is NaN are left out; None where nothing is left.

        part  where these are a part of a data set: both means are post-stratified
        """
        a, b = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
        gone = np.isnan(a) | np.isnan(b)
        if gone.all():
            return None
        data = [clustered(np.where(gone, np.nan, x), clusters, part) for x in (a, b, a + b)]
        n, groups = len(data[0].values), data[0].groups
        first, second, both = (d.squares / n**2 if groups > 1 else math.inf for d in data)
        covariance = (both - first - second) / 2 if groups > 1 else math.inf
        return cls(
            data[0].mean,
            data[1].mean,
            (first, second, covariance),
            data[0].df if groups > 1 else 1.0,
            n,
            groups,
        )


def ratio(parts: Sequence[PairOfMeans]) -> Estimate:
    """Sum of the means above over the sum of those below (several tasks are taken as independent).

    The interval is Fieller's (1954): all ratios r at which the sum above less r times that below may be 0 by
    Student's t. There is none where the sum below may be 0 itself.

    >>> pair = PairOfMeans.of([1.0, 0, 1, 0], [1.0, 1, 1, 1], range(4))
    >>> ratio([pair]).value
    0.5
    """
    n, clusters = sum(p.n for p in parts), sum(p.clusters for p in parts)
    above, below = math.fsum(p.above for p in parts), math.fsum(p.below for p in parts)
    if not parts or below == 0:
        return Estimate(None, None, None, n, clusters, "the score is 0" if parts else "no answers")
    value = above / below
    first, second, covariance = (math.fsum(p.variances[i] for p in parts) for i in range(3))
    if not math.isfinite(first + second):
        return Estimate(value, None, None, n, clusters, "one cluster")
    if first <= 0:  # a width of 0 would claim to know that no other sample changes
        return Estimate(value, None, None, n, clusters, "all differences are equal: no interval")
    dfs = [p.df for p in parts]
    df = dfs[0] if len(parts) == 1 else welch_df([math.sqrt(p.variances[0]) for p in parts], dfs)
    square = t_quantile(df) ** 2
    lead = below**2 - square * second
    if lead <= 0:
        return Estimate(value, None, None, n, clusters, "the score may be 0: no interval")
    middle = above * below - square * covariance
    root = math.sqrt(max(0.0, middle**2 - lead * (above**2 - square * first)))
    ends = (middle - root) / lead, (middle + root) / lead
    return Estimate(value, min(value, ends[0]), max(value, ends[1]), n, clusters)
