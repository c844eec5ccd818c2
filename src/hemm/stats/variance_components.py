"""Variance components of answers that were asked in several ways, in designs of any balance.

The value of an answer is a mean plus one random effect for its level of each factor (cluster, sample, prompt,
...) plus a rest. The variances of these effects are found by Henderson's Method I, the analysis-of-variance
method for unequal numbers (Henderson 1953; Searle, Casella and McCulloch 1992, section 5.3). For each factor
k with n_g values in its level g,

    T_k = sum over levels of (sum of the values of g)^2 / n_g

has the expectation n mean^2 + sum over factors l of var_l times the sum over g of k and h of l of n_gh^2 /
n_g, where n_gh values are in both. With as many sums as variances this is a linear equation for them. Its
solution is unbiased whatever the numbers and the distributions; for equal numbers it is that of the usual
tables of mean squares. It may be negative.

The variance of a weighted mean of these values is the sum over factors of var_k times the sum over levels of
the squared weight of g (``Component.concentration``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Component:
    """The variance of one factor's effects, or of several that the design cannot tell apart.

    names          factors with the same levels in these values
    variance       the unbiased estimate, which may be negative
    levels         number of levels
    concentration  sum over levels of the squared share of the weights: 1 / levels where all are equal
    """

    names: tuple[str, ...]
    variance: float
    levels: int
    concentration: float

    @property
    def error(self) -> float:
        """What the component adds to the variance of the weighted mean; a negative estimate adds nothing."""
        return max(0.0, self.variance) * self.concentration


def components(
    values: ArrayLike,
    factors: Mapping[str, Sequence[object] | NDArray[Any]],
    rest: str = "rest",
    weights: ArrayLike | None = None,
) -> tuple[Component, ...]:
    """The variance of each factor's effects, and of the rest.

    values   without NaN
    factors  name -> level of each value; the coarser ones first. A factor with one level is left out; one
             with the levels of another is joined to it; one that the other factors determine (the equation
             would have no single solution) is left out, from the end
    rest     name of the part of single values
    weights  of each value in the mean whose variance is asked (equal by default)

    Two judges (levels a and b) of three pictures, in a table without repeats:

    >>> found = components([1, 2, 2, 3, 3, 7], {"picture": [1, 1, 2, 2, 3, 3], "judge": [*"ababab"]})
    >>> [(part.names, round(part.variance, 6)) for part in found]
    [(('picture',), 2.5), (('judge',), 1.5), (('rest',), 1.5)]
    """
    x = np.asarray(values, dtype=np.float64)
    n = len(x)
    if n < 2:
        return ()
    x = x - x.mean()
    codes = _distinct({**{name: _codes(levels) for name, levels in factors.items()}, rest: np.arange(n)})
    table = _expectations(codes, n)
    while len(codes) > 1 and np.linalg.matrix_rank(table / n, tol=1e-9) < len(codes):
        codes.pop(len(codes) - 2)  # the last factor before the rest
        table = _expectations(codes, n)
    sums = np.array([_square_sum(x, own) for _, own in codes])  # less that of the mean, which is 0
    variances = np.linalg.solve(table, sums)
    share = np.full(n, 1 / n) if weights is None else np.asarray(weights, dtype=np.float64) / np.sum(weights)
    return tuple(
        Component(names, float(v), int(own.max()) + 1, float((np.bincount(own, weights=share) ** 2).sum()))
        for (names, own), v in zip(codes, variances, strict=True)
    )


def _codes(levels: Sequence[object] | NDArray[Any]) -> Ints:
    number: dict[object, int] = {}
    return np.array([number.setdefault(level, len(number)) for level in levels], dtype=np.int64)


def _distinct(codes: Mapping[str, Ints]) -> list[tuple[tuple[str, ...], Ints]]:
    """The factors with more than one level; those of the same levels are joined."""
    found: list[tuple[tuple[str, ...], Ints]] = []
    for name, own in codes.items():
        if own.max() == 0:
            continue
        same = next((i for i, (_, other) in enumerate(found) if np.array_equal(own, other)), None)
        if same is None:
            found.append(((name,), own))
        else:
            found[same] = ((*found[same][0], name), own)
    # the rest, with whatever is joined to it, comes last
    return sorted(found, key=lambda part: len(np.unique(part[1])) == len(part[1]))


def _square_sum(x: Floats, own: Ints) -> float:
    return float((np.bincount(own, weights=x) ** 2 / np.bincount(own)).sum())


def _expectations(codes: Sequence[tuple[tuple[str, ...], Ints]], n: int) -> Floats:
    """The share of each variance (columns) in the expectation of T_k - T_mean (rows)."""
    sizes = [np.bincount(own).astype(np.float64) for _, own in codes]
    of_mean = np.array([(size**2).sum() / n for size in sizes])
    table = np.empty((len(codes), len(codes)))
    for k, (_, own) in enumerate(codes):
        for m, (_, other) in enumerate(codes):
            pairs, counts = np.unique(own * (int(other.max()) + 1) + other, return_counts=True)
            groups = pairs // (int(other.max()) + 1)
            table[k, m] = (counts.astype(np.float64) ** 2 / sizes[k][groups]).sum()
    return np.asarray(table - of_mean, dtype=np.float64)


def variance_of_means(means: ArrayLike, errors: ArrayLike, covariance: float = 0.0) -> float:
    """The variance between the true values of groups, from their means; it may be negative.

    means       of at least two groups
    errors      the squared standard error of each mean
    covariance  between the errors of two groups, on average

    The variance of the means less what their errors make of it (Hedges 1983): unbiased, each group with the
    same weight.

    >>> variance_of_means([1.0, 3.0], [0.5, 0.5])
    1.5
    """
    return float(
        np.var(np.asarray(means, dtype=np.float64), ddof=1)
        - np.mean(np.asarray(errors, dtype=np.float64))
        + covariance
    )


def common_variance(tables: Sequence[Mapping[Any, float]]) -> float:
    """The variance of what a level (a prompt) adds to all groups (tasks) alike; 0 where no two groups share
    two levels.

    tables  of each group: level -> mean value

    The mean over pairs of groups of the covariance over the levels that both have: unbiased where the errors
    of groups are independent. It may be negative.

    >>> common_variance([{"a": 1.0, "b": 2.0}, {"a": 5.0, "b": 7.0}])
    1.0
    """
    found = []
    for i, one in enumerate(tables):
        for other in tables[:i]:
            shared = [level for level in one if level in other]
            if len(shared) > 1:
                pair = np.array([[table[level] for level in shared] for table in (one, other)])
                found.append(float(np.cov(pair)[0, 1]))
    return float(np.mean(found)) if found else 0.0
