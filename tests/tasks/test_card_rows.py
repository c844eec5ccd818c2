"""What a card makes of the rows of a user's data: empty cells, keys, labels by column, rows into rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import hemm
from hemm.cli import status
from hemm.core import BadData, HemmError, Sample, Task
from hemm.data.pack.prepare import ensure, prepare
from hemm.tasks import resolve
from hemm.tasks.prompt import render


def data(folder: Path, rows: Sequence[Mapping[str, Any]], card: str = "") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "card.yaml").write_text(card)
    return str(folder)


def table(file: Path, rows: Sequence[Sequence[str]], card: str = "") -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join("\t".join(row) for row in rows) + "\n")
    file.with_name("card.yaml").write_text(card)
    return str(file)


def samples(spec: str) -> dict[str, Sample]:
    return {s.id: s for s in ensure(resolve(spec)).samples()}


def asked(task: Task, sample: Sample) -> str:
    return "".join(p for p in render(task, sample)[-1].parts if isinstance(p, str))


# --- empty cells

HEAD = ("index", "question", "hint", "A", "B", "C", "D", "answer")


def test_empty_cells_of_tables_are_neither_options_nor_hints(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """MMBench's hub copy and tables that pandas wrote have nan in place of nothing."""
    rows = [
        HEAD,
        ("1", "Which?", "nan", "owl", "gull", "nan", "N/A", "B"),
        ("2", "?", "Look.", "a", "b", "c", "d", "D"),
    ]
    spec = table(tmp_path / "t/t.tsv", rows)
    assert status(["prepare", spec]) == 0
    assert "3 cells with N/A, nan are read as empty, in C, D, hint" in capsys.readouterr().err
    got = samples(spec)
    assert got["1"].choices == ("owl", "gull")
    assert asked(resolve(spec), got["1"]).startswith("Which?\nA. owl\nB. gull\n")
    assert got["2"].choices == ("a", "b", "c", "d")


def test_the_hub_too(cache: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {
        "index": 1,
        "question": "Which?",
        "hint": "nan",
        "A": "owl",
        "B": "nan",
        "C": "gull",
        "answer": "C",
    }
    (tmp_path / "set/data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "set/data/test-00000-of-00001.parquet")
    prepare(resolve("hub:some/bench"), folder=tmp_path / "set")
    (sample,) = ensure(resolve("hub:some/bench")).samples()
    assert sample.choices == ("owl", "gull")
    assert sample.references == ("gull",), "letters are those of the columns"
    assert "hint" not in sample.fields


def test_json_lines_say_nothing_by_null_alone(cache: Path, tmp_path: Path) -> None:
    row = {
        "id": "1",
        "question": "?",
        "options": {"A": "owl", "B": "None", "C": None},
        "answer": "A",
        "hint": "nan",
    }
    assert samples(data(tmp_path / "mine", [row]))["1"].choices == ("owl", "None")
    card = "empty: [nan]\n"
    assert "hint" not in samples(data(tmp_path / "other", [row], card))["1"].fields


def test_an_answer_that_is_such_a_word_stays(cache: Path, tmp_path: Path) -> None:
    rows = [("index", "question", "answer"), ("1", "Who?", "None"), ("2", "Who?", "nan")]
    got = samples(table(tmp_path / "t/t.tsv", rows))
    assert [got[n].references for n in "12"] == [("None",), ("nan",)]
    got = samples(table(tmp_path / "u/u.tsv", rows, "empty: [nan]\n"))
    assert got.keys() == {"1"}


def test_a_right_option_that_counts_as_empty_is_an_error_that_lists_the_rows(
    cache: Path, tmp_path: Path
) -> None:
    rows = [
        HEAD,
        ("1", "?", "", "one", "two", "three", "None", "D"),
        ("2", "?", "", "one", "None", "", "", "B"),
    ]
    with pytest.raises(BadData) as error:
        samples(table(tmp_path / "t/t.tsv", rows))
    said = str(error.value)
    assert "line 2: field 'answer' is 'D', and D is 'None'; also: " in said
    assert (
        "line 3: field 'answer' is 'B', and B is 'None'; 'None' counts as an empty cell: 'empty: []'" in said
    )
    got = samples(table(tmp_path / "t/t.tsv", rows, "empty: []\n"))
    assert [got[n].references for n in "12"] == [("None",), ("None",)]


# --- keys


def test_keys_of_several_columns(cache: Path, tmp_path: Path) -> None:
    rows = [
        {"id": f"{s}{f}{q}", "question": "?", "answer": "x", "set_id": s, "figure_id": f, "question_id": q}
        for s in "01"
        for f in "ab"
        for q in (1, 2)
    ]
    card = "unit: [set_id, question_id]\ncluster: [set_id]\n"
    got = samples(data(tmp_path / "mine", rows, card))
    assert (got["0a1"].unit, got["0b1"].unit, got["1a2"].unit) == ("0/1", "0/1", "1/2")
    assert {got["0a1"].cluster, got["0b2"].cluster} == {"0"}
    assert got["0a1"].metadata == {"set_id": "0", "figure_id": "a", "question_id": 1}
    with pytest.raises(BadData, match=r"there is no column 'sett' .for unit."):
        samples(data(tmp_path / "other", rows, "unit: [sett]\n"))
    with pytest.raises(BadData, match="unit is said twice"):
        samples(data(tmp_path / "twice", rows, "unit: [set_id]\ncolumns: {unit: set_id}\n"))


def test_a_unit_of_that_name(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": str(n), "question": "?", "answer": "x", "unit": "u"} for n in range(2)]
    assert {s.unit for s in samples(data(tmp_path / "mine", rows, "unit: unit\n")).values()} == {"u"}
    spec = data(tmp_path / "plain", rows)
    assert status(["prepare", spec]) == 0
    assert "'unit: unit' in the card makes it hemm's" in capsys.readouterr().err


def test_circular_rows_are_units(cache: Path, tmp_path: Path) -> None:
    """MMBench: the rows of one question in other orders have its index and a multiple of a million more."""
    rows = [("index", "question", "A", "B", "answer")]
    rows += [("241", "?", "x", "y", "A"), ("1000241", "?", "y", "x", "B"), ("5", "?", "x", "y", "A")]
    card = "unit: index % 1000000\nmetrics: [accuracy, consistency]\n"
    spec = table(tmp_path / "t/t.tsv", rows, card)
    got = samples(spec)
    assert got["241"].unit == got["1000241"].unit == "241"
    assert got["5"].unit == "5"
    (cell,) = hemm.run("baseline/oracle", spec, out=tmp_path / "out")
    assert cell.aggregates()["metrics"]["consistency-v2"]["components"][""]["n"] == 2


def test_a_change_of_unit_and_cluster_asks_nothing_again(cache: Path, tmp_path: Path) -> None:
    rows = [{"id": str(n), "question": f"{n}?", "answer": "x", "set_id": n % 2} for n in range(4)]
    out = tmp_path / "out"
    (first,) = hemm.run("baseline/random", data(tmp_path / "mine", rows), out=out)
    assert first.answers()["unit"].to_pylist() == ["0", "1", "2", "3"]
    calls = (first.folder / "calls.parquet").read_bytes()
    spec = data(tmp_path / "mine", rows, "unit: [set_id]\ncluster: [set_id]\n")
    (again,) = hemm.run("baseline/oracle", spec, out=out)
    assert sorted(again.answers()["unit"].to_pylist()) == ["0", "0", "1", "1"]
    assert resolve(spec).origin == resolve(data(tmp_path / "mine", rows)).origin
    assert (first.folder / "calls.parquet").read_bytes() == calls


def test_several_groupings(cache: Path, tmp_path: Path) -> None:
    """HallusionBench: all questions about a figure, and one question about all figures."""
    rows = [
        {"id": f"{f}{q}", "question": "?", "answer": "no" if (f, q) == ("b", 2) else "yes", "set_id": 1}
        | {"figure_id": f, "question_id": q}
        for f in "ab"
        for q in (1, 2, 3)
    ]
    by_figure, by_question = "consistency:by=set_id+figure_id", "consistency:by=set_id+question_id"
    card = f'answer: yes_no\nmetrics: [accuracy, "{by_figure}", "{by_question}"]\n'
    (cell,) = hemm.run("baseline/majority", data(tmp_path / "mine", rows, card), out=tmp_path / "out")
    found = cell.aggregates()["metrics"]
    values = {row.get("spec", name): row["components"][""] for name, row in found.items()}
    assert (values[by_figure]["value"], values[by_figure]["n"]) == (0.5, 2)
    assert (round(values[by_question]["value"], 4), values[by_question]["n"]) == (0.6667, 3)


# --- labels by column


def test_labels_by_the_value_of_a_column(cache: Path, tmp_path: Path) -> None:
    """MathVerse: the five versions of a problem are the interaction axis."""
    versions = {"Text Dominant": "redundancy", "Vision Only": "uniqueness"}
    rows = [
        {"id": v, "question": "?", "answer": "x", "problem_version": v, "problem_index": 1} for v in versions
    ]
    meant = ", ".join(f"{version}: {category}" for version, category in versions.items())
    interaction = f"interaction: {{problem_version: {{{meant}}}}}"
    card = f"labels: {{use_case: science, {interaction}}}\ncluster: [problem_index]\n"
    spec = data(tmp_path / "mine", rows, card)
    got = samples(spec)
    assert {v: got[v].labels["interaction"] for v in versions} == versions
    assert resolve(spec).card.labels == {"use_case": "science"}
    with pytest.raises(
        BadData, match="problem_version is 'Vision Only'; labels in the card have only Text Dom"
    ):
        samples(
            data(
                tmp_path / "part", rows, "labels: {interaction: {problem_version: {Text Dominant: synergy}}}"
            )
        )
    with pytest.raises(HemmError, match="category of interaction"):
        resolve(
            data(tmp_path / "wrong", rows, "labels: {interaction: {problem_version: {Text Dominant: some}}}")
        )


# --- rows into rows


def test_a_row_becomes_rows(cache: Path, tmp_path: Path) -> None:
    """CharXiv: four descriptive questions about one chart."""
    rows = [
        {"original_id": "7", "q1": "What?", "q2": "Where?", "a1": "x", "a2": "y", "year": 20},
        {"original_id": "8", "q1": "Who?", "q2": None, "a1": "z", "a2": None, "year": 21},
    ]
    card = "columns: {id: original_id}\neach: {question: [q1, q2], answer: [a1, a2]}\n"
    got = samples(data(tmp_path / "mine", rows, card))
    assert {i: (s.fields["question"], s.references) for i, s in got.items()} == {
        "7-1": ("What?", ("x",)),
        "7-2": ("Where?", ("y",)),
        "8-1": ("Who?", ("z",)),
    }
    assert got["7-1"].metadata == {"year": 20}
    for wrong, message in (
        ("each: {question: [q1, q2], answer: [a1]}", "each: the lists have different lengths"),
        ("each: {question: [q1, q9], answer: [a1, a2]}", "there is no column 'q9' .for each."),
    ):
        with pytest.raises(BadData, match=message):
            samples(data(tmp_path / "wrong", rows, f"columns: {{id: original_id}}\n{wrong}\n"))
