"""What a model's probabilities of the options tell about the right one, sample by sample (bits).

Scores of options are natural-log probabilities, samples x options, with -inf where a sample has fewer;
``right`` marks the options that are right, in the same form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemm.stats.clusters import codes_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FOLDS = 5
MOST = 20.0
"""The largest inverse temperature: probabilities are made no sharper than this."""


def right_bits(scores: ArrayLike, right: ArrayLike, inverse: ArrayLike = 1.0) -> Floats:
    """log2 of the probability that each sample's options give to the right one (several: to any of them).

    inverse  temperature: scores are multiplied by it before they become probabilities over the options

    >>> right_bits([[0.0, 0.0, 0.0, 0.0]], [[False, True, False, False]]).tolist()
    [-2.0]
    """
    x, marked = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=bool)
    beta = np.broadcast_to(np.asarray(inverse, dtype=np.float64), len(x))[:, None]
    there = np.isfinite(x)
    x = np.where(there, beta * np.where(there, x, 0.0), -np.inf)
    with np.errstate(divide="ignore"):
        whole, own = (
            np.logaddexp.reduce(np.where(mask, x, -np.inf), axis=1) for mask in (there, marked & there)
        )
    return np.asarray((own - whole) / np.log(2), dtype=np.float64)


def prior_bits(
    groups: Sequence[Any] | NDArray[Any],
    sizes: ArrayLike,
    right: ArrayLike,
    clusters: Sequence[Any] | NDArray[Any],
) -> Floats:
    """log2 of how often the right option of each sample is right in the other clusters.

    groups  what samples are counted together (their set of options); ``sizes``: how many options each has
    right   marks of the right options, in columns that mean the same within a group

    Each option counts as seen once more than it was, so that none has the probability 0.
    """
    marked = np.asarray(right, dtype=np.float64)
    group, cluster = codes_of(np.asarray(groups)), codes_of(np.asarray(clusters))
    share = marked / np.maximum(marked.sum(axis=1, keepdims=True), 1.0)
    both = codes_of(np.array([f"{g}.{c}" for g, c in zip(group.tolist(), cluster.tolist(), strict=True)]))
    seen, met = (np.zeros((codes.max() + 1, share.shape[1])) for codes in (group, both))
    np.add.at(seen, group, share)
    np.add.at(met, both, share)
    others = seen[group] - met[both] + 1.0
    total = seen[group].sum(axis=1) - met[both].sum(axis=1) + np.asarray(sizes, dtype=np.float64)
    return np.asarray(np.log2((others * marked).sum(axis=1) / total), dtype=np.float64)


def inverse_temperature(scores: ArrayLike, right: ArrayLike) -> float:
    """The inverse temperature, 0 to ``MOST``, with which the right options are likeliest (Guo et al. 2017).

    >>> sure = [[5.0, 0.0], [5.0, 0.0], [0.0, 5.0], [5.0, 0.0]]  # and right in three of four
    >>> round(inverse_temperature(sure, [[True, False]] * 4), 3)
    0.22
    """
    from scipy.optimize import minimize_scalar

    def loss(inverse: float) -> float:
        bits = right_bits(scores, right, inverse)
        return -float(bits[np.isfinite(bits)].mean())

    return float(minimize_scalar(loss, bounds=(0.0, MOST), method="bounded", options={"xatol": 1e-4}).x)


def cross_fitted(scores: ArrayLike, right: ArrayLike, clusters: Sequence[Any] | NDArray[Any]) -> Floats:
    """The inverse temperature of each sample, fitted to the clusters of the other folds.

    With fewer clusters than ``FOLDS`` each is a fold; with one, nothing is fitted and all are 1.
    """
    x, marked = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=bool)
    codes = codes_of(np.asarray(clusters))
    count = int(codes.max()) + 1 if len(codes) else 0
    out = np.ones(len(x))
    if count < 2:
        return out
    fold = np.random.default_rng([count, 1948]).permutation(count)[codes] % min(FOLDS, count)
    for number in range(min(FOLDS, count)):
        own = fold == number
        out[own] = inverse_temperature(x[~own], marked[~own])
    return out


@dataclass(frozen=True, slots=True)
class Pointwise:
    """The parts of each sample's information about its right answer, in bits.

    redundant  what text alone and picture alone both say; unique parts: what either says beyond that
    synergy    what both together say beyond the parts; below 0: together they say less (interference)
    """

    redundant: Floats
    text: Floats
    picture: Floats
    synergy: Floats


def parts(both: Floats, text: Floats, picture: Floats) -> Pointwise:
    """The parts from the information with both, with the text alone, and with the picture alone: their sum is
    ``both``. Redundant is the lesser of the single ones where both are above 0, else nothing.

    >>> found = parts(np.array([1.0]), np.array([0.0]), np.array([0.0]))
    >>> found.synergy.tolist(), found.redundant.tolist()
    ([1.0], [0.0])
    """
    redundant = np.where((text > 0) & (picture > 0), np.minimum(text, picture), 0.0)
    return Pointwise(redundant, text - redundant, picture - redundant, both + redundant - text - picture)
