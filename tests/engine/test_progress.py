"""What a run shows while it goes on."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from fake import Batched, FakePack, Served, go, sample, task
from hemm.core import Failure, Identity
from hemm.engine import progress
from hemm.engine.options import RunOptions, Watcher
from hemm.engine.progress import Bar, Lines
from hemm.engine.run import run_cells

PACK = FakePack([sample(i) for i in range(40)])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock that progress reads."""
    now = [100.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def run(out: Path, watcher: Watcher, tasks: int, models: int = 1) -> None:
    names = [task(name=f"even{n}") for n in range(tasks)]
    made = [Batched(identity=Identity(f"m{n}", "1")) for n in range(models)]
    asyncio.run(run_cells(RunOptions(out=out, limit=4), made, [(one, PACK) for one in names], watcher))


def test_tokens_cost_and_errors_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    track = Lines().begin("task", 4)
    track.step(4, 4, 1200, 1, 0.5)
    track.end()
    assert "1,200 tokens, $0.5000, 1 error" in capsys.readouterr().err


@pytest.mark.parametrize("cost", [None, 0.0])
def test_a_model_that_runs_here_shows_no_cost(cost: float | None, capsys: pytest.CaptureFixture[str]) -> None:
    track = Lines().begin("task", 4)
    track.step(4, 4, 1200, 0, cost)
    track.end()
    assert "$" not in capsys.readouterr().err


def test_the_rate_counts_what_this_command_had(
    clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    track = Lines().begin("task", 2000)
    track.step(1000, 0, 0, 0, None)
    clock(10.0)
    track.step(1020, 20, 0, 0, None)
    err = capsys.readouterr().err
    assert "task: 1020 of 2000, 2.0/s, 490 s left" in err


def test_what_an_earlier_command_left_is_not_counted_as_new(
    tmp_path: Path,
) -> None:
    gone = Served(failing={f"s{i:05}": Failure("connection", "no server") for i in range(10, 40)})
    assert go(tmp_path, gone, PACK).state == "open"

    class Slow(Served):
        async def start(self) -> None: ...

        async def close(self) -> None:
            assert len(self.asked) == 30

    steps: list[tuple[int, int]] = []

    class Watch(Lines):
        def begin(self, title: str, total: int) -> progress.Track:
            track = super().begin(title, total)
            step = track.step

            def noted(answers: int, new: int, tokens: int, errors: int, cost: float | None) -> None:
                steps.append((answers, new))
                step(answers, new, tokens, errors, cost)

            track.step = noted  # type: ignore[method-assign]
            return track

    asyncio.run(run_cells(RunOptions(out=tmp_path), [Slow()], [(task(), PACK)], Watch()))
    assert max(steps) == (40, 30)
    assert all(new <= answers for answers, new in steps)


def test_of_many_tasks_the_whole_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, Lines(), tasks=3)
    err = capsys.readouterr().err
    assert "even0 · m0: 4 to ask (0 of 3 tasks done)" in err
    assert "even2 · m0: 4 to ask (2 of 3 tasks done)" in err
    run(tmp_path / "two", Lines(), tasks=2, models=2)
    assert "even1 · m1: 4 to ask (3 of 4 cells done)" in capsys.readouterr().err
    run(tmp_path / "one", Lines(), tasks=1)
    assert "even0 · m0: 4 to ask\n" in capsys.readouterr().err


def test_the_bars_have_one_for_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    made = Console(file=shown, force_terminal=True, width=120)
    monkeypatch.setattr("rich.console.Console", lambda **options: made)
    run(tmp_path, Bar(), tasks=3)
    assert "1 of 3 tasks" in shown.getvalue()
    assert "$" not in shown.getvalue()
    shown.truncate(0)
    run(tmp_path / "one", Bar(), tasks=1)
    assert "tasks" not in shown.getvalue()


def test_the_time_left_is_over_all_cells(
    clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    made = Console(file=shown, force_terminal=True, width=120)
    monkeypatch.setattr("rich.console.Console", lambda **options: made)
    bar = Bar()
    bar.plan(3, "tasks", {"a · m": 100, "b · m": 100, "c · m": 400})
    bar.done("c · m")  # all of it was there
    track = bar.begin("a · m", 100)
    clock(10.0)
    track.step(50, 50, 0, 0, None)  # 5 a second: 50 of this task, 150 in all
    assert (bar._whole.answers, bar._whole.total, bar._whole.left) == (50, 200, "30 s left in all")
    track.end()  # stopped: the other 50 are not waited for
    bar.done("a · m")
    assert bar._whole.left == "20 s left in all"
    second = bar.begin("b · m", 60)  # 40 of it were there before
    clock(2.0)
    second.step(12, 10, 0, 0, None)
    assert bar._whole.left == "10 s left in all"
    assert bar._whole.words == "2 of 3 tasks"
    second.end()
    assert "of 3 tasks" in shown.getvalue()
