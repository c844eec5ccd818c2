"""Two models on the same samples: difference, tests, effect size, power.

Differences are taken on each group (usually a sample) with a score of both. Their mean gets the interval of
``stats.intervals``, and that of ``stats.bootstrap``; error, degrees of freedom and power are the interval's.

*Right or wrong* (every score is one end of the range), clusters of one size: McNemar's test of whether as
many answers turned right as turned wrong. With one answer in each cluster it is the exact test in its mid-p
form. Several answers of a cluster are not independent. If changes are symmetric, each cluster's net change is
as likely as its opposite; so signs are flipped by whole clusters, and the distribution of the sum is exact
again (mid-p). Obuchowski's (1998) chi-square of the two proportions is given as well: (sum d)^2 (G-1) / (G
sum d^2) with d the net change of a cluster.

*All else*: t, the mean divided by its error. In clusters of different sizes even equal models may lose a lot
seldom and win a little often; then flips call a difference far too often, and t does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.stats.bootstrap import RESAMPLES, linear_means, resampled_variance
from hemm.stats.intervals import Estimate, mean_difference
from hemm.stats.power import Power, power_of
from hemm.stats.strata import Part, clustered, weighted_mean

Floats = NDArray[np.float64]
MOST_FLIPS = 20_000


@dataclass(frozen=True, slots=True)
class Pair:
    """One comparison of model a with model b; all on one scale.

    difference    a minus b, with its cluster-robust interval; ``bootstrap``: with that by resampling clusters
    error, df     standard error and its degrees of freedom; ``boot_error`` the error by bootstrap
    p, test       p of the test ``McNemar`` (exact, mid-p), ``McNemar by cluster``, ``t`` or ``signs of
                  clusters``; None where nothing can be tested
    p_t, p_obuchowski  by t and, for right or wrong, by Obuchowski's chi-square
    won, lost     groups that only a, or only b, has right (None for other scores)
    parts, weights  of each cluster in the difference (``stats.flips``)
    reach         largest possible difference
    effect, effect_name  Cohen's d of paired differences (mean / standard deviation); for right or wrong the
                         odds
                  ratio won / lost (None if it is not finite)
    """

    a: float | None
    b: float | None
    difference: Estimate
    error: float | None
    df: float
    p: float | None
    test: str
    p_t: float | None
    power: Power
    bootstrap: Estimate | None = None
    p_obuchowski: float | None = None
    won: int | None = None
    lost: int | None = None
    effect: float | None = None
    effect_name: str = ""
    boot_error: float | None = None
    parts: Floats = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)
    weights: Floats = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)
    reach: float = math.inf

    def to_json(self) -> dict[str, Any]:
        return {
            "a": self.a,
            "b": self.b,
            "difference": self.difference.to_json(),
            "bootstrap": None if self.bootstrap is None else self.bootstrap.to_json(),
            "error": self.error,
            "df": self.df,
            "p": self.p,
            "test": self.test,
            "p_t": self.p_t,
            "p_obuchowski": self.p_obuchowski,
            "won": self.won,
            "lost": self.lost,
            "effect": self.effect,
            "effect_name": self.effect_name,
            "power": self.power.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Options:
    """Number (0: none) and seed of bootstrap resamples."""

    resamples: int = RESAMPLES
    seed: int = 0


def paired(
    a: Floats,
    b: Floats,
    clusters: NDArray[Any],
    bounds: tuple[float, float],
    options: Options = Options(),
    part: Part | None = None,
) -> Pair:
    """Compare ``a`` with ``b`` (same groups, NaN where there is no score).

    bounds  the range of a score
    part    where these are a part of a data set: differences are post-stratified, and tested by t
    """
    known = ~np.isnan(a) & ~np.isnan(b)
    x, y, names = a[known], b[known], np.asarray(clusters)[known]
    if part is not None and not known.all():
        part = part.take(known)
    low, high = bounds
    reach = high - low if math.isfinite(high - low) else math.inf
    d = x - y
    found = mean_difference(d, names, reach, part=part)
    data = clustered(d, names, part)
    boot = None
    if options.resamples and data.groups > 1:
        means = linear_means(data, options.resamples, options.seed)
        boot = mean_difference(d, names, reach, variance=resampled_variance(data, means), part=part)
    elif options.resamples and len(d):
        boot = found
    p_t = None if found.error is None else t_p(data.mean, found.error, found.df)
    p, test, net = p_t, "t", np.bincount(data.codes, weights=d).astype(np.float64)
    binary = bool(len(d)) and all(bool(np.all((v == low) | (v == high))) for v in (x, y))
    if binary and (p_t is None or (part is None and bool(np.all(data.sizes == data.sizes[0])))):
        p, test = mcnemar(net / reach), "McNemar" if data.groups == len(d) else "McNemar by cluster"
    elif p is None and data.groups > 1:
        p, test = mcnemar(np.sign(net)), "signs of clusters"  # all differences are the same
    won, lost = (int((d > 0).sum()), int((d < 0).sum())) if binary else (None, None)
    effect, name = _effect(d, won, lost)
    return Pair(
        a=weighted_mean(x, part) if len(x) else None,
        b=weighted_mean(y, part) if len(y) else None,
        difference=found.estimate,
        bootstrap=None if boot is None else boot.estimate,
        error=found.error,
        df=found.df,
        p=p,
        test=test if p is not None else "",
        p_t=p_t,
        p_obuchowski=obuchowski_p(net) if binary else None,
        won=won,
        lost=lost,
        effect=effect,
        effect_name=name,
        power=power_of(found.error, data.groups, found.df, reach if math.isfinite(reach) else 1.0),
        boot_error=None if boot is None else boot.error,
        parts=data.sums / max(1, len(d)),
        weights=data.sizes / max(1, len(d)),
        reach=reach,
    )


def t_p(value: float, error: float, df: float) -> float:
    """Two-sided p of ``value`` by Student's t."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(value) / error))


def paired_t(a: Floats, b: Floats) -> tuple[float | None, float, int]:
    """p of Student's t (None where it is not defined), mean difference and number of the pairs without
    NaN."""
    from scipy import stats

    known = ~np.isnan(a) & ~np.isnan(b)
    n = int(known.sum())
    p = float(stats.ttest_rel(a[known], b[known]).pvalue) if n > 1 else math.nan
    return None if math.isnan(p) else p, float((a[known] - b[known]).mean()) if n else math.nan, n


def welch_p(a: Floats, b: Floats) -> float | None:
    """p of Welch's t of two independent samples; None where one has a single value, or neither varies."""
    from scipy import stats

    p = float(stats.ttest_ind(a, b, equal_var=False).pvalue) if min(len(a), len(b)) > 1 else math.nan
    return None if math.isnan(p) else p


def welch_df(errors: Sequence[float], dfs: Sequence[float]) -> float:
    """Welch and Satterthwaite's degrees of freedom of the mean of independent values, from their standard
    errors and degrees of freedom; at least 1.

    >>> welch_df([1.0, 1.0], [10, 10])
    20.0
    """
    total = sum(error**2 for error in errors)
    parts = sum(error**4 / max(1.0, df) for error, df in zip(errors, dfs, strict=True))
    return max(1.0, total**2 / parts) if parts > 0 else float(max(1.0, sum(dfs)))


def mcnemar(net: Floats) -> float | None:
    """Mid-p of flipping the signs of clusters, by Obuchowski's chi-square above ``MOST_FLIPS`` changes.

    net  number of answers won minus lost in each cluster. None if it is empty; 1 if nothing changed
    """
    sizes = np.rint(np.abs(net)).astype(np.int64)
    total = int(sizes.sum())
    if total == 0:
        return None if not len(net) else 1.0
    if total > MOST_FLIPS:
        return obuchowski_p(net)
    chances = np.ones(1)  # probabilities of the sum of flipped signs, from -total to total
    for size in np.unique(sizes[sizes > 0]):
        count = int((sizes == size).sum())
        of_size = np.zeros(2 * count * int(size) + 1)
        of_size[:: 2 * int(size)] = _halves(count)
        chances = np.convolve(chances, of_size)
    observed = abs(int(np.rint(net.sum())))
    possible = np.abs(np.arange(-total, total + 1))
    return min(1.0, float(chances[possible > observed].sum() + 0.5 * chances[possible == observed].sum()))


def _halves(count: int) -> Floats:
    """Probabilities of 0 to ``count`` heads in as many tosses."""
    from scipy.special import gammaln

    heads = np.arange(count + 1)
    log = gammaln(count + 1) - gammaln(heads + 1) - gammaln(count - heads + 1) - count * math.log(2)
    return np.asarray(np.exp(log), dtype=np.float64)


def obuchowski_p(net: Floats) -> float | None:
    """p of Obuchowski's (1998) test of two proportions in clustered pairs; None where nothing changed."""
    groups, squares = len(net), float((net**2).sum())
    if groups < 2 or squares == 0:
        return None
    from scipy.special import chdtrc

    return float(chdtrc(1, float(net.sum()) ** 2 * (groups - 1) / (groups * squares)))


def _effect(d: Floats, won: int | None, lost: int | None) -> tuple[float | None, str]:
    if won is not None and lost is not None:
        return (won / lost if lost else None), "odds ratio"
    spread = float(np.std(d, ddof=1)) if len(d) > 1 else 0.0
    return (float(d.mean()) / spread if spread > 0 else None), "Cohen's d (paired)"
