"""Questions that bring an instruction or options of their own are not given them twice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hemm
from hemm.cli import status
from hemm.core import Sample, Task
from hemm.data import cache as packs
from hemm.data.pack.own_words import BRINGS, says_how
from hemm.data.pack.prepare import ensure, prepare
from hemm.tasks import resolve
from hemm.tasks.prompt import render

DIRECTLY = "Please answer directly with only the letter of the correct option and nothing else."
WORD = "Please answer directly with a single word or number."


def data(folder: Path, rows: Sequence[Mapping[str, Any]], card: str = "") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    named = [{"id": str(n), **row} for n, row in enumerate(rows)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in named))
    (folder / "card.yaml").write_text(card)
    return str(folder)


def asked(spec: str) -> list[str]:
    task = resolve(spec)
    return [shown(task, s) for s in ensure(task).samples()]


def shown(task: Task, sample: Sample) -> str:
    return "".join(p for p in render(task, sample)[-1].parts if isinstance(p, str))


@pytest.mark.parametrize(
    "question",
    [
        f"How many?\n{WORD}",  # RealWorldQA
        f"Which?\n\nA. left\nB. right\n{DIRECTLY}",
        "Which? (A) red (B) blue\nAnswer with the option's letter from the given choices directly.",  # V*
        "What is it?\nAnswer the question using a single word or phrase.",  # LLaVA's files
        "Is there a dog? Please answer yes or no.",  # MME
    ],
)
def test_an_instruction_of_its_own_is_the_only_one(
    question: str, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = data(tmp_path / "mine", [{"question": question, "answer": "A"}] * 2)
    assert asked(spec) == [question] * 2
    assert status(["prepare", spec]) == 0
    assert "the questions bring an instruction: hemm's prompt says none" in capsys.readouterr().err


@pytest.mark.parametrize(
    "question",
    [
        "Which option did they choose?",
        "What is the answer on the card?",
        "How many letters are there?",
        "Why",
    ],
)
def test_a_question_is_no_instruction(question: str) -> None:
    assert not says_how(question)


def test_some_instructions_are_told(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"question": f"How many? {WORD}", "answer": "x"}, {"question": "How many?", "answer": "y"}]
    spec = data(tmp_path / "mine", rows)
    assert status(["prepare", spec]) == 0
    assert "1 of 2 questions bring an instruction, beside what hemm's prompt says" in capsys.readouterr().err
    assert all(text.endswith("Reply with a word or a short phrase.") for text in asked(spec))


def test_options_of_its_own_are_shown_once(cache: Path, tmp_path: Path) -> None:
    rows = [
        {"question": f"Which? (A) {a} (B) {b}", "choices": [a, b], "answer": "(B)"}
        for a, b in (("red", "blue"), ("1", "2"))
    ]
    spec = data(tmp_path / "mine", rows)
    letter = "Reply with the letter of the right option and nothing else."
    assert asked(spec) == [f"{row['question']}\n{letter}" for row in rows]
    both = [{**row, "question": f"{row['question']}\n{DIRECTLY}"} for row in rows]
    assert asked(data(tmp_path / "both", both)) == [row["question"] for row in both]
    other = data(tmp_path / "other", [*rows, {**rows[0], "question": "Which?"}])
    assert sum("A. red\nB. blue" in text for text in asked(other)) == 2


def test_letters_that_the_question_explains(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """MMStar: the options stand in the question, and the answer is a letter."""
    rows = [{"question": "Which?\nOptions: A: owl, B: gull, C: heron", "answer": a} for a in "AC"]
    assert status(["prepare", data(tmp_path / "mine", rows)]) == 0
    card = "answer: {format: one_of, lettered: false, labels: [A, B, C]}"
    assert f"the answers are letters: '{card}' in the card" in capsys.readouterr().err
    (cell,) = hemm.run("baseline/oracle", data(tmp_path / "mine", rows, card), out=tmp_path / "out")
    assert cell.aggregates()["metrics"]["accuracy-v2"]["components"][""]["value"] == 1


def test_a_card_s_prompt_is_as_it_is(cache: Path, tmp_path: Path) -> None:
    card = 'prompt: "{{ question }} {{ instruction }}"\n'
    (text,) = asked(data(tmp_path / "mine", [{"question": f"Who? {WORD}", "answer": "x"}], card))
    assert text == f"Who? {WORD} Reply with a word or a short phrase."


def test_data_prepared_before_keep_their_prompt(cache: Path, tmp_path: Path) -> None:
    rows = [{"question": f"Who? {WORD}", "answer": "x"}]
    spec = data(tmp_path / "mine", rows)
    task = resolve(spec)
    ensure(task)
    index = packs.task_folder(task.name, task.origin) / packs.INDEX
    entry = json.loads(index.read_text())
    assert entry[BRINGS] == ["instruction"]
    index.write_text(json.dumps({key: value for key, value in entry.items() if key != BRINGS}))
    assert asked(spec) == [f"Who? {WORD}\nReply with a word or a short phrase."]
    data(tmp_path / "mine", [*rows, {"question": f"Why? {WORD}", "answer": "y"}])
    assert len(asked(spec)) == 2
    assert "instruction" in resolve(spec).prompt, "the new pack remembers it"


def test_the_hub_is_told_when_it_is_prepared(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "set/data").mkdir(parents=True)
    rows = [{"question": f"How many?\n{WORD}", "answer": "three"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "set/data/test-00000-of-00001.parquet")
    prepare(resolve("hub:some/world"), folder=tmp_path / "set")
    assert asked("hub:some/world") == [rows[0]["question"]]


def test_data_with_stored_answers_keep_their_prompt(cache: Path, tmp_path: Path) -> None:
    import shutil

    spec, out = data(tmp_path / "mine", [{"question": f"Who? {WORD}", "answer": "x"}]), tmp_path / "out"
    ensure(resolve(spec))
    task = resolve(spec)
    index = packs.task_folder(task.name, task.origin) / packs.INDEX
    index.write_text(json.dumps({k: v for k, v in json.loads(index.read_text()).items() if k != BRINGS}))
    hemm.run("baseline/oracle", spec, out=out)
    shutil.rmtree(cache)
    (cell,) = hemm.run("baseline/oracle", spec, out=out)
    assert len(cell.run["commands"]) == 1, "nothing is asked again"
    assert "Reply with a word" in cell.answers()["prompt"][0].as_py()
