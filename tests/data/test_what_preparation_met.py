"""What a preparation met (missing, left out, unread) is told by every command and stays with the results."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

import hemm
from hemm.cli import status
from hemm.core import Notice, Sample
from hemm.data.pack.prepare import ensure
from packs import png, task_of


@pytest.fixture
def birds(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder task: four rows, three pictures."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "birds"
    (folder / "p").mkdir(parents=True)
    for n in range(3):
        (folder / f"p/{n}.png").write_bytes(png(n))
    rows = [
        {"id": f"q{n}", "image": f"p/{n}.png", "question": "Which bird?", "answer": "owl"} for n in range(4)
    ]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_a_missing_picture_is_told_by_run_and_stays(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for again in range(2):
        assert status(["run", "baseline/majority", "--task", str(birds), "--out", "r"]) == 3
        shown = capsys.readouterr()
        assert "birds: 1 sample left out: their files are missing" in shown.err
        assert "  p/3.png: missing" in shown.err, again
        assert "Note: birds: 1 sample left out: their files are missing (p/3.png)" in shown.out
    (file,) = (tmp_path / "r").rglob("run.json")
    assert orjson.loads(file.read_bytes())["pack"]["met"]["missing"] == {"count": 1, "names": ["p/3.png"]}
    assert status(["profile", "r", "--format", "json"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert "birds: 1 sample left out: their files are missing (p/3.png)" in notes
    assert status(["profile", "r", "--format", "markdown"]) == 0
    assert "their files are missing" in capsys.readouterr().out
    assert status(["report", "r"]) == 0
    (page,) = tmp_path.rglob("*.html")
    assert "birds: 1 sample left out: their files are missing (p/3.png)" in page.read_text()


def test_a_picture_that_came_is_missed_no_more(birds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["run", "baseline/majority", "--task", str(birds), "--out", "r"]) == 3
    (birds / "p/3.png").write_bytes(png(3))
    assert status(["run", "baseline/majority", "--task", str(birds), "--out", "r"]) == 0
    shown = capsys.readouterr()
    assert "missing" not in shown.out.rpartition("Note")[0].rpartition("norm.")[2]
    (file,) = Path("r").rglob("run.json")
    assert orjson.loads(file.read_bytes())["pack"]["met"].keys() <= {"notices"}


def test_from_python_it_is_in_the_profile(birds: Path) -> None:
    results = hemm.run("baseline/majority", str(birds), out="r")
    assert "birds: 1 sample left out: their files are missing (p/3.png)" in results.profile().notes


@pytest.mark.parametrize("command", [["prepare"], ["tasks"]])
def test_the_other_commands_that_prepare_tell_it(
    birds: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    status([*command, str(birds)])
    assert "1 sample left out: their files are missing\n  p/3.png: missing" in capsys.readouterr().err


def test_score_tells_what_it_prepared(birds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (birds / "p/3.png").write_bytes(png(3))
    assert status(["run", "baseline/majority", "--task", str(birds), "--out", "r"]) == 0
    (birds / "p/3.png").unlink()
    capsys.readouterr()
    assert status(["score", "r", "--task", str(birds)]) == 0
    assert "  p/3.png: missing" in capsys.readouterr().err


def test_rows_left_out_and_what_is_not_read(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "birds.py").write_text(
        textwrap.dedent("""
        from pathlib import Path
        from hemm.core import Card, Layout, LeftOut, Notice, Sample, Task
        from hemm.data import Local
        from hemm.parsing import ShortAnswer

        def read(folder):
            yield Notice("columns: question <- text")
            yield Notice("column 'size' is not read", unread=True)
            yield Sample("1", fields={"question": "Which bird?"}, references=("owl",))
            yield LeftOut("birds.csv, line 3", "no bird is named")

        TASK = Task("birds", Card("Birds"), (Local(Path(__file__), Layout((), read)),), "{{ question }}",
                    ShortAnswer(), ("exact_match",))
        """)
    )
    for command in (["prepare", "./birds.py"], ["run", "baseline/oracle", "--task", "./birds.py"]):
        assert status(command) == 0, command  # nothing is missing
        err = capsys.readouterr().err
        assert "birds: columns: question <- text" in err
        assert "birds: column 'size' is not read" in err
        assert "birds: 1 row left out: they cannot be asked\n" in err
        assert "  birds.csv, line 3: no bird is named" in err
    assert status(["profile", "results", "--format", "json"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert "birds: 1 row left out: they cannot be asked (birds.csv, line 3: no bird is named)" in notes
    assert "birds: column 'size' is not read" in notes
    assert not any("question <- text" in note for note in notes)  # how all is read is no flaw of the scores
    (file,) = Path("results").rglob("run.json")
    met = orjson.loads(file.read_bytes())["pack"]["met"]
    assert met["notices"] == [
        {"text": "columns: question <- text", "unread": False},
        {"text": "column 'size' is not read", "unread": True},
    ]


def test_more_means_all_that_were_counted(birds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """4,000 rows on 1,300 pictures that are not there: ten are named, 1,290 more are counted."""
    rows = [
        {"id": f"s{n}", "image": f"gone/{n * 1300 // 4000}.png", "question": "?", "answer": "owl"}
        for n in range(4000)
    ]
    with (birds / "rows.jsonl").open("a") as file:
        file.writelines("\n" + json.dumps(row) for row in rows)
    (birds / "p/3.png").write_bytes(png(3))
    assert status(["prepare", str(birds)]) == 3
    err = capsys.readouterr().err
    assert "birds: 4,000 samples left out" in err
    assert err.endswith("  gone/9.png: missing\n  and 1290 more\n")
    assert status(["run", "baseline/majority", "--task", str(birds), "--out", "r"]) == 3
    assert "  and 1290 more\n" in capsys.readouterr().err
    (file,) = Path("r").rglob("run.json")
    missing = orjson.loads(file.read_bytes())["pack"]["met"]["missing"]
    assert (missing["count"], missing["files"], len(missing["names"])) == (4000, 1300, 10)
    assert "gone/2.png, and 1297 more)" in hemm.load("r").profile().notes[0]


def test_a_notice_twice_is_one(cache: Path) -> None:
    def read(folder: Path) -> Iterator[Sample | Notice]:
        for n in range(3):
            yield Notice("guessed")
            yield Sample(str(n), fields={"question": "?"})

    assert ensure(task_of(read)).info["notices"] == [{"text": "guessed", "unread": False}]  # type: ignore[arg-type]
