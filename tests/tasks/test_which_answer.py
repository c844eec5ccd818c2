"""Which choices the answers of a user's data name, and what a list of answers is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hemm.cli import status
from hemm.core import BadData, Response, Sample, Task
from hemm.data.pack.prepare import ensure
from hemm.metrics import resolve as metric
from hemm.parsing.outcome import judge
from hemm.tasks import resolve

BIRDS = ("owl", "gull", "heron", "wren")


def data(folder: Path, rows: Sequence[Mapping[str, Any]], card: str = "") -> Task:
    folder.mkdir(parents=True, exist_ok=True)
    named = [{"id": str(n), "question": f"{n}?", **row} for n, row in enumerate(rows)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in named))
    (folder / "card.yaml").write_text(card)
    return resolve(str(folder))


def answers(folder: Path, values: Sequence[Any], choices: Sequence[str] = BIRDS, card: str = "") -> list[Any]:
    """The references of rows with these answers."""
    task = data(folder, [{"choices": list(choices), "answer": value} for value in values], card)
    found = {s.id: s.references for s in ensure(task).samples()}
    return [found.get(str(n)) for n in range(len(values))]


def first(references: Sequence[Any]) -> list[Any]:
    return [r and r[0] for r in references]


@pytest.mark.parametrize(
    "written",
    [
        ["gull", "owl", "wren"],
        ["B", "A", "D"],
        ["(B)", "(A)", "(D)"],  # BLINK, CV-Bench
        ["b", "a", "d"],
        ["B.", "A)", "[D]"],
        [1, 0, 3],
        ["1", "0", "3"],  # AI2D
        ["gull", "A", 3],  # each is clear
    ],
)
def test_text_letter_and_position(written: list[Any], cache: Path, tmp_path: Path) -> None:
    assert first(answers(tmp_path / "mine", written)) == ["gull", "owl", "wren"]


NUMERALS = ("1", "2", "3", "4")


def test_numerals_that_are_texts_and_positions_are_an_error_that_lists_the_rows(
    cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadData) as error:
        answers(tmp_path / "mine", ["2", "1", 3], NUMERALS)
    said = str(error.value)
    assert "\n" not in said
    for line in ("line 1: field 'answer' is '2', '2' by text and '3' by position", "line 2:", "line 3:"):
        assert line in said
    assert said.endswith("say 'answer: {as: text}' or '{as: position}' in the card")
    assert first(answers(tmp_path / "text", ["2", "1", 3], NUMERALS, "answer: {as: text}")) == ["2", "1", "3"]
    by_place = answers(tmp_path / "place", ["2", "1", 3], NUMERALS, "answer: {format: one_of, as: position}")
    assert first(by_place) == ["3", "2", "4"]


def test_the_one_way_that_reads_the_whole_file_is_taken(cache: Path, tmp_path: Path) -> None:
    """Texts that happen to be a letter or a position, and positions that happen to be a text."""
    assert first(answers(tmp_path / "texts", ["2", "9", "7"], ("2", "7", "9"))) == ["2", "9", "7"]
    rows = [{"choices": list(NUMERALS), "answer": "2"}, {"choices": list(BIRDS), "answer": "0"}]
    got = {s.id: s.references for s in ensure(data(tmp_path / "diagrams", rows)).samples()}
    assert got == {"0": ("3",), "1": ("owl",)}


def test_letters_that_are_choices(cache: Path, tmp_path: Path) -> None:
    assert first(answers(tmp_path / "same", ["A", "C"], ("A", "B", "C"))) == ["A", "C"]
    with pytest.raises(BadData, match="'A' by text and 'B' by letter"):
        answers(tmp_path / "turned", ["A"], ("B", "A"))


def test_rows_that_cannot_be_read_are_listed_together(cache: Path, tmp_path: Path) -> None:
    written = ["A", "X", "B", "none of them", "E", *["F"] * 20]
    with pytest.raises(BadData) as error:
        answers(tmp_path / "mine", written)
    said = str(error.value)
    for line in ("line 2: field 'answer' is 'X', which is none of the 4 choices", "line 4:", "line 5:"):
        assert line in said
    assert "; and 13 more; " in said
    assert "'answer: {as: letter}'" in said


def test_a_way_that_the_card_says_leaves_out_what_it_does_not_read(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answers(tmp_path / "mine", ["A", "X", "B"], card="answer: {as: letter}")[1] is None
    assert status(["prepare", str(tmp_path / "mine")]) == 0
    said = capsys.readouterr().err
    assert "mine: 1 row left out" in said
    assert "line 2: field 'answer' is 'X', which is none of the 4 choices" in said


def test_labels_of_the_card_come_first(cache: Path, tmp_path: Path) -> None:
    """HallusionBench: the answers are 0 and 1, and the card says what they mean."""
    card = 'answer: {format: one_of, lettered: false, labels: {"1": "yes", "0": "no"}}'
    task = data(tmp_path / "mine", [{"answer": "1"}, {"answer": 0}], card)
    assert sorted(s.references[0] for s in ensure(task).samples()) == ["0", "1"]


def test_a_table_s_letters_are_letters(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text(
        "index\tquestion\tA\tB\tC\tD\tanswer\n0\t?\tB\tA\t\tC\tA\n1\t?\tx\ty\t\tz\tD\n"
    )
    got = {s.id: s for s in ensure(resolve(str(tmp_path / "t.tsv"))).samples()}
    assert got["0"].references == ("B",)
    assert got["1"].references == ("z",)
    assert got["1"].choices == ("x", "y", "z")


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (
            "answer: {as: leter}",
            "as is 'leter'; give text, letter, position or number, set or alternatives, or a list",
        ),
        ("answer: {as: [text, letter]}", "as is 'text, letter'; give"),
        ("answer: {format: one_of, as: set}", "as: set is for many_of, not for one_of"),
    ],
)
def test_a_wrong_as_is_one_line(card: str, message: str, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(BadData, match=message):
        answers(tmp_path / "mine", ["A"], card=card)


# --- lists


def test_a_box_is_no_set_of_alternatives(cache: Path, tmp_path: Path) -> None:
    rows = [{"answer": [10, 10, 20, 20]}, {"answer": [0.5, 0.25]}]
    with pytest.raises(BadData) as error:
        ensure(data(tmp_path / "mine", rows))
    said = str(error.value)
    assert "line 1: field 'answer' is a list of 4 numbers; also: " in said
    assert "line 2: field 'answer' is a list of 2 numbers; numbers in a list (a box, a point) are no" in said
    task = data(tmp_path / "mine", rows, "answer: {as: alternatives}")
    assert [s.references for s in ensure(task).samples()] == [("10", "10", "20", "20"), ("0.5", "0.25")]


def test_a_list_is_alternatives(cache: Path, tmp_path: Path) -> None:
    task = data(tmp_path / "ten", [{"answers": ["two", "2", "", "two"]}])
    assert next(iter(ensure(task).samples())).references == ("two", "2", "", "two")
    assert answers(tmp_path / "closed", [["A", "heron"]]) == [("owl", "heron")]


SETS = {
    "list": ["A", "C"],
    "text with semicolons": "A; C",
    "text with commas": "A, C",
    "letters": "AC",
    "list as text": '["A", "C"]',
    "choices": ["heron", "owl"],
    "positions": [2, 0],
}


def value(task: Task, sample: Sample, text: str) -> Any:
    judged = judge(sample, 0, Response(text=text), task.answer)
    return metric("exact_match").score([[judged]])[0][""]


@pytest.mark.parametrize("form", SETS)
def test_a_set_is_right_as_a_whole(form: str, cache: Path, tmp_path: Path) -> None:
    rows = [{"choices": list(BIRDS), "answer": SETS[form]}]
    with pytest.raises(
        BadData, match=r"names several choices; 'answer: \{as: set\}'.*'\{as: alternatives\}'"
    ):
        ensure(data(tmp_path / "mine", rows, "answer: many_of"))
    task = data(tmp_path / "mine", rows, "answer: {format: many_of, lettered: true, as: set}")
    (sample,) = ensure(task).samples()
    assert sample.references == ("owl; heron",)
    assert value(task, sample, "A; C") == 1
    assert value(task, sample, "A") == 0
    assert task.answer.render(sample.references[0], sample) == "A; C"


def test_alternatives_of_a_set(cache: Path, tmp_path: Path) -> None:
    rows = [{"choices": list(BIRDS), "answer": ["A", "B"]}]
    task = data(tmp_path / "mine", rows, "answer: {format: many_of, as: alternatives}")
    (sample,) = ensure(task).samples()
    assert sample.references == ("owl", "gull")
    assert value(task, sample, "gull") == 1


def test_one_right_option_needs_no_word(cache: Path, tmp_path: Path) -> None:
    task = data(tmp_path / "mine", [{"choices": list(BIRDS), "answer": "B"}], "answer: many_of")
    assert next(iter(ensure(task).samples())).references == ("gull",)


def test_sets_of_labels_as_in_logicvista(cache: Path, tmp_path: Path) -> None:
    """The options stand in the question; the answers are letters, one or several."""
    card = "answer: {format: many_of, labels: [A, B, C, D], as: set}"
    task = data(tmp_path / "mine", [{"answer": "A, C"}, {"answer": "B"}, {"answer": "ABD"}], card)
    assert task.metrics == ("exact_match",)
    got = {s.id: s for s in ensure(task).samples()}
    assert [got[n].references for n in "012"] == [("A; C",), ("B",), ("A; B; D",)]
    assert value(task, got["0"], "A and C") == 1


def test_a_set_alone_is_many_of(cache: Path, tmp_path: Path) -> None:
    task = data(tmp_path / "mine", [{"choices": list(BIRDS), "answer": ["A", "B"]}], "answer: {as: set}")
    assert task.answer.name == "many_of"
