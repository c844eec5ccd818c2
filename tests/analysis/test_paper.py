"""The paper's aggregates against a second computation, its well-known results, and the joint model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hemm.analysis.paper_aggregates import paper
from hemm.cli import status
from hemm.core import DIMENSIONS
from hemm.published import MODEL_DIMENSIONS, rows
from hemm.stats.regression import joint

ORDER = {name: d.categories for name, d in DIMENSIONS.items()}


def told(capsys: pytest.CaptureFixture[str], subset: str) -> dict[str, Any]:
    assert status(["paper", "--subset", subset, "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(("subset", "models"), [("100", 11), ("full", 9)])
def test_aggregates_equal_a_second_computation(
    subset: str, models: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """By pandas from the long tables, grouped instead of indexed."""
    found = told(capsys, subset)
    scores = pd.DataFrame(rows("bartscore")).astype({"bartscore": float}).query("subset == @subset")
    identity = pd.DataFrame(rows("identity_bartscore")).query("subset == @subset")
    long = scores.merge(identity, on=["subset", "task"]).merge(pd.DataFrame(rows("tasks")), on="task")
    long = long.merge(pd.DataFrame(rows("models")).drop(columns="title"), on="model")
    top = long["bartscore_of_reference_given_itself"].astype(float)
    low = long.groupby("task")["bartscore"].transform("min")
    long["y"] = (long["bartscore"] - low) / (top - low)
    assert len(found["models"]) == models
    assert found["models"] == pytest.approx(long.groupby("model")["y"].mean().to_dict(), abs=1e-9)
    assert found["tasks"] == pytest.approx(long.groupby("task")["y"].mean().to_dict(), abs=1e-9)
    expected = {}
    for dimension, own, other in [
        *((d, "task", "model") for d in DIMENSIONS),
        *((d, "model", "task") for d in MODEL_DIMENSIONS),
    ]:
        part = long[long[dimension] != ""]
        mean_of = part.groupby([dimension, own])["y"].mean().groupby(level=0).mean()
        shown = found["dimensions" if own == "task" else "model_dimensions"][dimension]
        assert shown == pytest.approx(mean_of.to_dict(), abs=1e-9)
        wide = part.pivot_table(index=other, columns=dimension, values="y", aggfunc="mean")
        for a, b in combinations(wide.columns, 2):
            pair = wide[[a, b]].dropna()
            apart = pair[a] - pair[b]
            p = float(stats.ttest_1samp(apart, 0).pvalue)
            expected[dimension, a, b] = (p, float(apart.mean()), len(pair))
    for test in found["tests"]:
        key, sign = (test["dimension"], test["a"], test["b"]), 1
        if key not in expected:
            key, sign = (test["dimension"], test["b"], test["a"]), -1
        p, difference, n = expected.pop(key)
        assert (test["p"], sign * test["mean_difference"], test["n"]) == pytest.approx(
            (p, difference, n), abs=1e-9
        )
    assert not expected


def test_the_well_known_results(capsys: pytest.CaptureFixture[str]) -> None:
    """As the paper states them for 100 samples."""
    found = told(capsys, "100")
    best = sorted(found["models"], key=lambda m: -found["models"][m])[:4]
    assert best == ["gemini_1_0_pro_vision", "instructblip", "blip2", "gpt4v"]
    assert [round(found["models"][m], 2) for m in best] == [0.44, 0.42, 0.41, 0.40]
    assert sorted(found["tasks"], key=found["tasks"].__getitem__)[:2] == ["decimer", "inaturalist"]
    tests = {(t["dimension"], frozenset((t["a"], t["b"]))): t for t in found["tests"]}
    knowledge = tests["external_knowledge", frozenset(("yes", "no"))]
    assert round(knowledge["p"], 3) == 0.002
    assert found["dimensions"]["external_knowledge"]["yes"] < found["dimensions"]["external_knowledge"]["no"]
    assert round(knowledge["p_tasks"], 2) == 0.20
    assert round(tests["information_flow", frozenset(("querying", "fusion"))]["p"], 3) == 0.002
    assert found["tasks_of_model"]["gpt4v"] == 25
    assert any("GPT-4V" in note and "25 tasks" in note for note in found["notes"])


def test_what_is_printed_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["paper", "--format", "markdown", "--figures", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "| GPT-4V (estimated) * |" in text
    assert "p_tasks" in text
    drawn = sorted(p.name for p in tmp_path.iterdir())
    assert drawn == [f"{n}-100.{f}" for n in ("parameters", "radar", "use_cases") for f in ("png", "svg")]
    assert status(["paper", "--subset", "1000"]) == 2
    assert "subset" in capsys.readouterr().err


def planted(
    seed: int, effects: Mapping[str, float], models: int = 8
) -> tuple[Any, list[str], dict[str, Any]]:
    """Scores on tasks whose labels travel together: fusion nearly always with synergy."""
    rng = np.random.default_rng(seed)
    names = [f"t{i}" for i in range(40)]
    labels = {}
    for i, name in enumerate(names):
        synergy = i < 20
        labels[name] = {
            "interaction": "synergy" if synergy else "uniqueness",
            "information_flow": "fusion" if synergy != (i % 10 == 0) else "querying",
            "reasoning": "more" if rng.random() < 0.5 else "less",
        }
    task = [sum(effects.get(c, 0.0) for c in labels[n].values()) + rng.normal(0, 0.05) for n in names]
    scores = rng.normal(0.4, 0.1, (models, 1)) + np.array(task) + rng.normal(0, 0.03, (models, len(names)))
    scores[rng.random(scores.shape) < 0.1] = np.nan
    return scores, names, labels


def test_the_joint_model_recovers_what_raw_means_get_wrong() -> None:
    """Only fusion matters; synergy, which travels with it, looks as if it did."""
    inside, raw = [], []
    for seed in range(60):
        scores, names, labels = planted(seed, {"fusion": -0.2})
        found = {(e.a, e.b): e for e in joint(scores, names, labels, ORDER, permutations=0).effects}
        flow, interaction = found["querying", "fusion"], found["uniqueness", "synergy"]
        assert flow.value == pytest.approx(0.2, abs=0.15)
        assert flow.p is not None
        assert flow.p < 0.05
        inside += [e.low <= truth <= e.high for e, truth in ((flow, 0.2), (interaction, 0.0))]
        synergy = np.array([labels[n]["interaction"] == "synergy" for n in names])
        raw.append(np.nanmean(scores[:, ~synergy]) - np.nanmean(scores[:, synergy]))
        assert flow.inflation > 1.5
    assert np.mean(raw) > 0.1  # what comparing means would say of synergy
    assert np.mean(inside) > 0.9


def test_the_joint_model_equals_least_squares_on_task_means() -> None:
    """With every model on every task: plain regression of task means, by another parametrisation."""
    scores, names, labels = planted(3, {"more": 0.1})
    scores = np.random.default_rng(0).normal(size=scores.shape)
    fit = joint(scores, names, labels, ORDER, permutations=999)
    columns = [(d, c) for d, cs in ORDER.items() for c in cs if any(labels[n].get(d) == c for n in names)]
    x = np.array([[float(labels[n][d] == c) for d, c in columns] for n in names])
    drop = [i for i, (_, c) in enumerate(columns) if c not in ("synergy", "fusion", "less")]
    x = np.hstack([np.ones((len(names), 1)), np.delete(x, drop, axis=1)])
    y = scores.mean(axis=0)
    beta, rest, _, _ = np.linalg.lstsq(x, y, rcond=None)
    error = np.sqrt(rest[0] / (len(y) - 4) * np.diag(np.linalg.inv(x.T @ x)))
    kept = [c for i, (_, c) in enumerate(columns) if i not in drop]
    direct = {c: (b, e) for c, b, e in zip(kept, beta[1:], error[1:], strict=True)}
    for effect in fit.effects:
        sign, (value, sd) = (1, direct[effect.a]) if effect.a in direct else (-1, direct[effect.b])
        assert effect.df == 36
        assert effect.value == pytest.approx(sign * value, abs=1e-9)
        p = 2 * stats.t.sf(abs(value) / sd, 36)
        assert effect.p == pytest.approx(p, abs=1e-9)
        assert effect.p_permuted == pytest.approx(p, abs=0.08)  # two tests of the same thing


@pytest.mark.parametrize(
    ("tasks", "why"), [(2, "too few"), (0, "no dimension"), (1, "no dimension")], ids=str
)
def test_what_cannot_be_fitted_is_said(tasks: int, why: str) -> None:
    names = [f"t{i}" for i in range(tasks)]
    labels = {n: {"reasoning": ("less", "more")[i % 2]} for i, n in enumerate(names)}
    found = joint(np.full((3, tasks), 0.5), names, labels, ORDER)
    assert not found.effects
    assert why in found.why


def test_labels_that_cannot_be_told_apart_have_no_effect() -> None:
    """Two dimensions that always agree: neither gets a number."""
    names = [f"t{i}" for i in range(12)]
    labels = {
        n: {"reasoning": ("less", "more")[i % 2], "fine_grained": ("yes", "no")[i % 2]}
        for i, n in enumerate(names)
    }
    scores = np.random.default_rng(1).random((4, 12))
    assert {e.value for e in joint(scores, names, labels, ORDER).effects} == {None}


def test_the_published_figures_are_whole() -> None:
    both = paper("100"), paper("full")
    assert [(len(p.source.models), len(p.source.tasks)) for p in both] == [(11, 28), (9, 28)]
    assert [int(np.isnan(p.source.scores).sum()) for p in both] == [3, 0]
