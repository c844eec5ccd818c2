"""Prediction-powered means: against ppi_py, their definition by matrices, and the truth in simulations."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
import pytest

from hemm.stats.intervals import Estimate
from hemm.stats.prediction_powered import powered_difference, powered_mean, tuned

ROW = np.arange(60)
TRUTH = np.clip(np.round(2 + 2 * np.sin(1.7 * ROW) + np.sin(0.31 * ROW * ROW)), 1, 5)
JUDGE = np.clip(TRUTH + np.round(0.8 + 0.9 * np.sin(2.3 * ROW)), 1, 5)
LABELLED = (7 * ROW) % 60 < 15


def labels(truth: Any, labelled: Any) -> Any:
    return np.where(labelled, truth, math.nan)


def test_the_figures_of_the_reference_library() -> None:
    """ppi_py 0.2.3 on these data: ppi_mean_pointestimate, and ppi_mean_ci with alpha 0.05."""
    mean, low, high = 2.366057545, 2.001641652, 2.730473438
    y, f, others = TRUTH[LABELLED], JUDGE[LABELLED], JUDGE[~LABELLED]
    lam = tuned(y, f, others)
    found = powered_mean(labels(TRUTH, LABELLED), JUDGE, ROW)
    assert found.lam == lam
    assert found.estimate.value == pytest.approx(mean, abs=1e-8)
    of_labels, of_others = np.var(y - lam * f), lam**2 * np.var(others)
    error = math.sqrt(of_labels / 15 + of_others / 45)  # the library's, with variances over n
    assert (high - low) / 2 / 1.959963985 == pytest.approx(error, abs=1e-8)
    assert found.error is not None
    assert found.df is not None
    unbiased = (of_labels / 14 + of_others / 44) * (found.df + 1) / found.df
    of_gap = np.var(f) / 14 + np.var(others) / 44
    products = (y - y.mean()) * (f - f.mean())
    of_weight = np.var(products) / 14 / ((1 + 15 / 45) * np.var(JUDGE, ddof=1)) ** 2
    assert found.error**2 == pytest.approx(unbiased + of_gap * of_weight)
    assert found.judge == JUDGE.mean()


def test_clusters_that_span_labelled_and_other_answers_as_cr2_by_matrices() -> None:
    clusters = (ROW * ROW) % 13
    found = powered_mean(labels(TRUTH, LABELLED), JUDGE, clusters)
    lam = found.lam
    order = np.concatenate([np.flatnonzero(LABELLED), np.flatnonzero(~LABELLED)])
    y, f = TRUTH[order], JUDGE[order]
    x = np.zeros((60, 2))
    x[:15, 0] = x[15:, 1] = 1
    gram = np.linalg.inv(x.T @ x)
    maker = np.eye(60) - x @ gram @ x.T

    def vectors(c: list[float]) -> list[Any]:
        """The linear forms whose squares are the CR2 variance of c[0] mean of labelled + c[1] of others."""
        found = []
        for name in np.unique(clusters):
            rows = np.flatnonzero(clusters[order] == name)
            value, vector = np.linalg.eigh(np.eye(len(rows)) - x[rows] @ gram @ x[rows].T)
            found.append(maker[rows].T @ (vector @ np.diag(value**-0.5) @ vector.T) @ x[rows] @ gram @ c)
        return found

    def variance(z: Any, c: list[float]) -> float:
        return float(sum((v @ z) ** 2 for v in vectors(c)))

    z = np.where(x[:, 0] == 1, y - lam * f, f)
    working = np.diag(np.repeat([np.var(z[:15], ddof=1), np.var(z[15:], ddof=1)], [15, 45]))
    covariances = np.array([[v @ working @ w for w in vectors([1.0, lam])] for v in vectors([1.0, lam])])
    df = np.trace(covariances) ** 2 / (covariances**2).sum()
    assert found.df == pytest.approx(df - 1)
    products = np.where(x[:, 0] == 1, (y - y[:15].mean()) * (f - f[:15].mean()), 0)
    of_weight = variance(products, [1.0, 0.0]) / ((1 + 15 / 45) * np.var(f, ddof=1)) ** 2
    expected = variance(z, [1.0, lam]) * df / (df - 1) + of_weight * variance(f, [-1.0, 1.0])
    assert found.error == pytest.approx(math.sqrt(expected))


def drawn(
    rng: np.random.Generator, kind: str, judge: str, clustered: bool, n: int, p: float
) -> tuple[Any, ...]:
    """400 answers, n of them labelled at random; right or wrong, or graded in five steps from 0 to 1. Judges
    think too well of answers, by their kind."""
    sizes = np.ceil(rng.exponential(4, 400)).astype(int) if clustered else np.ones(400, dtype=int)
    clusters = np.repeat(np.arange(400), sizes)[:400]
    total = 1 / 0.3 - 1
    own = (rng.beta(p * total, (1 - p) * total, 400) if clustered else np.full(400, p))[clusters]
    if kind == "right or wrong":
        truth = (rng.random(400) < own).astype(float)
        hit, miss = {"good": (0.97, 0.15), "poor": (0.7, 0.4), "useless": (0.6, 0.6)}[judge]
        predicted = (rng.random(400) < np.where(truth == 1, hit, miss)).astype(float)
    else:
        truth = rng.binomial(4, own, 400) / 4
        spread = {"good": 0.1, "poor": 0.35, "useless": 5.0}[judge]
        predicted = np.clip(np.round(4 * (truth + 0.15 + rng.normal(0, spread, 400))) / 4, 0, 1)
    labelled = np.zeros(400, dtype=bool)
    labelled[rng.permutation(400)[:n]] = True
    return truth, predicted, clusters, labelled


def held(case: tuple[Any, ...], count: int) -> tuple[float, float, float]:
    """The share of intervals with the truth, and the mean width beside that of the labels alone; none is
    wider."""
    rng = np.random.default_rng(zlib.crc32(repr(case).encode()))
    inside, widths, alone = [], [], []
    for _ in range(count):
        truth, predicted, clusters, labelled = drawn(rng, *case)
        found = powered_mean(labels(truth, labelled), predicted, clusters, (0.0, 1.0))
        e, plain = found.estimate, found.labels
        assert width_of(e) <= width_of(plain) + 1e-12
        inside.append(holds(e, case[-1]))
        widths.append(width_of(e))
        alone.append(width_of(plain))
    return float(np.mean(inside)), float(np.mean(widths)), float(np.mean(alone))


def width_of(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.high - estimate.low


def holds(estimate: Estimate, truth: float) -> bool:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low <= truth <= estimate.high


GRID = [
    (kind, judge, clustered, n, p)
    for kind in ("right or wrong", "graded")
    for judge in ("good", "poor", "useless")
    for clustered in (False, True)
    for n in (10, 20, 50, 100)
    for p in (0.5, 0.9)
]


@pytest.mark.parametrize("case", GRID[::7], ids=str)
def test_a_biased_judge_leaves_the_interval_right(case: tuple[Any, ...]) -> None:
    check(case, 250)


@pytest.mark.full
@pytest.mark.parametrize("case", GRID, ids=str)
def test_a_biased_judge_leaves_the_interval_right_on_the_whole_grid(case: tuple[Any, ...]) -> None:
    check(case, 1500)


def check(case: tuple[Any, ...], count: int) -> None:
    coverage, width, alone = held(case, count)
    assert coverage >= 0.93 - 2.5 * math.sqrt(0.93 * 0.07 / count)
    if case[1] == "good" and case[3] >= 50 and not case[2]:
        assert width < 0.85 * alone  # a good judge is worth labels


@pytest.mark.parametrize("count_of_labels", [15, 60])
def test_differences_of_two_models_with_a_judge_that_favours_one(count_of_labels: int) -> None:
    rng = np.random.default_rng(11)
    truth = 0.09905  # the mean of min(0.1, 1 - u) with u from Beta(2, 2)
    inside, narrower = [], []
    for _ in range(400):
        count = 300
        clusters = np.repeat(np.arange(100), 3)
        easy = rng.beta(2, 2, 100)[clusters]
        a, b = ((rng.random(count) < np.clip(easy + gain, 0, 1)).astype(float) for gain in (0.1, 0.0))
        judged_a = np.where(rng.random(count) < 0.1, 1.0, a)
        judged_b = np.where(rng.random(count) < 0.1, 0.0, b)
        labelled = np.zeros(count, dtype=bool)
        labelled[rng.permutation(count)[:count_of_labels]] = True
        found = powered_difference(labels(a - b, labelled), judged_a - judged_b, clusters, 1.0)
        e, plain = found.estimate, found.labels
        assert width_of(e) <= width_of(plain)
        inside.append(holds(e, truth))
        narrower.append(width_of(e) / width_of(plain))
    assert np.mean(inside) >= 0.93 - 2.5 * math.sqrt(0.93 * 0.07 / 400)
    assert np.mean(narrower) < 0.85


@pytest.mark.parametrize(
    ("truth", "judge", "labelled"),
    [
        ([1.0] * 20, [1.0, 0.0] * 10, range(5)),  # all labels are alike
        ([1.0, 0.0] * 10, [1.0] * 20, range(6)),  # the judge says the same of all
        ([1.0, 0.0] * 10, [0.0, 1.0] * 10, range(6)),  # it says the opposite
        ([1.0, 0.0] * 10, [1.0, 0.0] * 10, range(20)),  # everything is labelled
        ([1.0, 0.0] * 10, [1.0, 0.0] * 10, range(1)),  # one label
    ],
)
def test_where_the_judge_cannot_help_the_labels_alone_count(truth: Any, judge: Any, labelled: range) -> None:
    mask = np.isin(np.arange(20), labelled)
    found = powered_mean(labels(truth, mask), judge, range(20), (0.0, 1.0))
    assert found.estimate == found.labels
    assert found.lam == 0
    assert found.estimate.value == np.mean(np.asarray(truth)[mask])
    assert width_of(found.estimate) > 0


def test_labels_that_were_not_drawn_at_random_are_noticed() -> None:
    """People labelled what the judge praised."""
    rng = np.random.default_rng(12)
    truth = rng.integers(1, 6, 300).astype(float)
    praised, by_chance = truth + rng.normal(0, 1, 300) > 3.5, rng.random(300) < 0.3
    assert powered_mean(labels(truth, praised), truth, range(300), (1, 5)).p_drawn < 0.001  # type: ignore[operator]
    assert powered_mean(labels(truth, by_chance), truth, range(300), (1, 5)).p_drawn > 0.01  # type: ignore[operator]
