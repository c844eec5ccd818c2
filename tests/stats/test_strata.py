"""Post-stratified means: against their definition by matrices, and what they promise in simulations.

The simulated data sets have strata of known sizes, of which a simple random sample of clusters is drawn. The
truth is the mean of the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hemm.stats.bootstrap import bootstrap_interval
from hemm.stats.intervals import Estimate, mean_difference, mean_interval
from hemm.stats.paired import Options, paired
from hemm.stats.strata import LEAST, Part, Stratified, post_stratify
from simulated import rng_of

GQA = ([0.53, 0.15, 0.12, 0.12, 0.08], [0.45, 0.85, 0.6, 0.75, 0.95])
"""Shares of five types of questions as GQA's testdev has them, and how often a model is right."""
DATA = {
    "always yes": ([0.9, 0.1], [1.0, 0.0]),
    "gqa": GQA,
    "twenty equal": (np.full(20, 0.05), np.linspace(0.1, 0.99, 20)),
    "twenty unequal": (0.7 ** np.arange(20), np.linspace(0.1, 0.99, 20)),
    "rare and hard": ([0.95, 0.05], [0.98, 0.2]),
}


class Whole:
    """A data set of clusters of ``per`` values; a cluster lies in one stratum, or (``across``) in several."""

    def __init__(
        self, name: str, per: int = 1, across: bool = False, kind: str = "right", total: int = 12000
    ):
        shares, chances = (np.asarray(a, dtype=float) for a in DATA[name])
        rng = rng_of("whole", name, per, across, kind)
        shape = (total // per, per if across else 1)
        h = rng.choice(len(shares), p=shares / shares.sum(), size=shape)
        self.strata = np.repeat(h, 1 if across else per, axis=1)
        own = np.clip(chances[self.strata] + rng.normal(0, 0.1, (len(h), 1)) * (per > 1), 0, 1)
        right = (rng.random(own.shape) < own).astype(float)
        graded = right if kind == "right" else rng.beta(4 * own + 1e-3, 4 * (1 - own) + 1e-3)
        rival = (rng.random(own.shape) < own).astype(float)
        self.values = {"right": right, "graded": graded, "difference": right - rival}[kind]
        self.names = np.array([f"type {n}" for n in range(len(shares))], dtype=object)
        self.sizes = dict(
            zip(self.names, np.bincount(self.strata.ravel(), minlength=len(shares)), strict=True)
        )
        self.truth = float(self.values.mean())

    def part(self, clusters: int, rng: np.random.Generator) -> tuple[Any, Any, Part]:
        """Values and clusters of a random sample of clusters, and their weights."""
        rows = rng.choice(len(self.values), clusters, replace=False)
        names = np.repeat(np.arange(clusters), self.values.shape[1])
        strata = self.names[self.strata[rows]].ravel()
        return self.values[rows].ravel(), names, post_stratify(strata, self.sizes, names)


def score(x: Any, clusters: Any, part: Part) -> Estimate:
    return mean_interval(x, clusters, (0.0, 1.0), part=part)


def coverage(
    whole: Whole, clusters: int, count: int, interval: Callable[..., Estimate]
) -> tuple[float, float]:
    """Share of intervals that hold the truth, and the mean error of the value."""
    rng, held, error = rng_of("part", clusters, count), 0, 0.0
    for _ in range(count):
        e = interval(*whole.part(clusters, rng))
        assert e.value is not None
        assert e.low is not None
        assert e.high is not None
        assert e.low < e.high
        held += e.low <= whole.truth <= e.high
        error += e.value - whole.truth
    return held / count, error / count


def least(count: int) -> float:
    return 0.93 - 2.5 * float(np.sqrt(0.93 * 0.07 / count))


@pytest.mark.parametrize("name", DATA)
def test_a_hundred_answers_hold_the_score_of_the_whole(name: str) -> None:
    held, error = coverage(Whole(name), 100, 400, score)
    assert held >= least(400)
    assert abs(error) < 0.006


@pytest.mark.full
@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("clusters", [50, 100, 400])
@pytest.mark.parametrize("kind", ["right", "graded"])
@pytest.mark.parametrize(("per", "across"), [(1, False), (3, False), (3, True)])
def test_coverage_over_the_grid(name: str, clusters: int, kind: str, per: int, across: bool) -> None:
    held, error = coverage(Whole(name, per, across, kind), clusters, 1000, score)
    assert held >= least(1000) - 0.02 * (clusters == 50)
    assert abs(error) < 0.006


@pytest.mark.parametrize(("per", "across"), [(3, False), (3, True)])
def test_clusters_in_one_stratum_or_in_several(per: int, across: bool) -> None:
    assert coverage(Whole("gqa", per, across), 60, 300, score)[0] >= least(300)


def test_differences_are_held_and_their_test_keeps_its_level() -> None:
    whole = Whole("gqa", kind="difference")

    def interval(x: Any, clusters: Any, part: Part) -> Estimate:
        return mean_difference(x, clusters, 1.0, part=part).estimate

    assert coverage(whole, 100, 300, interval)[0] >= least(300)
    rng, found = rng_of("null"), 0
    level = whole.truth  # what the two differ by in this data set, nearly nothing
    assert abs(level) < 0.015
    for _ in range(300):
        x, names, part = whole.part(100, rng)
        test = paired(x * (x > 0), -x * (x < 0), names, (0.0, 1.0), Options(resamples=0), part)
        assert test.difference.value == pytest.approx(test.a - test.b)
        found += test.p < 0.05
    assert found / 300 <= 0.06 + 2.5 * np.sqrt(0.06 * 0.94 / 300)


def test_weights_narrow_the_interval_and_never_to_a_point() -> None:
    rng = rng_of("width")
    x, names, part = Whole("gqa").part(100, rng)
    plain, weighted = mean_interval(x, names, (0.0, 1.0)), score(x, names, part)
    assert weighted.high - weighted.low < 0.97 * (plain.high - plain.low)
    yes = np.r_[np.ones(90), np.zeros(10)]
    part = post_stratify(["yes"] * 90 + ["no"] * 10, {"yes": 9000, "no": 1000}, np.arange(100))
    e = score(yes, np.arange(100), part)
    assert e.value == pytest.approx(0.9)
    # Wilson's bounds for none of 90 and none of 10, each by its share, square-and-add
    t2 = 1.984**2
    assert (e.low, e.high) == (
        pytest.approx(0.9 - 0.9 * t2 / (90 + t2), abs=2e-3),
        pytest.approx(0.9 + 0.1 * t2 / (10 + t2), abs=2e-3),
    )
    half = score(np.full(100, 0.5), np.arange(100), part)
    assert half.low < 0.5 < half.high


@pytest.mark.parametrize("seed", range(4))
def test_variance_and_degrees_of_freedom_are_those_of_the_regression_on_strata(seed: int) -> None:
    """CR2 and Satterthwaite's degrees of freedom by their definition in matrices (Bell and McCaffrey)."""
    rng = np.random.default_rng(seed)
    n, groups = 40, 13
    h, g = rng.integers(0, 3, n), rng.integers(0, groups, n)
    x, totals = rng.random(n), np.array([300.0, 90.0, 10.0])
    part = Part(h, (totals / np.bincount(h))[h] * n / totals.sum(), 0.0)
    data = Stratified.of_part(x, g, part)
    design, aim = np.eye(3)[h], totals / totals.sum()
    bread = np.linalg.inv(design.T @ design)
    residuals = x - design @ (bread @ design.T @ x)
    outside = np.eye(n) - design @ bread @ design.T
    terms, vectors = [], []
    for cluster in np.unique(g):
        rows = np.flatnonzero(g == cluster)
        values, base = np.linalg.eigh(outside[np.ix_(rows, rows)])
        root = base @ np.diag([v**-0.5 if v > 1e-9 else 0.0 for v in values]) @ base.T
        effect = root @ design[rows] @ bread @ aim
        terms.append(effect @ residuals[rows])
        vectors.append(outside[:, rows] @ effect)
    gram = np.array(vectors) @ np.array(vectors).T
    assert data.mean == pytest.approx(aim @ bread @ design.T @ x)
    assert data.squares / n**2 == pytest.approx(np.square(terms).sum())
    assert data.df == pytest.approx(np.trace(gram) ** 2 / np.square(gram).sum())


@pytest.mark.parametrize("seed", range(3))
def test_of_a_category_weights_alone_remain(seed: int) -> None:
    """The weighted mean's variance is unbiased for independent values, by its definition in matrices."""
    rng = np.random.default_rng(seed)
    n = 30
    g, w = rng.integers(0, 9, n), rng.random(n) + 0.1
    part = Part(np.zeros(n, dtype=np.int64), w * n / w.sum(), 0.3, complete=False)
    share = w / w.sum()
    member = np.eye(g.max() + 1)[g].T
    to_residuals = (member * share) - np.outer(member @ share, share)
    of_each = np.square(to_residuals).sum(axis=1)  # variance of each residual
    scale = np.sqrt((member @ share**2) / of_each)
    x = rng.random(n)
    data = Stratified.of_part(x, g, part)
    terms = scale[:, None] * to_residuals
    covariance = terms @ terms.T
    assert data.squares / n**2 == pytest.approx(np.square(terms @ x).sum())
    assert np.trace(covariance) == pytest.approx((share**2).sum())  # that of the mean
    assert data.df == pytest.approx(np.trace(covariance) ** 2 / np.square(covariance).sum())


def test_all_of_the_data_is_the_plain_interval() -> None:
    rng = np.random.default_rng(1)
    h, g, x = rng.integers(0, 3, 200), rng.integers(0, 60, 200), (rng.random(200) < 0.7).astype(float)
    names = np.array(["a", "b", "c"], dtype=object)[h]
    part = post_stratify(names, dict(zip("abc", np.bincount(h).tolist(), strict=True)), g)
    assert part.share == 1
    assert np.allclose(part.weights, 1)
    plain, weighted = mean_interval(x, g, (0.0, 1.0)), score(x, g, part)
    assert (weighted.value, weighted.low, weighted.high) == (
        pytest.approx(plain.value),
        pytest.approx(plain.low),
        pytest.approx(plain.high),
    )


def test_small_strata_are_merged_by_their_share() -> None:
    strata = ["a"] * 60 + ["b"] * 38 + ["c", "d"]
    sizes = {"a": 600, "b": 350, "c": 30, "d": 15, "never seen": 5}
    part = post_stratify(strata, sizes, range(100))
    assert (part.merged, part.of) == (3, 5)
    total = sum(sizes.values())
    weights = {name: part.weights[strata.index(name)] * total / 100 for name in "abcd"}
    assert weights == {
        "a": pytest.approx(10),
        "b": pytest.approx(350 / 38),
        "c": pytest.approx(25),
        "d": pytest.approx(25),
    }
    assert 100 * 30 / total < LEAST
    # a large stratum that was not met joins the next smallest, not nothing
    unmet = post_stratify(["a"] * 50 + ["b"] * 50, {"a": 500, "b": 400, "c": 100}, range(100))
    assert len(set(unmet.strata.tolist())) == 2
    assert unmet.weights[[0, 50]].tolist() == [pytest.approx(1.0), pytest.approx(1.0)]


def test_values_that_are_missing_leave_weights_to_the_others() -> None:
    x = np.r_[np.full(45, 1.0), np.full(45, np.nan), np.zeros(10)]
    part = post_stratify(["yes"] * 90 + ["no"] * 10, {"yes": 500, "no": 500}, range(100))
    e = score(x, np.arange(100), part)
    assert e.value == pytest.approx(25 / 75)  # half of the yes answers are not known: they stand for 250
    assert e.n == 55


def test_the_bootstrap_varies_as_the_formula_does() -> None:
    x, names, part = Whole("gqa", 3, True).part(100, rng_of("bootstrap"))
    formula, boot = score(x, names, part), bootstrap_interval(x, names, (0.0, 1.0), 4000, part=part)
    assert boot.value == formula.value
    assert (boot.low, boot.high) == (
        pytest.approx(formula.low, abs=4e-3),
        pytest.approx(formula.high, abs=4e-3),
    )
