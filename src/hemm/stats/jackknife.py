"""Intervals for values that are no means (macro F1, CIDEr-D, BLEU, AUROC): the cluster jackknife.

The clusters, in a fixed shuffled order, are cut into G blocks (at most ``BLOCKS``), and the value is computed
again without each. With v the value of all and v_g the value without block g, the variance V is (G-1)/G times
the sum of (v_g - their mean)^2 (delete-a-group jackknife; Kott 2001). The interval is v -+ t(G-1) sqrt(V).

Such values are biased where few answers tell much of them: a macro-F1 is too small on few answers a class.
The jackknife estimates the bias as G - 1 times (mean of v_g - v). So the interval lies around v less its
bias, within the range, and is widened to v where that lies outside; a note gives a bias that is large for the
interval. For a mean over classes with fewer than ``LEAST_A_CLASS`` answers for each, the bias is not known
either (the classes that never occurred make up most of it), and there is no interval.

For a finite range it is Wilson's interval at t(G-1), with v scaled to [0, 1] and the effective number of
answers v (1-v) / V, at most the number of clusters. So a value near an end of its range has a wide interval
even if all blocks agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.stats.intervals import Estimate, t_quantile, unseen_difference, wilson

BLOCKS = 50
LEAST = 10
"""Fewest clusters for an interval: fewer blocks do not show how values vary."""
LEAST_PAIRED = 40
"""Fewest clusters for the interval of a difference: in simulations, coverage with 20 was as low as 90 %."""

LEAST_A_CLASS = 10
"""Fewest answers for each class, on average, for the interval of a mean over classes. In simulations with 200
classes, coverage was 35 % at 1.5 answers, 72 % at 5, 98 % at 20."""

Floats = NDArray[np.float64]


def blocks_of(clusters: Sequence[str], order: Callable[[str], Any]) -> list[NDArray[np.int64]]:
    """The row numbers of each block. Blocks have whole clusters, in the order of the key ``order``, as evenly
    as possible. ``order`` should be independent of the values, such as a digest of the cluster's name.

    >>> [block.tolist() for block in blocks_of(["a", "b", "a"], order=str.lower)]
    [[0, 2], [1]]
    """
    names = sorted(set(clusters), key=order)
    count = min(BLOCKS, len(names))
    block = {name: i % count for i, name in enumerate(names)}
    numbers = np.array([block[c] for c in clusters], dtype=np.int64)
    return [np.flatnonzero(numbers == b) for b in range(count)]


def jackknife_variance(without: Floats) -> float:
    """Variance of a value from its values without each block."""
    blocks = len(without)
    return (blocks - 1) / blocks * float(((without - without.mean()) ** 2).sum())


def jackknife(
    value: float, without: Sequence[float], clusters: int, n: int, bounds: tuple[float, float]
) -> Estimate:
    """The interval of ``value`` from its values ``without`` each block; ``bounds`` are the ends of its
    range."""
    finite = np.asarray(without, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    blocks = len(finite)
    if blocks < LEAST:
        return Estimate(value, None, None, n, clusters, "a corpus value: too few clusters for an interval")
    variance = jackknife_variance(finite)
    quantile, bias = t_quantile(blocks - 1), (blocks - 1) * (float(finite.mean()) - value)
    low, high = bounds
    note = f"a corpus value: jackknife of {blocks} blocks"
    if abs(bias) > math.sqrt(variance) / 2:
        note += f", around {value - bias:.3f}, without a bias of {bias:+.3f}"
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        if variance == 0:
            return Estimate(value, None, None, n, clusters, "a corpus value: no variation, no interval")
        half = quantile * math.sqrt(variance)
        first, last = max(low, value - bias - half), min(high, value - bias + half)
    else:
        share = min(1.0, max(0.0, (value - bias - low) / (high - low)))
        number = effective_number(share, variance / (high - low) ** 2, clusters)
        first, last = (low + float(e) * (high - low) for e in wilson(share, number, quantile))
    return Estimate(value, min(first, value), max(last, value), n, clusters, note)


def effective_number(share: Any, variance: Any, clusters: int) -> Any:
    """The number of independent answers that gives a proportion ``share`` this variance, at most
    ``clusters``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        number = np.asarray(share * (1 - share), dtype=np.float64) / np.asarray(variance, dtype=np.float64)
    return np.where(np.isfinite(number) & (number > 0), np.minimum(number, clusters), clusters)


def jackknife_difference(
    value: float, without: Floats, differ: float, clusters: int, n: int, reach: float
) -> tuple[Estimate, float]:
    """A difference of two values with its interval, and its standard error.

    without  the difference without each block, which is left out on both sides
    differ   share of the n answers that differ: few of them add variance (``intervals.unseen_difference``)
    reach    largest possible difference
    """
    blocks = len(without)
    variance = jackknife_variance(without)
    if math.isfinite(reach):
        variance += float(unseen_difference(differ * n, differ * n, n, n / clusters, reach)) / n**2
    error = math.sqrt(variance)
    half = t_quantile(blocks - 1) * error
    if half == 0:
        return Estimate(value, None, None, n, clusters, "no variation, no interval"), error
    low, high = max(-reach, value - half), min(reach, value + half)
    return Estimate(value, low, high, n, clusters, f"jackknife of {blocks} blocks"), error
