"""Effects of labels with the others held equal."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from hemm.stats.corrections import holm
from hemm.stats.label_effects import LabelledSamples, by_samples, by_tasks, overlaps
from hemm.stats.regression import joint


def probe(rng: np.random.Generator, effect: float, n: int = 400) -> LabelledSamples:
    """Two tasks of pictures with four questions; reasoning counts, fine_grained does not but goes with it."""
    reasoning = np.where(rng.random(n) < 0.5, "less", "more").astype(object)
    same = rng.random(n) < 0.85
    fine = np.where((reasoning == "more") == same, "yes", "no").astype(object)
    tasks = np.repeat(np.array(["a", "b"], dtype=object), n // 2)
    y = 0.5 + effect * (reasoning == "less") + 0.2 * (tasks == "a") + rng.normal(0, 0.2, n)
    clusters = np.array([f"c{i // 4}" for i in range(n)], dtype=object)
    return LabelledSamples(y, tasks, clusters, {"reasoning": reasoning, "fine_grained": fine}, 3)


ORDER = {"reasoning": ("less", "more"), "fine_grained": ("yes", "no")}


def test_effects_within_tasks_and_what_raw_means_say() -> None:
    found = {r.effect.dimension: r for r in by_samples(probe(np.random.default_rng(2), 0.3), ORDER).effects}
    reasoning, fine = found["reasoning"], found["fine_grained"]
    assert reasoning.effect.value == pytest.approx(0.3, abs=0.07)
    assert reasoning.effect.p is not None
    assert reasoning.effect.p < 1e-6
    assert fine.raw is not None
    assert fine.raw < -0.15  # as if details were hard
    assert fine.effect.value == pytest.approx(0.0, abs=0.08)
    assert fine.effect.inflation is not None
    assert fine.effect.inflation > 1.5
    assert reasoning.low_out is not None
    assert reasoning.high_out is not None
    assert reasoning.low_out <= 0.3 + 0.1
    assert reasoning.high_out >= 0.2


def test_the_fit_within_tasks_is_least_squares() -> None:
    data = probe(np.random.default_rng(3), 0.1)
    x = np.stack([data.tasks == "a", data.tasks == "b", data.labels["reasoning"] == "less",
                  data.labels["fine_grained"] == "yes"], axis=1).astype(float)  # fmt: skip
    beta = np.linalg.lstsq(x, data.y, rcond=None)[0]
    found = {r.effect.dimension: r.effect for r in by_samples(data, ORDER).effects}
    assert found["reasoning"].value == pytest.approx(beta[2])
    assert found["fine_grained"].value == pytest.approx(beta[3])
    # CR3 by its definition: the spread of fits without one cluster each
    names = np.unique(data.clusters.astype(str))
    fits = np.array([
        np.linalg.lstsq(x[keep], data.y[keep], rcond=None)[0]
        for name in names
        if (keep := data.clusters != name).any()
    ])  # fmt: skip
    groups = len(names)
    error = math.sqrt((groups - 1) / groups * ((fits[:, 2] - beta[2]) ** 2).sum())
    low = found["reasoning"].low
    assert low is not None
    reach = stats.t.ppf(0.975, found["reasoning"].df) * error
    assert beta[2] - low == pytest.approx(reach, rel=1e-3)


def test_labels_that_never_part_get_no_number() -> None:
    data = probe(np.random.default_rng(4), 0.2)
    labels = dict(data.labels) | {"fine_grained": np.where(data.labels["reasoning"] == "less", "yes", "no")}
    found = by_samples(replace(data, labels=labels), ORDER)
    assert {r.effect.value for r in found.effects} == {None}
    assert found.together[0].share == 1.0
    assert "too few" in by_samples(data.take(np.arange(6)), ORDER).why


def test_labels_that_travel_together() -> None:
    rows = [{"reasoning": "more", "fine_grained": "yes"}] * 3 + [{"reasoning": "less", "fine_grained": "no"}]
    rows += [{"reasoning": "less", "fine_grained": "yes"}]
    found = {(t.category, t.other_category): (t.n, t.both, t.everywhere) for t in overlaps(rows, ORDER)}
    assert found["more", "yes"] == (3, 3, 0.8)
    assert found["yes", "more"] == (4, 3, 0.6)


def test_the_joint_model_on_ones_own_results() -> None:
    """Tasks with one label each; each is left out in turn."""
    rng = np.random.default_rng(5)
    names = [f"t{i}" for i in range(12)]
    labels = {n: {"reasoning": ("less", "more")[i % 2]} for i, n in enumerate(names)}
    scores = np.array([0.5 + 0.2 * (labels[n]["reasoning"] == "less") for n in names]) + rng.normal(
        0, 0.05, (2, 12)
    )
    [row] = by_tasks(scores, names, labels, ORDER, permutations=99).effects
    means = scores.mean(axis=0)
    assert row.raw == pytest.approx(means[::2].mean() - means[1::2].mean())
    assert row.effect.value == pytest.approx(row.raw)
    parts = [[j for j in range(12) if j != i] for i in range(12)]
    wanted = [
        np.mean([means[j] for j in kept if j % 2 == 0]) - np.mean([means[j] for j in kept if j % 2])
        for kept in parts
    ]
    assert (row.low_out, row.high_out) == (pytest.approx(min(wanted)), pytest.approx(max(wanted)))


def found_one(rows: list[float | None]) -> bool:
    return any(p is not None and p < 0.05 for p in rows)


def test_data_without_effects_seldom_show_one_over_tasks() -> None:
    """Six dimensions of thirty tasks: some p is below 5 % in a third of such data, corrected seldom."""
    rng = np.random.default_rng(10)
    names = [f"t{i}" for i in range(30)]
    order = {f"d{k}": ("x", "y", "z")[: 2 + k % 2] for k in range(6)}
    raw, corrected = [], []
    for _ in range(400):
        labels = {n: {d: str(rng.choice(c)) for d, c in order.items()} for n in names}
        scores = rng.normal(0.5, 0.15, 30) + rng.normal(0, 0.05, (3, 30))
        p = [e.p for e in joint(scores, names, labels, order, permutations=0).effects]
        raw.append(found_one(p))
        corrected.append(found_one(holm(p)))
    assert np.mean(raw) > 0.2
    assert np.mean(corrected) <= 0.06 + 2.5 * math.sqrt(0.06 * 0.94 / 400)
    assert [r.p_holm for r in by_tasks(scores, names, labels, order, permutations=0).effects] == holm(p)


@pytest.mark.parametrize("large", [4, 20])
def test_data_without_effects_seldom_show_one_within_tasks(large: int) -> None:
    """Thirty clusters, three of them large, that have one label each."""
    rng = np.random.default_rng(large)
    sizes = np.repeat([large, 1], [3, 27])
    names = np.repeat(np.arange(30), sizes).astype(object)
    hits = []
    for _ in range(400):
        labels = {d: np.repeat(rng.choice(ORDER[d], 30), sizes).astype(object) for d in ORDER}
        y = np.repeat(rng.normal(0, 0.55, 30), sizes) + rng.normal(0, 0.84, len(names))
        data = LabelledSamples(y, np.full(len(names), "t", dtype=object), names, labels, 1)
        hits += [found_one([r.p_holm for r in by_samples(data, ORDER).effects])]
    assert np.mean(hits) <= 0.06 + 2.5 * math.sqrt(0.06 * 0.94 / 400), np.mean(hits)


def test_degrees_of_freedom_within_tasks_by_their_definition() -> None:
    """The scores of clusters as linear forms of independent values, written out."""
    data = probe(np.random.default_rng(6), 0.1, n=40)
    clusters = np.array(["big"] * 12 + [f"c{i // 2}" for i in range(28)], dtype=object)
    data = replace(data, clusters=clusters)
    x = np.stack([data.tasks == "a", data.tasks == "b", data.labels["reasoning"] == "more",
                  data.labels["fine_grained"] == "no"], axis=1).astype(float)  # fmt: skip
    inverse = np.linalg.inv(x.T @ x)
    hat = x @ inverse @ x.T
    forms = []
    for name in np.unique(clusters.astype(str)):
        rows = clusters == name
        adjust = np.linalg.inv(np.eye(rows.sum()) - hat[np.ix_(rows, rows)])
        forms.append((np.eye(40) - hat)[:, rows] @ adjust @ x[rows] @ inverse[:, 2])
    gram = np.array(forms) @ np.array(forms).T
    found = {r.effect.dimension: r.effect for r in by_samples(data, ORDER).effects}
    assert found["reasoning"].df == pytest.approx(np.trace(gram) ** 2 / (gram**2).sum())
