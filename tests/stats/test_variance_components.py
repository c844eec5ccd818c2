"""Variance components: against their definition by matrices, and planted ones over simulations."""

from __future__ import annotations

import numpy as np
import pytest

from hemm.stats.variance_components import common_variance, components, variance_of_means

PLANTED = {
    "cluster": 0.2,
    "sample": 0.3,
    "prompt": 0.1,
    "seed": 0.07,
    "by prompt": 0.15,
    "by seed": 0.12,
    "rest": 0.25,
}


def design(
    rng: np.random.Generator, kept: float = 0.6, prompts: int = 3, seeds: int = 2
) -> dict[str, np.ndarray]:
    """Clusters of one to eight samples, of which each cell has a part, with one to three repeats."""
    clusters = np.repeat(np.arange(23), rng.integers(1, 9, 23))
    count = len(clusters)
    rows = [
        (clusters[s], s, p, q)
        for p in range(prompts)
        for q in range(seeds)
        for s in np.flatnonzero(rng.random(count) < kept)
        for _ in range(rng.integers(1, 4))
    ]
    c, s, p, q = np.array(rows).T
    return {
        "cluster": c,
        "sample": s,
        "prompt": p,
        "seed": q,
        "by prompt": p * count + s,
        "by seed": q * count + s,
    }


def drawn(rng: np.random.Generator, factors: dict[str, np.ndarray], spread: dict[str, float]) -> np.ndarray:
    """Values with an effect for each level: normal ones, and skewed ones for clusters and the rest."""
    values = np.full(len(factors["sample"]), 0.4)
    for name, levels in {**factors, "rest": np.arange(len(values))}.items():
        size = int(levels.max()) + 1
        skewed = name in ("cluster", "rest")
        effects = rng.exponential(1, size) - 1 if skewed else rng.standard_normal(size)
        values += spread[name] * effects[levels]
    return values


def test_an_unbalanced_design_is_solved_as_the_definition_by_matrices_says() -> None:
    rng = np.random.default_rng(5)
    factors = design(rng, kept=0.3)
    values = drawn(rng, factors, PLANTED)
    n = len(values)
    incidence = [np.equal.outer(levels, np.unique(levels)).astype(float) for levels in factors.values()]
    incidence.append(np.eye(n))
    forms = [z @ np.linalg.inv(z.T @ z) @ z.T - np.ones((n, n)) / n for z in incidence]
    table = [[np.trace(form @ z @ z.T) for z in incidence] for form in forms]
    expected = np.linalg.solve(table, [values @ form @ values for form in forms])
    weights = rng.random(n)
    share = weights / weights.sum()
    found = components(values, factors, "rest", weights)
    assert [part.names for part in found] == [(name,) for name in PLANTED]
    assert [part.variance for part in found] == pytest.approx(list(expected))
    assert [part.concentration for part in found] == pytest.approx(
        [share @ z @ z.T @ share for z in incidence]
    )


def test_equal_numbers_give_the_mean_squares_of_a_crossed_design_with_repeats() -> None:
    rng = np.random.default_rng(6)
    y = rng.standard_normal((7, 3, 4)) + rng.standard_normal((7, 1, 1)) + rng.standard_normal((7, 3, 1))
    sample, prompt, _ = np.indices(y.shape)
    found = components(
        y.ravel(),
        {"sample": sample.ravel(), "prompt": prompt.ravel(), "both": (3 * sample + prompt).ravel()},
    )
    cells, rows, columns = y.mean(2), y.mean((1, 2)), y.mean((0, 2))
    within = ((y - cells[..., None]) ** 2).sum() / (7 * 3 * 3)
    both = 4 * ((cells - rows[:, None] - columns + y.mean()) ** 2).sum() / (6 * 2)
    of_rows, of_columns = 12 * rows.var(ddof=1), 28 * columns.var(ddof=1)
    expected = [(of_rows - both) / 12, (of_columns - both) / 28, (both - within) / 4, within]
    assert [part.variance for part in found] == pytest.approx(expected)


def test_planted_components_are_recovered_from_unbalanced_designs() -> None:
    rng = np.random.default_rng(7)
    found = []
    for _ in range(200):
        factors = design(rng)
        found.append([part.variance for part in components(drawn(rng, factors, PLANTED), factors)])
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - np.square(list(PLANTED.values()))) < 3.5 * error)
    assert np.all(error < 0.15 * np.square(list(PLANTED.values())))  # else the line above says little


def test_factors_that_the_design_cannot_tell_apart_are_one_component() -> None:
    y = np.random.default_rng(8).standard_normal(12)
    once = components(y, {"cluster": range(12), "sample": range(12), "prompt": [0] * 12}, "repeat")
    assert [part.names for part in once] == [("cluster", "sample", "repeat")]
    assert once[0].variance == pytest.approx(y.var(ddof=1))
    aliased = components(y, {"prompt": [0] * 6 + [1] * 6, "seed": ["a"] * 6 + ["b"] * 6})
    assert [part.names for part in aliased] == [("prompt", "seed"), ("rest",)]


def test_between_groups_and_alike_in_all_of_them() -> None:
    """Means of tasks that share prompts, drawn with known variances."""
    rng = np.random.default_rng(9)
    between, alike = [], []
    for _ in range(1500):
        prompts = rng.normal(0, 0.3, 4)
        tasks = rng.normal(0, 0.5, 6)[:, None] + prompts + rng.normal(0, 0.2, (6, 4))
        tables = [{k: v for k, v in enumerate(row) if k != i % 4} for i, row in enumerate(tasks)]
        alike.append(common_variance(tables))
        between.append(variance_of_means(tasks.mean(1), [0.2**2 / 4 + 0.3**2 / 4] * 6, 0.3**2 / 4))
    for found, truth in ((alike, 0.3**2), (between, 0.5**2)):
        assert np.mean(found) == pytest.approx(truth, abs=3.5 * np.std(found) / np.sqrt(len(found)))
