"""The difference of the means of two kinds of samples, which may lie in the same clusters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemm.stats.clusters import codes_of
from hemm.stats.intervals import Estimate, t_quantile
from hemm.stats.paired import t_p


def difference_of_kinds(
    values: ArrayLike, first: ArrayLike, clusters: Sequence[Any] | NDArray[Any]
) -> tuple[Estimate, float | None]:
    """Mean of the ``first`` values less that of the others, with its interval and p.

    The variance is the sum of squares over clusters of what each adds to the difference (linearised, so that
    clusters with both kinds count once), times G / (G - 1); Student's t with G - 1 degrees of freedom.
    NaN are left out. No interval where a kind has fewer than two clusters.
    """
    x, marked = np.asarray(values, dtype=np.float64), np.asarray(first, dtype=bool)
    known = ~np.isnan(x)
    x, marked, codes = x[known], marked[known], codes_of(np.asarray(clusters)[known])
    counts = int(marked.sum()), int((~marked).sum())
    groups = len(np.unique(codes))
    if not min(counts):
        return Estimate(None, None, None, len(x), groups, "one kind alone"), None
    means = x[marked].mean(), x[~marked].mean()
    value = float(means[0] - means[1])
    if min(len(np.unique(codes[marked])), len(np.unique(codes[~marked]))) < 2:
        return Estimate(value, None, None, len(x), groups, "a kind has one cluster"), None
    added = np.where(marked, (x - means[0]) / counts[0], -(x - means[1]) / counts[1])
    squares = float((np.bincount(codes, weights=added) ** 2).sum()) * groups / (groups - 1)
    if squares <= 0:
        return Estimate(value, None, None, len(x), groups, "all answers of a kind score the same"), None
    error = math.sqrt(squares)
    half = t_quantile(groups - 1) * error
    return Estimate(value, value - half, value + half, len(x), groups), t_p(value, error, groups - 1)
