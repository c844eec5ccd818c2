"""A right answer scores the ceiling: any reference, in any harmless dress, for every format and metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hemm.core import AnswerFormat, Judged, Outcome, Response, Sample
from hemm.metrics import resolve
from hemm.metrics.base import as_written
from hemm.metrics.text.answers import EMPTY_ANSWERS
from hemm.parsing import (
    Caption,
    FreeText,
    ManyOf,
    Number,
    OneOf,
    ShortAnswer,
    YesNo,
    join_labels,
)
from hemm.parsing.outcome import judge

ORACLES = (
    "$46.29", "Dr. Martin Luther King Jr.", "Class: Aves", "S*P*Y", "> 7", "__init__", '"Stop"', "3.",
    "Vitamin K.", "-5", "1.5", "1,000", "$1,000", "C++", "x_1", "50%", "(a)", "U.S.", "No. 5", "3:30 p.m.",
    "24/7", "'tis", "東京タワー", "停。", "5 m/s", "`ls -l`", "a*b*c", "Mr. & Mrs. Smith",
)  # fmt: skip
LENIENT = ("accuracy", "exact_match", "token_f1", "relaxed_accuracy", "anls", "vqa_accuracy", "macro_f1")
LENIENT_TOO = ("vqa_accuracy:normalise=always", "balanced_accuracy", "micro_f1", "multilabel_f1")
STRICT = ("exact_match:strict=yes", "cer", "wer", "chrf", "bleu:tokens=char", "cider_d", "consistency")


MOST = (*LENIENT, *LENIENT_TOO)
ALL = (*MOST, *STRICT)
SETS = ("accuracy", "exact_match", "token_f1", "multilabel_f1", "anls", "cer")


def scored(metric_spec: str, answer: AnswerFormat, text: str, sample: Sample) -> tuple[float, float]:
    """The score of a text, and the ceiling."""
    metric = resolve(metric_spec)
    judged = judge(sample, 0, Response(text=text), answer)
    assert judged.outcome is Outcome.OK, f"{text!r} is unread"
    value = metric.score([[as_written(judged)]])[0][""]
    assert value is not None
    return value, metric.ceiling([sample])


def assert_right(metrics: Sequence[str], answer: AnswerFormat, text: str, sample: Sample) -> None:
    for metric in metrics:
        value, ceiling = scored(metric, answer, text, sample)
        assert value == pytest.approx(ceiling), f"{metric}: {text!r} for {sample.references} scores {value}"


@pytest.mark.parametrize("reference", ORACLES)
def test_the_oracle_has_full_marks_whatever_the_reference_looks_like(reference: str) -> None:
    for answer in (ShortAnswer(), FreeText()):
        assert_right(ALL, answer, reference, Sample("1", references=(reference,)))


# --- the property: dresses

Dress = Callable[[str], str]
PLAIN: dict[str, Dress] = {
    "as it is": lambda t: t,
    "blanks": lambda t: f"  {t}\n",
    "bold": lambda t: f"**{t}**",
    "quotes": lambda t: f'"{t}"',
    "curly quotes": lambda t: f"“{t}”",
    "boxed": lambda t: f"\\boxed{{{t}}}",
    "dollars and box": lambda t: f"$\\boxed{{{t}}}$",
    "final point": lambda t: f"{t}.",
    "thinking": lambda t: f"<think>Perhaps 12, or not.</think>{t}",
}
MARKED: dict[str, Dress] = {
    "the answer is": lambda t: f"The answer is {t}.",
    "answer:": lambda t: f"Answer: {t}",
    "final answer": lambda t: f"**Final answer**: {t}",
}
CASED: dict[str, Dress] = {"capital": lambda t: t[:1].upper() + t[1:]}


def worn(*names: str) -> pytest.MarkDecorator:
    """A test for each dress."""
    return pytest.mark.parametrize("dress", names)


_WORDS = st.sampled_from(
    [
        "dog",
        "cat",
        "New",
        "York",
        "e.g.",
        "Jr.",
        "Dr.",
        "km",
        "kg",
        "m/s",
        "°C",
        "東京",
        "停止",
        "塔",
        "Zürich",
        "naïve",
        "p.m.",
        "C++",
        "no",
    ]
)
_MARKS = st.sampled_from(list("$*_\"'`.,:/%()-+>#&"))
_DIGITS = st.sampled_from(["0", "7", "12", "1,000", "46.29", "3/4", "1.5", "2024", "-5", "50%", "$9"])
references = st.lists(st.one_of(_WORDS, _DIGITS, _MARKS), min_size=1, max_size=4).flatmap(
    lambda parts: st.sampled_from([" ", ""]).map(lambda between: between.join(parts))
)


def is_wrapper(reference: str) -> bool:
    """Whether a text says nothing but marks, or opens as a wrapper does: docs/answers.md lists them."""
    fence = "```" in reference
    return fence or not any(c.isalnum() for c in reference) or reference.strip() != reference


@worn(*PLAIN, *CASED)
@given(reference=references)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_a_reference_in_a_harmless_dress_scores_the_ceiling(dress: str, reference: str) -> None:
    assume(not is_wrapper(reference))
    sample = Sample("1", references=(reference,))
    assert_right(MOST, ShortAnswer(), {**PLAIN, **CASED}[dress](reference), sample)


@worn(*PLAIN)
@given(reference=references)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_strict_metrics_take_the_text_as_it_was_written(dress: str, reference: str) -> None:
    assume(not is_wrapper(reference))
    sample = Sample("1", references=(reference,))
    assert_right(STRICT, ShortAnswer(), PLAIN[dress](reference), sample)


@worn(*MARKED)
@given(reference=references)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_a_reference_behind_a_marker_scores_the_ceiling(dress: str, reference: str) -> None:
    assume(not is_wrapper(reference))
    sample = Sample("1", references=(reference,))
    assert_right(MOST, ShortAnswer(), MARKED[dress](reference), sample)


numerals = st.sampled_from(
    [
        "$46.29",
        "1,000",
        "-5",
        "15",
        "1.5",
        "0",
        "50%",
        "1,234,567.8",
        "3/4",
        "three",
        "twenty-one",
        "0.001",
        "1e5",
    ]
)
NUMERIC = ("accuracy", "exact_match", "exact_match:strict=yes", "token_f1", "relaxed_accuracy", "anls")
NUMERIC_TOO = ("vqa_accuracy", "macro_f1", "balanced_accuracy", "multilabel_f1", "cer", "wer", "chrf")


@worn(*PLAIN, *MARKED)
@given(reference=numerals)
@settings(max_examples=20, deadline=None)
def test_a_number_in_any_dress_scores_the_ceiling(dress: str, reference: str) -> None:
    sample, answer = Sample("1", references=(reference,)), Number()
    wear = {**PLAIN, **MARKED}[dress]
    assert_right((*NUMERIC, *NUMERIC_TOO), answer, wear(answer.render(reference, sample)), sample)
    assert_right((*NUMERIC, *NUMERIC_TOO), answer, wear(reference), sample)


labels = st.lists(
    st.sampled_from(
        [
            "cat",
            "dog",
            "guinea pig",
            "New York",
            "U.S.",
            "x_1",
            "C++",
            "50%",
            "$5",
            "-5",
            "3:30",
            "Class: Aves",
            "東京",
            "a.b",
            "Mr. Fox",
        ]
    ),
    min_size=2,
    max_size=5,
    unique=True,
)


@worn(*PLAIN, *MARKED)
@given(shown=labels)
@settings(max_examples=20, deadline=None)
def test_an_option_in_any_dress_scores_the_ceiling(dress: str, shown: list[str]) -> None:
    sample, wear = Sample("1", references=(shown[0],), choices=tuple(shown)), {**PLAIN, **MARKED}[dress]
    for answer in (OneOf(), OneOf(lettered=False), ShortAnswer()):
        assert_right(ALL, answer, wear(answer.render(shown[0], sample)), sample)
    assert_right(ALL, OneOf(), wear(shown[0]), sample)


@worn(*PLAIN)
@given(
    shown=st.lists(st.sampled_from(["cat", "dog", "owl", "wren"]), min_size=2, unique=True),
    n=st.integers(0, 3),
)
@settings(max_examples=20, deadline=None)
def test_a_set_of_labels_in_any_dress(dress: str, shown: list[str], n: int) -> None:
    sample = Sample("1", references=(join_labels(shown[:n]),), choices=tuple(shown))
    assert_right(SETS, ManyOf(), PLAIN[dress](ManyOf().render(join_labels(shown[:n]), sample)), sample)


@worn(*PLAIN, *MARKED, *CASED)
@pytest.mark.parametrize("words", [("yes", "no"), ("true", "false"), ("real", "fake")])
def test_yes_and_no_in_any_dress(dress: str, words: tuple[str, str]) -> None:
    answer = YesNo(words)
    for reference in words if words[0] != "real" else ():
        sample = Sample("1", references=(reference,))
        assert_right(["accuracy"], answer, {**PLAIN, **MARKED, **CASED}[dress](reference), sample)


@worn("as it is", "blanks", "bold", "quotes", "final point", "thinking")
@given(reference=references)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_captions_and_free_texts_in_a_dress(dress: str, reference: str) -> None:
    assume(not is_wrapper(reference))
    sample = Sample("1", references=(reference,))
    for answer in (Caption(), FreeText()):
        assert_right(SETS[:3], answer, PLAIN[dress](reference), sample)


# --- what is not right stays wrong


@pytest.mark.parametrize(
    ("said", "reference"),
    [
        ("5", "-5"),
        ("-5", "5"),
        ("15", "1.5"),
        ("7", "> 7"),
        ("23", "2*3"),
        ("50", "50%"),
        ("Aves", "Class: Aves"),
    ],
)
def test_another_answer_is_not_taken_for_the_reference(said: str, reference: str) -> None:
    sample = Sample("1", references=(reference,))
    assert scored("accuracy", ShortAnswer(), said, sample)[0] == 0.0


@pytest.mark.parametrize("metric", NUMERIC)
@pytest.mark.parametrize(("said", "reference"), [("-5", "5"), ("5", "-5"), ("1.5", "15"), ("15", "1.5")])
def test_numbers_are_compared_as_numbers(metric: str, said: str, reference: str) -> None:
    sample = Sample("1", references=(reference,))
    value, _ = scored(metric, Number(), said, sample)
    assert value < 1.0
    assert value == 0.0 or metric == "anls"


def test_options_that_differ_in_marks_alone_are_two_options() -> None:
    for left, right in (("5", "$5"), ("SPY", "S*P*Y"), ("Mr", "Mr."), ("mg", "Mg")):
        sample = Sample("1", references=(left,), choices=(left, right))
        for metric in ("accuracy", "relaxed_accuracy", "balanced_accuracy"):
            rows = [[Judged(sample, 0, Response(text="?"), Outcome.OK, value)] for value in (left, right)]
            assert [row[""] for row in resolve(metric).score(rows)] == [1.0, 0.0]
        assert resolve("accuracy").chance([sample]) == 0.5


def test_a_wrong_answer_is_of_the_class_that_it_names() -> None:
    said: list[Any] = ["1,000", 2000.0, "$1,000"]
    truths = ["$1,000", "$1,000", "2,000"]
    groups = [
        [Judged(Sample(str(n), references=(truth,)), 0, Response(), Outcome.OK, value)]
        for n, (value, truth) in enumerate(zip(said, truths, strict=True))
    ]
    report = resolve("class_report").aggregate(groups)  # type: ignore[attr-defined]
    assert report["$1,000 recall"] == 0.5
    assert report["$1,000 precision"] == 0.5
    assert report["2,000 precision"] == 0.0


@given(references, st.lists(references, min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_the_parser_never_sees_references(text: str, wanted: list[str]) -> None:
    choices = tuple(dict.fromkeys(w for w in wanted if w.strip()))
    for answer in (ShortAnswer(), OneOf(), OneOf(lettered=False), ManyOf(), YesNo(), Number(), Caption()):
        for options in ((), choices):
            sample = Sample("1", references=tuple(wanted), choices=options)
            alone = replace(sample, references=())
            assert answer.parse(text, sample) == answer.parse(text, alone)


# --- VQA accuracy as its evaluator computes it


def official(said: str, annotations: list[str]) -> float:
    """The evaluator again, from its description: annotators are told apart, an empty answer is an answer."""
    wanted = list(annotations)
    if len(set(wanted)) > 1:
        said, wanted = normal(said), [normal(w) for w in wanted]
    each = [
        min(1.0, sum(wanted[other] == said for other in range(len(wanted)) if other != left_out) / 3)
        for left_out in range(len(wanted))
    ]
    return sum(each) / len(each)


def normal(text: str) -> str:
    comma = any(
        text[i] == "," and text[i - 1].isdigit() and text[i + 1].isdigit() for i in range(1, len(text) - 1)
    )
    out = text
    for mark in ';/[]"{}()=+\\_-><@`,?!':
        out = out.replace(mark, "" if comma or mark + " " in text or " " + mark in text else " ")
    kept = [c for i, c in enumerate(out) if c != "." or out[i + 1 : i + 2].isdigit()]
    digits = dict(
        zip(
            ["none", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
            ["0", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
            strict=True,
        )
    )
    words = [digits.get(w, w) for w in "".join(kept).lower().split()]
    return " ".join({"dont": "don't"}.get(w, w) for w in words if w not in ("a", "an", "the"))


_SAID = [
    "",
    "",
    "race",
    "racing",
    "two",
    "2",
    "a dog",
    "dog",
    "1,000",
    "t-shirt",
    "dont know",
    "3.5",
    "red, blue",
]


@given(st.sampled_from(_SAID[2:]), st.lists(st.sampled_from(_SAID), min_size=10, max_size=10))
@settings(max_examples=300, deadline=None)
def test_vqa_accuracy_is_the_evaluators_with_empty_annotations(said: str, annotations: list[str]) -> None:
    given_ = [a for a in annotations if a]
    assume(given_)
    empty = len(annotations) - len(given_)
    sample = Sample("1", references=tuple(given_), metadata={EMPTY_ANSWERS: empty} if empty else {})
    metric = resolve("vqa_accuracy")
    value = metric.score([[Judged(sample, 0, Response(text=said), Outcome.OK, said)]])[0][""]
    assert value == pytest.approx(official(said, annotations))
    best = max(official(a, annotations) for a in Counter(given_))
    assert metric.ceiling([sample]) == pytest.approx(best)
