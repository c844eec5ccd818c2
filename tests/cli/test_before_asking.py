"""What a command tells before anything is asked: tasks without a pack, and tasks that nothing would score."""

from __future__ import annotations

from pathlib import Path

import pytest

import hemm
from hemm.cli import status
from hemm.data.pack.prepare import prepare
from hemm.tasks import resolve
from layouts import write_layout
from servers import ChatServer

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _one_of_two(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the two data sets of human-computer interaction one is prepared."""
    monkeypatch.chdir(tmp_path)
    write_layout("enrico", tmp_path / "original", 6)
    prepare(resolve("enrico"), folder=tmp_path / "original")


# tasks that are not prepared


def test_the_prepared_tasks_of_a_label_are_run_and_the_others_named(capsys: Said) -> None:
    assert status(["run", "baseline/oracle", "--where", "use_case=hci", "--limit", "2"]) == 3
    out, err = capsys.readouterr()
    assert [cell.task for cell in hemm.load("results")] == ["enrico", "probe_screens"]
    assert "enrico" in out
    lines = [line for line in err.splitlines() if "screen2words" in line]
    assert lines == [
        "task screen2words is not prepared: hemm prepare screen2words; the others are asked",
        "hemm: not asked: task screen2words is not prepared: hemm prepare screen2words",
    ]
    assert status(["run", "baseline/oracle", "--where", "use_case=hci", "--dry-run"]) == 3


def test_the_prepared_tasks_of_a_suite_are_run_and_one_command_prepares_the_others(capsys: Said) -> None:
    assert status(["run", "baseline/oracle", "--suite", "hemm"]) == 3
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("hemm: not asked"))
    names = line.partition(": hemm prepare ")[2].split()
    assert len(names) == 29
    assert "enrico" not in names
    assert [cell.task for cell in hemm.load("results")] == ["enrico"]


def test_a_task_that_was_named_and_is_not_prepared_stops_the_command(capsys: Said) -> None:
    assert (
        status(["run", "baseline/oracle", *(w for t in ("gqa", "enrico", "nlvr") for w in ("--task", t))])
        == 2
    )
    line = capsys.readouterr().err.strip()
    assert line == "hemm: the tasks gqa, nlvr are not prepared: hemm prepare gqa nlvr"
    assert not Path("results").exists()


def test_nothing_prepared_at_all_is_an_error(capsys: Said) -> None:
    assert status(["run", "baseline/oracle", "--suite", "hemm", "--where", "use_case=healthcare"]) == 2
    assert "are not prepared: hemm prepare open_path " in capsys.readouterr().err


def test_python_runs_those_that_are_prepared_and_names_the_others() -> None:
    results = hemm.run("baseline/oracle", suite="hemm", where={"use_case": "hci"})
    assert [cell.task for cell in results] == ["enrico"]
    assert results.not_prepared == ("screen2words",)
    assert "not prepared, so not asked: screen2words" in repr(results)
    assert hemm.run("baseline/oracle", "enrico").not_prepared == ()
    with pytest.raises(hemm.HemmError, match="task gqa is not prepared: hemm prepare gqa"):
        hemm.run("baseline/oracle", ["gqa", "enrico"])


# tasks that nothing would score

TASK = """
from hemm.core import Card, Layout, Sample, Task
from hemm.data import Generated
from hemm.parsing import FreeText

def read(folder):
    yield Sample("1", fields={{"question": "What is it?"}}, references=("a tall tree",))

SOURCE = Generated(Layout((), read))
TASK = Task("trees", Card("Trees"), (SOURCE,), "{{{{ question }}}}", FreeText(), {metrics})
"""


@pytest.mark.parametrize(
    ("metrics", "more", "line"),
    [
        (("bartscore",), (), "no metric that runs unasked: bartscore needs weights or a judge"),
        (("bertscore", "judge"), (), "bertscore, judge need weights or a judge; name what is to score it"),
        (("bartscore",), ("bartscore",), "the weights of facebook/bart-large-cnn are not on this machine"),
        (("exact_match",), ("judge",), "metric judge needs a model: judge:model="),
    ],
)
def test_what_would_not_be_scored_is_not_asked(
    metrics: tuple[str, ...], more: tuple[str, ...], line: str, tmp_path: Path, capsys: Said
) -> None:
    Path("trees.py").write_text(TASK.format(metrics=metrics))
    named = [word for metric in more for word in ("--metric", metric)]
    with ChatServer() as server:
        assert status(["run", server.spec(), "--task", "./trees.py", *named]) == 2
        assert server.asked == 0
        assert line in capsys.readouterr().err
        with pytest.raises(hemm.HemmError, match=r"unasked|weights|model"):
            hemm.run(server.spec(), "./trees.py", metrics=list(more))
        assert server.asked == 0
        assert status(["run", server.spec(), "--task", "./trees.py", "--metric", "token_f1"]) == 0
        assert server.asked == 1
