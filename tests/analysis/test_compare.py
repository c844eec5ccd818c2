"""hemm compare: paired tests, ranks, effects of labels, the paper's models, and what cannot be said."""

from __future__ import annotations

import json
import math
import re
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from fake import FakePack, Served, go, right, sample, task
from hemm.analysis.compare import Choice, Comparison, compare
from hemm.analysis.compare.conclusions import conclusions
from hemm.analysis.compare.published_comparison import compare_with_published
from hemm.analysis.profile import profile
from hemm.analysis.study import Study
from hemm.analysis.study.cell_scores import load_scores
from hemm.analysis.study.corpus_values import computed
from hemm.cli import status
from hemm.core import HemmError, Identity, Request, Response, UnknownName, Usage
from hemm.metrics import resolve
from hemm.metrics.answer_groups import group_answers
from hemm.metrics.judged_answers import judged_answers
from hemm.parsing.formats import OneOf
from hemm.published import published
from hemm.report.tables.comparison import lines, tables
from hemm.report.tables.profile import render
from hemm.stats.corrections import benjamini_hochberg, holm
from hemm.stats.intervals import mean_difference, mean_interval
from stored_cells import Stored, question, questions, task_row

UNIT = (0.0, 1.0)


def marks(text: str, labels: dict[str, str] | None = None, size: int = 1) -> list[dict[str, Any]]:
    """Questions answered right (1), wrong (0), not readably (x) or with an error (e); ``size`` a cluster."""
    rows = []
    for i, mark in enumerate(text):
        row = question(i, {"1": True, "0": False}.get(mark), labels, cluster=f"c{i // size}")
        rows.append(row | {"failure": "server", "raw": ""} if mark == "e" else row)
    return rows


def of(*texts: str, size: int = 1, **choice: Any) -> Comparison:
    """Models a, b, ... on one task."""
    cells = [Stored(marks(t, size=size), model="abcd"[i]) for i, t in enumerate(texts)]
    return compare(Study.of(cells), Choice(**({"resamples": 200} | choice)))


# two models


def test_with_one_answer_a_cluster_it_is_mcnemars_exact_test() -> None:
    found = of("1" * 14 + "0" * 2 + "1" * 9 + "0" * 5, "0" * 14 + "1" * 2 + "1" * 9 + "0" * 5)
    [row] = found.tasks
    assert row.pair is not None
    exact = stats.binomtest(2, 16, 0.5).pvalue
    assert row.pair.p == pytest.approx(exact - stats.binom.pmf(2, 16, 0.5))  # mid-p
    assert (row.pair.won, row.pair.lost, row.pair.test) == (14, 2, "McNemar")
    assert (row.pair.effect, row.pair.effect_name) == (7.0, "odds ratio")
    wanted = mean_difference([1.0] * 14 + [-1.0] * 2 + [0.0] * 14, range(30), 1.0).estimate
    assert (row.pair.difference.low, row.pair.difference.high) == pytest.approx((wanted.low, wanted.high))
    assert row.normalised is not None
    assert row.normalised.value == pytest.approx(12 / 30 / 0.75)  # chance is 1/4
    assert found.overall is not None
    assert found.overall.p == row.pair.p


def test_p_values_are_corrected_over_tasks() -> None:
    p = [0.01, 0.04, 0.03, None, 0.2]
    assert holm(p) == pytest.approx([0.04, 0.09, 0.09, None, 0.2])
    known = [0.01, 0.04, 0.03, 0.2]
    wanted = stats.false_discovery_control(known)
    found = benjamini_hochberg(p)
    assert [found[i] for i in (0, 1, 2, 4)] == pytest.approx(wanted.tolist())
    assert holm([]) == []
    cells = [
        Stored(marks(text), model=m, task=t)
        for t, (a, b) in {"x": ("1" * 9 + "0", "0" * 9 + "1"), "y": ("10" * 5, "01" * 5)}.items()
        for m, text in (("a", a), ("b", b))
    ]
    rows = {r.task: r for r in compare(Study.of(cells), Choice(resamples=200)).tasks}
    pairs = [rows[t].pair for t in "xy"]
    assert [rows[t].p_holm for t in "xy"] == pytest.approx(holm([q.p if q else None for q in pairs]))


def test_overall_is_the_mean_of_the_tasks_normalised_differences() -> None:
    cells = [
        Stored(marks(text), model=m, task=t)
        for t, (a, b) in {"x": ("1110" * 5, "1010" * 5), "y": ("1" * 8, "0" * 8)}.items()
        for m, text in (("a", a), ("b", b))
    ]
    found = compare(Study.of(cells), Choice(resamples=500))
    assert found.overall is not None
    assert found.overall.difference.value == pytest.approx((0.25 + 1.0) / 2 / 0.75)
    assert found.overall.tasks == ("x", "y")
    assert found.overall.bootstrap is not None
    science = next(c for c in found.categories if c.category == "science")
    assert science.difference == found.overall.difference


def test_two_models_are_compared_on_what_both_were_asked() -> None:
    cells = [Stored(marks("11110000"), model="a"), Stored(marks("1100"), model="b")]
    [row] = compare(Study.of(cells), Choice(resamples=0)).tasks
    assert (row.common, row.pair.a if row.pair else 0, row.pair.b if row.pair else 0) == (4, 1.0, 0.5)


# failures


def test_failures_in_three_readings() -> None:
    found = of("11xxe000", "11110000")
    [row] = found.tasks
    readings = row.by_policy
    assert readings is not None
    assert readings.as_worst == pytest.approx((2 - 4) / 7)  # the error leaves its pair out
    assert readings.exclude == pytest.approx(0.0)  # 1, 1, 0, 0, 0 against 1, 1, 0, 0, 0
    assert (readings.worst, readings.best, readings.left_out) == (
        pytest.approx((2 - 4) / 8), pytest.approx((5 - 4) / 8), 3,
    )  # fmt: skip
    out = of("11xxe000", "11110000", failures="out").tasks[0].pair
    assert out is not None
    assert out.difference.value == 0.0
    assert out.difference.n == 5
    bounds = of("11xxe000", "11110000", failures="bounds").tasks[0].pair
    assert bounds is not None
    assert bounds.difference.low is not None
    assert bounds.difference.high is not None
    assert bounds.difference.low <= -0.25
    assert bounds.difference.high >= 0.125
    assert any("could turn the order" in line for line in conclusions(found))


def test_the_profile_reads_failures_as_asked() -> None:
    cells = [Stored(marks("11xx0e"))]
    zero, out, bounds = (profile(Study.of(cells), failures=f) for f in ("zero", "out", "bounds"))
    assert task_row(zero, "t").headline.estimate.value == pytest.approx(2 / 5)
    assert task_row(out, "t").headline.estimate.value == pytest.approx(2 / 3)
    low, high = (mean_interval(v, range(6), UNIT) for v in ([1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 1]))
    estimate = task_row(bounds, "t").headline.estimate
    assert (estimate.low, estimate.high) == (low.low, high.high)
    readings = zero.categories[0].by_policy
    assert readings is not None
    assert readings.as_worst == pytest.approx((2 / 5 - 0.25) / 0.75)
    assert readings.best == pytest.approx((5 / 6 - 0.25) / 0.75)
    assert readings.left_out == 3
    assert "what failures do" in render(zero)
    assert out.to_json()["failures"] == "out"
    assert zero.categories[0].outcomes == out.categories[0].outcomes
    with pytest.raises(UnknownName, match="bounds"):
        profile(Study.of(cells), failures="bound")


# win rates


def test_the_profile_by_win_rate() -> None:
    cells = [Stored(marks(t), model=m) for m, t in (("a", "1111"), ("b", "1100"), ("c", "0000"))]
    found = profile(Study.of(cells), "rank")
    overall = {r.subject.label: r.estimate.value for r in found.categories if r.dimension == "overall"}
    assert overall == {"a": pytest.approx((0.75 * 2 + 1 * 2) / 4), "b": pytest.approx(0.5),
                       "c": pytest.approx(0.125)}  # fmt: skip
    assert "rank" in render(found)
    with pytest.raises(HemmError, match="only one"):
        profile(Study.of(cells[:1]), "rank")
    pair = of("1111", "1100", normalise="rank")
    assert pair.overall is not None
    assert pair.overall.difference.value == pytest.approx(0.75 - 0.25)
    assert any("under rank" in note for note in pair.notes)
    with pytest.raises(HemmError, match="no bounds"):
        of("1111", "1100", normalise="rank", failures="bounds")


# ranks


def test_ranks_of_models_on_common_samples() -> None:
    found = of("1" * 40, "1" * 38 + "00", "0" * 40)
    assert found.ranks is not None
    assert [(r.rank, r.low, r.high) for r in found.ranks.rows] == [(1, 1, 2), (1, 1, 2), (3, 3, 3)]
    assert found.pair is None
    assert any("do not tell which is best" in line for line in conclusions(found))


# values that are no means


def test_the_jackknife_of_macro_f1() -> None:
    """By hand: the value without each cluster."""
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(6)
    gold, said = rng.integers(0, 2, 40), rng.integers(0, 2, 40)
    said = np.where(rng.random(40) < 0.6, gold, said)
    rows = [
        question(i, True, references=["wx"[g]], raw="AB"[s], choices=["w", "x"], cluster=f"c{i // 2}")
        for i, (g, s) in enumerate(zip(gold, said, strict=True))
    ]
    metric = resolve("macro_f1")
    answers = Stored(rows).answers()
    members = group_answers(judged_answers(answers, OneOf()), metric)
    found = computed(members, lambda part: metric, metric)[""]
    assert found.value == pytest.approx(f1_score(gold, said, average="macro"))
    left = []
    for cluster in range(20):
        keep = np.arange(40) // 2 != cluster
        left.append(f1_score(gold[keep], said[keep], average="macro"))
    variance = 19 / 20 * ((np.array(left) - np.mean(left)) ** 2).sum()
    assert found.low is not None
    assert found.high is not None
    half = stats.t.ppf(0.975, 19) * math.sqrt(variance)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.2)  # Wilson's is a little narrower
    assert "jackknife of 20 blocks" in found.note


# the paper's models


@dataclass
class WithBart(Stored):
    """A cell that has BARTScores as well: ``bart`` on average; None where the answer failed."""

    bart: float = -3.0
    spec: str = "bartscore"

    def scores(self, key: str) -> pa.Table:
        if not key.startswith("bartscore"):
            return super().scores(key)
        table = super().scores("accuracy-v2")
        values = (self.bart + np.linspace(-0.5, 0.5, len(table))).tolist()
        kept = [v if o == "ok" else None for v, o in zip(values, table["outcome"].to_pylist(), strict=True)]
        return table.set_column(table.schema.get_field_index("value"), "value", pa.array(kept, pa.float64()))

    def aggregates(self) -> dict[str, Any]:
        stored = super().aggregates()
        rows = {**stored["metrics"], "bartscore-v1": {"spec": self.spec, "components": {}}}
        return {**stored, "metrics": rows}


def test_beside_the_papers_models_the_worst_is_taken_anew() -> None:
    source = published("100")
    vqa, decimer = source.tasks.index("vqa"), source.tasks.index("decimer")
    cells = [
        WithBart(questions(6, 6), task="vqa", bart=-20.0),
        WithBart(questions(6, 6), task="decimer", bart=-2.0),
        Stored(questions(6, 6), task="mine"),
    ]
    found = compare(Study.of(cells), Choice(published="100")).published
    assert found is not None
    assert (found.tasks, found.new_worst) == (("vqa", "decimer"), ("vqa",))
    mine = next(s for s in found.models if not s.published)
    low = np.nanmin(source.scores[:, decimer])
    here = (-2.0 - low) / (source.identity[decimer] - low)
    assert mine.estimate.value == pytest.approx((0.0 + here) / 2)
    assert mine.estimate.low is not None
    blip = next(s for s in found.models if s.model == source.titles["blip2"])
    row = source.scores[source.models.index("blip2")]
    wanted = [(row[vqa] + 20) / (source.identity[vqa] + 20),
              (row[decimer] - low) / (source.identity[decimer] - low)]  # fmt: skip
    assert blip.estimate.value == pytest.approx(np.mean(wanted))
    assert blip.estimate.low is None
    gpt = next(s for s in found.models if s.model == source.titles["gpt4v"])
    assert gpt.tasks == int((~np.isnan(source.scores[source.models.index("gpt4v")][[vqa, decimer]])).sum())
    assert sorted(m.rank or 0 for m in found.models) == list(range(1, 13))


def test_failures_are_read_as_in_the_paper_and_beside_it_as_the_worst() -> None:
    """By hand: of eight answers two failed, one by an error, which neither reading counts."""
    source = published("100")
    at = source.tasks.index("vqa")
    cells = [WithBart(marks("111x0x0e"), task="vqa", bart=-3.0, model="m")]
    found = compare(Study.of(cells), Choice(published="100")).published
    assert found is not None
    kept = np.delete(-3.0 + np.linspace(-0.5, 0.5, 8), [3, 5, 7])
    low = np.nanmin(source.scores[:, at])
    normal = (kept - low) / (source.identity[at] - low)
    mine = next(m for m in found.models if not m.published)
    assert mine.common is not None
    assert mine.as_worst is not None
    assert (mine.estimate.value, mine.common.value) == (pytest.approx(normal.mean()),) * 2
    assert mine.as_worst.value == pytest.approx(normal.sum() / 7)
    assert mine.failures == 2
    theirs = (source.scores[:, at] - low) / (source.identity[at] - low)
    assert mine.rank == 1 + (theirs > normal.mean()).sum()
    assert mine.worst_rank == 1 + (theirs > normal.sum() / 7).sum()
    assert any("m: answers failed (2 of 8 on vqa)" in note for note in found.notes)


def test_a_task_whose_answers_all_failed_is_named_and_is_the_worst_beside() -> None:
    cells = [WithBart(marks("1100"), task="vqa"), WithBart(marks("xxxe"), task="gqa"),
             WithBart(marks("1100"), task="memotion")]  # fmt: skip
    found = compare(Study.of(cells), Choice(published="100")).published
    assert found is not None
    assert (found.common, found.common_as_worst) == (("vqa",), ("vqa", "gqa"))
    mine = next(m for m in found.models if not m.published)
    assert mine.common is not None
    assert mine.as_worst is not None
    assert mine.as_worst.value == pytest.approx((mine.common.value or 0) / 2)
    left_out, as_worst = found.notes[-2:]
    assert "gqa (no score of m: 3 unparsable, 1 error)" in left_out
    assert "memotion (no score of GPT-4V)" in left_out
    assert "memotion (no score of GPT-4V)" in as_worst
    assert "gqa" not in as_worst


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("bartscore:model=./random", r"model is \./random \(the paper's: facebook/bart-large-cnn\)"),
        ("bartscore:direction=f", "direction is f"),
        ("bartscore:lower_references=yes", "lower_references is yes"),
    ],
)
def test_another_bartscore_than_the_papers_is_refused(spec: str, said: str) -> None:
    cells = [
        WithBart(questions(3, 3), task="vqa", spec=spec, bart=-9.0),
        WithBart(questions(3, 3), task="gqa"),
    ]
    with pytest.raises(HemmError, match=f"{said}.* for vqa of m: .*--force"):
        compare(Study.of(cells), Choice(published="100"))
    forced = compare(Study.of(cells), Choice(published="100", force=True))
    assert forced.published is not None
    assert forced.published.notes
    every = [*forced.published.notes, *(str(m) for m in forced.published.to_json()["models"])]
    every += [line for line in lines(forced) if "worst, and so the 0" in line]
    every += [str(row) for title, rows, _ in tables(forced) if "paper's models" in title for row in rows]
    assert all(re.search(said, line) for line in every), "every line says so"
    revision = replace(cells[0], spec="bartscore:revision=37f520fa929c961707657b28798b30c003dd100b")
    assert compare(Study.of([revision]), Choice(published="100")).published is not None


def test_without_bartscore_the_papers_models_are_refused() -> None:
    cells = [WithBart(questions(3, 3), task="vqa"), Stored(questions(3, 3), task="decimer")]
    with pytest.raises(HemmError, match=r"missing for decimer of m: hemm score DIR --metric bartscore"):
        compare(Study.of(cells), Choice(published="100"))
    with pytest.raises(HemmError, match="a task of the paper"):
        compare_with_published([load_scores(Stored(questions(3, 3)))], {}, "100")


# what cannot be said


def test_no_samples_in_common_is_said_and_gets_no_number() -> None:
    cells = [Stored(questions(4, 4), model="a"), Stored(questions(4, 4, first=100), model="b")]
    found = compare(Study.of(cells))
    [row] = found.tasks
    assert (row.pair, row.why) == (None, "no samples in common")
    assert found.overall is not None
    assert found.overall.difference.value is None
    assert found.ranks is None
    assert any("no ranks" in n for n in found.notes)
    assert any("no samples in common" in line for line in lines(found))


def test_no_task_in_common() -> None:
    found = compare(
        Study.of([Stored(questions(4, 4), model="a"), Stored(questions(4, 4), model="b", task="u")])
    )
    assert found.tasks == ()
    assert any("no task in common" in n for n in found.notes)
    assert any("a has no score of u" in n for n in found.notes)


def test_one_model_alone() -> None:
    found = compare(Study.of([Stored(questions(4, 4))]))
    assert (found.pair, found.ranks, found.tasks) == (None, None, ())
    assert any("only model" in n for n in found.notes)
    with pytest.raises(HemmError, match="only one"):
        compare(Study.of([Stored(questions(4, 4))]), Choice(normalise="paper"))


def plain_and(*controls: str) -> list[Stored]:
    plain, other = questions(8, 8), questions(3, 13)
    return [Stored(plain), *(Stored(other, control=control, protocol=control) for control in controls)]


def test_one_model_is_compared_with_its_control() -> None:
    found = compare(Study.of(plain_and("shuffle")))
    assert found.pair is not None
    assert [found.labels[key] for key in found.pair] == ["m", "m (picture shuffled)"]
    (row,) = profile(Study.of(plain_and("shuffle"))).controls
    assert found.tasks[0].pair is not None
    assert found.tasks[0].pair.difference == row.difference
    assert found.ranks is None, "a control is no model with a rank"
    assert not any("only model" in note for note in found.notes)
    alone = compare(Study.of(plain_and()))
    assert alone.label_effects == found.label_effects, "what labels explain is asked of the plain answers"


def test_of_several_controls_a_line_says_how_to_name_one(tmp_path: Path) -> None:
    found = compare(Study.of(plain_and("none", "shuffle")))
    (line,) = (note for note in found.notes if "only model" in note)
    assert found.pair is None
    words = shlex.split(line.partition(": ")[2])
    assert words[::2] == ["--model", "--model"]
    named = compare(Study.of(plain_and("none", "shuffle")), Choice(tuple(words[1::2])))
    assert named.pair is not None
    assert [named.labels[key] for key in named.pair] == words[1::2] == ["m", "m (picture removed)"]


def test_a_control_of_other_options_is_not_the_models() -> None:
    shots = {"shots": {"value": 2, "default": 0}}
    cells = [*plain_and(), Stored(questions(3, 13), control="none", protocol="c", options=shots)]
    assert compare(Study.of(cells)).pair is None


def test_without_names_the_order_is_that_of_the_results() -> None:
    cells = [Stored(questions(8, 8), model="b"), Stored(questions(3, 13), model="a")]
    pair = compare(Study.of(cells)).pair
    assert pair is not None
    labels = compare(Study.of(cells)).labels
    assert [labels[key] for key in pair] == ["b", "a"]


def test_one_cluster_tells_nothing_of_others() -> None:
    found = of("1110", "0010", size=4)
    pair = found.tasks[0].pair
    assert pair is not None
    assert (pair.difference.low, pair.difference.high) == (-1.0, 1.0)
    assert pair.p_t is None
    assert pair.power.detectable is None
    assert "one cluster" in pair.difference.note
    assert pair.p == pytest.approx(0.5)  # one sign to flip


def test_equal_answers_are_no_proof_of_equality() -> None:
    found = of("1100" * 5, "1100" * 5)
    pair = found.tasks[0].pair
    assert pair is not None
    assert (pair.difference.value, pair.p, pair.power.needed[1]) == (0.0, 1.0, None)
    assert pair.difference.low is not None
    assert pair.difference.low < -0.1


def test_scores_that_are_not_there_are_left_out_and_counted() -> None:
    pair = of("ee11", "1111").tasks[0].pair
    assert pair is not None
    assert pair.difference.n == 2
    nothing = of("eeee", "1111")
    assert nothing.tasks[0].why == "no sample has a score of both"
    json.dumps(nothing.to_json(), allow_nan=False)


def test_a_task_without_labels_is_named() -> None:
    rows = [r | {"labels": []} for r in marks("1010")]
    others = [Stored(marks(text), model=m, task="u") for m, text in (("a", "11"), ("b", "10"))]
    found = compare(Study.of([Stored(rows, model="a"), Stored(rows, model="b"), *others]))
    assert any("t has no labels" in n for n in found.notes)
    assert any("Nothing can be said" in line for line in conclusions(found))


def test_names_of_models() -> None:
    cells = [Stored(marks("10"), model=m) for m in ("alpha", "beta")]
    assert compare(Study.of(cells), Choice(("beta", "alpha"), resamples=0)).pair is not None
    with pytest.raises(UnknownName, match="alpha"):
        compare(Study.of(cells), Choice(("alpa", "beta")))
    with pytest.raises(HemmError, match="same results"):
        compare(Study.of(cells), Choice(("beta", "beta")))
    with pytest.raises(HemmError, match="or two"):
        compare(Study.of(cells), Choice(("beta",)))
    with pytest.raises(UnknownName, match="anchored"):
        compare(Study.of(cells), Choice(normalise="anchord"))


def test_values_that_are_no_means_are_compared_by_jackknife(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.metrics import f1_score

    from hemm.engine import stored_task

    def cell(model: str, said: Any, task: str = "known") -> Stored:
        rows = [
            question(i, True, references=["wx"[g]], raw="AB"[s], choices=["w", "x"], cluster=f"c{i // 2}")
            for i, (g, s) in enumerate(zip(gold, said, strict=True))
        ]
        return Stored(rows, model=model, task=task, metrics=("macro_f1",))

    rng = np.random.default_rng(8)
    gold = rng.integers(0, 2, 100)
    one, two = (np.where(rng.random(100) < q, gold, 1 - gold) for q in (0.8, 0.5))
    monkeypatch.setattr(stored_task, "task_of", lambda cell: task(answer=OneOf()))
    [row] = compare(Study.of([cell("a", one), cell("b", two)])).tasks
    assert row.pair is not None
    assert row.normalised is None

    def value(keep: Any) -> float:
        f1 = [f1_score(gold[keep], s[keep], average="macro") for s in (one, two)]
        return float(f1[0] - f1[1])

    left = np.array([value(np.arange(100) // 2 != c) for c in range(50)])
    error = math.sqrt(49 / 50 * ((left - left.mean()) ** 2).sum())
    assert row.pair.difference.value == pytest.approx(value(np.arange(100)))
    assert row.pair.error == pytest.approx(error, rel=0.05)  # and a part of an unseen cluster
    assert (row.pair.error or 0.0) >= error
    assert row.pair.p == pytest.approx(2 * stats.t.sf(left.mean() / error, 49), rel=0.3)
    monkeypatch.undo()
    [row] = compare(Study.of([cell("a", one, "nosuch"), cell("b", two, "nosuch")])).tasks
    assert row.pair is None
    assert "not known here" in row.why


# how it is shown


@dataclass
class Careless(Served):
    """Answers every third question wrong."""

    identity: Identity = field(default_factory=lambda: Identity("careless", "1"))

    async def generate(self, request: Request) -> Response:
        number = int(request.prompt.split("Is ")[-1].split(" even")[0])
        return Response(right(request) if number % 3 else "no", usage=Usage(1, 1))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = FakePack([sample(i, labels={"reasoning": ("less", "more")[i % 2]}) for i in range(24)])
    for model in (Served(), Careless()):
        go(tmp_path, model, pack)
    capsys.readouterr()
    assert status(["compare", str(tmp_path), "--resamples", "200", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "schema_version", "normaliser", "failures", "level", "resamples", "seed", "models", "pair", "overall",
        "tasks", "categories", "ranks", "effects", "published", "conclusions", "notes",
    }  # fmt: skip
    assert abs(found["tasks"][0]["pair"]["difference"]["value"]) == pytest.approx(4 / 24)
    assert {c["category"] for c in found["categories"]} >= {"less", "more"}
    for format_ in ("table", "markdown"):
        words = ["compare", str(tmp_path), "--resamples", "200", "--format", format_]
        assert status(words) == 0
        text = capsys.readouterr().out
        assert text.lstrip("- ").startswith("On even no difference between ")
        assert "Ranks" in text
        assert "McNemar" not in text
        assert status([*words, "--full"]) == 0
        text = capsys.readouterr().out
        assert "McNemar" in text
        assert "anchored" in text
    assert status(["compare", str(tmp_path), "--with", "published"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert status(["compare", str(tmp_path), "--model", "careless"]) == 2


def test_tables_are_whole() -> None:
    rows = [(title, columns) for title, _, columns in tables(of("11x0" * 5, "1e00" * 5, "0000" * 5))]
    assert [title for title, _ in rows] == ["Ranks"]
    both = tables(of("11x0" * 5, "1e00" * 5))
    titles = [title.partition(": ")[2] for title, rows, columns in both if rows and columns]
    assert titles[:4] == ["tasks, each on its metric's scale", "normalised (anchored)", "power",
                          "failures in three readings"]  # fmt: skip
