"""Votes, strengths, agreement, and metrics against people: each against an independent computation."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

import hemm
from hemm.analysis.preferences.validity import validity
from hemm.analysis.preferences.vote_files import read_votes
from hemm.analysis.preferences.votes import Votes, vote_counts, votes
from hemm.cli import status
from hemm.core import BadData, HemmError
from hemm.stats.agreement import fleiss_kappa, krippendorff_alpha
from hemm.stats.bradley_terry import bradley_terry
from hemm.stats.connected_votes import parts, why_unbounded
from hemm.stats.elo import elo_ratings, orders
from hemm.stats.strengths import strengths

NAMES = ("m0", "m1", "m2", "m3")


def drawn(
    seed: int,
    planted: Sequence[float] = (0.6, 0.2, -0.2, -0.6),
    *,
    questions: int = 40,
    each: int = 5,
    nu: float = 0.5,
    alike: float = 0.0,
) -> Votes:
    """Votes from Davidson's model; with ``alike`` the voters of a question share a whim."""
    rng = np.random.default_rng(seed)
    s = np.asarray(planted)
    a, b = (rng.permuted(np.tile(np.arange(len(s)), (questions, 1)), axis=1)[:, :2]).T
    whim = rng.normal(0, alike, questions) if alike else 0.0
    weights = np.exp(np.stack([s[a] + whim, (s[a] + s[b] + whim) / 2, s[b]], axis=1)) * (1, nu, 1)
    bounds = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    said = (rng.random((questions, each, 1)) > bounds[:, None]).sum(axis=2)
    question, voter = (x.ravel() for x in np.indices((questions, each)))
    texts = [x.astype(str).astype(object) for x in (question, voter)]
    return Votes(
        NAMES, a[question], b[question], 1 - said.ravel() / 2, np.full(len(voter), "t", object), *texts
    )


def test_elo_is_the_plain_update_in_every_order() -> None:
    found = drawn(1)
    order = orders(len(found), 7, np.random.default_rng(0))
    expected = []
    for one in order:
        ratings = dict.fromkeys(range(4), 1000.0)
        for v in one:
            a, b = int(found.a[v]), int(found.b[v])
            chance = 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / 400))
            ratings[a] += 4 * (found.outcome[v] - chance)
            ratings[b] -= 4 * (found.outcome[v] - chance)
        expected.append([ratings[m] for m in range(4)])
    assert elo_ratings(found, order) == pytest.approx(np.array(expected), abs=1e-9)
    assert elo_ratings(found, np.array([[0, -1, 1], [0, 1, -1]]))[0] == pytest.approx(
        elo_ratings(found, np.array([[0, 1]]))[0]
    )


@pytest.mark.parametrize("nu", [0.0, 0.7])
def test_bradley_terry_is_the_maximum_of_davidsons_likelihood(nu: float) -> None:
    found = drawn(2, nu=nu, questions=60)

    def loss(beta: Any) -> float:
        s = np.append(0.0, beta[:3])
        a, b = np.exp(s[found.a]), np.exp(s[found.b])
        tie = math.exp(beta[3]) * np.sqrt(a * b) if nu else 0 * a
        p = np.where(found.outcome == 1, a, np.where(found.outcome == 0.5, tie, b)) / (a + b + tie)
        return -float(np.log(p).sum())

    best = optimize.minimize(loss, np.zeros(3 + (nu > 0)), method="BFGS", tol=1e-12).x
    s = np.append(0.0, best[:3])
    fit = bradley_terry(found)
    assert fit.strengths == pytest.approx(s - s.mean(), abs=1e-4)
    assert fit.tie_rate == pytest.approx(math.exp(best[3]) if nu else 0.0, abs=1e-4)


@given(
    st.lists(
        st.tuples(st.sampled_from(list(combinations(range(3), 2))), st.sampled_from([0, 0.5, 1])), min_size=1
    )
)
def test_few_votes_have_finite_strengths_exactly_where_the_likelihood_has_a_maximum(
    cast: list[tuple[tuple[int, int], float]],
) -> None:
    """By its definition: a step in some direction that makes no vote less likely leads there for ever."""
    size = len(cast)
    a, b = np.array([pair for pair, _ in cast]).T
    outcome = np.array([won for _, won in cast])
    texts = [np.array([str(n) for n in range(size)], dtype=object)] * 2
    found = Votes(NAMES[:3], a, b, outcome, np.full(size, "t", object), *texts)
    half, none, one = (np.eye(3)[a] - np.eye(3)[b]) / 2, np.zeros((size, 3)), np.ones((size, 1))
    logits = {1: np.hstack([half, 0 * one]), 0: np.hstack([-half, 0 * one]), 0.5: np.hstack([none, one])}
    ties = 0.5 in outcome
    said = np.array([logits[won][n] for n, won in enumerate(outcome)])
    gains = np.vstack([said - logits[other] for other in ((1, 0, 0.5) if ties else (1, 0))])
    free = [(0, 0), (-1, 1), (-1, 1), (-1, 1) if ties else (0, 0)]
    best = optimize.linprog(-gains.sum(axis=0), A_ub=-gains, b_ub=np.zeros(len(gains)), bounds=free)
    level = np.linalg.matrix_rank(gains[:, 1:]) < 2 + ties  # in some direction nothing changes
    finite = len(parts(found).fitted) == 3 and not why_unbounded(found)
    assert finite == (-best.fun <= 1e-9 and not level)
    assert finite == all(r.strength is not None for r in strengths(found).rows)


def test_planted_strengths_are_recovered_and_covered() -> None:
    """Means over 500 simulated studies; voters of one question agree more than strangers."""
    planted = np.array([0.6, 0.2, -0.2, -0.6])
    fits, inside = [], []
    for seed in range(500):
        found = drawn(seed, planted, questions=40, each=3)
        if len(parts(found).fitted) < 4:
            continue
        fit = bradley_terry(found)
        assert fit.errors is not None
        fits.append(fit.strengths)
        reach = stats.t.ppf(0.975, fit.df) * fit.errors
        inside.append(np.abs(fit.strengths - planted) <= reach)
    assert len(fits) > 495
    assert np.mean(fits, axis=0) == pytest.approx(planted, abs=0.06)
    assert np.mean(inside) >= 0.93


PLANTED = (0.6, 0.2, -0.2, -0.6)


def with_tastes(
    seed: int,
    questions: int,
    voters: int,
    each: int,
    taste: float,
    rare: bool = False,
    planted: Any = PLANTED,
) -> Votes:
    """Votes without ties of annotators who like each model more or less than others do; ``rare``: few of them
    give most votes. With one vote a question each is another annotator's."""
    rng = np.random.default_rng([seed, 7])
    s = np.asarray(planted or PLANTED)
    share = 1 / np.arange(1, voters + 1) if rare else np.ones(voters)
    voter = np.arange(questions)
    if each > 1:
        chosen = [rng.choice(voters, each, replace=False, p=share / share.sum()) for _ in range(questions)]
        voter = np.concatenate(chosen)
    liked = s + rng.normal(0, taste, (int(voter.max()) + 1, len(s)))
    a, b = rng.permuted(np.tile(np.arange(len(s)), (len(voter), 1)), axis=1)[:, :2].T
    won = rng.random(len(voter)) < 1 / (1 + np.exp(liked[voter, b] - liked[voter, a]))
    names = [x.astype(str).astype(object) for x in (np.repeat(np.arange(questions), each), voter)]
    return Votes(NAMES[: len(s)], a, b, won.astype(float), np.full(len(a), "t", object), *names)


def of_a_crowd(study: dict[str, Any]) -> Any:
    """Strengths over very many annotators."""
    return bradley_terry(with_tastes(0, **{**study, "questions": 20_000, "each": 1, "rare": False})).strengths


TASTES = [
    {"questions": 40, "voters": 8, "each": 3, "taste": 0.8},
    {"questions": 60, "voters": 12, "each": 4, "taste": 1.0, "rare": True},
    {"questions": 25, "voters": 4, "each": 3, "taste": 0.5},
    {"questions": 40, "voters": 200, "each": 2, "taste": 0.8},
]


@pytest.mark.parametrize("study", TASTES)
def test_strengths_are_covered_where_annotators_have_tastes(study: dict[str, Any]) -> None:
    """Against strengths over very many annotators. Over questions alone it is .76 to .86."""
    truth = of_a_crowd(study)
    inside = []
    for seed in range(80):
        found = with_tastes(seed, **study)
        if len(parts(found).fitted) == 4:
            fit = bradley_terry(found)
            assert fit.errors is not None
            inside.append(np.abs(fit.strengths - truth) <= stats.t.ppf(0.975, fit.df) * fit.errors)
    assert len(inside) > 75
    assert np.mean(inside) >= 0.93 - 0.02  # one Monte-Carlo error of 80 studies


LONG = [pytest.param(study, marks=pytest.mark.full) for study in TASTES[1:3]]


@pytest.mark.parametrize("study", [TASTES[0], *LONG])
def test_elo_is_covered_where_annotators_have_tastes(
    study: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hemm.stats.elo.RESAMPLES", 100)
    monkeypatch.setattr("hemm.stats.elo.SHUFFLES", 20)
    rng = np.random.default_rng(0)
    many = [with_tastes(seed, **study) for seed in range(10_000, 10_300)]
    truth = np.mean([elo_ratings(v, orders(len(v), 4, rng)).mean(axis=0) for v in many], axis=0)
    inside = [
        r.elo_low is not None
        and r.elo_high is not None
        and r.elo_low <= truth[NAMES.index(r.model)] <= r.elo_high
        for seed in range(40)
        for r in strengths(with_tastes(seed, **study)).rows
    ]
    assert np.mean(inside) >= 0.93 - 0.02


def cast(*said: tuple[str, str, int]) -> Votes:
    """Votes on a question each: a won against b so many times."""
    rows = [(a, b) for a, b, times in said for _ in range(times)]
    return votes(("r", {"a": a, "b": b, "winner": "a", "sample": str(i)}) for i, (a, b) in enumerate(rows))


def test_a_model_that_always_wins_takes_nobodys_strength() -> None:
    """The others are fitted as without it; its bound is Clopper and Pearson's with known opponents."""
    even = [("x", "y", 900), ("y", "x", 900)]
    found = {r.model: r for r in strengths(cast(*even, ("top", "x", 10), ("y", "low", 4))).rows}
    alone = {r.model: r for r in strengths(cast(*even)).rows}
    assert [r for r in found if r not in "xy"] == ["top", "low"]
    assert list(found).index("top") == 0
    for name in "xy":
        for end in ("strength", "low", "high"):
            assert getattr(found[name], end) == pytest.approx(getattr(alone[name], end))
    for name, sign, won in (("top", 1, 10), ("low", -1, 4)):
        row, chance = found[name], 0.025 ** (1 / won)
        ends = (row.low, row.high)[::sign]
        assert row.strength is ends[1] is None
        assert ends[0] == pytest.approx(sign * math.log(chance / (1 - chance)), abs=0.02)
        assert f"{ends[0]:.2f}" in row.note
    apart = strengths(cast(*even, ("p", "q", 3), ("q", "p", 3), ("top", "x", 1), ("over", "top", 2)))
    rows = {r.model: r for r in apart.rows}
    assert "never compared" in rows["p"].note
    assert "no bound" in rows["over"].note
    assert [r.model for r in apart.rows][:2] == ["over", "top"]
    assert apart.why == ""


def test_the_bound_of_a_model_that_always_won_holds() -> None:
    """Of studies in which a strong model won all its votes, by annotators with tastes."""
    planted = (4.0, 0.3, -0.2, 0.1)
    study = {"questions": 30, "voters": 6, "each": 3, "taste": 0.5, "planted": planted}
    whole = of_a_crowd(study)
    truth = whole[0] - whole[1:].mean()
    held = []
    for seed in range(120):
        rows = {r.model: r for r in strengths_quickly(with_tastes(seed, **study))}
        if rows["m0"].strength is None and rows["m1"].strength is not None:
            assert rows["m0"].low is not None
            held.append(rows["m0"].low <= truth)
    assert len(held) > 12
    assert np.mean(held) >= 0.93


def strengths_quickly(found: Votes) -> Sequence[Any]:
    """Without Elo's resamples, which take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hemm.stats.elo.RESAMPLES", 2)
        patch.setattr("hemm.stats.elo.SHUFFLES", 1)
        return strengths(found).rows


def test_votes_that_cancel_each_other_on_every_question_are_no_point() -> None:
    """A judge who always takes the first, asked in both orders: no question shows a variance."""
    cast = [(a, b, str(n)) for n in range(20) for a, b in (("x", "y"), ("y", "x"))]
    x, y = strengths(votes(("r", {"a": a, "b": b, "winner": "a", "sample": n}) for a, b, n in cast)).rows
    error = 1 / math.sqrt(40 / 4) / 2  # of half the log odds, at one half of 40 votes
    for row in (x, y):
        assert row.strength == pytest.approx(0, abs=1e-9)
        assert row.low is not None
        assert row.high == pytest.approx(-row.low) == pytest.approx(stats.t.ppf(0.975, 19) * error)
        assert row.elo_low is not None
        assert row.elo_high - row.elo_low > 20


def test_a_bound_is_found_from_few_votes() -> None:
    """Newton's method starts where all votes are nearly certain there, and the information is nothing."""
    cast = [("x", "y", "a"), ("x", "y", "b"), *[("y", "z", "b")] * 4]
    rows = strengths(
        votes(("r", {"a": a, "b": b, "winner": w, "sample": str(n)}) for n, (a, b, w) in enumerate(cast))
    )
    z = next(r for r in rows.rows if r.model == "z")
    assert z.strength is None


def test_what_the_intervals_speak_of_is_said() -> None:
    def scope(*voters: str) -> str:
        rows = [{"a": "x", "b": "y", "winner": "ab"[n % 2], "sample": str(n // 3), "annotator": v}
                for n, v in enumerate(voters * 4)]  # fmt: skip
        return strengths(votes(("r", row) for row in rows)).scope

    assert "other annotators like these (3)" in scope("u", "v", "w")
    assert "these 2 annotators alone" in scope("u", "v", "u")
    assert "annotators are not known" in scope("", "", "")
    assert "4 votes without an annotator count as one each" in scope("u", "v", "w", "")


def test_strengths_that_are_not_finite_are_said() -> None:
    rows = [("r", {"a": "x", "b": "y", "winner": "a", "sample": str(i)}) for i in range(5)]
    found = strengths(votes(rows))
    assert [r.strength for r in found.rows] == [None, None]
    assert "one always won" in found.why
    assert all(r.elo_low is None for r in found.rows), "no interval is a point"
    assert found.rows[0].model == "x"
    ties = strengths(votes([("r", {"a": "x", "b": "y", "winner": "tie", "sample": "1"})]))
    assert "tie" in ties.why


def by_hand(ratings: list[list[int]]) -> tuple[float, float]:
    """Fleiss' kappa (equal numbers of voters) and Krippendorff's alpha from all pairs of voters."""
    pairs = [(x, y) for item in ratings for x, y in combinations(item, 2)]
    flat = [x for item in ratings for x in item]
    shares = [flat.count(c) / len(flat) for c in range(3)]
    observed = sum(x == y for x, y in pairs) / len(pairs)
    chance = sum(p * p for p in shares)
    disagree = sum(x != y for x, y in combinations(flat, 2)) / math.comb(len(flat), 2)
    return (observed - chance) / (1 - chance), 1 - (1 - observed) / disagree


def test_agreement_equals_the_definition_over_pairs_of_voters() -> None:
    rng = np.random.default_rng(5)
    ratings = [[int(r) for r in rng.choice(3, 4, p=(0.6, 0.1, 0.3))] for _ in range(50)]
    counts = np.array([[item.count(c) for c in range(3)] for item in ratings])
    kappa, alpha = by_hand(ratings)
    assert fleiss_kappa(counts) == pytest.approx(kappa, abs=1e-12)
    assert krippendorff_alpha(counts) == pytest.approx(alpha, abs=1e-12)
    assert fleiss_kappa([[3, 0, 0], [0, 0, 2]]) == krippendorff_alpha([[3, 0, 0], [0, 0, 2]]) == 1.0
    assert fleiss_kappa([[1, 0, 0]]) is krippendorff_alpha([[2, 0, 0]]) is None
    # the order in which two models are named changes nothing
    said = [("x", "y", "a"), ("y", "x", "b"), ("x", "y", "tie")]
    rows = [("r", dict(zip(("a", "b", "winner"), v, strict=True)) | {"sample": "1"}) for v in said]
    assert vote_counts(votes(rows)).tolist() == [[2, 1, 0]]


def test_metrics_are_judged_by_the_votes() -> None:
    found = drawn(7, questions=80, each=1, nu=0.0)
    rng = np.random.default_rng(1)
    perfect, noise = {}, {}
    for i in range(len(found)):
        for model, share in ((found.a[i], found.outcome[i]), (found.b[i], 1 - found.outcome[i])):
            perfect[found.models[model], "t", found.sample[i]] = float(share)
            noise[found.models[model], "t", found.sample[i]] = float(rng.random())
    right, random = validity(found, {("good", ""): perfect, ("noise", ""): noise, ("other", ""): {}})
    assert (right.metric, right.accuracy.value, right.kendall.value) == ("good", 1.0, pytest.approx(1.0))
    assert random.accuracy.low is not None
    assert random.accuracy.low < 0.5 < random.accuracy.high
    assert random.kendall.low < 0 < random.kendall.high
    d = np.array([noise[found.models[a], "t", s] - noise[found.models[b], "t", s]
                  for a, b, s in zip(found.a, found.b, found.sample, strict=True)])  # fmt: skip
    vote = 2 * found.outcome - 1
    both = np.append(d, -d), np.append(vote, -vote)
    assert random.kendall.value == pytest.approx(stats.kendalltau(*both).statistic)
    assert random.spearman.value == pytest.approx(stats.spearmanr(*both).statistic)


@pytest.mark.full(minutes=2)
def test_elo_is_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the mean of the studies: what Elo with this K comes to on so many votes."""
    monkeypatch.setattr("hemm.stats.elo.RESAMPLES", 200)
    monkeypatch.setattr("hemm.stats.elo.SHUFFLES", 100)
    found = [sorted(strengths(drawn(seed, questions=20)).rows, key=lambda r: r.model) for seed in range(500)]
    truth = [np.mean([rows[m].elo for rows in found]) for m in range(4)]
    inside = [r.elo_low <= truth[m] <= r.elo_high for rows in found for m, r in enumerate(rows)]  # type: ignore[operator]
    assert np.mean(inside) >= 0.92  # 500 studies: one error is 0.01


@pytest.mark.full
def test_correlations_are_covered() -> None:
    """Spearman's and Kendall's intervals over simulated studies, against the value in a very large one."""

    def study(seed: int, questions: int) -> Any:
        rng = np.random.default_rng(seed)
        d = rng.normal(size=questions)
        said = (rng.random(questions) < 1 / (1 + np.exp(-1.5 * d))).astype(float)
        rows = [("r", {"a": "x", "b": "y", "winner": "a" if w else "b", "sample": str(i), "task": "t"})
                for i, w in enumerate(said)]  # fmt: skip
        scores = {("x", "t", str(i)): float(v) for i, v in enumerate(d)}
        scores |= {("y", "t", str(i)): 0.0 for i in range(questions)}
        return validity(votes(rows), {("m", ""): scores})[0]

    truth = study(10**6, 4000)
    for kind in ("kendall", "spearman"):
        value = getattr(truth, kind).value
        found = [getattr(study(seed, 40), kind) for seed in range(200)]
        assert np.mean([e.low <= value <= e.high for e in found]) >= 0.92  # 200 studies: one error is 0.015


def test_the_command(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results"
    done = hemm.run(["baseline/oracle", "baseline/random"], "probe_charts", out=results, limit=40)
    ids = [row["id"] for row in next(iter(done)).answers(["id"]).to_pylist()]
    folder = results / "preferences"
    folder.mkdir()
    lines = [
        {"a": "baseline/random", "b": "baseline/oracle", "winner": "b" if n % 5 else "tie",
         "task": "probe_charts", "sample": name, "annotator": voter}
        for n, name in enumerate(ids) for voter in ("x", "y")
    ]  # fmt: skip
    (folder / "votes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert status(["preferences", str(results), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["models"][0]["model"] == "baseline/oracle"
    assert told["votes"] == 2 * len(ids)
    assert told["agreement"]["fleiss_kappa"] == pytest.approx(1.0)
    accuracy = next(m for m in told["metrics"] if m["metric"] == "accuracy" and not m["component"])
    assert accuracy["accuracy"]["value"] > 0.7
    for form in ("table", "markdown"):
        assert status(["preferences", str(results), "--format", form]) == 0
        assert "baseline/oracle" in capsys.readouterr().out


def test_what_has_no_scores_is_named(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results"
    done = hemm.run(["baseline/oracle", "baseline/random"], "probe_charts", out=results, limit=20)
    ids = [row["id"] for row in next(iter(done)).answers(["id"]).to_pylist()]
    file = tmp_path / "votes.jsonl"

    def told(*rows: dict[str, str]) -> tuple[Any, str]:
        usual = {"model_a": "baseline/oracle", "model_b": "baseline/random", "winner": "model_a",
                 "task": "probe_charts", "question_id": ids[0], "judge": "author_1"}  # fmt: skip
        file.write_text("".join(json.dumps(usual | row) + "\n" for row in rows))
        said = []
        for form in ("json", "table"):
            assert status(["preferences", str(file), "--results", str(results), "--format", form]) == 0
            said.append(capsys.readouterr().out)
        return json.loads(said[0]), said[1]

    found, text = told({}, {"model_a": "oracle"}, {"task": "probe_chart"}, {"question_id": "no such"})
    assert found["unmatched"] == {
        "models": ["oracle"], "tasks": ["probe_chart"], "samples": [["probe_charts", "no such"]],
        "without_task": 0, "matched": 1,
    }  # fmt: skip
    assert found["annotators"] == 1
    for name in ("1 of 4 votes", "by these names: oracle", "results: probe_chart", "probe_charts/no such"):
        assert name in text
    assert told({})[0]["unmatched"]["matched"] == 1
    assert not told({"model_a": "x", "model_b": "y"})[0]["metrics"]
    assert status(["preferences", str(file)]) == 0
    assert "--results DIR" in capsys.readouterr().out


def test_two_prompts_of_one_model_are_never_one_player(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    for extra in ({}, {"system": "Be brief."}):
        hemm.run("baseline/random", "probe_charts", out=results, limit=4, **extra)
    file = tmp_path / "votes.csv"
    file.write_text('a,b,winner,sample\n"baseline/random · system ""Be brief.""",baseline/random,a,1\n')
    assert status(["preferences", str(file), "--results", str(results), "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["models"]) == 2
    file.write_text("a,b,winner,sample\nbaseline/random,baseline/random,a,1\n")
    assert status(["preferences", str(file), "--results", str(results)]) == 2
    assert "write their labels" in capsys.readouterr().err


def test_two_votes_of_one_pair_are_one_clear_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "votes.csv"
    file.write_text("a,b,winner,sample\nx,y,a,s1\nx,y,tie,s2\n")
    assert status(["preferences", str(file)]) == 0
    assert "no finite strengths: by these wins and ties" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": "x", "b": "y", "winner": "z", "sample": 1}', "votes.jsonl, line 1: field 'winner' is 'z'"),
        ('{"a": "x", "b": "x", "winner": "a", "sample": 1}', "line 1: a and b are the same model"),
        ('{"a": "x", "b": "y", "winner": "a"}', "line 1: field 'sample' is missing"),
        ("", "there are no votes"),
    ],
)
def test_bad_votes_are_one_line(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "votes.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(BadData, match=said):
        read_votes(file)
    with pytest.raises(HemmError, match="no such file"):
        read_votes(tmp_path / "none")
