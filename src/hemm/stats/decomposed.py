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
    the estimate and Student's t times their standard deviation, wider where the sources may be equally good
    (``_ends``). Permutations would correct too much: where the sources do tell the target, fewer cells are
    filled by chance.
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
    bias = found.mean(axis=0) - plain
    ends = _ends(plain - bias, found, t_quantile(groups - 1))
    return tuple(
        EstimatedPart(name, p, u, Estimate(p - b, low, high, len(codes), groups))
        for name, p, u, b, low, high in zip(
            PARTS, *(each.tolist() for each in (plain, unrelated, bias, *ends)), strict=True
        )
    )


def _ends(
    value: NDArray[np.float64], found: NDArray[np.float64], t: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper ends of the parts ``value``, from the resamples ``found``.

    A unique part is a minimum, with a kink where the sources are equally good: there resamples spread too
    little, and what chance makes unique is missing from redundancy and synergy. The difference of both unique
    parts is that of what the sources tell, which has no kink: where it may be 0, neither part is known better
    than it. Where a unique part may be 0, redundancy may be all that this source tells, and synergy all that
    both tell beyond the other one. Ends are widened alone.
    """
    half = t * found.std(axis=0, ddof=1)
    apart = t * float(np.std(found[:, 1] - found[:, 2], ddof=1))
    if abs(value[1] - value[2]) <= apart:
        half[1:3] = np.maximum(half[1:3], apart)
    low, high = value - half, value + half

    def most(*parts: int) -> float:
        return float(value[list(parts)].sum() + t * found[:, list(parts)].sum(axis=1).std(ddof=1))

    for unique in (1, 2):
        if low[unique] <= 0:
            high[0] = max(high[0], most(0, unique))  # what this source tells
            high[3] = max(high[3], most(3, unique))  # the total less what the other one tells
    return low, high


def _parts(tables: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    parts = decompose_all(tables, tolerance)[0]
    return np.concatenate([parts, parts.sum(axis=1, keepdims=True)], axis=1)
