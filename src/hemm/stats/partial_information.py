"""What two sources say of a target: redundantly, each alone, and only together (bits).

The decomposition of Bertschinger, Rauh, Olbrich, Jost and Ay (2014, BROJA; also Griffith and Koch 2014). Of
all joint distributions Q that agree with P on (first, target) and on (second, target), the one with the least
mutual information I_Q(first, second; target) has no synergy. With that least value M

    redundancy  I(first; target) + I(second; target) - M        unique to the first   M - I(second; target)
    synergy     I(first, second; target) - M                    unique to the second  M - I(first; target)

M is found by alternating minimisation (Csiszar and Tusnady 1984; Banerjee, Rauh and Montufar 2018):
M = min over Q and r of sum over y of P(y) D(Q(., . | y) || r), in turn over r, which is the mixture of the
Q(., . | y), and over each Q(., . | y), which is the I-projection of r onto the couplings of P(first | y) and
P(second | y) (iterative proportional fitting). The problem is convex, and each step gives a bound from below
too: log max(r'/r) - D(r' || r), with r' the next mixture, is at least what the value is above the minimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

TOLERANCE = 1e-5
"""Bits that M may be above the minimum, by the bound; most are a thousandth of that away."""
_MOST = 20_000
_SWEEPS = 8
_RELAXED = 1.9
"""Exponent of the step of r: below 2 it arrives at the same minimum, and earlier than with 1."""
_TINY = 1e-250


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Parts of the information of two sources about a target, in bits; ``total`` is their sum.

    gap  what the parts may be off by, at most
    """

    redundancy: float
    first: float
    second: float
    synergy: float
    total: float
    gap: float


def decompose(table: ArrayLike, tolerance: float = TOLERANCE) -> Decomposition:
    """The parts for one joint distribution, or counts: first source x second source x target.

    Raises ValueError for a table of another form, with values below 0, or without any above.

    >>> table = np.zeros((2, 2, 2))
    >>> for a in (0, 1):
    ...     for b in (0, 1):
    ...         table[a, b, a ^ b] = 1  # exclusive or
    >>> found = decompose(table)
    >>> round(found.redundancy, 3), round(found.synergy, 3)
    (0.0, 1.0)
    """
    parts, gaps = decompose_all(np.asarray(table, dtype=np.float64)[None], tolerance)
    redundancy, first, second, synergy = map(float, parts[0])
    return Decomposition(redundancy, first, second, synergy, float(parts[0].sum()), float(gaps[0]))


def decompose_all(tables: ArrayLike, tolerance: float = TOLERANCE) -> tuple[Floats, Floats]:
    """The same for many tables of one form (tables x first x second x target) at once.

    Returns (tables x 4: redundancy, unique to the first, unique to the second, synergy) and the gaps.
    """
    p = np.asarray(tables, dtype=np.float64)
    if p.ndim != 4 or (p < 0).any() or not np.isfinite(p).all():
        raise ValueError("give tables x first x second x target, with no value below 0")
    sums = p.sum(axis=(1, 2, 3))
    if (sums <= 0).any():
        raise ValueError("a table has no counts")
    p = p / sums[:, None, None, None]
    least, gaps = _least_information(p, tolerance * np.log(2))
    least, gaps = least / np.log(2), gaps / np.log(2)
    first, second = mutual_information(p.sum(axis=2)), mutual_information(p.sum(axis=1))
    both = mutual_information(p.reshape(len(p), -1, p.shape[3]))
    parts = np.stack([first + second - least, least - second, least - first, both - least], axis=1)
    # no part is below 0: what is there by rounding, or by what the minimum is missed by, is none
    return np.where((parts < 0) & (parts >= -gaps[:, None] - 1e-9), 0.0, parts), gaps


def mutual_information(tables: Floats) -> Floats:
    """Of joint distributions (tables x rows x columns), in bits.

    >>> mutual_information(np.array([[[0.5, 0.0], [0.0, 0.5]]])).tolist()
    [1.0]
    """
    independent = tables.sum(axis=2, keepdims=True) * tables.sum(axis=1, keepdims=True)
    return np.asarray((tables * _log_ratio(tables, independent)).sum(axis=(1, 2)) / np.log(2))


def _log_ratio(a: Floats, b: Floats) -> Floats:
    """log(a / b), 0 where either is (next to) nothing."""
    there = (a > _TINY) & (b > _TINY)
    return np.log(np.where(there, a, 1.0)) - np.log(np.where(there, b, 1.0))


def _over(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.zeros_like(a), where=b > _TINY)


def _least_information(p: Floats, tolerance: float) -> tuple[Floats, Floats]:
    """M of each table in nats, and the bounds of what it is too large by."""
    value, gap = np.zeros(len(p)), np.full(len(p), np.inf)
    target = p.sum(axis=(1, 2))
    given_first, given_second = (
        _over(p.sum(axis=a), np.repeat(target[:, None], p.shape[3 - a], 1)) for a in (2, 1)
    )
    state: list[Any] = [
        np.arange(len(p)), target, given_first, given_second,
        p.sum(axis=(2, 3))[:, :, None] * p.sum(axis=(1, 3))[:, None, :], np.ones_like(given_second),
    ]  # fmt: skip
    for _ in range(_MOST):
        rows, weights, first, second, r, b = state
        for _ in range(_SWEEPS):
            a = _over(first, r @ b)
            b = _over(second, r.transpose(0, 2, 1) @ a)
        q = r[..., None] * a[:, :, None, :] * b[:, None, :, :]
        mixed = (q @ weights[:, None, :, None])[..., 0]
        value[rows] = (weights * (q * _log_ratio(q, mixed[..., None])).sum(axis=(1, 2))).sum(axis=1)
        grown = _over(mixed, r)
        gap[rows] = np.log(grown.max(axis=(1, 2))) - (mixed * _log_ratio(mixed, r)).sum(axis=(1, 2))
        open_ = gap[rows] > tolerance
        if not open_.any():
            break
        r = r * grown**_RELAXED
        r /= r.sum(axis=(1, 2), keepdims=True)
        state = [each[open_] for each in (rows, weights, first, second, r, b)]
    return value, np.maximum(gap, 0.0)
