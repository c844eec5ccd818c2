"""Intervals by cluster: against textbook formulas, and by simulation of what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from hemm.stats.clusters import cr2
from hemm.stats.intervals import Estimate, combine, mean_interval, score_ends, t_quantile, wilson

SIMULATIONS = 2000
MANY = 10_000
UNIT = (0.0, 1.0)


def test_means_of_single_answers_are_students() -> None:
    x = np.random.default_rng(0).normal(size=30)
    found = mean_interval(x, np.arange(30))
    low, high = stats.t.interval(0.95, 29, loc=x.mean(), scale=stats.sem(x))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.n, found.clusters) == (30, 30)


def test_clusters_of_equal_size_are_students_on_their_means() -> None:
    x = np.random.default_rng(1).normal(size=(12, 4)) + np.random.default_rng(2).normal(size=(12, 1))
    found = mean_interval(x.ravel(), np.repeat(np.arange(12), 4))
    means = x.mean(axis=1)
    low, high = stats.t.interval(0.95, 11, loc=means.mean(), scale=stats.sem(means))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_proportions_of_single_answers_are_wilsons() -> None:
    x = np.array([1.0] * 17 + [0.0] * 3)
    found = mean_interval(x, np.arange(20), UNIT)
    level = 2 * stats.norm.cdf(t_quantile(19)) - 1  # the same z, Student's quantile
    wanted = stats.binomtest(17, 20).proportion_ci(level, method="wilson")
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_copies_of_an_answer_tell_nothing_new() -> None:
    x = np.array([1.0] * 6 + [0.0] * 6)
    once = mean_interval(x, np.arange(12), UNIT)
    copied = mean_interval(np.repeat(x, 5), np.repeat(np.arange(12), 5), UNIT)
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=0.03)


def test_another_scale_is_the_same_interval() -> None:
    x = np.random.default_rng(3).integers(0, 2, 40).astype(float)
    clusters = np.repeat(np.arange(10), 4)
    here, there = mean_interval(x, clusters, UNIT), mean_interval(10 * x - 5, clusters, (-5.0, 5.0))
    assert (there.low, there.high) == pytest.approx((10 * (here.low or 0) - 5, 10 * (here.high or 0) - 5))
    assert there.scaled(-5.0, 10.0).low == pytest.approx(here.low)
    flipped = here.scaled(1.0, -1.0)
    assert (flipped.low, flipped.high) == pytest.approx((1 - (here.high or 0), 1 - (here.low or 0)))


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.3, 1.0]), st.integers(0, 5)), min_size=1, max_size=40),
    st.booleans(),
)
def test_never_of_zero_width_and_always_inside_the_range(rows: list[tuple[float, int]], binary: bool) -> None:
    values = [round(v) if binary else v for v, _ in rows]
    found = mean_interval(values, [c for _, c in rows], UNIT)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0
    assert found.high - found.low > 1e-3


def test_what_cannot_be_said_is_said() -> None:
    one = mean_interval([1.0, 0.0], ["a", "a"], UNIT)
    assert (one.low, one.high) == UNIT
    assert "one cluster" in one.note
    assert mean_interval([1.0, 0.0], ["a", "a"]).low is None
    none = mean_interval([math.nan], ["a"], UNIT)
    assert (none.value, none.low, none.n) == (None, None, 0)
    equal = mean_interval([2.0, 2.0], ["a", "b"])
    assert (equal.value, equal.low) == (2.0, None)
    assert "the same" in equal.note


def test_all_right_counts_each_cluster_once() -> None:
    found = mean_interval([1.0] * 50, np.repeat(np.arange(10), 5), UNIT)
    assert found.high == 1.0
    assert found.low == pytest.approx(10 / (10 + t_quantile(9) ** 2))  # Wilson: none of 10 failed
    assert found.low == pytest.approx(float(wilson(1.0, 10.0, t_quantile(9))[0]))
    nothing = mean_interval([0.0] * 50, np.repeat(np.arange(10), 5), (-1.0, 1.0))
    assert nothing.high == pytest.approx(1 - found.low)  # equal values in the middle of the range


def test_nan_is_left_out() -> None:
    found = mean_interval([1.0, math.nan, 0.0, 1.0], [1, 2, 3, 4], UNIT)
    assert found == mean_interval([1.0, 0.0, 1.0], [1, 3, 4], UNIT)


def test_means_of_estimates() -> None:
    a, b = Estimate(0.5, 0.3, 0.7, 10, 5), Estimate(1.0, 0.6, 1.0, 20, 4)
    both = combine([a, b])
    assert both.value == 0.75
    assert both.low == pytest.approx(0.75 - math.hypot(0.2, 0.4) / 2)
    assert both.high == pytest.approx(0.75 + math.hypot(0.2, 0.0) / 2)
    assert (both.n, both.clusters) == (30, 9)
    assert combine([a]) == a
    assert combine([a, Estimate(None, None, None, 0, 0)]) == a
    assert combine([]).value is None
    assert combine([Estimate(None, None, None, 0, 0, "x")]).note == "x"
    assert combine([a, Estimate(1.0, None, None, 1, 1)]).low is None


# what the intervals promise

Counts = NDArray[np.float64]
KINDS = ("beta", "copies")


def right_answers(
    kind: str, rng: np.random.Generator, clusters: int, units: int, p: float, icc: float
) -> Counts:
    """Right answers in each cluster (simulations x clusters) with this intra-cluster correlation.

    beta    each cluster has its own chance, from a beta distribution
    copies  each answer copies its cluster's one with chance sqrt(icc), else it is drawn alone
    """
    shape = (MANY, clusters)
    if units == 1:
        return rng.binomial(1, p, shape).astype(float)
    if kind == "beta":
        total = 1 / icc - 1
        return rng.binomial(units, rng.beta(p * total, (1 - p) * total, shape)).astype(float)
    copied = rng.binomial(units, math.sqrt(icc), shape)
    return np.asarray(copied * (rng.random(shape) < p) + rng.binomial(units - copied, p), dtype=float)


def coverage(right: Counts, units: int, p: float) -> tuple[float, int]:
    """The share of intervals that hold ``p``, and how many proportions make up 95 % of what occurs."""
    clusters = right.shape[1]
    n = float(clusters * units)
    share = right.sum(axis=1) / n
    squares = cr2(right - units * share[:, None], np.full(clusters, units))
    within = n * share * (1 - share)
    low, high = score_ends(share, squares, within, n, float(units), t_quantile(clusters - 1))
    counts = np.sort(np.unique(share, return_counts=True)[1])[::-1]
    common = int(np.searchsorted(np.cumsum(counts), 0.95 * len(share))) + 1
    return float(np.mean((low <= p) & (p <= high))), common


@pytest.mark.parametrize("p", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("units", [1, 5])
@pytest.mark.parametrize("clusters", [10, 20, 40, 200])
def test_proportions_are_covered(clusters: int, units: int, p: float) -> None:
    for kind in KINDS[: 1 if units == 1 else 2]:
        rng = np.random.default_rng([clusters, units, int(100 * p)])
        covered, common = coverage(right_answers(kind, rng, clusters, units, p, 0.3), units, p)
        assert covered >= 0.93, kind
        # where few proportions carry most of what occurs, the choice is one of them in or out
        assert covered <= 0.97 or (common <= 18 and covered <= 0.995), (kind, covered, common)


def test_the_simulated_interval_is_the_one_that_is_given() -> None:
    rng = np.random.default_rng(5)
    for right in right_answers("beta", rng, 10, 5, 0.7, 0.3)[:50]:
        values = [float(i < k) for k in right for i in range(5)]
        found = mean_interval(values, np.repeat(np.arange(10), 5), UNIT)
        share = right.sum() / 50
        if 0 < share < 1:
            squares, within = 10 / 9 * float(((right - 5 * share) ** 2).sum()), 50 * share * (1 - share)
            wanted = score_ends(share, squares, within, 50.0, 5.0, t_quantile(9))
            assert (found.low, found.high) == pytest.approx((float(wanted[0]), float(wanted[1])))


@pytest.mark.parametrize("clusters", [10, 40, 200])
def test_means_are_covered(clusters: int) -> None:
    rng = np.random.default_rng(clusters)
    shape = (SIMULATIONS, clusters)
    x = rng.normal(scale=math.sqrt(0.3), size=(*shape, 1)) + rng.normal(
        scale=math.sqrt(0.7), size=(*shape, 5)
    )
    numbers = np.repeat(np.arange(clusters), 5)
    found = [mean_interval(one.ravel(), numbers) for one in x]
    covered = np.mean([(e.low or 0.0) <= 0.0 <= (e.high or 0.0) for e in found])
    assert 0.93 <= covered <= 0.97


def test_means_of_tasks_are_covered() -> None:
    rng = np.random.default_rng(7)
    truth = (0.9, 0.5, 0.7)
    hits = 0
    for _ in range(SIMULATIONS):
        parts = [mean_interval(rng.binomial(1, p, 40).astype(float), np.arange(40), UNIT) for p in truth]
        both = combine(parts)
        hits += (both.low or 0.0) <= np.mean(truth) <= (both.high or 0.0)
    assert 0.93 <= hits / SIMULATIONS <= 0.97
