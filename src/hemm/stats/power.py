"""Power of a paired comparison, from the observed variance.

Let d be the standard error of the difference over G clusters, and t Student's quantiles with its degrees of
freedom. A two-sided test at 5 % finds a true difference of (t(.975) + t(.80)) d with 80 % power. The variance
of one cluster, G d^2, gives the number of clusters (of the same sizes) for another difference; the degrees of
freedom grow with G - 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hemm.stats.intervals import LEVEL

POWER = 0.8
POINTS = (1, 2, 5)
MOST = 10**9


@dataclass(frozen=True, slots=True)
class Power:
    """The power of one comparison over ``clusters`` clusters; None where the differences do not vary.

    detectable  smallest difference that is found with 80 % power, on the scale of the difference
    needed      points (hundredths of that scale) -> clusters
    """

    detectable: float | None
    needed: dict[int, int | None]
    clusters: int

    def to_json(self) -> dict[str, Any]:
        return {
            "detectable": self.detectable,
            "clusters": self.clusters,
            "clusters_for_points": {str(points): clusters for points, clusters in self.needed.items()},
        }


def factor(df: float, level: float = LEVEL, power: float = POWER) -> float:
    """t(.975) + t(.80)."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2) + stdtrit(df, power))


def power_of(error: float | None, clusters: int, df: float | None = None, unit: float = 1.0) -> Power:
    """The power at the standard error ``error`` of the difference.

    df    degrees of freedom of the error; None: clusters - 1
    unit  width of the scale (100 points)
    """
    if error is None or clusters < 2 or not error > 0:
        return Power(None, dict.fromkeys(POINTS), clusters)
    each = error**2 * clusters
    df = clusters - 1 if df is None else df
    share = df / (clusters - 1)
    needed = {points: clusters_for(each, points / 100 * unit, share) for points in POINTS}
    return Power(factor(df) * error, needed, clusters)


def clusters_for(variance: float, difference: float, share: float = 1.0) -> int | None:
    """Fewest clusters with which ``difference`` is found with 80 % power, if one cluster has this variance.

    share  degrees of freedom divided by clusters - 1
    None above ``MOST``.
    """
    low, high = 2, 4
    while not _enough(variance, difference, high, share):
        low, high = high, high * 2
        if high > MOST:
            return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _enough(variance, difference, middle, share) else (middle + 1, high)
    return low


def _enough(variance: float, difference: float, clusters: int, share: float) -> bool:
    return factor(max(1.0, share * (clusters - 1))) * math.sqrt(variance / clusters) <= difference
