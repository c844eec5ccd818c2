"""The first metrics against second, independent implementations of their definitions."""

from __future__ import annotations

import math
import re
import string
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemm.core import CorpusMetric, HemmError, Judged, Metric, Outcome, Response, Sample, UnknownName, slug
from hemm.metrics import METRICS, metric_key, resolve, spec_of
from hemm.metrics.base import same
from hemm.metrics.groups.consistency import Consistency, PermutationConsistency
from hemm.metrics.text.answers import Accuracy, ExactMatch, TokenF1, VqaAccuracy, vqa_normal
from hemm.parsing.formats import OneOf, YesNo, join_labels
from hemm.testing import check_metric


def ok(value: object, sample: Sample) -> Judged:
    return Judged(sample, 0, Response(text=str(value)), Outcome.OK, value)


def score(metric: Metric, value: object, *references: str, **facts: object) -> float | None:
    sample = Sample(id="1", references=references, **facts)  # type: ignore[arg-type]
    return metric.score([[ok(value, sample)]])[0][""]


def test_accuracy_is_scikit_learns() -> None:
    from sklearn.metrics import accuracy_score

    rng = np.random.default_rng(0)
    truth, said = (rng.choice(["cat", "dog", "owl"], 200) for _ in range(2))
    values = [score(Accuracy(), str(s), str(t)) for s, t in zip(said, truth, strict=True)]
    assert np.mean([v or 0.0 for v in values]) == pytest.approx(accuracy_score(truth, said))


@pytest.mark.parametrize(
    ("value", "reference", "equal"),
    [
        ("Dense  Residential", "dense residential", True),
        ("dog.", "dog", True),
        (3.0, "3", True),
        (3.0, "three", True),
        (3.0, "3.1", False),
        (0.1 + 0.2, "0.3", True),
        (3.0, "many", False),
        (frozenset({"a", "b"}), join_labels(["b", "a"]), True),
        (frozenset({"a"}), join_labels(["b", "a"]), False),
        (frozenset(), "", True),
    ],
)
def test_when_a_value_is_the_reference(value: object, reference: str, equal: bool) -> None:
    assert same(value, reference) == equal
    assert score(Accuracy(), value, "zzz", reference) == float(equal)


def test_accuracy_tells_answer_types_apart() -> None:
    closed = Sample(id="1", references=("yes",), metadata={"answer_type": "CLOSED"})
    assert Accuracy().score([[ok("yes", closed)]]) == [{"": 1.0, "closed": 1.0}]
    assert Accuracy().components([closed]) == ("", "closed")


def squad_f1(said: str, wanted: str) -> float:
    """The definition again: overlap of bags of words after lower case, no punctuation, no articles."""

    def bag(text: str) -> list[str]:
        text = "".join(c for c in text.lower() if c not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    left, right = bag(said), bag(wanted)
    if not left or not right:
        return float(left == right)
    shared = sum(min(left.count(t), right.count(t)) for t in set(left))
    if not shared:
        return 0.0
    precision, recall = shared / len(left), shared / len(right)
    return 2 * precision * recall / (precision + recall)


_WORDS = ["a", "an", "the", "cat", "Cat", "dog", "dogs", ".", ",", "the,", "b-c", "3"]
words = st.lists(st.sampled_from(_WORDS), max_size=8).map(" ".join)


@given(words, st.lists(words, min_size=1, max_size=3))
def test_token_f1_is_squads(said: str, references: list[str]) -> None:
    wanted = max(squad_f1(said, r) for r in references)
    assert score(TokenF1(), said, *references) == pytest.approx(wanted)


def test_exact_match_normalises_unless_strict() -> None:
    assert score(ExactMatch(), "The  Cat!", "cat") == 1.0
    assert score(ExactMatch("yes"), "The Cat!", "cat") == 0.0
    assert score(ExactMatch("yes"), "cat", "cat") == 1.0
    assert score(ExactMatch(), "", "the") == 1.0
    assert score(ExactMatch(), "cats", "cat") == 0.0


def leave_one_out(answer: str, references: list[str]) -> float:
    """VQA accuracy as its paper says it: each choice of nine annotators, min(1, agreeing / 3), averaged."""
    nines = list(combinations(range(len(references)), len(references) - 1))
    return sum(min(1.0, sum(references[i] == answer for i in nine) / 3) for nine in nines) / len(nines)


answers = st.lists(st.sampled_from(["red", "blue", "green", "tall"]), min_size=10, max_size=10)


@given(st.sampled_from(["red", "blue", "black"]), answers)
def test_vqa_accuracy_is_its_definition(said: str, references: list[str]) -> None:
    assert score(VqaAccuracy(), said, *references) == pytest.approx(leave_one_out(said, references))


@given(answers)
def test_the_ceiling_of_vqa_accuracy_is_the_best_that_any_answer_scores(references: list[str]) -> None:
    sample = Sample(id="1", references=tuple(references))
    best = max(leave_one_out(r, references) for r in references)
    assert VqaAccuracy().ceiling([sample]) == pytest.approx(best)


def test_vqa_accuracy_known_values() -> None:
    ten = ["red"] * 2 + ["blue"] * 8
    assert score(VqaAccuracy(), "red", *ten) == pytest.approx(
        0.6
    )  # 2 of 10 ways leave 1 (1/3), 8 leave 2 (2/3)
    assert score(VqaAccuracy(), "blue", *ten) == 1.0
    assert VqaAccuracy().ceiling([Sample(id="1", references=tuple("abcdefghij"))]) == pytest.approx(0.3)


def test_vqa_answers_are_normalised_only_where_the_annotators_disagree() -> None:
    unanimous, divided = ["a dog"] * 10, ["a dog"] * 9 + ["cat"]
    assert score(VqaAccuracy(), "dog", *unanimous) == 0.0
    assert score(VqaAccuracy(), "dog", *divided) == 1.0
    assert score(VqaAccuracy("always"), "dog", *unanimous) == 1.0
    assert score(VqaAccuracy(), "A Dog", *unanimous) == 1.0  # case never counts
    assert score(VqaAccuracy(), "two", *(["2"] * 9 + ["3"])) == 1.0


def test_vqa_accuracy_with_fewer_annotators() -> None:
    assert score(VqaAccuracy(), "yes", "yes") == 1.0
    assert score(VqaAccuracy(), "no", "yes") == 0.0
    assert score(VqaAccuracy(), "yes", "yes", "yes", "yes") == 1.0
    assert score(VqaAccuracy(), "yes", "yes", "yes", "no") == pytest.approx((0.5 + 0.5 + 1.0) / 3)
    assert score(VqaAccuracy(), "yes") == 0.0


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The Dog.", "dog"),
        ("two dogs", "2 dogs"),
        ("none", "0"),
        ("dont know", "don't know"),
        ("couldnt've", "couldn't've"),
        ("1,000", "1000"),
        ("3.5", "3.5"),
        ("red,blue", "red blue"),
        ("red, blue", "red blue"),
        ("t-shirt", "t shirt"),
        ("t -shirt", "t shirt"),
        ("an apple a day\n", "apple day"),
        ("yes!", "yes"),
    ],
)
def test_the_vqa_normaliser(text: str, normal: str) -> None:
    assert vqa_normal(text) == normal


def presentation(right: list[bool]) -> list[Judged]:
    samples = [
        Sample(
            id=f"{i}",
            unit="p",
            references=("true",),
            choices=("true", "false"),
            metadata={"example": str(i // 2)},
        )
        for i in range(len(right))
    ]
    return [ok("true" if r else "false", s) for r, s in zip(right, samples, strict=True)]


@pytest.mark.parametrize("name", ["we_math", "winoground"])
def test_another_rule_of_right_is_refused_where_it_would_change_nothing(name: str) -> None:
    with pytest.raises(HemmError, match="leave out of=contains"):
        resolve(f"{name}:of=contains")


def test_consistency_wants_every_answer() -> None:
    groups = [presentation([True] * 4), presentation([True, True, False, True])]
    assert [s[""] for s in Consistency().score(groups)] == [1.0, 0.0]
    assert Consistency().group == "unit"
    assert PermutationConsistency().group == "example"
    assert Consistency().chance([j.sample for j in groups[0]]) == 0.5**4
    assert Consistency().chance([Sample(id="1", references=("x",))]) is None


def problem(name: str, *steps: str) -> list[Sample]:
    options = ("a", "b", "c", "d")
    return [
        Sample(f"{name}-{s}", unit=name, references=("b",), choices=options, metadata={"step": s})
        for s in steps
    ]


@pytest.mark.parametrize(
    ("said", "strict", "loose", "case"),  # two steps, then the whole
    [
        ("bbb", 1.0, 1.0, "mastery"),
        ("bba", 0.5, 0.5, "generalisation"),
        ("bab", 0.0, 1.0, "memorised"),
        ("aab", 0.0, 0.0, "memorised"),
        ("baa", 0.0, 0.0, "knowledge"),
        ("aaa", 0.0, 0.0, "knowledge"),
    ],
)
def test_we_math_tells_four_cases_apart(said: str, strict: float, loose: float, case: str) -> None:
    asked = problem("p", "1", "2", "whole")
    found = resolve("we_math").score([[ok(v, s) for v, s in zip(said, asked, strict=True)]])[0]
    assert (found[""], found["loose"]) == (strict, loose)
    cases = ("mastery", "generalisation", "memorised", "knowledge")
    assert [c for c in cases if found[c]] == [case]


def test_we_math_keeps_the_contract_and_judges_whole_problems_alone() -> None:
    metric = resolve("we_math")
    asked = [s for name in "pqr" for s in problem(name, "1", "2", "whole")]
    check_metric(metric, samples=asked, answer=OneOf())
    guessed = 0.25 * 0.25 * (0.25 + 0.5 * 0.75)  # both steps; then the whole, or half a point
    assert metric.chance(asked[:3]) == pytest.approx(guessed)
    for part in (asked[:2], asked[2:3]):
        assert set(metric.score([[ok("b", s) for s in part]])[0].values()) == {None}
        assert metric.chance(part) is None


@pytest.mark.parametrize("form", ["choose", "match"])
def test_winoground_keeps_the_contract(form: str) -> None:
    keys = {
        "choose": [("text", 0, None), ("text", 1, None), ("image", None, 0), ("image", None, 1)],
        "match": [("match", i, j) for i in (0, 1) for j in (0, 1)],
    }[form]
    asked = [
        Sample(
            f"{row}-{n}",
            unit=row,
            references=("yes" if form == "choose" or key[1] == key[2] else "no",),
            choices=("yes", "no"),
            metadata={"asked": key[0], "image": key[1], "caption": key[2]},
        )
        for row in "pqr"
        for n, key in enumerate(keys)
    ]
    metric = resolve("winoground")
    check_metric(metric, samples=asked, answer=YesNo())
    assert metric.chance(asked[:4]) == 1 / 16
    assert metric.chance(asked[:3]) is None
    assert set(metric.score([[ok("yes", s) for s in asked[:3]]])[0].values()) == {None}


def test_chance_is_the_mean_score_of_the_options() -> None:
    four = Sample(id="1", references=("b",), choices=("a", "b", "c", "d"))
    assert Accuracy().chance([four]) == 0.25
    assert Accuracy().chance([Sample(id="1", references=("b", "c"), choices=("a", "b", "c", "d"))]) == 0.5
    assert Accuracy().chance([Sample(id="1", references=("shown otherwise",), choices=("a", "b"))]) == 0.5
    assert Accuracy().chance([Sample(id="1", references=("b",))]) is None
    assert TokenF1().chance(
        [Sample(id="1", references=("red car",), choices=("red car", "car"))]
    ) == pytest.approx((1 + 2 / 3) / 2)


OWN_QUESTIONS = {"winoground", "we_math", "iou", "point_in_box"}
"""Metrics that judge whole rows of a data set, or places in a picture, and are tested with these."""
WEIGHTLESS = [n for n in METRICS.names() if not resolve(n).needs and n not in OWN_QUESTIONS]


@pytest.mark.parametrize("name", WEIGHTLESS)
@given(references=st.lists(st.text(max_size=10), min_size=1, max_size=4), value=st.text(max_size=10))
@settings(max_examples=40, deadline=None)
def test_values_stay_in_the_range_and_under_the_ceiling(name: str, references: list[str], value: str) -> None:
    metric = resolve(name)
    sample = Sample(id="1", references=tuple(references))
    found = metric.score([[ok(value, sample)]])[0][""]
    low, high = metric.range
    assert found is not None
    assert low <= found <= high
    ceiling = metric.ceiling([sample])
    assert found <= ceiling + 1e-9 if metric.higher_is_better else found >= ceiling - 1e-9


@pytest.mark.parametrize("name", WEIGHTLESS)
def test_the_contract(name: str) -> None:
    metric = resolve(name)
    assert isinstance(metric, Metric)
    assert metric.name == name
    assert math.isfinite(metric.version)
    check_metric(metric)


def test_specs_and_keys() -> None:
    metric = resolve("vqa_accuracy:normalise=always")
    assert spec_of(metric) == "vqa_accuracy:normalise=always"
    assert metric_key(metric) == "vqa_accuracy-v2-normalise.always"
    assert metric_key(resolve("accuracy")) == "accuracy-v2"
    assert slug(metric_key(metric)) == metric_key(metric)
    assert resolve(" exact_match : strict = no ") == ExactMatch()
    assert len({metric_key(resolve(s)) for s in ("exact_match", "exact_match:strict=yes")}) == 2


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("acuracy", "did you mean 'accuracy'"),
        ("vqa_accuracy:normalize=always", "did you mean 'normalise'"),
        ("vqa_accuracy:normalise=never", "disagreement, always"),
        ("accuracy:x=1", "it takes none"),
        ("exact_match:strict", "is not KEY=VALUE"),
    ],
)
def test_wrong_specs_are_one_clear_line(spec: str, says: str) -> None:
    with pytest.raises(HemmError) as caught:
        resolve(spec)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    if spec == "acuracy":
        assert isinstance(caught.value, UnknownName)


def test_tokens_are_a_multiset() -> None:
    assert score(TokenF1(), "dog dog dog", "dog") == pytest.approx(0.5)


# metrics of whole sets, against scikit-learn


def corpus(name: str, said: list[object], references: list[str]) -> dict[str, float]:
    metric = resolve(name)
    assert isinstance(metric, CorpusMetric)
    groups = []
    for i, (value, reference) in enumerate(zip(said, references, strict=True)):
        fine = Outcome.UNPARSABLE if value is None else Outcome.OK
        groups.append([Judged(Sample(id=str(i), references=(reference,)), 0, Response(), fine, value)])
    return dict(metric.aggregate(groups))


@pytest.mark.parametrize("seed", range(5))
def test_class_metrics_are_scikit_learns(seed: int) -> None:
    from sklearn.metrics import f1_score, recall_score

    rng = np.random.default_rng(seed)
    truth = rng.choice(["cat", "dog", "owl", "fox"], 80, p=[0.6, 0.2, 0.15, 0.05])
    said = np.where(rng.random(80) < 0.6, truth, rng.choice(["cat", "dog", "owl", "newt"], 80))
    failed = rng.random(80) < 0.1
    values = [None if f else str(s) for s, f in zip(said, failed, strict=True)]
    told = np.where(failed, "", said)
    classes = sorted(set(truth))
    balanced = recall_score(truth, told, labels=classes, average="macro", zero_division=0)
    assert corpus("balanced_accuracy", list(values), list(truth))[""] == pytest.approx(balanced)
    macro = f1_score(truth, told, labels=classes, average="macro", zero_division=0)
    assert corpus("macro_f1", list(values), list(truth))[""] == pytest.approx(macro)


@pytest.mark.parametrize("seed", range(5))
def test_multilabel_f1s_are_scikit_learns(seed: int) -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(seed)
    names = np.array(["drama", "comedy", "crime", "war"])
    truth, said = rng.random((60, 4)) < 0.4, rng.random((60, 4)) < 0.5
    truth[:4] |= np.eye(4, dtype=bool)  # every label occurs
    values: list[object] = [frozenset(map(str, names[row])) for row in said]
    found = corpus("multilabel_f1", values, [join_labels(map(str, names[row])) for row in truth])
    for average in ("micro", "macro", "weighted"):
        assert found[average] == pytest.approx(f1_score(truth, said, average=average, zero_division=0)), (
            average
        )
    assert found[""] == pytest.approx(f1_score(truth, said, average="samples", zero_division=1))
