"""Intervals that hold at every moment: against a plain implementation, by simulation, and at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hemm.analysis.sequential import CAUTION, running_interval

POPULATIONS = {
    "even": np.arange(300) % 2 * 1.0,
    "rare": (np.arange(300) < 9) * 1.0,
    "common": (np.arange(250) >= 20) * 1.0,
    "graded": np.random.default_rng(3).beta(0.5, 0.3, 300),
    "tight": np.random.default_rng(4).uniform(0.4, 0.6, 150),
}


def _ever_wrong(population: np.ndarray, times: int, aim: float | None) -> int:
    """How many of so many random orders have an interval, at any moment, without the mean."""
    rng, mean = np.random.default_rng(len(population)), population.mean()
    wrong = 0
    for _ in range(times):
        low, high = running_interval(rng.permutation(population), len(population), aim=aim, grid=100)
        wrong += bool(np.any((low > mean + 1e-9) | (high < mean - 1e-9)))
    return wrong


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("aim", [None, 0.05])
def test_the_interval_holds_at_every_moment(name: str, aim: float | None) -> None:
    # 100 orders at the nominal 5 %: more than 12 wrong ones have a probability of 0.15 %
    assert _ever_wrong(POPULATIONS[name], 100, aim) <= 12


@pytest.mark.full
@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("aim", [None, 0.02, 0.05, 0.2])
def test_the_interval_holds_at_every_moment_of_2000_orders(name: str, aim: float | None) -> None:
    # 5 % of 2,000, and three standard deviations of a simulation that has exactly that
    assert _ever_wrong(POPULATIONS[name], 2000, aim) <= 100 + 3 * math.sqrt(2000 * 0.05 * 0.95)


@pytest.mark.parametrize("aim", [None, 0.05])
def test_it_is_the_bettors_martingale(aim: float | None) -> None:
    """A mean is inside just while a gambler against it, staking as written, has not won 2 / alpha."""
    x = np.random.default_rng(5).permutation(POPULATIONS["graded"])[:120]
    population, grid = 300, 50
    low, high = running_interval(x, population, aim=aim, grid=grid)
    below = _bound(list(x), population, aim, grid)
    above = _bound([1 - v for v in x], population, aim, grid)
    assert low == pytest.approx(below)
    assert high == pytest.approx([1 - v for v in above])


def _bound(x: list[float], population: int, aim: float | None, grid: int) -> list[float]:
    best, found = 0.0, []
    capital = dict.fromkeys(range(grid + 1), 1.0)
    variance, squares, total = 0.25, 0.25, 0.0
    for t, value in enumerate(x, 1):
        plug_in = math.sqrt(2 * math.log(40) / (variance * t * math.log(1 + t)))
        stake = plug_in if aim is None else aim / variance
        for m in capital:
            eta = max((population * m / grid - total) / (population - t + 1), 1e-12)
            capital[m] *= 1 + min(stake, CAUTION / eta) * (value - eta)
        total += value
        mean = (0.5 + total) / (t + 1)
        squares += (value - mean) ** 2
        variance = squares / (t + 1)
        out = [m for m in capital if capital[m] >= 40]
        assert out == list(range(len(out)))  # those out come first: the rest is an interval
        best = max(best, total / population, max(out, default=0) / grid)
        found.append(best)
    return found


def test_when_all_is_seen_the_interval_is_the_mean() -> None:
    for population in POPULATIONS.values():
        for order in (np.random.default_rng(7).permutation(population), np.sort(population)):
            low, high = running_interval(order, len(order))
            assert (low[-1], high[-1]) == pytest.approx((population.mean(),) * 2, abs=1e-9)
            assert np.all(low <= high)


def test_an_aim_is_reached_sooner_than_without() -> None:
    x = np.random.default_rng(6).permutation(np.arange(4000) % 2 * 1.0)
    stops = []
    for aim in (None, 0.04):
        low, high = running_interval(x, len(x), aim=aim, grid=200)
        stops.append(int(np.argmax((high - low) / 2 <= 0.04)))
    assert stops[1] < stops[0]


def test_what_is_not_known_widens_and_never_misleads() -> None:
    x = np.random.default_rng(8).permutation(POPULATIONS["common"])
    unknown = np.arange(len(x)) % 10 == 0
    low, high = running_interval(np.where(unknown, 0, x), len(x), highest=np.where(unknown, 1, x))
    assert low[-1] == pytest.approx(np.where(unknown, 0, x).mean())
    assert high[-1] == pytest.approx(np.where(unknown, 1, x).mean())


def test_one_value_and_none() -> None:
    low, high = running_interval([0.25], 1)
    assert (low[0], high[0]) == pytest.approx((0.25, 0.25))
    assert all(len(end) == 0 for end in running_interval([], 5))


@pytest.mark.parametrize(
    ("values", "population", "highest"),
    [
        ([0.5, 1.5], 9, None),
        ([float("nan")], 9, None),
        ([0, 1, 0], 2, None),
        ([1.0], 9, [0.0]),
        ([1.0], 9, []),
    ],
)
def test_values_that_make_no_sense(values, population, highest) -> None:
    with pytest.raises(ValueError):
        running_interval(values, population, highest=highest)
