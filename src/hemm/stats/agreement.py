"""Agreement of annotators: the kappas of Fleiss and Cohen, and Krippendorff's alpha, for categories.

``counts`` is the number of annotators (items x categories). Items with one annotator are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _several(counts: Any) -> Floats:
    counts = np.asarray(counts, dtype=np.float64)
    return np.asarray(counts[counts.sum(axis=1) > 1], dtype=np.float64)


def fleiss_kappa(counts: Any) -> float | None:
    """Fleiss (1971): agreement of pairs of annotators above chance, which follows from the categories'
    shares.

    Items may have different numbers of annotators (each item's agreement counts once). None where no item has
    two, or all annotators chose one category.
    """
    counts = _several(counts)
    if not len(counts):
        return None
    n = counts.sum(axis=1)
    observed = float(np.mean(((counts**2).sum(axis=1) - n) / (n * (n - 1))))
    expected = float(((counts.sum(axis=0) / n.sum()) ** 2).sum())
    return None if expected >= 1 - 1e-12 else (observed - expected) / (1 - expected)


def krippendorff_alpha(counts: Any) -> float | None:
    """Krippendorff (2011) for nominal data: 1 - observed / expected disagreement, from coincidences. Items
    may have different numbers of annotators. None as for ``fleiss_kappa``."""
    counts = _several(counts)
    if not len(counts):
        return None
    n = counts.sum(axis=1)
    total = float(n.sum())
    same = float((((counts**2) - counts) / (n - 1)[:, None]).sum())
    shares = counts.sum(axis=0)
    expected = float((shares * (shares - 1)).sum()) / (total - 1)
    return None if total - expected < 1e-12 else 1 - (total - same) / (total - expected)


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Cohen (1960): how far two annotators agree above chance, which follows from the categories' shares of
    each. None for no items, or where both chose one category only.

    first, second  what each said of the same items, in the same order

    >>> round(cohen_kappa(["a", "a", "b", "b"], ["a", "a", "b", "a"]), 2)
    0.5
    """
    known = sorted({*first, *second})
    table = np.zeros((len(known), len(known)))
    for one, other in zip(first, second, strict=True):
        table[known.index(one), known.index(other)] += 1
    if not table.sum():
        return None
    table /= table.sum()
    expected = float(table.sum(axis=1) @ table.sum(axis=0))
    return None if expected >= 1 - 1e-12 else (float(np.trace(table)) - expected) / (1 - expected)
