"""``hemm show``: one answer, harmless, with the words that were read and what earlier runs answered."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

import hemm
from hemm import cli
from hemm.core import BatchModel, Capabilities, Identity, Request, Response, Usage
from hemm.results.read import cells

HOSTILE = "\x1b]52;c;Zg==\x07\x1b[2J \u202eevil \x9b41m"


class Speaker(BatchModel):
    """Says what it is told to."""

    spec, identity, batch_size = "speaker", Identity("lab/speaker", "1"), 4
    capabilities = Capabilities()

    def __init__(self, answer: str) -> None:
        self._answer = answer

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [Response(self._answer, usage=Usage(30, 7), model="weights-17") for _ in requests]


def write(data: Path, question: str) -> None:
    data.mkdir(exist_ok=True)
    Image.new("RGB", (8, 8)).save(data / "bird.png")
    rows = [
        {"id": f"q{n}", "image": "bird.png", "question": question, "choices": ["heron", "gull"]}
        | {"answer": "heron", "labels": {"reasoning": "more"}, "kind": "what"}
        for n in range(3)
    ]
    (data / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    write(home / "birds", "Which bird is it?")
    hemm.run(Speaker("A gull."), home / "birds", out=home / "results")
    write(home / "birds", f"Which bird is this? {HOSTILE}")
    hemm.run(
        Speaker(f"It may be a gull. {HOSTILE} The answer is: (A) heron."),
        home / "birds",
        out=home / "results",
    )
    (found,) = cells(home / "results")
    return found.folder


def test_an_answer_is_shown_with_what_was_read_of_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.status(["show", str(folder), "q1"]) == 0
    shown, err = capsys.readouterr()
    assert err == ""
    assert not set(shown) & set("\x1b\x07\x9b\u202e")
    assert "lab/speaker on birds, sample q1" in shown
    assert "Which bird is this? \\x1b]52;c;Zg==\\x07\\x1b[2J \\u202eevil \\x9b41m\n" in shown
    assert "\nReferences\n    heron\n" in shown
    assert "\nAnswer: ok\n    It may be a gull. \\x1b]52;" in shown
    assert "  scores: accuracy 1\n" in shown
    assert "30 in and 7 out" in shown
    assert "served by weights-17" in shown
    assert "An earlier run (replaced)\n    A gull.\n" in shown
    assert "bird.png: sha256 " in shown
    (row,) = [line for line in shown.splitlines() if ", row " in line]
    assert Path(row.strip().removeprefix("in ").partition(", row ")[0]).is_dir()


def test_the_json_has_the_same_values(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # the folder above the only cell is enough
    assert cli.status(["show", str(folder.parent), "q1", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (answer,) = told["answers"]
    assert told["sample"]["id"] == "q1"
    assert told["sample"]["references"] == ["heron"]
    assert told["sample"]["metadata"]["kind"] == "what"
    assert told["sample"]["prompt"].startswith("<image>")
    assert HOSTILE in told["sample"]["prompt"]
    assert HOSTILE in answer["answer"]
    assert answer["outcome"] == "ok"
    assert answer["scores"] == [{"metric": "accuracy", "value": 1.0}]
    assert answer["answer"][slice(*answer["span"])] == answer["read"]
    assert "A" in answer["read"]
    assert (answer["input_tokens"], answer["output_tokens"]) == (30, 7)
    assert told["earlier"] == [{"repeat": 0, "why": "replaced", "raw": "A gull."}]
    (picture,) = told["pictures"]
    assert picture["name"] == "bird.png"
    assert picture["row"] == 1


@pytest.mark.parametrize(
    ("cell", "name", "said"),
    [
        ("lab-speaker", "q11", "unknown sample in"),
        ("lab-speaker", "q11", "did you mean 'q1'?"),
        ("lab-speeker", "q1", "unknown cell"),
        ("lab-speeker", "q1", "lab-speaker"),
        (".", "", "unknown sample in"),
    ],
)
def test_the_nearest_names_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str], cell: str, name: str, said: str
) -> None:
    out = folder.parent.parent.parent
    assert cli.status(["show", os.path.join(out, cell), name]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert len(shown.err.splitlines()) == 1


def test_several_cells_are_no_cell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder.parent.parent.parent
    hemm.run("baseline/oracle", folder.parents[3] / "birds", out=out / "more")
    assert cli.status(["show", str(out), "q1"]) == 2
    assert "holds 2 cells: name one of" in capsys.readouterr().err
    assert cli.status(["show", "nowhere/at/all", "q1"]) == 2
    assert capsys.readouterr().err == "hemm: there is no folder nowhere/at/all\n"
