"""Corrections of p values for multiple tests. None stays None and is not counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm (1979): controls the probability of any false finding."""
    values, at = _known(p)
    order = np.argsort(values, kind="stable")
    steps = np.arange(len(values), 0, -1)
    adjusted = np.minimum(1.0, np.maximum.accumulate(values[order] * steps))
    return _back(p, at, order, adjusted)


def benjamini_hochberg(p: Sequence[float | None]) -> list[float | None]:
    """Benjamini and Hochberg (1995): controls the expected share of false findings."""
    values, at = _known(p)
    order = np.argsort(values, kind="stable")
    n = len(values)
    raw = values[order] * n / np.arange(1, n + 1)
    adjusted = np.minimum(1.0, np.minimum.accumulate(raw[::-1])[::-1])
    return _back(p, at, order, adjusted)


def _known(p: Sequence[float | None]) -> tuple[NDArray[Any], list[int]]:
    at = [i for i, v in enumerate(p) if v is not None and v == v]
    return np.array([p[i] for i in at], dtype=np.float64), at


def _back(
    p: Sequence[float | None],
    at: list[int],
    order: NDArray[Any],
    adjusted: NDArray[Any],
) -> list[float | None]:
    out: list[float | None] = [None] * len(p)
    for place, value in zip(order, adjusted, strict=True):
        out[at[int(place)]] = float(value)
    return out
