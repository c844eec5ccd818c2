"""What a command tells before anything is asked: tasks without a pack, and tasks that nothing would score."""

from __future__ import annotations

from pathlib import Path

import pytest

import hemm
from fake import Batched, FakePack, picture, sample, task
from hemm.cli import status
from hemm.core import Capabilities
from hemm.core.errors import CannotTake
from hemm.data.pack.prepare import prepare
from hemm.engine.options import RunOptions
from hemm.engine.refusals import Refusals
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


# tasks that a model does not take

BLIND = """
from hemm.core import BatchModel, Capabilities, Identity, Response

class Blind(BatchModel):
    identity, batch_size = Identity("blind", "1"), 8
    capabilities = Capabilities(inputs=frozenset({"text"}))

    def __init__(self, spec, options):
        self.spec = spec

    async def start(self): ...

    async def close(self): ...

    def generate_batch(self, requests):
        return [Response("yes") for _ in requests]
"""
ROWS = "id\tquestion\tanswer\n" + "".join(f"{n}\tIs {n} even?\tno\n" for n in (1, 3))


def test_what_a_model_does_not_take_is_refused_at_once_where_it_is_named(capsys: Said) -> None:
    Path("blind.py").write_text(BLIND)
    Path("odd.tsv").write_text(ROWS)
    tasks = ("./odd.tsv", "probe_shapes", "enrico")
    assert (
        status(["run", "baseline/oracle", "./blind.py:Blind", *(w for t in tasks for w in ("--task", t))])
        == 2
    )
    assert capsys.readouterr().err.strip().splitlines()[-1] == (
        "hemm: task probe_shapes (also enrico) shows pictures, which model blind.py:Blind does not take; "
        "--control none asks without them"
    )
    assert not Path("results").exists(), "nothing was asked, of the other model neither"
    assert (
        status(["run", "./blind.py:Blind", "--task", "./odd.tsv", "--task", "enrico", "--control", "none"])
        == 0
    )


def test_of_a_suite_the_others_are_asked_and_these_named_at_the_end(capsys: Said) -> None:
    Path("blind.py").write_text(BLIND)
    where = ["--where", "use_case=hci", "--limit", "2"]
    assert status(["run", "./blind.py:Blind", *where]) == 2, "nothing is left to ask"
    assert "task enrico (also probe_screens) shows pictures" in capsys.readouterr().err
    assert status(["run", "./blind.py:Blind", "baseline/oracle", *where]) == 3
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith(
        "hemm: not asked: task enrico (also probe_screens) shows pictures, which model blind.py"
    )
    assert [(cell.model, cell.task) for cell in hemm.load("results")] == [
        ("baseline/oracle", "enrico"),
        ("baseline/oracle", "probe_screens"),
    ]
    results = hemm.run(["baseline/oracle", "./blind.py:Blind"], where={"use_case": "hci"}, dry_run=True)
    assert results.cannot_take.startswith("task enrico (also probe_screens) shows pictures")
    assert results.cannot_take in repr(results)


def test_only_the_samples_that_are_chosen_decide(capsys: Said) -> None:
    """One picture more than a model takes, in a sample that the limit leaves out, stops nothing."""
    pack = FakePack([sample(n, media=tuple(picture(m) for m in range(1 + (n == 7)))) for n in range(9)])
    one = Batched(capabilities=Capabilities(max_images=1))

    def refused(limit: int) -> bool:
        try:
            return bool(Refusals.of(RunOptions(limit=limit), [one], [(task(), pack)], None).found)
        except CannotTake:
            return True

    found = [refused(limit) for limit in range(1, 10)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (False, True)
