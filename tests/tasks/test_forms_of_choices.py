"""The forms in which a user's data write choices, and what their answers name then."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hemm.core import BadData
from hemm.data.pack.prepare import ensure
from hemm.tasks import resolve


def read(folder: Path, rows: Sequence[Mapping[str, Any]], card: str = "") -> list[tuple[Any, Any]]:
    """The choices and the references of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    named = [{"id": str(n), "question": f"{n}?", **row} for n, row in enumerate(rows)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in named))
    (folder / "card.yaml").write_text(card)
    found = {s.id: (s.choices, s.references) for s in ensure(resolve(str(folder))).samples()}
    return [found[str(n)] for n in range(len(rows))]


def test_a_number_that_the_data_give_a_choice_names_it(cache: Path, tmp_path: Path) -> None:
    options = {"1": "one", "2": "two", "3": "three"}
    rows = [{"options": options, "answer": answer} for answer in ("1", 2, "3", "two")]
    assert [refs for _, refs in read(tmp_path / "mine", rows)] == [("one",), ("two",), ("three",), ("two",)]
    zero = [{"options": {"0": "zero", "2": "two"}, "answer": a} for a in ("0", 2)]
    assert [refs for _, refs in read(tmp_path / "zero", zero)] == [("zero",), ("two",)]
    other = [{"options": {"1": "3", "2": "1", "3": "2"}, "answer": a} for a in ("1", "2")]
    assert [refs for _, refs in read(tmp_path / "other", other)] == [("3",), ("1",)]


def test_a_number_that_no_choice_has_is_an_error(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="'0', which is none of the 2 choices"):
        read(tmp_path / "mine", [{"options": {"1": "one", "2": "two"}, "answer": "0"}])


def test_letters_of_an_object_say_the_order(cache: Path, tmp_path: Path) -> None:
    rows = [{"options": {"B": "two", "A": "one", "C": "three"}, "answer": "B"}]
    assert read(tmp_path / "mine", rows) == [(("one", "two", "three"), ("two",))]
    many = {str(n): f"the {n}." for n in (10, 9, 2, 1)}
    got = read(tmp_path / "ten", [{"options": many, "answer": "10"}])
    assert got == [(("the 1.", "the 2.", "the 9.", "the 10."), ("the 10.",))]


def test_two_choices_of_one_letter_are_an_error(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="has two choices 'A'"):
        read(tmp_path / "mine", [{"options": {"A": "one", "a": "two"}, "answer": "A"}])


@pytest.mark.parametrize(
    "choices",
    [
        "['red' 'dark blue']",  # what pandas writes for an array of NumPy
        "['red'\n 'dark blue']",
        "(A) red (B) dark blue",
        [{"label": "B", "text": "dark blue"}, {"label": "A", "text": "red"}],
    ],
)
def test_forms_of_choices(choices: Any, cache: Path, tmp_path: Path) -> None:
    got = read(tmp_path / "mine", [{"choices": choices, "answer": "B"}])
    assert got == [(("red", "dark blue"), ("dark blue",))]


def test_choices_that_are_no_list_are_an_error_that_says_the_forms(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(
        BadData, match="line 1: field 'choices' is no list of texts: 'red or blue'; give a list"
    ):
        read(tmp_path / "mine", [{"choices": "red or blue", "answer": "red"}])


def test_a_whole_number_beside_empty_cells(cache: Path, tmp_path: Path) -> None:
    """pandas writes 1.0 for 1 where a column has an empty cell."""
    got = read(tmp_path / "mine", [{"choices": ["x", "y"], "answer": a} for a in ("1.0", "0.0")])
    assert [refs for _, refs in got] == [("y",), ("x",)]
    with pytest.raises(BadData, match="'1' by text and '2' by position"):
        read(tmp_path / "both", [{"choices": ["1", "2"], "answer": "1.0"}])
