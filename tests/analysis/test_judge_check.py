"""A judge against people, end to end: the file to fill in, what its rows must be, and what comes of them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import hemm
from hemm import cli
from hemm.core import BatchModel, Capabilities, HemmError, Identity, Request, Response
from hemm.engine import judges
from servers import ChatServer, Received

COUNT, EACH = 40, 3


class Skilled(BatchModel):
    """Right in a share of the pictures; samples of a picture have much in common."""

    capabilities, batch_size = Capabilities(), 64

    def __init__(self, name: str, share: float) -> None:
        self.spec, self.identity, self.share = name, Identity(name, "1"), share

    def generate_batch(self, requests: Any) -> list[Response]:
        return [Response("heron" if right(self.spec, self.share, r) else "gull") for r in requests]


def chance(*key: object) -> float:
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:4]) / 2**32


def right(name: str, share: float, request: Request) -> bool:
    picture, sample = re.findall(r"\d+", request.prompt)[:2]
    return 0.5 * chance("shared", picture) + 0.5 * chance(name, picture, sample, "own") < share


def too_kind(received: Received) -> str:
    """A judge that passes every right answer, and three wrong ones of ten."""
    code = re.search(r"\[([0-9a-f]{8}) answer\]", received.text)
    assert code is not None
    said = received.text.split(f"[{code[1]} answer]")[1]
    numbers = re.findall(r"\d+", received.text.split("question]")[1])[:2]
    passes = "heron" in said or chance("judge", numbers) < 0.3
    return f"Verdict {code[1]}: {'yes' if passes else 'no'}"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, judged by one that is too kind."""
    folder = tmp_path_factory.mktemp("judged")
    own = folder / "birds"
    own.mkdir()
    from PIL import Image

    rows = []
    for p in range(COUNT):
        Image.new("RGB", (3, 3), (p, 9, 9)).save(own / f"{p}.png")
        rows += [
            {"id": f"{p}-{s}", "image": f"{p}.png", "question": f"Bird {p}, look {s}?", "answer": "heron"}
            for s in range(EACH)
        ]
    (own / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    hemm.run([Skilled("weak", 0.4), Skilled("strong", 0.55)], own, out=folder / "results")
    with ChatServer(too_kind) as server:
        command(
            "score",
            folder / "results",
            "--metric",
            f"judge:model={server.spec('critic')},rubric=correct",
            "--task",
            own,
        )
    for runner in judges._runners.values():
        runner.close()
    return folder / "results"


def command(*words: object, fails: bool = False) -> str:
    result = CliRunner().invoke(cli.group, [str(w) for w in words])
    if fails:
        assert isinstance(result.exception, HemmError), result.output
        return str(result.exception)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


Rows = list[dict[str, str]]


def template(results: Path, file: Path, samples: int = 60) -> Rows:
    command("judge-check", results, "--template", file, "--samples", samples)
    with file.open(newline="") as source:
        return list(csv.DictReader(source))


def written(rows: Rows, file: Path) -> Path:
    with file.open("w", newline="") as target:
        writer = csv.DictWriter(target, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def honest(rows: Rows) -> Rows:
    return [{**row, "annotator": "ann", "value": str(int(row["answer"] == "heron"))} for row in rows]


def test_a_drawn_file_that_people_fill_in_puts_a_kind_judge_right(results: Path, tmp_path: Path) -> None:
    rows = template(results, tmp_path / "labels.csv")
    assert len(rows) == 2 * 60  # both models' answers to each sample
    assert {row["value"] for row in rows} == {""}
    assert all(rows[i]["sample"] == rows[i + 1]["sample"] for i in range(0, 120, 2))
    stored = hemm.load(results).to_arrow().to_pylist()
    digests = {(r["model"], r["id"]): r["response_hash"] for r in stored if r["component"] == ""}
    assert all(digests[row["model"], row["sample"]] == row["digest"] for row in rows)
    assert "may hold labels" in command(
        "judge-check", results, "--template", tmp_path / "labels.csv", fails=True
    )

    human = written(honest(rows), tmp_path / "filled.csv")
    found = json.loads(command("judge-check", results, "--human", human, "--format", "json"))
    by_model = {row["subject"]: row for row in found["scores"]}
    for row in stored:
        row["truth"] = float(row["counted"]) if row["metric"] == "exact_match" else None
    for model, row in by_model.items():
        truth = np.mean([r["truth"] for r in stored if r["model"] == model and r["truth"] is not None])
        assert row["judge"] > truth + 0.08
        assert row["estimate"]["low"] < truth < row["estimate"]["high"]
        assert row["bias"]["low"] > 0
        assert row["answers"] == COUNT * EACH
        assert row["labels"]["n"] == 60
        widths = [row[k]["high"] - row[k]["low"] for k in ("estimate", "labels")]
        assert widths[0] <= widths[1]
        assert 0 < row["lam"] <= 1
    (difference,) = found["differences"]
    assert (difference["a"], difference["b"]) == ("strong", "weak")
    assert difference["estimate"]["low"] > 0
    no, yes = found["calibration"]
    assert (no["low"], no["people"]["value"], yes["high"]) == (0, 0, 1)
    assert yes["people"]["value"] < 0.95
    assert found["alpha"] is None

    text = command("judge-check", results, "--human", human)
    assert "60" in text
    assert "unbiased if the labelled answers were drawn at random" in text
    assert repr(hemm.load(results).judge_check(human)).split() == text.split()
    flat = list(
        csv.DictReader(io.StringIO(command("judge-check", results, "--human", human, "--format", "csv")))
    )
    assert [row["kind"] for row in flat] == ["score", "score", "difference"]
    assert float(flat[0]["bias"]) == pytest.approx(found["scores"][0]["bias"]["value"])


def test_several_annotators_are_averaged_and_json_lines_are_read(results: Path, tmp_path: Path) -> None:
    rows = honest(template(results, tmp_path / "labels.csv", 20))
    second = [{**row, "annotator": "bob", "value": str(1 - int(row["value"]))} for row in rows[:3]]
    human = tmp_path / "two.jsonl"
    wanted = ("task", "model", "sample", "repeat", "digest", "annotator", "value")
    human.write_text("".join(json.dumps({k: row[k] for k in wanted}) + "\n" for row in [*rows, *second]))
    found = hemm.load(results).judge_check(human)
    assert {row.annotators for row in found.scores} == {2}
    assert sum(row.several for row in found.scores) == 3
    assert found.alpha is not None
    assert found.alpha < 0.5
    people = [float(row["value"]) for row in rows[3:]] + [0.5] * 3
    total = sum(row.labels.value * row.labels.n for row in found.scores if row.labels.value is not None)
    assert total == pytest.approx(sum(people))


def spoilt(rows: Rows, row: int, **values: str) -> Rows:
    return [{**r, **values} if i == row else r for i, r in enumerate(rows)]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"sample": "99-0"}, r"an unknown sample: row 4 \('99-0'\)"),
        ({"repeat": "3"}, r"a repeat that was not asked: row 4 \('.*' repeat 3\)"),
        ({"value": "2"}, r"a value that is no number from 0 to 1: row 4 \('2'\)"),
        ({"value": "good"}, r"a value that is no number from 0 to 1: row 4 \('good'\)"),
        ({"value": "nan"}, r"a value that is no number from 0 to 1: row 4 \('nan'\)"),
        (
            {"model": "stronk"},
            r"no answers of this task, model and protocol that the metric scored: row 4 \('birds', 'stronk'",
        ),
        ({"digest": ""}, "no digest: row 4"),
    ],
)
def test_rows_that_are_about_no_answer_are_named_all_at_once(
    results: Path, tmp_path: Path, values: dict[str, str], reason: str
) -> None:
    rows = honest(template(results, tmp_path / "labels.csv", 10))
    wrong = spoilt(spoilt(rows, 2, **values), 7, sample="no such")
    message = command("judge-check", results, "--human", written(wrong, tmp_path / "f.csv"), fails=True)
    assert "f.csv: 2 labels cannot be used: " in message
    assert re.search(reason, message) or re.search("an unknown sample: rows 4", message)
    assert "'no such'" in message


def test_a_row_given_twice_and_labels_of_changed_answers(results: Path, tmp_path: Path) -> None:
    rows = honest(template(results, tmp_path / "labels.csv", 10))
    human = written([*rows, rows[4]], tmp_path / "twice.csv")
    assert "an answer labelled twice: row 22 (ann)" in command(
        "judge-check", results, "--human", human, fails=True
    )
    changed = spoilt(spoilt(rows, 1, digest="0" * 16), 5, value="")
    text = command("judge-check", results, "--human", written(changed, tmp_path / "changed.csv"))
    assert re.search(
        r"left out: the answer has changed since it was labelled \(digest\): row 3 \('.*'\)", text
    )
    assert "left out: no value: row 7" in text
    gone = [{**row, "digest": "0" * 16} for row in rows]
    message = command("judge-check", results, "--human", written(gone, tmp_path / "gone.csv"), fails=True)
    assert "no label can be used" in message
    assert "and 8 more" in message


def test_no_answer_is_a_formula_in_the_file_and_ids_that_look_like_one_come_back(tmp_path: Path) -> None:
    class Sly(Skilled):
        def generate_batch(self, requests: Any) -> list[Response]:
            return [Response("=cmd|' /C calc'!A0") for _ in requests]

    own = tmp_path / "sums"
    own.mkdir()
    rows = [{"id": f"=1+{n}", "question": f"1 + {n}?", "answer": "=cmd" if n else "2"} for n in range(6)]
    (own / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    hemm.run(Sly("sly", 0.5), own, out=tmp_path / "r")
    found = template(tmp_path / "r", tmp_path / "labels.csv", 5)
    assert {row["answer"][:2] for row in found} == {"'="}
    human = written([{**row, "value": "0"} for row in found], tmp_path / "filled.csv")
    checked = hemm.load(tmp_path / "r").judge_check(human, "exact_match")
    assert checked.labelled == 5


def test_a_label_that_is_true_or_false_is_named_beside_the_others(results: Path, tmp_path: Path) -> None:
    rows = honest(template(results, tmp_path / "labels.csv", 3))
    human = tmp_path / "bool.jsonl"
    human.write_text("".join(json.dumps({**row, "value": i % 2 == 0}) + "\n" for i, row in enumerate(rows)))
    message = command("judge-check", results, "--human", human, fails=True)
    assert (
        "6 labels cannot be used: a value that is no number from 0 to 1: rows 1 ('true'), 2 ('false')"
        in message
    )


def test_labels_of_what_the_judge_praised_are_noticed(results: Path, tmp_path: Path) -> None:
    rows = honest(template(results, tmp_path / "labels.csv", COUNT * EACH))
    praised = [row for row in rows if row["answer"] == "heron"]
    text = command("judge-check", results, "--human", written(praised, tmp_path / "praised.csv"))
    assert "do not look drawn at random" in text


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "takes --human FILE with labels, or --template FILE"),
        (("--human", "nothing.csv"), "there is no such file"),
        (("--template", "labels.xlsx"), "labels are .csv or .jsonl files"),
        (("--template", "a.csv", "--task", "bird"), "unknown task in these results 'bird'.*birds"),
        (("--human", "nothing.csv", "--metric", "bleu"), "no answers are scored by 'bleu'"),
    ],
)
def test_what_cannot_be_done_is_one_line(results: Path, words: tuple[str, ...], why: str) -> None:
    assert re.search(why, command("judge-check", results, *words, fails=True))


def test_another_metric_than_a_judge(results: Path, tmp_path: Path) -> None:
    rows = honest(template(results, tmp_path / "labels.csv", 10))
    human = written(rows, tmp_path / "filled.csv")
    found = hemm.load(results).judge_check(human, "exact_match")
    assert found.same == 1.0
    hemm.run("baseline/oracle", "probe_shapes", limit=4, out=tmp_path / "r")
    message = command("judge-check", tmp_path / "r", "--human", human, fails=True)
    assert "no answers are scored by a judge: hemm score --metric judge:model=..." in message
