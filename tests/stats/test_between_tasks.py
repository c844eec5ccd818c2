"""Means over tasks as statements on tasks like these, and tasks that share clusters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from hemm.stats.between_tasks import TOO_FEW, reml, tasks_like
from hemm.stats.clusters import Clustered, cr2, satterthwaite_df
from hemm.stats.intervals import Estimate, mean_interval
from hemm.stats.paired import Options, paired, welch_df
from hemm.stats.shared_clusters import ClusterParts, Joined
from hemm.stats.task_means import TaskPart, TaskScore, mean_of_scores, mean_of_tasks
from simulated import rng_of

Floats = NDArray[np.float64]

BCG = [
    (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619), (33, 5036, 47, 5761),
    (180, 1361, 372, 1079), (8, 2537, 10, 619), (505, 87886, 499, 87892), (29, 7470, 45, 7232),
    (17, 1699, 65, 1600), (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825),
]  # fmt: skip
"""Trials of the BCG vaccine (Colditz et al. 1994): ill and healthy, of those vaccinated and of the others."""


def test_the_published_variance_between_the_bcg_trials() -> None:
    """Viechtbauer (2010), J. Stat. Softw. 36(3), metafor's default (REML): 0.3132, standard error 0.1664."""
    a, b, c, d = np.array(BCG, dtype=float).T
    risks = np.log(a / (a + b)) - np.log(c / (c + d))
    variances = 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
    between, precision, _ = reml(risks, np.diag(variances))
    assert between == pytest.approx(0.3132, abs=5e-5)
    assert math.sqrt(2 / (precision**2).sum()) == pytest.approx(0.1664, abs=5e-5)


def restricted(t: float, y: Floats, within: Floats) -> float:
    """-2 times the restricted log-likelihood, written out with matrices."""
    v = within + t * np.eye(len(y))
    inverse, one = np.linalg.inv(v), np.ones(len(y))
    information = one @ inverse @ one
    rest = y - (one @ inverse @ y) / information
    return float(np.linalg.slogdet(v)[1] + np.log(information) + rest @ inverse @ rest)


@pytest.mark.parametrize("seed", range(12))
def test_reml_maximises_the_restricted_likelihood(seed: int) -> None:
    """Unequal errors, some in common."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(3, 12))
    root = rng.normal(0, 1, (k, k)) * rng.uniform(0.02, 0.3, k)[:, None]
    within = root @ root.T / k + np.diag(rng.uniform(0.0004, 0.02, k))
    y = rng.normal(0.5, rng.choice([0.0, 0.1, 0.3]), k) + np.linalg.cholesky(within) @ rng.normal(0, 1, k)
    wanted = minimize_scalar(
        restricted, bounds=(0, 2), method="bounded", args=(y, within), options={"xatol": 1e-10}
    )
    found, precision, _ = reml(y, within)
    assert restricted(found, y, within) <= min(wanted.fun, restricted(0.0, y, within)) + 1e-7
    # its information is the likelihood's expected one: half the trace of PP
    v = np.linalg.inv(within + found * np.eye(k))
    p = v - np.outer(v.sum(axis=1), v.sum(axis=0)) / v.sum()
    assert (precision**2).sum() == pytest.approx(np.trace(p @ p), rel=1e-6)


def test_equal_errors_give_students_t() -> None:
    from scipy import stats

    y = [0.2, 0.5, 0.9, 0.4]
    these = Estimate(0.5, 0.49, 0.51, 400, 400)
    found = tasks_like(these, y, np.eye(4) * 1e-4, [math.inf] * 4)
    wanted = stats.ttest_1samp(y, 0.0)
    ends = wanted.confidence_interval()
    assert (found.estimate.low, found.estimate.high) == pytest.approx((ends.low, ends.high), rel=1e-6)
    assert (found.p, found.df) == pytest.approx((wanted.pvalue, 3), rel=1e-6)


def test_of_fewer_than_three_tasks_nothing_is_said() -> None:
    found = tasks_like(Estimate(0.5, 0.4, 0.6, 9, 9), [0.4, 0.6], np.eye(2) * 0.01, [9, 9])
    assert (found.estimate.value, found.estimate.low, found.p) == (0.5, None, None)
    assert found.estimate.note == TOO_FEW


def difficulties(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> tuple[Floats, float]:
    if kind == "same":
        return np.full(shape, 0.6), 0.6
    if kind == "uniform":
        return rng.uniform(0.1, 0.9, shape), 0.5
    return rng.beta(4, 2, shape), 4 / 6


def scored(x: Floats, names: NDArray[Any] | None = None, clusters: NDArray[Any] | None = None) -> TaskScore:
    own = np.arange(len(x)) if clusters is None else clusters
    data = Clustered.of(x, own)
    return TaskScore(mean_interval(x, own, (0.0, 1.0)), data.df, ClusterParts.of(x, names))


@pytest.mark.parametrize("kind", ["same", "uniform", "beta"])
@pytest.mark.parametrize(("tasks", "mixed"), [(3, False), (4, True), (28, True)])
def test_other_tasks_are_held(kind: str, tasks: int, mixed: bool) -> None:
    """Difficulties at random, right or wrong, tasks of 10 to 400 answers: 93 % at least."""
    rng, count = rng_of("between", kind, tasks), 300 if tasks < 10 else 100
    sizes = [10, 400, 40, 120][:tasks] * 7 if mixed else [60] * tasks
    chances, truth = difficulties(kind, (count, tasks), rng)
    held = 0
    for row in chances:
        values = [scored((rng.random(n) < p).astype(float)) for n, p in zip(sizes, row, strict=False)]
        _, like = mean_of_scores(values)
        assert like.estimate.low is not None
        assert like.estimate.high is not None
        held += like.estimate.low <= truth <= like.estimate.high
    assert held / count >= 0.93 - 2.5 * math.sqrt(0.93 * 0.07 / count)


# clusters that several tasks share


def test_degrees_of_freedom_are_those_of_the_definition_by_matrices() -> None:
    rng = np.random.default_rng(4)
    w = rng.random((3, 8)) * (rng.random((3, 8)) < 0.7)
    w /= w.sum(axis=1, keepdims=True)
    v = np.array([0.5, 1.0, 2.0])
    covariance = np.diag(v @ w) - sum(v[i] * np.outer(w[i], w[i]) for i in range(3))
    grown = np.diag((v @ w) / np.diag(covariance)) @ covariance
    wanted = np.trace(grown) ** 2 / np.trace(grown @ grown)
    assert Joined(w, w).df(v) == pytest.approx(wanted)
    sizes = np.array([[3, 1, 5, 20, 2, 0, 0, 0], [0, 0, 0, 0, 0, 4, 4, 9]])
    shares = sizes / sizes.sum(axis=1, keepdims=True)
    dfs = [satterthwaite_df(row[row > 0]) for row in sizes]
    assert Joined(shares[:1], shares[:1]).df([1.0]) == pytest.approx(dfs[0])
    assert Joined(shares, shares).df([1.0, 4.0]) == pytest.approx(welch_df([1.0, 2.0], dfs))


def test_two_tasks_with_all_clusters_in_common_are_one() -> None:
    """The error of their mean is CR2's of the means of the two."""
    rng, pictures = np.random.default_rng(5), np.repeat(np.arange(20), 3)
    x, y = rng.random((2, 60)) + rng.normal(0, 0.3, 20)[pictures]
    parts = [ClusterParts.of(values, pictures) for values in (x, y)]
    joined = Joined.of(parts)
    assert joined is not None
    variances = [cr2(Clustered.of(v, pictures).residuals, np.full(20, 3)) / 60**2 for v in (x, y)]
    both = Clustered.of((x + y) / 2, pictures)
    wanted = cr2(both.residuals, both.sizes) / 60**2
    assert joined.widening(variances) ** 2 * sum(variances) / 4 == pytest.approx(wanted)
    assert joined.df(variances) == pytest.approx(19)
    assert Joined.of([parts[0], ClusterParts.of(y, pictures + 20)]) is None


def shared_tasks(rng: np.random.Generator, own: float) -> tuple[list[Floats], NDArray[Any]]:
    """Seven tasks on the same thirty pictures, two questions each: the picture decides how hard they are."""
    pictures = np.repeat(np.arange(30), 2)
    hard = rng.beta(2 * own, 2 * (1 - own), 30)[pictures]
    return [(rng.random(60) < hard).astype(float) for _ in range(7)], pictures


def test_seven_tasks_that_share_pictures_are_held() -> None:
    rng, count = rng_of("shared"), 300
    held = apart = 0
    for _ in range(count):
        values, pictures = shared_tasks(rng, 0.6)
        joined, _ = mean_of_scores([scored(x, pictures, pictures) for x in values])
        alone, _ = mean_of_scores([scored(x, None, pictures) for x in values])
        held += (joined.low or 0) <= 0.6 <= (joined.high or 0)
        apart += (alone.low or 0) <= 0.6 <= (alone.high or 0)
    assert held / count >= 0.93 - 2.5 * math.sqrt(0.93 * 0.07 / count)
    assert apart / count < 0.8  # what it is for


def test_equal_models_on_tasks_that_share_pictures_are_not_called_different() -> None:
    """p for these tasks: flips and t take a picture as one, whatever task shows it."""
    rng, count, called = rng_of("shared pairs"), 300, 0
    for _ in range(count):
        pictures = np.repeat(np.arange(30), 2)
        better = rng.uniform(-0.4, 0.4, 30)[pictures]  # one model likes this picture, in every task
        parts = []
        for _ in range(7):
            a, b = ((rng.random(60) < 0.5 + side * better).astype(float) for side in (0.5, -0.5))
            pair = paired(a, b, pictures, (0.0, 1.0), Options(resamples=0))
            parts.append(TaskPart.of(pair, names=np.arange(30)))
        called += (mean_of_tasks(parts).p or 1.0) < 0.05
    assert called / count <= 0.06 + 2.5 * math.sqrt(0.06 * 0.94 / count)
