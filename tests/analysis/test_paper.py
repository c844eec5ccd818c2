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


def long_scores(subset: str) -> pd.DataFrame:
    """A row for each model and task, with the normalised score ``y`` and all labels, from the published
    tables."""
    scores = pd.DataFrame(rows("bartscore")).astype({"bartscore": float}).query("subset == @subset")
    identity = pd.DataFrame(rows("identity_bartscore")).query("subset == @subset")
    long = scores.merge(identity, on=["subset", "task"]).merge(pd.DataFrame(rows("tasks")), on="task")
    long = long.merge(pd.DataFrame(rows("models")).drop(columns="title"), on="model")
    top = long["bartscore_of_reference_given_itself"].astype(float)
    low = long.groupby("task")["bartscore"].transform("min")
    long["y"] = (long["bartscore"] - low) / (top - low)
    return long


@pytest.mark.parametrize(("subset", "models"), [("100", 11), ("full", 9)])
def test_aggregates_equal_a_second_computation(
    subset: str, models: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """By pandas from the long tables, grouped instead of indexed."""
    found = told(capsys, subset)
    long = long_scores(subset)
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


@pytest.mark.parametrize("subset", ["100", "full"])
def test_details_equal_a_second_computation(subset: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Models by use case, modelling dimensions by task, deviations, common tasks, relative changes, Holm."""
    found, long = told(capsys, subset), long_scores(subset)
    for case, part in long.groupby("use_case"):
        means, counts = part.groupby("model")["y"].mean(), part.groupby("model").size()
        ranks = means.rank(ascending=False, method="min")
        wanted = {m: {"score": means[m], "rank": ranks[m], "tasks": counts[m]} for m in means.index}
        assert set(found["use_cases"][case]) == set(wanted)
        for model, row in wanted.items():
            assert found["use_cases"][case][model] == pytest.approx(row, abs=1e-9)
    whole = long[long.groupby("task")["model"].transform("size") == long["model"].nunique()]
    means = whole.groupby("model")["y"].mean()
    ranks = means.rank(ascending=False)
    assert set(found["common"]["tasks"]) == set(whole["task"])
    assert found["common"]["models"] == {
        m: pytest.approx({"score": means[m], "rank": ranks[m]}, abs=1e-9) for m in means.index
    }
    for dimension in MODEL_DIMENSIONS:
        cells = long[long[dimension] != ""].groupby(["task", dimension])["y"].mean()
        shown = found["model_dimensions_by_task"][dimension]
        flat = {(task, category): v for task, row in shown.items() for category, v in row.items()}
        assert flat == pytest.approx(cells.to_dict(), abs=1e-9)
    spreads = {(s["dimension"], s["category"]): s for s in found["spreads"]}
    for dimension in (*DIMENSIONS, *MODEL_DIMENSIONS):
        own, other = ("task", "model") if dimension in DIMENSIONS else ("model", "task")
        for category, part in long[long[dimension] != ""].groupby(dimension):
            inside, across = part.groupby(own)["y"].mean(), part.groupby(other)["y"].mean()
            row = spreads.pop((dimension, category))
            assert (row["value"], row["members"]) == (pytest.approx(inside.mean()), len(inside))
            assert row["between"] == (pytest.approx(inside.std()) if len(inside) > 1 else None)
            assert row["between_others"] == pytest.approx(across.std())
    assert not spreads
    shown = {**found["dimensions"], **found["model_dimensions"]}
    p = sorted(t["p"] for t in found["tests"])
    steps = [min(1.0, v * (len(p) - i)) for i, v in enumerate(p)]
    for test in found["tests"]:
        values = shown[test["dimension"]]
        assert test["relative"] == pytest.approx(values[test["a"]] / values[test["b"]] - 1)
        assert test["p_holm"] == pytest.approx(max(steps[: p.index(test["p"]) + 1]))


def test_what_the_paper_tells_and_what_it_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "100")
    by_task = found["model_dimensions_by_task"]
    for task in ("inaturalist", "memecap"):
        row = by_task["pretraining_data_diversity"][task]
        assert row["diverse"] > row["non_diverse"]
    for task in ("decimer", "screen2words", "memecap"):
        row = by_task["tuning"][task]
        assert row["instruction_tuning"] > 1.5 * row["supervised_fine_tuning"]
    common = {m: v["rank"] for m, v in found["common"]["models"].items()}
    assert (len(found["common"]["tasks"]), common["blip2"], common["instructblip"]) == (25, 2, 3)
    assert (found["ranks"]["instructblip"], found["ranks"]["blip2"]) == (2, 3)
    assert any("25 common tasks BLIP-2 passes InstructBLIP" in note for note in found["notes"])
    assert len(found["tests"]) == 32
    assert sum(t["p_holm"] < 0.05 for t in found["tests"]) == 20
    assert any("20 after Holm" in note for note in found["notes"])
    lowest = {s: min(t["p_adjusted"] or 1.0 for t in told(capsys, s)["tests"]) for s in ("100", "full")}
    assert lowest["100"] > 0.3 > lowest["full"], "docs/paper.md says so of the one alone"
    assert found["size_estimated"] == ["gemini_1_0_pro_vision", "gpt4v"]
    missing = " ".join(found["not_published"])
    assert "votes" in missing
    assert "correlations" in missing


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
    assert "| GPT-4V * | 600, estimated |" in text, "sizes are estimated, scores are not"
    assert "Gemini 1.0 Pro Vision |" in text
    assert "not published" in text
    assert "p_tasks" in text
    drawn = sorted(p.name for p in tmp_path.iterdir())
    assert drawn == [
        f"{n}-100.{f}" for n in ("parameters", "radar", "tasks", "use_cases") for f in ("png", "svg")
    ]
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
