"""CR2 and its degrees of freedom: against their definition with matrices."""

from __future__ import annotations

import numpy as np
import pytest

from hemm.stats.clusters import Clustered, cr2, mean_size, satterthwaite_df

SIZES = ([3] * 8, [20, 1, 1, 1, 1], [40] + [1] * 29, [1, 2, 3, 4, 5, 6], [7, 7], [5, 1])


def inverse_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**-0.5) @ vectors.T


def bell_mccaffrey(x: np.ndarray, sizes: list[int]) -> tuple[float, float]:
    """Variance and degrees of freedom of the intercept of an ordinary regression, as published: residuals of
    each cluster times (I - H_gg)^(-1/2), and the Satterthwaite approximation to the quadratic form."""
    n = len(x)
    design = np.ones((n, 1))
    inverse = np.linalg.inv(design.T @ design)
    hat = design @ inverse @ design.T
    rest = np.eye(n) - hat
    variance, columns, start = 0.0, [], 0
    for m in sizes:
        rows = slice(start, start + m)
        adjust = inverse_root(rest[rows, rows])
        score = inverse @ design[rows].T @ adjust
        variance += float((score @ (rest @ x)[rows]).item()) ** 2
        columns.append((rest[:, rows] @ adjust @ design[rows] @ inverse).ravel())
        start += m
    form = np.array(columns) @ np.array(columns).T
    return variance, float(np.trace(form) ** 2 / (form**2).sum())


@pytest.mark.parametrize("sizes", SIZES)
def test_variance_and_degrees_of_freedom_are_bell_and_mccaffreys(sizes: list[int]) -> None:
    x = np.random.default_rng(sum(sizes)).normal(size=sum(sizes))
    data = Clustered.of(x, np.repeat(np.arange(len(sizes)), sizes))
    variance, df = bell_mccaffrey(x, sizes)
    assert float(cr2(data.residuals, data.sizes)) / len(x) ** 2 == pytest.approx(variance)
    assert data.df == pytest.approx(df)


@pytest.mark.parametrize("sizes", SIZES)
def test_the_variance_is_unbiased_for_independent_values(sizes: list[int]) -> None:
    m = np.array(sizes)
    x = np.random.default_rng(1).normal(size=(40_000, m.sum()))
    sums = np.add.reduceat(x, np.concatenate([[0], np.cumsum(m)[:-1]]), axis=1)
    squares = cr2(sums - m * x.mean(axis=1, keepdims=True), m)
    assert float(np.mean(squares)) / m.sum() == pytest.approx(1, abs=0.03)


def test_equal_sizes_are_students() -> None:
    assert satterthwaite_df([4] * 10) == pytest.approx(9)
    assert mean_size([4] * 10) == 4
    assert float(cr2([1.0, 0.0, -1.0], [2, 2, 2])) == pytest.approx(2 * 3 / 2)
    named = Clustered.of([1.0, np.nan, 0.0], ["b", "a", "a"])
    assert (named.groups, named.mean, named.sums.tolist()) == (2, 0.5, [0.0, 1.0])
