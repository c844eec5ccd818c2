"""The decomposition of ``stats.partial_information`` from samples in clusters: bias and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemm.stats.bootstrap import draws
from hemm.stats.clusters import codes_of
from hemm.stats.intervals import Estimate, t_quantile
from hemm.stats.partial_information import decompose_all

RESAMPLES = 200
PERMUTATIONS = 40
_ROUGH = 2e-3
"""Bits that parts of resamples may be off by, at most: small beside their spread."""

PARTS = ("redundancy", "first", "second", "synergy", "total")


@dataclass(frozen=True, slots=True)
class EstimatedPart:
    """One part in bits.

    plain      of the counted table, which finite data make too large
    unrelated  the mean of the same over tables whose target is permuted: what shows where every part is 0
    estimate   plain less what resamples are larger by, with the interval from them; it may be below 0
    """

    name: str
    plain: float
    unrelated: float
    estimate: Estimate


def decomposed(
    decisions: ArrayLike, size: int, clusters: Sequence[Any] | NDArray[Any], seed: int = 0
) -> tuple[EstimatedPart, ...]:
    """The parts, in the order of ``PARTS``.

    decisions  samples x 3: first source, second source, target, each 0 to ``size`` - 1
    clusters   the cluster of each sample; whole clusters are resampled

    The bias is that of ``RESAMPLES`` resamples against the table that they are drawn from; the interval is
    the estimate and Student's t times their standard deviation. Permutations would correct too much: where
    the sources do tell the target, fewer cells are filled by chance.
    """
    codes, cluster = np.asarray(decisions, dtype=np.int64), codes_of(np.asarray(clusters))
    groups, rng = int(cluster.max()) + 1, np.random.default_rng([seed, 2014])
    place = (codes[:, 0] * size + codes[:, 1]) * size

    def counted(target: NDArray[np.int64], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        counts = np.bincount(place + target, weights=weights, minlength=size**3)
        return np.asarray(counts, dtype=np.float64).reshape(size, size, size)

    target = codes[:, 2]
    plain = _parts(np.array([counted(target)]), 1e-5)[0]
    permuted = np.array([counted(rng.permutation(target)) for _ in range(PERMUTATIONS)])
    unrelated = _parts(permuted, _ROUGH).mean(axis=0)
    resampled = np.array(
        [counted(target, weights[cluster]) for block in draws(groups, RESAMPLES, rng) for weights in block]
    )
    found = _parts(resampled, _ROUGH)
    bias, spread = found.mean(axis=0) - plain, found.std(axis=0, ddof=1)
    half = t_quantile(groups - 1) * spread
    return tuple(
        EstimatedPart(name, p, u, Estimate(p - b, p - b - h, p - b + h, len(codes), groups))
        for name, p, u, b, h in zip(
            PARTS, *(each.tolist() for each in (plain, unrelated, bias, half)), strict=True
        )
    )


def _parts(tables: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    parts = decompose_all(tables, tolerance)[0]
    return np.concatenate([parts, parts.sum(axis=1, keepdims=True)], axis=1)
