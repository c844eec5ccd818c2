"""The ratio of two means: Fieller's ends by their definition, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from hemm.stats.ratio import PairOfMeans, ratio


def test_the_ends_are_the_ratios_that_students_t_just_allows() -> None:
    rng = np.random.default_rng(1)
    below = rng.normal(3, 1, 25)
    above = 0.4 * below + rng.normal(0, 0.7, 25)
    found = ratio([PairOfMeans.of(above, below, np.arange(25))])
    assert found.value == pytest.approx(above.mean() / below.mean())
    for end in (found.low, found.high):
        rest = above - end * below
        statistic = rest.mean() / (rest.std(ddof=1) / 5)
        assert abs(statistic) == pytest.approx(student.ppf(0.975, 24), rel=1e-6)


def test_shares_of_answers_in_clusters_are_held() -> None:
    rng, held, runs = np.random.default_rng(2), 0, 500
    for _ in range(runs):
        clusters = np.repeat(np.arange(40), 3)
        chance = rng.beta(4, 2, 40)[clusters]
        right = (rng.random(120) < chance).astype(float)
        without = (rng.random(120) < 0.6 * chance).astype(float)
        found = ratio([PairOfMeans.of(right - without, right, clusters)])
        held += found.low <= 0.4 <= found.high
    assert held / runs > 0.93


def test_where_there_is_no_ratio_or_no_interval() -> None:
    assert PairOfMeans.of([np.nan], [1.0], ["a"]) is None
    none = PairOfMeans.of([0.0, 0.0], [0.0, 0.0], [1, 2])
    assert ratio([none]).note == "the score is 0"
    few = ratio([PairOfMeans.of([1.0, 0, 0], [1.0, 0, 0], [1, 2, 3])])
    assert (few.value, few.low, few.note) == (1, None, "the score may be 0: no interval")
    assert ratio([PairOfMeans.of([1.0, 0], [1.0, 1], ["a", "a"])]).note == "one cluster"
    same = ratio([PairOfMeans.of([0.0, 0, 0], [1.0, 0, 1], range(3))])
    assert (same.value, same.low) == (0, None), "no width of 0"
    two = [
        PairOfMeans.of([0.5, 0.7, 0.6], [1.0, 1, 1], range(3)),
        PairOfMeans.of([0.0, 0, 0.1], [1.0, 1, 0.9], range(3)),
    ]
    assert ratio(two).value == pytest.approx((0.6 + 0.1 / 3) / (1 + 2.9 / 3))
