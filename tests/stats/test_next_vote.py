"""Which pair a further vote tells most of, and Cohen's kappa, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from hemm.stats.agreement import cohen_kappa
from hemm.stats.next_vote import PRIOR, vote_gains
from simulated_votes import Field, in_order


def test_gains_are_those_of_the_posterior() -> None:
    """The mode by a general optimiser, the covariance from numerical second derivatives there."""
    wins = np.array([[0.0, 7.5, 1.0, 0.0], [2.5, 0.0, 4.0, 0.0], [0.0, 2.0, 0.0, 3.0], [0.0, 0.0, 1.0, 0.0]])

    def cost(s: np.ndarray) -> float:
        p = 1 / (1 + np.exp(s[None, :] - s[:, None]))
        return float(-(wins * np.log(p)).sum() + (s**2).sum() / (2 * PRIOR**2))

    mode = minimize(cost, np.zeros(4), tol=1e-12).x
    eye, h = np.eye(4), 1e-3
    second = np.array(
        [
            [
                (
                    cost(mode + h * (eye[i] + eye[j]))
                    - cost(mode + h * (eye[i] - eye[j]))
                    - cost(mode - h * (eye[i] - eye[j]))
                    + cost(mode - h * (eye[i] + eye[j]))
                )
                / (4 * h * h)
                for j in range(4)
            ]
            for i in range(4)
        ]
    )
    covariance = np.linalg.inv(second)
    found = vote_gains(wins)
    for i in range(4):
        for j in range(4):
            p = 1 / (1 + np.exp(mode[j] - mode[i]))
            gap = eye[i] - eye[j]
            assert found[i, j] == pytest.approx(p * (1 - p) * (gap @ covariance @ gap), rel=2e-3, abs=1e-9)


def test_one_sided_votes_are_finite_and_tell_little_more() -> None:
    lopsided = np.array([[0.0, 400.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    found = vote_gains(lopsided)
    assert np.isfinite(found).all()
    assert found[0, 1] < found[0, 2]
    assert found[0, 1] < found[1, 2]


def test_several_studies_at_once_are_each_alone() -> None:
    wins = np.random.default_rng(3).integers(0, 5, (4, 5, 5)) * (1.0 - np.eye(5))
    assert vote_gains(wins) == pytest.approx(np.stack([vote_gains(one) for one in wins]), rel=1e-6)


def test_adaptive_draws_order_more_models_rightly() -> None:
    """Models and spread are others than in docs/annotate.md, which says how many votes that saves."""
    found = {draw: in_order(draw, Field(7, 1.2, 120, 250), (250,)) for draw in ("balanced", "adaptive")}
    assert found["adaptive"][250] > found["balanced"][250]


def test_cohens_kappa() -> None:
    """By hand, from the table of Cohen's definition: 45 both yes, 15 and 25 apart, 15 both no."""
    first = ["yes"] * 60 + ["no"] * 40
    second = ["yes"] * 45 + ["no"] * 15 + ["yes"] * 25 + ["no"] * 15
    assert cohen_kappa(first, second) == pytest.approx((0.6 - 0.54) / (1 - 0.54))
    assert cohen_kappa(["a", "b"], ["b", "a"]) == pytest.approx(-1)
    assert cohen_kappa(["a", "a"], ["a", "a"]) is None
    assert cohen_kappa([], []) is None
