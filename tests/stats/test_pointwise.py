"""Bits of options by their definitions: probabilities, priors, temperatures, parts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hemm.stats.pointwise import cross_fitted, inverse_temperature, parts, prior_bits, right_bits
from hemm.stats.two_labels import difference_of_kinds

INF = float("inf")


def test_bits_are_log2_of_the_probability_over_the_options() -> None:
    scores = [[math.log(0.5), math.log(0.25), math.log(0.25)], [math.log(0.02), math.log(0.08), -INF]]
    right = [[False, True, True], [True, False, False]]
    assert right_bits(scores, right).tolist() == pytest.approx([-1, math.log2(0.2)])
    sharper = right_bits(scores, right, 2.0)  # squares of the probabilities, over their sum
    assert sharper.tolist() == pytest.approx([math.log2(0.125 / 0.375), math.log2(0.0004 / 0.0068)])
    assert right_bits(scores, right, 0.0).tolist() == pytest.approx([math.log2(2 / 3), -1])


def test_the_prior_is_that_of_other_clusters_with_the_same_options() -> None:
    # set A: right options 0, 0, 1 in clusters a, a, b; set B: one sample alone
    right = np.array([[1, 0], [1, 0], [0, 1], [1, 0]], dtype=bool)
    found = prior_bits(["A", "A", "A", "B"], [2, 2, 2, 2], right, ["a", "a", "b", "c"])
    # a sees b alone: option 1 once; (0 + 1) / (1 + 2). b sees a: (0 + 1) / (2 + 2). c sees nothing: 1 / 2
    assert found.tolist() == pytest.approx([math.log2(1 / 3)] * 2 + [-2, -1])


def test_a_temperature_undoes_the_one_that_was_planted() -> None:
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 1.5, (4000, 4))
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    drawn = (chance.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    right = np.eye(4, dtype=bool)[drawn]
    assert inverse_temperature(logits * 3.0, right) == pytest.approx(1 / 3, rel=0.08)
    assert inverse_temperature(rng.normal(0, 5, (4000, 4)), right) < 0.03, "nothing to be sure of"
    fitted = cross_fitted(logits * 3.0, right, np.arange(4000) // 2)
    assert len(set(fitted.tolist())) == 5
    assert fitted.mean() == pytest.approx(1 / 3, rel=0.08)
    assert cross_fitted(logits[:3], right[:3], ["one"] * 3).tolist() == [1, 1, 1]


def test_parts_add_up_and_nothing_below_zero_is_redundant() -> None:
    both, text, picture = np.array([1.5, 0.2, -1.0]), np.array([0.5, 0.6, -2.0]), np.array([0.75, -0.5, 1.0])
    found = parts(both, text, picture)
    assert found.redundant.tolist() == [0.5, 0, 0]
    assert found.text.tolist() == [0, 0.6, -2]
    assert found.picture.tolist() == [0.25, -0.5, 1]
    total = found.redundant + found.text + found.picture + found.synergy
    assert total == pytest.approx(both)
    assert found.synergy[0] == 0.75


def test_the_difference_of_two_kinds_holds_its_level_where_clusters_have_both() -> None:
    rng, false, covered = np.random.default_rng(3), 0, 0
    for _ in range(400):
        clusters = np.repeat(np.arange(40), 4)
        effect = rng.normal(0, 1, 40)[clusters]
        kind = rng.random(160) < np.where(clusters < 20, 0.2, 0.7)
        values = effect + rng.normal(0, 1, 160)
        _, p = difference_of_kinds(values, kind, clusters)
        estimate, _ = difference_of_kinds(values + 0.5 * kind, kind, clusters)
        false += p is not None and p < 0.05
        covered += estimate.low <= 0.5 <= estimate.high
    assert false / 400 < 0.09
    assert covered / 400 > 0.91
    assert difference_of_kinds([1.0, 2.0], [True, True], ["a", "b"])[0].note == "one kind alone"
    assert difference_of_kinds([1.0, 2.0, 3.0], [True, False, False], ["a", "b", "c"])[1] is None
