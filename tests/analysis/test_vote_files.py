"""Votes as others publish them, and what of a file of votes is not read, guessed, or told twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hemm
from hemm.cli import status

ARENA = {
    "judge": "arena_user_973", "turn": 1, "anony": True, "language": "English", "tstamp": 1682351591.1,
    "conversation_a": [{"content": "Hi", "role": "user"}], "toxic_chat_tag": {"t5": {"flagged": False}},
}  # fmt: skip
SAID = ("model_a", "model_b", "tie", "tie (bothbad)")
OUTCOMES = ("winner_model_a", "winner_model_b", "winner_tie")
PAIRS = (("gpt-4", "koala 13b"), ("koala 13b", "gpt-4"), ("gpt-4", "RWKV-4"))


def told(file: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[Any, str]:
    said = []
    for form in ("json", "table"):
        assert status(["preferences", str(file), "--format", form, *more]) == 0
        said.append(" ".join(capsys.readouterr().out.split()))
    return json.loads(said[0]), said[1]


def refused(file: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert status(["preferences", str(file), *more]) == 2
    return capsys.readouterr().err


def written(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_one_arena_in_four_files_is_one_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Chatbot Arena is a JSON list and Parquet, FastChat writes JSON lines, the Kaggle table has a column for
    each outcome and no voters."""
    rows = [
        {"question_id": f"{n:032x}", "model_a": a, "model_b": b, "winner": SAID[n % 4], **ARENA}
        for n, (a, b) in enumerate(PAIRS * 8)
    ]
    (tmp_path / "clean.json").write_text(json.dumps(rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet")
    written(tmp_path / "votes.jsonl", rows)
    with (tmp_path / "train.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "model_a", "model_b", "prompt", *OUTCOMES])
        for n, row in enumerate(rows):
            won = str(row["winner"])
            outcome = (won == "model_a", won == "model_b", won.startswith("tie"))
            table.writerow(
                [n, row["model_a"], row["model_b"], '["Hi"]', *map((int, float, bool)[n % 3], outcome)]
            )
    found = [told(tmp_path / n, capsys) for n in ("clean.json", "train.parquet", "votes.jsonl", "train.csv")]
    assert [(len(f["models"]), f["votes"], f["questions"]) for f, _ in found] == [(3, 24, 24)] * 4
    assert [(m["model"], m["wins"], m["ties"]) for m in found[0][0]["models"]] == [
        (m["model"], m["wins"], m["ties"]) for m in found[3][0]["models"]
    ]
    assert "not read: anony, conversation_a, language, toxic_chat_tag, tstamp" in found[0][1]
    assert "6 votes call both answers bad: counted as ties" in found[0][1]
    assert "column id is read as the question" in found[3][1]
    assert "not read: prompt" in found[3][1]


@pytest.mark.parametrize("said", ["both_bad", "bothbad", "Tie (both bad)", "tie(bothbad)", "both bad"])
def test_both_bad_is_a_tie(tmp_path: Path, capsys: pytest.CaptureFixture[str], said: str) -> None:
    rows = [{"sample": "1", "a": "x", "b": "y", "winner": said}]
    found, text = told(written(tmp_path / "v.jsonl", rows), capsys)
    assert found["models"][0]["ties"] == 1
    assert "1 vote calls both answers bad: counted as a tie" in text


def test_outcomes_in_columns_are_exactly_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for outcome in ("0,0,0", "1,1,0", "1,0,x"):
        file = tmp_path / "v.csv"
        file.write_text(f"id,model_a,model_b,winner_model_a,winner_model_b,winner_tie\n1,x,y,{outcome}\n")
        assert "line 2: exactly one of winner_model_a, winner_model_b, winner_tie is 1" in refused(
            file, capsys
        )


def test_an_empty_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("v.jsonl", ""), ("v.json", "[]"), ("v.csv", "a,b,winner,sample\n")):
        (tmp_path / name).write_text(text)
        assert f"{name}: there are no votes" in refused(tmp_path / name, capsys)


def test_agreement_is_between_voters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """MT-bench has two turns a question, which the same experts vote on: two things to agree on."""
    usual = {"question_id": 81, "model_a": "gpt-4", "model_b": "alpaca-13b"}
    once = [{**usual, "judge": "expert_0", "turn": t, "winner": "model_a"} for t in (1, 2)]
    found, text = told(written(tmp_path / "v.jsonl", once), capsys)
    assert (found["agreement"]["items"], found["questions"]) == (0, 1)
    assert "no pair has several voters" in text
    assert "not read" not in text
    both = [*once, {**once[0], "judge": "author_2"}, {**once[1], "judge": "author_2", "winner": "model_b"}]
    assert told(written(tmp_path / "v.jsonl", both), capsys)[0]["agreement"]["items"] == 2


def test_votes_that_are_told_twice_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"sample": str(n), "a": "x", "b": "y", "winner": "ab"[n % 2], "annotator": "ann"} for n in range(6)
    ]
    twice = [*rows, {**rows[0], "a": "y", "b": "x", "winner": "b"}, {**rows[1], "winner": "tie"}]
    found, text = told(written(tmp_path / "v.jsonl", twice), capsys)
    assert found["votes"] == 8
    assert found["agreement"]["items"] == 0
    assert "2 votes are further ones of an annotator on the same question and pair" in text
    assert "(1 of them says something else)" in text
    # nobody knows of votes without a name whose they are
    nobody = [{k: v for k, v in row.items() if k != "annotator"} for row in rows * 2]
    found, text = told(written(tmp_path / "v.jsonl", nobody), capsys)
    assert found["agreement"]["items"] == 6
    assert "further ones" not in text


def test_a_winner_that_is_a_name_and_a_place_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"sample": "1", "a": "b", "b": "x", "winner": "b"}]
    assert "line 1: field 'winner' is 'b', which names the one and is the place of the other" in refused(
        written(tmp_path / "v.jsonl", rows), capsys
    )
    for winner in ("model_b", "x"):
        found, _ = told(written(tmp_path / "v.jsonl", [{**rows[0], "winner": winner}]), capsys)
        assert found["models"][0]["model"] == "x"
    tie = [{"sample": "1", "a": "tie", "b": "x", "winner": "tie"}]
    assert "which names the one" in refused(written(tmp_path / "v.jsonl", tie), capsys)


def test_two_names_of_one_subject_are_one_player(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    done = hemm.run(["baseline/oracle", "baseline/random"], "probe_charts", out=results, limit=12)
    ids = [row["id"] for row in next(iter(done)).answers(["id"]).to_pylist()]
    revision = next(iter(done)).revision
    names = ("baseline/random", full := f"baseline/random@{revision}")
    rows = [
        {
            "sample": i,
            "a": names[n % 2],
            "b": "baseline/oracle",
            "winner": "ab"[n % 4 > 0],
            "protocol_a": "9f",
        }
        for n, i in enumerate(ids)
    ]
    file = written(tmp_path / "v.jsonl", rows)
    found, text = told(file, capsys, "--results", str(results))
    assert sorted(m["model"] for m in found["models"]) == ["baseline/oracle", "baseline/random"]
    assert found["unmatched"]["matched"] == found["votes"] == 12
    assert f"baseline/random, {full} are one model of the results: counted as baseline/random" in text
    assert "columns that are not read: protocol_a" in text
    between = written(tmp_path / "w.jsonl", [*rows, {**rows[0], "b": full}])
    assert "1 vote compares a model with itself" in refused(between, capsys, "--results", str(results))
    # without results nobody knows
    found, text = told(file, capsys)
    assert len(found["models"]) == 3
    assert f"{full} and baseline/random are counted as two models" in text


def test_a_name_that_may_be_several_subjects_is_refused(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    for system in ("Be brief.", "Be long."):
        hemm.run("baseline/random", "probe_charts", out=results, limit=4, system=system)
    rows = [{"sample": "1", "a": "baseline/random", "b": "x", "winner": "a"}]
    said = refused(written(tmp_path / "v.jsonl", rows), capsys, "--results", str(results))
    assert "'baseline/random' was asked in several ways: name one of" in said
    for system in ("Be brief.", "Be long."):
        assert f'baseline/random · system "{system}"' in said
