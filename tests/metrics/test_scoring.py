"""Stored answers to scores: groups, nulls, bounds, repeats, aggregates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import AnswerFormat, Group, Metric, Sample, completed
from hemm.metrics import resolve
from hemm.metrics.groups.repeats import budgets, pass_at
from hemm.metrics.scoring import aggregate, outcome_counts, parser_versions, score_answers
from hemm.metrics.text.answers import Accuracy
from hemm.parsing.formats import ManyOf, Number, OneOf, ShortAnswer, YesNo
from hemm.results.counted import reading
from hemm.results.layout import SCORE_SCHEMA
from stored_cells import answer, table, values


def scored(
    rows: list[dict[str, Any]], metric: str = "accuracy", task: AnswerFormat | None = None
) -> pa.Table:
    return score_answers(table(*rows), SimpleNamespace(answer=task or ShortAnswer()), resolve(metric))


def test_one_row_for_each_group_with_the_schema_of_the_layout() -> None:
    scores = scored([answer("a", "yes", "yes"), answer("b", "no", "yes")])
    assert scores.schema == SCORE_SCHEMA
    assert values(scores) == {"a": 1.0, "b": 0.0}
    row = scores.to_pylist()[0]
    assert row["unit"] == row["cluster"] == row["group"] == "a"
    assert row["labels"] == [("use_case", "science")]
    assert (row["outcome"], row["cut"], row["ceiling"], row["chance"]) == ("ok", False, 1.0, None)


def test_no_answers_give_an_empty_table() -> None:
    scores = scored([])
    assert scores.num_rows == 0
    assert scores.schema == SCORE_SCHEMA
    assert aggregate(scores, Accuracy())["components"] == {}


def test_failures_are_nulls_with_their_outcome() -> None:
    sorry = "I'm sorry, but I can't help with that."
    rows = [
        answer("fine", "yes", "yes"),
        answer("cut", "yes", "yes", finish="length"),
        answer("unread", "yes and no", "yes"),
        answer("refused", sorry, "yes"),
        answer("told", "yes", "yes", refusal="no"),
        answer("stopped", "well", "yes", finish="length"),
        answer("failed", None, "yes"),
    ]
    scores = scored(rows, task=YesNo())
    found = {r["group"]: (r["value"], r["outcome"], r["cut"]) for r in scores.to_pylist()}
    assert found == {
        "fine": (1.0, "ok", False),
        "cut": (1.0, "ok", True),
        "unread": (None, "unparsable", False),
        "refused": (None, "refused", False),
        "told": (None, "refused", False),
        "stopped": (None, "truncated", False),
        "failed": (None, "error", False),
    }
    main = aggregate(scores, Accuracy())["components"][""]
    assert main["value"] == pytest.approx(2 / 6)  # the error is left out, other failures are wrong
    assert (main["n"], main["groups"], main["nulls"], main["cut"]) == (6, 7, 5, 1)
    assert main["outcomes"] == {"ok": 2, "unparsable": 1, "refused": 2, "truncated": 1, "error": 1}
    counts = outcome_counts(table(*rows), SimpleNamespace(answer=YesNo()))
    assert counts == {**main["outcomes"], "cut": 1}
    assert sum(main["outcomes"].values()) == len(rows)


def test_a_group_has_the_worst_outcome_of_its_answers() -> None:
    raws = {
        "ok": "yes",
        "unparsable": "?",
        "refused": "I cannot help with this.",
        "truncated": "?",
        "error": None,
    }
    order = list(raws)
    for first, second in itertools.product(order, repeat=2):
        rows = [
            answer(str(i), raws[o], "yes", unit="u", finish="length" if o == "truncated" else "stop")
            for i, o in enumerate((first, second))
        ]
        row = scored(rows, "consistency", YesNo()).to_pylist()[0]
        assert row["outcome"] == max(first, second, key=order.index)
        assert (row["value"] is None) == (row["outcome"] != "ok")


def test_groups_by_unit_and_by_metadata() -> None:
    rows = [
        answer(
            f"{p}-{e}-{k}",
            "true" if (p, e) != (1, 1) or k else "false",
            "true",
            unit=f"p{p}",
            cluster=f"p{p}",
        )
        | {"metadata": orjson.dumps({"example": f"{p}-{e}"}).decode()}
        for p in range(2)
        for e in range(2)
        for k in range(3)
    ]
    assert values(scored(rows, "consistency", YesNo(("true", "false")))) == {"p0": 1.0, "p1": 0.0}
    examples = values(scored(rows, "permutation_consistency", YesNo(("true", "false"))))
    assert examples == {"0-0": 1.0, "0-1": 1.0, "1-0": 1.0, "1-1": 0.0}
    row = scored(rows, "consistency", YesNo(("true", "false"))).to_pylist()[0]
    assert row["chance"] == pytest.approx(0.5**6)


def test_chance_knows_labels_that_are_shown_otherwise() -> None:
    rows = [answer("a", "A", "densehouses", choices=["dense houses", "beach"])]
    scores = scored(rows, task=OneOf(labels={"densehouses": "dense houses"}))
    assert scores.to_pylist()[0]["value"] == 1.0
    assert scores.to_pylist()[0]["chance"] == 0.5
    assert scored(rows, task=ShortAnswer()).to_pylist()[0]["chance"] == 0.5
    assert scored([answer("a", "x", "x", choices=["x", "y"])], task=ManyOf()).to_pylist()[0]["chance"] is None


@pytest.mark.parametrize(("yes", "floor"), [(50, 0.5), (51, 0.51), (49, 0.51), (90, 0.9)])
def test_the_majority_is_that_of_all(yes: int, floor: float) -> None:
    """One reference more or less moves the floor by one answer, also where two are equally frequent."""
    rows = [answer(str(i), "no", "yes" if i < yes else "no", cluster=str(i)) for i in range(100)]
    found = [r["majority"] for r in scored(rows).to_pylist()]
    assert np.mean(found) == pytest.approx(floor)


def test_there_is_a_majority_if_a_reference_comes_twice() -> None:
    same = [answer(str(i), "cat", "x", cluster=str(i)) for i in range(3)]
    assert {r["majority"] for r in scored(same).to_pylist()} == {1.0}
    alone = [answer(str(i), "cat", f"r{i}", cluster=str(i)) for i in range(4)]
    assert {r["majority"] for r in scored(alone).to_pylist()} == {None}
    assert {r["majority"] for r in scored(same[:1]).to_pylist()} == {None}


def test_the_same_answers_have_the_same_hash_and_others_another() -> None:
    def hashes(*rows: dict[str, Any]) -> list[str]:
        return scored(list(rows)).column("response_hash").to_pylist()

    assert hashes(answer("a", "x", "y")) == hashes(
        answer("a", "x", "z")
    )  # of the response, not of the question
    assert hashes(answer("a", "x", "z")) != hashes(answer("a", "y", "z"))
    assert hashes(answer("a", "x", "z")) != hashes(answer("a", "x", "z", finish="length"))
    assert hashes(answer("a", "", "z")) != hashes(answer("a", None, "z"))


def test_numbers_are_scored_as_numbers() -> None:
    rows = [answer("a", "three", "3"), answer("b", "There are 4.", "3")]
    assert values(scored(rows, task=Number())) == {"a": 1.0, "b": 0.0}


def test_components_of_failures_are_nulls_too() -> None:
    rows = [
        answer("a", "yes", "yes", metadata={"answer_type": "CLOSED"}),
        answer("b", "?", "yes", metadata={"answer_type": "CLOSED"}),
        answer("c", "yes", "yes", metadata={"answer_type": "OPEN"}),
    ]
    scores = scored(rows, task=YesNo())
    assert values(scores, "closed") == {"a": 1.0, "b": None}
    assert values(scores, "open") == {"c": 1.0}
    assert aggregate(scores, Accuracy())["components"]["closed"]["value"] == 0.5


class Rarity:
    """A metric that inherits from nothing, and what it gives for a set does not either."""

    name, version, group, range = "rarity", 1, "sample", (0.0, 1.0)
    higher_is_better, needs, parameters = True, frozenset[str](), dict[str, str]()
    share = 0.0

    def over(self, samples: Sequence[Sample]) -> Rarity:
        bound = Rarity()
        bound.share = 1 / len(samples)
        return bound

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        return [{"": self.share} for _ in groups]

    def ceiling(self, group: Sequence[Sample]) -> float:
        return 1.0

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None


def test_what_a_metric_gives_for_a_set_has_the_defaults_too() -> None:
    rows = [answer("a", "yes", "yes"), answer("b", "?", "yes")]
    metric = completed(Rarity(), Metric, "it")
    scores = score_answers(table(*rows), SimpleNamespace(answer=YesNo()), metric)
    assert values(scores) == {"a": 0.5, "b": None}


# repeats


def test_pass_at_k_is_the_share_of_draws_with_a_right_answer() -> None:
    for n in range(1, 7):
        for c in range(n + 1):
            for k in range(1, n + 1):
                draws = list(itertools.combinations([True] * c + [False] * (n - c), k))
                assert pass_at(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))
    assert budgets(5) == [1, 2, 4, 5]
    assert budgets(2) == [1, 2]


def repeated(key: str, said: list[str | None], reference: str = "yes") -> list[dict[str, Any]]:
    return [answer(key, raw, reference, repeat=i) for i, raw in enumerate(said)]


@pytest.mark.parametrize(
    ("said", "mean", "pass2", "maj"),
    [
        (["yes", "yes", "no", "yes"], 0.75, 1.0, 1.0),
        (["no", "yes", "no", "no"], 0.25, 0.5, 0.0),
        (["yes", "no", "no", "Yes."], 0.5, 1 - 1 / 6, 0.5),  # a tie: half
        (["?", "?", "?", "yes"], 0.25, 0.5, 1.0),  # failures do not vote
        (["?", "?", "?", "?"], 0.0, 0.0, 0.0),
        (["yes", "yes", "yes", None], None, None, None),  # one was never answered
    ],
)
def test_repeats(said: list[str | None], mean: float | None, pass2: float | None, maj: float | None) -> None:
    scores = scored(repeated("a", said), task=YesNo())
    assert [r["repeat"] for r in scores.to_pylist() if not r["component"]] == [0, 1, 2, 3]
    found = {c: values(scores, c)["a"] for c in ("mean@4", "pass@1", "pass@2", "maj@4")}
    expected = {"mean@4": mean, "pass@1": mean, "pass@2": pass2, "maj@4": maj}
    assert found == {c: None if v is None else pytest.approx(v) for c, v in expected.items()}
    over = [r for r in scores.to_pylist() if r["component"] == "maj@4"]
    assert [r["repeat"] for r in over] == [None]
    assert over[0]["outcome"] == ("error" if mean is None else "ok")


def test_one_answer_each_has_no_repeat_components() -> None:
    assert set(scored([answer("a", "x", "x")]).column("component").to_pylist()) == {""}


# metrics of other kinds


@dataclass(frozen=True)
class Odd(Metric):
    """A plug-in's metric: lower is better, an open range, unannounced components, at times no value."""

    name: str = "odd"
    version: int = 3
    group: str = "sample"
    range: tuple[float, float] = (0.0, math.inf)
    higher_is_better: bool = False
    needs: frozenset[str] = frozenset()

    @property
    def parameters(self) -> dict[str, str]:
        return {}

    def score(self, groups: list[Group]) -> list[dict[str, float | None]]:
        return [{"": float(len(g[0].value)) if g[0].value != "none" else None, "extra": 1.0} for g in groups]

    def ceiling(self, group: list[Sample]) -> float:
        return 0.0

    def chance(self, group: list[Sample]) -> float | None:
        return None


def test_a_metric_without_a_worst_score_leaves_failures_out() -> None:
    metric = Odd()
    rows = [answer("a", "xxx"), answer("b", ""), answer("c", "none")]
    scores = score_answers(table(*rows), SimpleNamespace(answer=ShortAnswer()), metric)
    assert values(scores) == {"a": 3.0, "b": None, "c": None}
    assert values(scores, "extra") == {"a": 1.0, "b": None, "c": 1.0}
    found = aggregate(scores, metric)
    assert found["components"][""]["value"] == 3.0
    assert found["components"][""]["n"] == 1
    assert found["range"] == [0.0, None]
    assert orjson.dumps(found)


class CorpusOdd(Odd):
    def aggregate(self, groups: list[Group]) -> dict[str, float]:
        return {"": float(len(groups)), "spread": 0.5}


def test_a_corpus_metric_gives_its_own_value_over_all_but_errors() -> None:
    rows = [answer("a", "xxx"), answer("b", ""), answer("c", None)]
    task, metric = SimpleNamespace(answer=ShortAnswer()), CorpusOdd()
    scores = score_answers(table(*rows), task, metric)
    found = aggregate(scores, metric, table(*rows), task)["components"]
    assert (found[""]["value"], found[""]["corpus"], found["spread"]["value"]) == (2.0, True, 0.5)


@given(st.sampled_from(["ok", "unparsable", "refused", "truncated", "error"]))
def test_the_default_reading(outcome: str) -> None:
    assert reading(0.7, outcome, 0.0) == 0.7
    assert reading(None, outcome, 0.0) == (None if outcome in ("error", "ok") else 0.0)
    assert reading(None, outcome, -math.inf) is None


def test_media_references_are_no_text() -> None:
    rows = [answer("a", "x", "media:" + "0" * 64, "x", media=["1" * 64], produced=["2" * 64])]
    assert values(scored(rows)) == {"a": 1.0}


def test_what_a_score_file_depends_on() -> None:
    assert parser_versions(YesNo()) == {"format": "yes_no", "format_version": 2, "outcome_version": 2}


def test_twenty_thousand_answers_are_scored_whole() -> None:
    rows = table(
        answer("a", "A", "cat", choices=["cat", "dog"]), answer("b", "B", "cat", choices=["cat", "dog"])
    )
    many = pa.concat_tables([rows] * 10_000)
    keys = pa.array([str(i) for i in range(many.num_rows)])
    many = many.set_column(0, "id", keys)
    scores = score_answers(many, SimpleNamespace(answer=OneOf()), Accuracy())
    assert scores.num_rows == 20_000
    assert aggregate(scores, Accuracy())["components"][""]["value"] == 0.5
