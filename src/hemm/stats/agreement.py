"""Agreement of annotators: Fleiss' kappa and Krippendorff's alpha for categories.

``counts`` is the number of annotators (items x categories). Items with one annotator are left out.
"""

from __future__ import annotations

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
