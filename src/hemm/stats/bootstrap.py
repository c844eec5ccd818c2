"""The bootstrap over clusters, with calibrated intervals.

All G clusters are resampled with replacement. A resample is a row of weights (how often each cluster was
drawn), so the resampled means of any number of models are one matrix product with the clusters' sums. All
columns share the draws, so that differences between models stay paired.

Percentiles of such means are too narrow with few clusters (they lack G / (G-1) and Student's t), and of zero
width where all answers agree. So the intervals are those of ``stats.intervals``, with the variance of the
resampled means in place of the formula's. It grows by what ``stats.clusters.cr2`` has above the plain sum of
squares (G / (G-1) for equal sizes), for the same reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemm.stats.clusters import Clustered, codes_of
from hemm.stats.intervals import Estimate, mean_interval
from hemm.stats.strata import Part, Stratified, clustered

RESAMPLES = 10_000
_BLOCK = 1 << 15
"""Weights in memory at once, which fit into the processor's cache."""

Floats = NDArray[np.float64]


def cluster_sums(
    values: ArrayLike, clusters: Sequence[Any] | NDArray[Any], weights: Floats | None = None
) -> tuple[Floats, Floats]:
    """Sums and counts of the values of each cluster without NaN (both clusters x columns).

    values   (samples,) or (samples, columns)
    weights  of the samples; None: 1 each
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    codes = codes_of(np.asarray(clusters))
    if len(codes) != len(x):
        raise ValueError(f"{len(x)} values and {len(codes)} clusters")
    groups = int(codes.max()) + 1 if len(codes) else 0
    known = ~np.isnan(x)
    sums, counts = np.empty((groups, x.shape[1])), np.empty((groups, x.shape[1]))
    for column in range(x.shape[1]):
        mask = known[:, column]
        one = mask if weights is None else mask * weights
        sums[:, column] = np.bincount(
            codes, weights=np.where(mask, x[:, column], 0.0) * one, minlength=groups
        )
        counts[:, column] = np.bincount(codes, weights=one, minlength=groups)
    return sums, counts


def draws(groups: int, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each of ``groups`` clusters is drawn, in blocks of rows (resamples x groups in all)."""
    step = max(1, _BLOCK // max(1, groups))
    kind = np.uint16 if groups <= 1 << 16 else np.int64
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, groups, (rows, groups), dtype=kind)
        places = drawn + (np.arange(rows) * groups)[:, None]
        counts = np.bincount(places.ravel(), minlength=rows * groups)
        yield counts.reshape(rows, groups).astype(np.float64)


def bootstrap_means(
    values: ArrayLike,
    clusters: Sequence[Any] | NDArray[Any],
    resamples: int = RESAMPLES,
    seed: int = 0,
    weights: Floats | None = None,
) -> Floats:
    """Means of ``values`` in resamples of whole clusters.

    values    (samples,) or (samples, columns), one column for each model; NaN is left out of its column
    clusters  the cluster of each sample
    Returns (resamples,) or (resamples, columns); NaN where a resample has no value. Equal seeds give equal
    draws of clusters, whatever the columns.
    """
    sums, counts = cluster_sums(values, clusters, weights)
    groups, columns = sums.shape
    out = np.full((resamples, columns), np.nan)
    if groups:
        same = bool((counts == counts[:, :1]).all())
        shared = counts[:, :1] if same else counts
        at = 0
        for weights in draws(groups, resamples, np.random.default_rng([seed, 1979])):
            n = weights @ shared
            with np.errstate(invalid="ignore"):
                out[at : at + len(weights)] = (weights @ sums) / np.where(n > 0, n, np.nan)
            at += len(weights)
    return out[:, 0] if np.ndim(values) == 1 else out


def resampled_variance(data: Clustered, means: Floats) -> float:
    """Variance of the mean of ``data`` (two clusters at least) from its resampled ``means``."""
    plain, grown = data.plain, data.squares
    factor = grown / plain if plain > 0 else data.groups / (data.groups - 1)
    return float(np.nanvar(means, ddof=1)) * factor


def bootstrap_interval(
    values: ArrayLike,
    clusters: Sequence[Any] | NDArray[Any],
    bounds: tuple[float, float] = (-math.inf, math.inf),
    resamples: int = RESAMPLES,
    seed: int = 0,
    part: Part | None = None,
) -> Estimate:
    """``mean_interval`` with the variance of ``resamples`` resamples of clusters."""
    x, names = np.asarray(values, dtype=np.float64), np.asarray(clusters)
    if part is None:
        return resampled_interval(x, names, bounds, bootstrap_means(x, names, resamples, seed))
    data = clustered(x, names, part)
    variance = resampled_variance(data, linear_means(data, resamples, seed)) if data.groups > 1 else None
    return mean_interval(x, names, bounds, variance=variance, part=part)


def linear_means(data: Clustered, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """Resampled means of ``data``; of a part of a data set, they vary as its post-stratified mean does."""
    weights = data.weights if isinstance(data, Stratified) else None
    return bootstrap_means(data.linear, data.codes, resamples, seed, weights)


def resampled_interval(
    x: Floats, clusters: NDArray[Any], bounds: tuple[float, float], means: Floats
) -> Estimate:
    """The interval of the mean of ``x`` from its resampled ``means``."""
    data = Clustered.of(x, clusters)
    variance = resampled_variance(data, means) if data.groups > 1 else None
    return mean_interval(x, clusters, bounds, variance=variance)
