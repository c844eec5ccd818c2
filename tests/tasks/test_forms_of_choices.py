"""The forms in which a user's data write choices, and what their answers name then."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hemm.cli import status
from hemm.core import BadData
from hemm.data.pack.prepare import ensure
from hemm.parsing.formats import OneOf
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


def said(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What ``hemm prepare`` prints."""
    assert status(["prepare", str(folder)]) == 0
    return capsys.readouterr().err


def test_letters_that_choices_bring_are_shown_once(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Video-MME writes ``A. Apples.``"""
    rows = [
        {"options": ["A. Apples.", "B. Candles."], "answer": "B"},
        {"options": ["(A) one", "(B) two"], "answer": "A"},
    ]
    got = [(("Apples.", "Candles."), ("Candles.",)), (("one", "two"), ("one",))]
    assert read(tmp_path / "mine", rows) == got
    whole = [{**rows[0], "answer": "B. Candles."}]
    assert read(tmp_path / "whole", whole) == got[:1]
    assert "the choices bring their own letters" in said(tmp_path / "mine", capsys)


def test_letters_that_choices_bring_in_another_order_name_them(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"options": ["B. one", "A. two"], "answer": "B"}]
    assert read(tmp_path / "mine", rows) == [(("two", "one"), ("one",))]
    assert "put in it: 1 row, the first" in said(tmp_path / "mine", capsys)
    with pytest.raises(BadData, match="none of the 2 choices"):  # a position in which order?
        read(tmp_path / "place", [{**rows[0], "answer": 0}])


def test_names_with_initials_bring_no_letters(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"choices": ["A. Smith", "B. Jones"], "answer": "A. Smith"},
        {"choices": ["J. Smith", "A. Jones"], "answer": "A. Jones"},
    ]
    assert [refs for _, refs in read(tmp_path / "mine", rows)] == [("A. Smith",), ("A. Jones",)]
    assert "shown as they stand" in said(tmp_path / "mine", capsys)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (["A", "C"], "answers are read by letter (A is the first)"),
        (["x", "z"], "answers are read by the texts of the choices"),
        ([0, 2], "answers are read by position (0 is the first)"),
        ([1, 2], "none is 0: where the data count from 1, say 'answer: {as: number}'"),
    ],
)
def test_the_way_in_which_answers_are_read_is_said(
    values: list[Any], line: str, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read(tmp_path / "mine", [{"choices": ["x", "y", "z"], "answer": v} for v in values])
    assert line in said(tmp_path / "mine", capsys)


def test_a_card_says_that_1_is_the_first(cache: Path, tmp_path: Path) -> None:
    rows = [{"choices": ["x", "y", "z"], "answer": v} for v in (1, "3")]
    got = read(tmp_path / "mine", rows, "answer: {format: one_of, as: number}")
    assert [refs for _, refs in got] == [("x",), ("z",)]


def test_gaps_between_letters_are_said(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read(tmp_path / "mine", [{"options": {"A": "x", "B": "y", "D": "z"}, "answer": "D"}])
    assert "gaps in their letters" in said(tmp_path / "mine", capsys)


def test_a_misspelt_column_of_choices_is_no_open_question(cache: Path, tmp_path: Path) -> None:
    rows = [{"choises": ["a", "b"], "answer": "a"}]
    with pytest.raises(
        BadData, match=r"'choises' could be meant for choices: say 'columns: \{choices: choises\}'"
    ):
        read(tmp_path / "mine", rows)
    assert read(tmp_path / "open", rows, "columns: {choices: }") == [((), ("a",))]


def test_empty_choices(cache: Path, tmp_path: Path) -> None:
    assert read(tmp_path / "end", [{"choices": ["x", "y", ""], "answer": "B"}]) == [(("x", "y"), ("y",))]
    with pytest.raises(BadData, match="an empty choice before others"):
        read(tmp_path / "mid", [{"choices": ["x", "", "y"], "answer": "x"}])


def test_a_key_that_is_given_twice_is_an_error(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text(
        '{"question": "a: \\"b\\": c?", "answer": "x"}\n{"question":"a?","question":"b?"}\n'
    )
    with pytest.raises(BadData, match="line 2: the key 'question' is given twice"):
        ensure(resolve(str(tmp_path / "r.jsonl")))


def test_a_box_that_is_written_as_text_is_a_list(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="list of 4 numbers"):
        read(tmp_path / "mine", [{"answer": "[10, 20, 30, 40]"}])
    assert read(tmp_path / "texts", [{"answer": "['owl', 'gull']"}]) == [((), ("owl", "gull"))]


def test_the_classes_of_a_parquet_file_without_questions_are_its_choices(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the ``datasets`` library writes ``ClassLabel``."""
    pictures = [{"bytes": png(shade), "path": None} for shade in (0, 200)]
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"image": pictures, "label": [1, 0]}).replace_schema_metadata(about)
    pq.write_table(table, tmp_path / "pets.parquet")
    task = resolve(str(tmp_path / "pets.parquet"))
    found = [(s.choices, s.references) for s in ensure(task).samples()]
    assert sorted(found) == [(("cat", "dog"), ("cat",)), (("cat", "dog"), ("dog",))]
    assert isinstance(task.answer, OneOf)
    assert "the 2 classes of the column label are the choices" in said(tmp_path / "pets.parquet", capsys)


def png(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(file, "PNG")
    return file.getvalue()
