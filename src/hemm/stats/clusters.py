"""The variance of a mean over clusters of unequal sizes.

n values lie in G clusters of sizes m_g, with the shares w_g = m_g / n. Let r_g be the sum of the values of a
cluster less m_g times the mean of all.

*Variance*: CR2 (Bell and McCaffrey 2002), which for a mean has the closed form

    n^2 V = sum of r_g^2 / (1 - w_g).

A large cluster pulls the mean towards itself, so that its r_g comes out too small; dividing by 1 - w_g puts
that right. With equal sizes it is the usual G / (G - 1) times the sum of r_g^2.

*Degrees of freedom* (Satterthwaite): V is a sum of squares of correlated terms, of which few count where few
clusters are large. With independent values of equal variance it varies as a chi-square with

    1 / (sum of w_g^2 + sum over pairs g != h of w_g^2 w_h^2 / ((1 - w_g) (1 - w_h)))

degrees of freedom. This is G - 1 for equal sizes, and 5.2 for 3 clusters of 20 values and 27 of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def codes_of(names: NDArray[Any]) -> NDArray[np.int64]:
    """The number of each name among the sorted distinct ones. Of Python's objects only the distinct ones are
    sorted: ``np.unique`` takes ten times longer for them.

    >>> codes_of(np.array(["owl", "gull", "owl"], dtype=object)).tolist()
    [1, 0, 1]
    """
    if names.dtype != object:
        return np.unique(names, return_inverse=True)[1].reshape(-1)
    if names.flags.writeable:
        return _codes(names)
    known = _KNOWN.get(id(names))
    if known is None or known[0] is not names:
        while len(_KNOWN) >= _KEPT:
            _KNOWN.pop(next(iter(_KNOWN)), None)
        known = _KNOWN[id(names)] = names, _codes(names)
    return known[1]


_KEPT = 64
_KNOWN: dict[int, tuple[NDArray[Any], NDArray[np.int64]]] = {}
"""The last arrays of names that nobody can write to, by identity, with their codes: one cell's clusters are
asked for again and again."""


def _codes(names: NDArray[Any]) -> NDArray[np.int64]:
    each = names.tolist()
    number = {name: n for n, name in enumerate(sorted(set(each)))}
    return np.fromiter(map(number.__getitem__, each), np.int64, len(each))


@dataclass(frozen=True)
class Clustered:
    """Values without NaN, with the number and the size of their clusters."""

    values: Floats
    codes: NDArray[np.int64]
    sizes: Floats

    @classmethod
    def of(cls, values: ArrayLike, clusters: Sequence[Any] | NDArray[Any]) -> Clustered:
        """``values`` that are no NaN; ``clusters`` names the cluster of each value."""
        x = np.asarray(values, dtype=np.float64)
        known = ~np.isnan(x)
        names = np.asarray(clusters)
        codes = codes_of(names if known.all() else names[known])
        return cls(x[known], codes, np.bincount(codes).astype(np.float64))

    @property
    def groups(self) -> int:
        return len(self.sizes)

    @cached_property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @cached_property
    def sums(self) -> Floats:
        return np.bincount(self.codes, weights=self.values, minlength=self.groups).astype(np.float64)

    @cached_property
    def residuals(self) -> Floats:
        return np.asarray(self.sums - self.sizes * self.mean, dtype=np.float64)

    @cached_property
    def squares(self) -> float:
        """n^2 times the variance of the mean."""
        return float(cr2(self.residuals, self.sizes))

    @property
    def linear(self) -> Floats:
        """Values that vary as the mean does."""
        return self.values

    @property
    def plain(self) -> float:
        """``squares`` without what CR2 adds: the sum of the clusters' squared residuals."""
        return float((self.residuals**2).sum())

    @property
    def within(self) -> float:
        """The same for independent values, but for n / (n - 1): the sum of their squared distances."""
        return float(((self.values - self.mean) ** 2).sum())

    @property
    def size(self) -> float:
        """The mean cluster size as a value sees it, sum of m^2 / n."""
        return mean_size(self.sizes)

    @property
    def df(self) -> float:
        return satterthwaite_df(self.sizes)


def mean_size(sizes: ArrayLike) -> float:
    """The mean over values of the size of their cluster.

    >>> mean_size([1, 3])
    2.5
    """
    m = np.asarray(sizes, dtype=np.float64)
    return float((m**2).sum() / m.sum())


def cr2(residuals: ArrayLike, sizes: ArrayLike) -> Any:
    """n^2 times the variance of a mean.

    residuals  of each cluster (last axis): the sum of its values less its size times the mean of all
    sizes      number of values of each cluster, at least two clusters

    >>> float(cr2([1.0, -1.0], [3, 3]))
    4.0
    """
    m = np.asarray(sizes, dtype=np.float64)
    return (np.asarray(residuals, dtype=np.float64) ** 2 / (1 - m / m.sum())).sum(axis=-1)


def satterthwaite_df(sizes: ArrayLike) -> float:
    """Degrees of freedom of ``cr2`` for clusters of these sizes (at least two).

    >>> round(satterthwaite_df([4] * 10), 6), round(satterthwaite_df([20] * 3 + [1] * 27), 2)
    (9.0, 5.21)
    """
    w = np.asarray(sizes, dtype=np.float64) / np.sum(sizes)
    part = w**2 / (1 - w)
    return float(1 / ((w**2).sum() + part.sum() ** 2 - (part**2).sum()))
