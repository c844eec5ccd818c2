"""The reader as a specification: ``stages.txt`` beside this file, a row for each answer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemm.core import AnswerFormat, Sample
from hemm.parsing import Caption, Number, OneOf, ShortAnswer, YesNo
from hemm.parsing.yes_no_words import WORDS

TABLE = Path(__file__).with_name("stages.txt")
FORMATS: dict[str, AnswerFormat] = {"one_of": OneOf(), "yes_no": YesNo(), "number": Number()}
Row = tuple[str, str, tuple[str, ...], str | None, str]


def rows() -> list[Row]:
    """(stage, format, options, value, answer) of each row."""
    found: list[Row] = []
    stage, kind = "", ""
    options: tuple[str, ...] = ()
    for line in TABLE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            stage = line[3:]
        elif line.startswith("@ "):
            kind, _, shown = line[2:].partition(": ")
            options = tuple(shown.split(" | ")) if shown else ()
        elif line.strip() and not line.startswith("#"):
            value, _, text = line.partition(" <- ")
            found.append((stage, kind, options, None if value == "-" else value, text.replace("\\n", "\n")))
    return found


ROWS = rows()
ANY_STAGE = ("languages", "contradiction")
"""Sections whose rows may be read by any stage."""


@pytest.mark.parametrize(("stage", "kind", "options", "value", "text"), ROWS, ids=lambda v: repr(v)[:60])
def test_an_answer_is_read_as_a_careful_person_reads_it(
    stage: str, kind: str, options: tuple[str, ...], value: str | None, text: str
) -> None:
    reading = FORMATS[kind].read(text, Sample("1", choices=options))
    wanted = float(value) if kind == "number" and value else value
    assert reading.value == wanted, reading
    assert (reading.span is None) == (wanted is None)
    if wanted is not None:
        assert stage in (reading.stage, *ANY_STAGE), reading
        begin, end = reading.span or (0, 0)
        assert 0 <= begin < end <= len(text)


def test_each_stage_has_answers_that_it_reads_and_answers_that_it_does_not() -> None:
    counts = Counter((row[0], row[3] is not None) for row in ROWS)
    assert len(ROWS) >= 250
    for stage in ("whole", "structured", "final marker", "conclusion", "leading", "only", "languages"):
        assert counts[stage, True] >= 5, stage
        assert counts[stage, False] >= 5, stage
    assert len(WORDS) == 28  # each language has rows in the section of languages


CHOICES = st.lists(
    st.one_of(
        st.sampled_from(
            ["cat", "dog", "Yes", "No", "1", "2", "2.5", "3√{2}", "\\frac{3}{4}", "5%", "40°", "A", "(b)"]
        ),
        st.text(min_size=1, max_size=8).filter(str.strip),
    ),
    min_size=2,
    max_size=5,
    unique=True,
).map(tuple)
_PIECES = """A|B|(B)|option B|not|the answer is |Answer: |Therefore |, |. |**|$|\\boxed{|}|<think>
</think>|<answer>
{"answer": |3|2.5|=|1/2| or | and |yes|no|dog|选B|is |?|;|two hundred|½|%"""
PIECES = st.one_of(st.text(max_size=12), st.sampled_from(["\n", *_PIECES.replace("\n", "|").split("|")]))
ANSWERS = st.lists(PIECES, max_size=14).map("".join)


@given(ANSWERS, CHOICES)
@settings(max_examples=500, deadline=None)
def test_any_answer_is_read_to_an_option_and_a_place_in_it_or_not_at_all(
    text: str, choices: tuple[str, ...]
) -> None:
    sample = Sample("1", choices=choices)
    for kind, answer in {**FORMATS, "bare": OneOf(lettered=False), "short": ShortAnswer()}.items():
        reading = answer.read(text, sample)
        assert reading == answer.read(text, sample)
        assert reading.value == answer.parse(text, sample)
        assert (reading.span is None) == (reading.stage == "") == (reading.value is None)
        if reading.span is not None:
            assert 0 <= reading.span[0] <= reading.span[1] <= len(text)
        if kind in ("one_of", "bare") and reading.value is not None:
            assert reading.value in choices


@given(ANSWERS, CHOICES, st.lists(st.text(max_size=8), max_size=3))
@settings(max_examples=200, deadline=None)
def test_references_are_never_seen(text: str, choices: tuple[str, ...], references: list[str]) -> None:
    for answer in FORMATS.values():
        blind = answer.read(text, Sample("1", choices=choices))
        assert blind == answer.read(text, Sample("1", choices=choices, references=(*references, *choices)))


def test_a_description_is_no_refusal() -> None:
    text = "A sorry-looking dog that cannot reach the ball."
    assert Caption().parse(text, Sample("1")) == text
    assert Caption().parse("Sorry, I cannot help with that.", Sample("1")) is None


def test_a_final_stop_goes_after_one_letter_too() -> None:
    said = {"Vitamin K.": "Vitamin K", "3.": "3", "U.S.": "U.S."}
    assert {text: ShortAnswer().parse(text, Sample("1")) for text in said} == said


def test_a_declared_decimal_comma() -> None:
    texts = ("0,125", "1.000", "Das Ergebnis: 3,5")
    assert [Number(decimal_comma=True).parse(text, Sample("1")) for text in texts] == [0.125, 1000.0, 3.5]
