"""Paired differences: tests of right or wrong and of other scores."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from hemm.stats.paired import Options, mcnemar, obuchowski_p, paired

UNIT = (0.0, 1.0)
FEW = Options(resamples=500)


@pytest.mark.parametrize("net", [[2, -1, 3, 0, 1, 1], [1, 1, -1, 2], [4], [0, 0, 5, -2]])
def test_by_cluster_every_way_of_flipping_signs_is_counted(net: list[int]) -> None:
    sums = [abs(sum(s * d for s, d in zip(signs, net, strict=True)))
            for signs in product((-1, 1), repeat=len(net))]  # fmt: skip
    seen = abs(sum(net))
    wanted = np.mean([1.0 if s > seen else 0.5 if s == seen else 0.0 for s in sums])
    assert mcnemar(np.array(net, dtype=float)) == pytest.approx(wanted)


def test_obuchowskis_test_from_its_own_formula() -> None:
    """Two proportions, their variances and covariance over clusters about the common proportion."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 6, 30)
    x, y = (np.array([rng.binomial(n, p) for n in sizes]) for p in (0.7, 0.5))
    n, groups = sizes.sum(), len(sizes)
    common = (x.sum() + y.sum()) / (2 * n)
    rest = [x - sizes * common, y - sizes * common]
    factor = groups / (groups - 1) / n**2
    variance = factor * ((rest[0] ** 2).sum() + (rest[1] ** 2).sum() - 2 * (rest[0] * rest[1]).sum())
    wanted = stats.chi2.sf(((x.sum() - y.sum()) / n) ** 2 / variance, 1)
    assert obuchowski_p((x - y).astype(float)) == pytest.approx(wanted)


def test_other_scores_are_compared_by_students_t() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.random((2, 25))
    found = paired(x, y, np.arange(25), UNIT, FEW)
    wanted = stats.ttest_rel(x, y)
    assert (found.p, found.test) == (pytest.approx(wanted.pvalue), "t")
    assert found.effect == pytest.approx((x - y).mean() / (x - y).std(ddof=1))
    ends = wanted.confidence_interval()
    assert (found.difference.low, found.difference.high) == pytest.approx((ends.low, ends.high))
    assert found.bootstrap is not None
    assert found.bootstrap.low == pytest.approx(ends.low, abs=0.03)
    assert found.p_obuchowski is None
    assert found.power.detectable == pytest.approx(
        (stats.t.ppf(0.975, 24) + stats.t.ppf(0.8, 24)) * stats.sem(x - y)
    )
