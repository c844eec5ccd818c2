"""What one way of asking is worth, from several answers to each sample, with a second factor held equal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.stats.cluster_robust import Leverage
from hemm.stats.intervals import Estimate, t_quantile
from hemm.stats.paired import t_p
from hemm.stats.regression import estimable

Floats = NDArray[np.float64]
LEAST_CLUSTERS = 10


def within_samples(
    y: Floats, one_way: NDArray[np.bool_], samples: NDArray[Any], factor: NDArray[Any], clusters: NDArray[Any]
) -> tuple[Estimate, float | None]:
    """The difference of y between answers asked one way and the others of the same sample, by least squares
    with an effect of each sample and of each level of ``factor``; errors robust to clusters (CR3).

    All arrays have an entry for each answer; all answers of a sample are of one cluster. The estimate has a
    note and no value where the two cannot be told apart or there are fewer than ``LEAST_CLUSTERS`` clusters,
    and its ``n`` counts samples.
    """
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    sample = np.unique(samples, return_inverse=True)[1].reshape(-1)
    counts = np.bincount(sample)
    groups = int(codes.max()) + 1 if len(codes) else 0
    if groups < LEAST_CLUSTERS:
        note = f"{groups} clusters: {LEAST_CLUSTERS} are needed"
        return Estimate(None, None, None, len(counts), groups, note=note), None

    def centred(column: Floats) -> Floats:
        return column - (np.bincount(sample, weights=column) / counts)[sample]

    levels = np.unique(factor)[1:]
    columns = [one_way.astype(np.float64), *((factor == level).astype(np.float64) for level in levels)]
    design = np.column_stack([centred(column) for column in columns])
    inverse: Floats = np.asarray(np.linalg.pinv(design.T @ design), dtype=np.float64)
    contrast = np.eye(design.shape[1])[0]
    if not estimable(design, inverse, contrast):
        note = "the order cannot be told from the place of the right option"
        return Estimate(None, None, None, len(counts), groups, note=note), None
    own = centred(y)
    beta = inverse @ (design.T @ own)
    variance, df = Leverage.of(design, codes, inverse).variance(own - design @ beta, contrast)
    value, error = float(beta[0]), math.sqrt(max(0.0, variance))
    reach = t_quantile(df) * error
    p = None if error < 1e-12 else t_p(value, error, df)
    return Estimate(value, value - reach, value + reach, len(counts), groups), p
