"""A user's data whose answers are all numbers: read as numbers, unless they were read as texts before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import hemm
from hemm.cli import status
from hemm.data import cache as packs
from hemm.data.pack.prepare import ensure
from hemm.tasks import resolve


def data(folder: Path, *answers: object, card: str = "") -> str:
    """A JSON lines file with these answers, and its spec."""
    folder.mkdir(exist_ok=True)
    rows = [{"id": str(n), "question": f"How many? {n}", "answer": a} for n, a in enumerate(answers)]
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if card:
        (folder / "card.yaml").write_text(card)
    return str(folder / "sums.jsonl")


def protocol(results: Path) -> list[str]:
    runs = [json.loads(path.read_text()) for path in sorted(results.rglob("run.json"))]
    return [run["answer_format"]["name"] for run in runs]


@pytest.mark.parametrize(
    ("answers", "card", "format_"),
    [
        ((3, -5, 1.5, "1,000", "40%"), "", "number"),
        ((3, "many"), "", "short_answer"),
        (("007", "12"), "", "short_answer"),  # a name in digits
        ((3, True), "", "short_answer"),
        ((), "", "short_answer"),
        ((3, 5), "answer: short_answer", "short_answer"),
        ((3, "many"), "answer: number", "number"),
    ],
)
def test_the_default_format(
    answers: tuple[object, ...], card: str, format_: str, cache: Path, tmp_path: Path
) -> None:
    assert resolve(data(tmp_path, *answers, card=card)).answer.name == format_


def test_a_table_too_and_never_with_choices(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("index\tquestion\tanswer\n0\tHow many?\t['3', '3.0']\n1\tAnd?\t5\n")
    assert resolve(str(tmp_path / "t.tsv")).answer.name == "number"
    rows = [{"question": "?", "answer": 3}, {"question": "?", "choices": ["3", "4"], "answer": "3"}]
    (tmp_path / "mixed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert resolve(str(tmp_path / "mixed.jsonl")).answer.name == "short_answer"


def test_the_sign_and_the_point_count(cache: Path, tmp_path: Path) -> None:
    (cell,) = hemm.run("baseline/oracle", data(tmp_path, -5, 1.5), out=tmp_path / "out")
    rows = cell.aggregates()["metrics"]
    assert [row["components"][""]["value"] for row in rows.values()] == [1.0]
    assert protocol(tmp_path / "out") == ["number"]


def test_prepare_says_so_and_gives_the_line(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = data(tmp_path, 3, 5)
    assert status(["prepare", spec]) == 0
    said = capsys.readouterr().err
    assert "all answers are numbers and are compared as numbers" in said
    assert "compares them as texts: answer: short_answer\n" in said
    data(tmp_path, 3, 5, card="answer: short_answer")
    assert status(["prepare", spec]) == 0
    said = capsys.readouterr().err
    assert "exact_match takes -5 for 5" in said
    assert "compares them as numbers: answer: number\n" in said
    data(tmp_path, 3, "many", card="answer: short_answer")
    assert status(["prepare", spec]) == 0
    assert "all answers are numbers" not in capsys.readouterr().err


def as_before(spec: str) -> None:
    """The index entry as a version wrote it that read all answers as texts."""
    task = resolve(spec)
    file = packs.task_folder(task.name, task.origin) / packs.INDEX
    entry = json.loads(file.read_text())
    del entry["numbers"]
    file.write_text(json.dumps(entry))


def test_data_with_a_pack_of_before_keep_their_format(cache: Path, tmp_path: Path) -> None:
    spec = data(tmp_path, 3, 5)
    ensure(resolve(spec))
    as_before(spec)
    assert resolve(spec).answer.name == "short_answer"
    data(tmp_path, 3, 5, 7)  # a row more: the pack is made anew
    ensure(resolve(spec))
    assert resolve(spec).answer.name == "short_answer"


def test_data_with_stored_answers_keep_their_format(cache: Path, tmp_path: Path) -> None:
    spec, out = data(tmp_path, 3, 5), tmp_path / "out"
    ensure(resolve(spec))
    as_before(spec)
    hemm.run("baseline/oracle", spec, out=out)
    shutil.rmtree(cache)
    assert resolve(spec).answer.name == "number"
    (cell,) = hemm.run("baseline/oracle", spec, out=out)
    assert protocol(out) == ["short_answer"]
    assert len(cell.run["commands"]) == 1, "nothing is asked again"
    assert status(["score", str(out), "--task", spec]) == 0
    assert (
        json.loads((cell.folder / "scores/aggregates.json").read_text())["parser"]["format"] == "short_answer"
    )
    assert resolve(spec).answer.name == "short_answer", "the new pack remembers it"


def test_an_answer_that_is_no_number_ends_it(cache: Path, tmp_path: Path) -> None:
    spec = data(tmp_path, 3, 5)
    ensure(resolve(spec))
    assert resolve(spec).answer.name == "number"
    data(tmp_path, 3, 5, "many")
    assert resolve(spec).answer.name == "short_answer"
    ensure(resolve(spec))
    data(tmp_path, 3, 5)
    assert resolve(spec).answer.name == "short_answer", "another format would ask everything again"
