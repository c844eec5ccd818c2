"""Thresholds: the same maximum as a general optimiser's, intervals that cover, and when there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from hemm.stats.thresholds import threshold

X = np.arange(6.0)


def curve(x: Any, place: float, width: float, top: float, chance: float) -> Any:
    return chance + (top - chance) / (1 + np.exp((x - place) / width))


def test_the_maximum_is_that_of_an_optimiser() -> None:
    rng = np.random.default_rng(1)
    for place, width, top in ((2.4, 0.5, 0.95), (1.3, 0.8, 0.8), (3.5, 0.3, 0.9)):
        n = np.full(6, 300)
        hits = rng.binomial(n, curve(X, place, width, top, 0.25))

        def loss(v: Any, hits: Any = hits, n: Any = n) -> float:
            p = np.clip(curve(X, v[0], np.exp(v[1]), 1 / (1 + np.exp(-v[2])), 0.25), 1e-9, 1 - 1e-9)
            return -float((hits * np.log(p) + (n - hits) * np.log(1 - p)).sum())

        best = min(
            (minimize(loss, (start, -0.5, 2.0), method="Nelder-Mead") for start in (1.0, 2.5, 4.0)),
            key=lambda f: float(f.fun),
        )
        found = threshold(X, hits, n, 0.25)
        assert found.value == pytest.approx(best.x[0], abs=0.08)
        assert found.top == pytest.approx(1 / (1 + np.exp(-best.x[2])), abs=0.04)


def test_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(60):
        hits = rng.binomial(100, curve(X, 2.6, 0.5, 0.9, 0.25))
        found = threshold(X, hits, [100] * 6, 0.25)
        inside.append(found.low is not None and found.high is not None and found.low <= 2.6 <= found.high)
    assert np.mean(inside) > 0.87  # 95 %, less three standard errors of 60 draws


def test_a_step_between_two_levels_is_somewhere_between_them() -> None:
    found = threshold(X, [40, 40, 40, 10, 10, 10], [40] * 6, 0.25)
    assert found.low is not None
    assert found.high is not None
    assert 1.9 < found.low < 2.5 < found.high < 3.1


def test_no_threshold_where_nothing_falls_or_nothing_is_known() -> None:
    flat = threshold(X, [38, 39, 37, 38, 39, 38], [40] * 6, 0.25)
    assert (flat.value, flat.falls, flat.known) == (None, False, True)
    lost = threshold(X, [10, 11, 9, 10, 10, 12], [40] * 6, 0.25)
    assert (lost.value, lost.known) == (None, False)
    rising = threshold(X, [12, 20, 30, 38, 40, 40], [40] * 6, 0.25)
    assert rising.value is None
    for bad in (([1.0], [3], [4]), ([2.0, 1.0], [3, 3], [4, 4]), ([1.0, 2.0], [3, 0], [4, 0])):
        with pytest.raises(ValueError, match="levels"):
            threshold(*bad, 0.25)
