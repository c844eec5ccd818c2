"""What intervals promise on data that are not tidy: the grid of docs/statistics.md."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hemm.stats.intervals import mean_difference, mean_interval
from hemm.stats.jackknife import jackknife
from simulated import (
    CHANCES,
    GROUPS,
    KINDS,
    SPREADS,
    covered,
    difference_intervals,
    differences,
    promised,
    rng_of,
    score_intervals,
    scores,
    sizes_of,
    truth_of,
)

UNIT = (0.0, 1.0)
Floats = NDArray[np.float64]
FEW, MANY = 1000, 10_000


def cells(*groups: int) -> list[tuple[str, int, str]]:
    return [(s, g, k) for s in SPREADS for g in groups for k in KINDS]


def check_scores(spread: str, groups: int, kind: str, count: int, chances: tuple[float, ...]) -> None:
    sizes = sizes_of(spread, groups)
    for p in chances:
        x = scores(kind, sizes, p, count, rng_of(spread, groups, kind, p))
        low, high = score_intervals(x, sizes)
        assert float((high - low).min()) > 1e-3
        held = covered(low, high, truth_of(kind, p))
        assert held >= promised(spread, groups, p, kind, count), (p, held)
        names = np.repeat(np.arange(groups), sizes)
        for one, first, last in list(zip(x, low, high, strict=True))[:3]:
            found = mean_interval(one, names, UNIT)
            assert (found.low, found.high) == pytest.approx((first, last), abs=1e-9)


def check_differences(spread: str, groups: int, kind: str, count: int, chances: tuple[float, ...]) -> None:
    """Two models of one quality: at most 6 % are called different; with a gap, it is covered."""
    sizes = sizes_of(spread, groups)
    for p in chances:
        d = differences(kind, sizes, p, count, rng_of("d", spread, groups, kind, p))
        low, high = difference_intervals(d, sizes)
        assert float((high - low).min()) > 1e-4
        error = 2.5 * np.sqrt(0.06 * 0.94 / count)
        assert 1 - covered(low, high, 0.0) <= 0.06 + error, (p, covered(low, high, 0.0))
        names = np.repeat(np.arange(groups), sizes)
        for one, first, last in list(zip(d, low, high, strict=True))[:3]:
            found = mean_difference(one, names, 1.0).estimate
            assert (found.low, found.high) == pytest.approx((first, last), abs=1e-9)


@pytest.mark.parametrize(("spread", "groups", "kind"), cells(10, 30))
def test_scores_are_covered(spread: str, groups: int, kind: str) -> None:
    check_scores(spread, groups, kind, FEW, (0.02, 0.5, 0.9))


@pytest.mark.full
@pytest.mark.parametrize(("spread", "groups", "kind"), cells(*GROUPS))
def test_scores_are_covered_on_the_whole_grid(spread: str, groups: int, kind: str) -> None:
    check_scores(spread, groups, kind, MANY, CHANCES)


@pytest.mark.parametrize(("spread", "groups", "kind"), cells(10, 30))
def test_equal_models_are_not_called_different(spread: str, groups: int, kind: str) -> None:
    check_differences(spread, groups, kind, FEW, (0.1, 0.5))


@pytest.mark.full
@pytest.mark.parametrize(("spread", "groups", "kind"), cells(*GROUPS))
def test_equal_models_are_not_called_different_on_the_whole_grid(spread: str, groups: int, kind: str) -> None:
    check_differences(spread, groups, kind, MANY, CHANCES)


@pytest.mark.parametrize("spread", SPREADS)
def test_means_without_bounds_are_covered(spread: str) -> None:
    rng = np.random.default_rng(4)
    for groups in (10, 30):
        sizes = sizes_of(spread, groups)
        names = np.repeat(np.arange(groups), sizes)
        own = np.repeat(rng.normal(0, np.sqrt(0.3), (FEW, groups)), sizes, axis=1)
        x = own + rng.normal(0, np.sqrt(0.7), own.shape)
        found = [mean_interval(one, names) for one in x]
        hits = [(e.low or 0.0) <= 0 <= (e.high or 0.0) for e in found]
        assert np.mean(hits) >= 0.93 - 0.02, (groups, np.mean(hits))


def test_one_partial_score_does_not_turn_wilson_off() -> None:
    """Thirty 1s say little of the other answers; neither do twenty-nine and a nearly right one."""
    whole, part = (mean_interval([1.0] * 29 + [last], range(30), UNIT) for last in (1.0, 0.9))
    nearly = mean_interval([1.0] * 29 + [1 - 1e-9], range(30), UNIT)
    assert (whole.low, whole.high) == (pytest.approx(0.878, abs=0.001), 1.0)
    assert nearly.low == pytest.approx(whole.low)
    assert part.low is not None
    assert 0.85 < part.low < 0.93


def test_one_partial_difference_is_no_sign_of_equality() -> None:
    """Thirty equal answers, and twenty-nine and one that differs a little."""
    equal, nearly = (mean_difference([0.0] * 29 + [last], range(30), 1.0).estimate for last in (0.0, 0.01))
    assert equal.high == pytest.approx(1 - 0.878, abs=0.001)
    assert nearly.high is not None
    assert nearly.high > 0.03


def test_partial_scores_in_the_middle_are_students() -> None:
    x = np.random.default_rng(2).uniform(0.4, 0.6, 400)
    bounded, free = mean_interval(x, range(400), UNIT), mean_interval(x, range(400))
    assert bounded.low == pytest.approx(free.low, abs=2e-4)
    assert bounded.high == pytest.approx(free.high, abs=2e-4)


def macro_f1(hits: Floats, gold: Floats, said: Floats) -> Floats:
    """Over the classes that occur in the references; arrays end with an axis of classes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.nanmean(np.where(gold > 0, 2 * hits / (gold + said), np.nan), axis=-1))


@pytest.mark.parametrize(("classes", "n"), [(5, 60), (10, 100), (50, 1000)])
def test_macro_f1_of_many_classes_is_covered(classes: int, n: int) -> None:
    """Frequencies as 1 / rank; a wrong answer is any class, as often as it occurs. The value is too small by
    up to half its error, which the interval takes out."""
    rng, count, right = rng_of("macro", classes, n), 200, 0.7
    share = 1 / np.arange(1, classes + 1)
    share /= share.sum()
    gold = rng.choice(classes, (count, n), p=share)
    said = np.where(rng.random(gold.shape) < right, gold, rng.choice(classes, gold.shape, p=share))
    truth = float(np.mean(right + (1 - right) * share))  # recall and precision of a class are equal
    eye, held = np.eye(classes), []
    for g, s in zip(gold, said, strict=True):
        tables = np.stack([eye[g] * eye[s], eye[g], eye[s]])
        blocks = np.stack([tables[:, b::50].sum(axis=1) for b in range(50)], axis=1)
        left = macro_f1(*(tables.sum(axis=1)[:, None] - blocks))
        found = jackknife(float(macro_f1(*tables.sum(axis=1))), left.tolist(), n, n, UNIT)
        held.append((found.low or 0.0) <= truth <= (found.high or 0.0))
    assert np.mean(held) >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / count)
