"""Interactions of labels: least squares and CR3 by their definitions, and planted effects."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from hemm.stats.label_effects import LabelledSamples
from hemm.stats.label_interactions import interactions

ORDER = {"kind": ("r", "u", "s"), "known": ("yes", "no"), "steps": ("less", "more")}


def planted(rng: np.random.Generator, each: int = 12) -> LabelledSamples:
    """A full factorial in two tasks, three samples a cluster: knowing costs 0.4, but with u nothing."""
    cells = list(product(*ORDER.values(), ("a", "b"), range(each)))
    kind, known, steps, tasks = (np.array(c, dtype=object) for c in list(zip(*cells, strict=True))[:4])
    clusters = np.array([f"c{i // 3}" for i in range(len(cells))], dtype=object)
    shared = rng.normal(0, 0.02, len(cells) // 3 + 1)[np.arange(len(cells)) // 3]
    y = 0.8 - 0.4 * ((known == "yes") & (kind != "u")) - 0.1 * (steps == "more") + 0.1 * (tasks == "a")
    y = y + shared + rng.normal(0, 0.04, len(cells))
    return LabelledSamples(y, tasks, clusters, {"kind": kind, "known": known, "steps": steps}, 1)


def test_planted_interactions_are_found_and_no_others() -> None:
    found = interactions(planted(np.random.default_rng(4)), ORDER)
    assert not found.why
    rows = {(r.dimension, r.a1, r.b1, r.other, r.a2, r.b2): r for r in found.rows}
    assert len(rows) == 3 * 1 + 3 * 1 + 1
    wanted = {("kind", "r", "u"): -0.4, ("kind", "u", "s"): 0.4, ("kind", "r", "s"): 0.0}
    for key, row in rows.items():
        value = wanted[key[:3]] if key[3] == "known" and key[0] == "kind" else 0.0
        assert row.value == pytest.approx(value, abs=0.08), key
        assert row.low is not None
        assert row.high is not None
        assert row.low < row.high
        assert row.p_holm is not None
        assert (row.p_holm < 0.001) == (value != 0), key


def test_the_fit_is_least_squares_and_its_error_leaves_one_cluster_out() -> None:
    data = planted(np.random.default_rng(5), each=3)
    has = {c: data.labels[d] == c for d in ORDER for c in ORDER[d]}
    x = np.stack(
        [data.tasks == "a", data.tasks == "b", has["u"], has["s"], has["no"], has["more"],
         has["u"] & has["no"], has["s"] & has["no"], has["u"] & has["more"], has["s"] & has["more"],
         has["no"] & has["more"]], axis=1).astype(float)  # fmt: skip
    contrast = np.zeros(11)
    contrast[6], contrast[7] = -1, 1  # (u less s at yes) less (the same at no): -(u, no) + (s, no)

    def fit(keep: np.ndarray) -> float:
        return float(contrast @ np.linalg.lstsq(x[keep], data.y[keep], rcond=None)[0])

    row = next(r for r in interactions(data, ORDER).rows if (r.a1, r.b1, r.a2) == ("u", "s", "yes"))
    everything = np.ones(len(data.y), dtype=bool)
    assert row.value == pytest.approx(fit(everything))
    pairs = np.array([f"{t}{c}" for t, c in zip(data.tasks, data.clusters, strict=True)])
    names = np.unique(pairs)
    apart = np.array([fit(pairs != name) - fit(everything) for name in names])
    error = math.sqrt((len(names) - 1) / len(names) * (apart**2).sum())
    from scipy import stats

    assert row.high is not None
    assert row.high - row.value == pytest.approx(stats.t.isf(0.025, row.df) * error, rel=1e-6)


def test_what_cannot_be_estimated_has_no_value() -> None:
    data = planted(np.random.default_rng(6))
    keep = ~((data.labels["kind"] == "u") & (data.labels["known"] == "yes"))
    rows = interactions(data.take(keep), ORDER).rows
    empty = {(r.a1, r.b1) for r in rows if r.other == "known" and r.value is None}
    assert empty == {("r", "u"), ("u", "s")}
    one = data.take(np.arange(0, len(data.y), 29))
    assert "too few clusters" in interactions(one, ORDER).why
    alone = (data.labels["kind"] == "r") & (data.labels["known"] == "yes")
    assert "fewer than two" in interactions(data.take(alone), ORDER).why
