"""``contains`` beside the rule of OCRBench, written here from its definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import Outcome, Response, Sample
from hemm.metrics import resolve
from hemm.metrics.scoring import described_scores
from hemm.metrics.text.answers import NO_BLANKS
from hemm.parsing import FreeText
from hemm.parsing.outcome import judge


def official(answer: str, references: list[str], formula: bool) -> int:
    """OCRBench (Liu et al. 2024): formulas of HME100k without blanks and in their case, all else lower."""

    def plain(text: str) -> str:
        line = text.strip().replace("\n", " ")
        return line.replace(" ", "") if formula else line.lower()

    return int(any(plain(r) in plain(answer) for r in references))


WORDS = st.text(st.sampled_from("abAB 1\n\\{}"), min_size=1, max_size=8).filter(str.strip)


@given(
    st.text(st.sampled_from("abAB 1\n\\{}"), max_size=20),
    st.lists(WORDS, min_size=1, max_size=3),
    st.booleans(),
)
def test_it_is_the_rule_of_ocrbench(answer: str, references: list[str], formula: bool) -> None:
    metadata = {"contains": NO_BLANKS} if formula else {}
    sample = Sample("1", references=tuple(references), metadata=metadata)
    assert resolve("contains").value(answer, sample) == official(answer, references, formula)


@pytest.mark.parametrize(
    ("answer", "references", "formula", "value"),
    [
        ("The text in the image says: CENTRE.", ["centre"], False, 1.0),
        ("The word is Center.", ["centre"], False, 0.0),
        ("$$\\frac { a } { b }$$", ["\\frac { a }{ b }"], True, 1.0),
        ("\\frac { A } { B }", ["\\frac{a}{b}"], True, 0.0),
        ("", ["a"], False, 0.0),
    ],
)
def test_sentences_and_formulas(answer: str, references: list[str], formula: bool, value: float) -> None:
    sample = Sample("1", references=tuple(references), metadata={"contains": NO_BLANKS} if formula else {})
    assert resolve("contains").value(answer, sample) == value


def test_what_a_model_thought_is_no_part_of_its_answer() -> None:
    sample = Sample("1", references=("centre",))
    judged = judge(sample, 0, Response("<think>centre?</think>Center"), FreeText())
    assert judged.outcome is Outcome.OK
    assert resolve("contains").score([[judged]]) == [{"": 0.0}]


def test_an_empty_reference_is_contained_in_nothing() -> None:
    assert resolve("contains").value("anything", Sample("1", references=(" ",))) == 0.0
    assert described_scores(resolve("contains"), {})["metric"] == "contains"
