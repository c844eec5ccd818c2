"""How far annotators agree: Fleiss' kappa and Krippendorff's alpha for categories.

``counts`` is items x categories: how many annotators put the item there. Items with one annotator say
nothing of agreement and are left out.
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
    """Fleiss (1971): observed agreement of pairs above what the categories' shares give by chance.

    Items may have different numbers of annotators (each item's agreement counts once). None where no item has
    two, or all is one category.
    """
    counts = _several(counts)
    if not len(counts):
        return None
    n = counts.sum(axis=1)
    observed = float(np.mean(((counts**2).sum(axis=1) - n) / (n * (n - 1))))
    expected = float(((counts.sum(axis=0) / n.sum()) ** 2).sum())
    return None if expected >= 1 - 1e-12 else (observed - expected) / (1 - expected)


def krippendorff_alpha(counts: Any) -> float | None:
    """Krippendorff (2011) for nominal data: 1 - observed / expected disagreement, from coincidences; items
    with missing annotators are allowed. None where no item has two, or all is one category."""
    counts = _several(counts)
    if not len(counts):
        return None
    n = counts.sum(axis=1)
    total = float(n.sum())
    same = float((((counts**2) - counts) / (n - 1)[:, None]).sum())
    shares = counts.sum(axis=0)
    expected = float((shares * (shares - 1)).sum()) / (total - 1)
    return None if total - expected < 1e-12 else 1 - (total - same) / (total - expected)
