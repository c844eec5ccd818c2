"""The reader as a specification: ``stages.txt`` beside this file, a row for each answer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hemm.core import AnswerFormat, Sample
from hemm.parsing import Number, OneOf, YesNo
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
