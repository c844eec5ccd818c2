"""``hemm.run`` as people call it in a script and in a notebook: names, objects, options, what is wrong."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import hemm
from hemm.core import (
    BatchModel,
    Capabilities,
    Card,
    Identity,
    Layout,
    Request,
    Response,
    Sample,
    Task,
)
from hemm.data import Generated
from hemm.metrics import SampleMetric
from hemm.parsing import OneOf
from hemm.report import write
from hemm.tasks import resolve as task_named

ROOT = Path(__file__).resolve().parents[2]


class Parrot(BatchModel):
    """Answers with the last word of the prompt; counts what it was sent."""

    spec, identity, capabilities, batch_size = "parrot", Identity("parrot", "1"), Capabilities(), 4

    def __init__(self) -> None:
        self.sent = 0

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        self.sent += len(requests)
        return [Response(request.prompt.split()[-1]) for request in requests]


class Length(SampleMetric):
    """1 for an answer of three letters or fewer."""

    name, title = "length", "short"

    def value(self, answer: Any, sample: Any) -> float:
        return float(len(str(answer)) <= 3)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_runs_where_a_loop_is_running_as_in_a_notebook() -> None:
    async def cell() -> Any:
        return hemm.run("baseline/oracle", "probe_shapes", limit=4)

    (cell_,) = asyncio.run(cell())
    assert cell_.state == "sealed"
    assert cell_.answers().num_rows == 4


def test_it_takes_objects_one_or_several() -> None:
    model, task = Parrot(), task_named("probe_shapes")
    results = hemm.run([model, "baseline/oracle"], task, metrics=Length(), limit=4)
    assert [c.model for c in results] == ["parrot", "baseline/oracle"]
    assert model.sent == 4
    assert [list(c.aggregates()["metrics"]) for c in results] == [["accuracy-v2", "length-v1"]] * 2
    hemm.run(model, [task], metrics=[Length()], limit=4)
    assert model.sent == 4  # its answers are there


def own_task(name: str, words: str = "owl") -> Task:
    """A task with two questions that a program makes."""

    def read(folder: Path) -> Iterator[Sample]:
        for n in range(2):
            yield Sample(
                f"{n}", fields={"question": f"Bird {n}?"}, references=(words,), choices=("owl", "gull")
            )

    source = Generated(Layout((), read), revision=words)
    prompt = "{{ question }}\n{{ options }}\n{{ instruction }}"
    return Task(name, Card("Birds"), (source,), prompt, OneOf(), (Length(), "accuracy"))


def test_a_task_of_ones_own_is_an_object_with_metrics_of_ones_own() -> None:
    results = hemm.run("baseline/oracle", own_task("birds"))
    (cell,) = results
    assert list(cell.aggregates()["metrics"]) == ["length-v1", "accuracy-v2"]
    assert cell.run["metrics"] == ["length", "accuracy"]
    assert hemm.run("baseline/oracle", own_task("birds")).runs[0].asked == 0


def test_a_task_of_ones_own_cannot_have_the_name_of_one_of_hemm() -> None:
    with pytest.raises(hemm.HemmError, match="the name 'vqa_rad' is a task of hemm"):
        hemm.run("baseline/oracle", own_task("vqa_rad"))


def test_a_task_given_twice_is_run_once() -> None:
    results = hemm.run("baseline/oracle", [task_named("probe_shapes"), "probe_shapes"], limit=2)
    assert len(results) == 1


def test_options_are_those_of_the_command_line() -> None:
    from hemm.engine.options import RunOptions

    signature = inspect.signature(hemm.run)
    assert set(RunOptions.table()) <= set(signature.parameters)
    assert list(signature.parameters)[:2] == ["models", "tasks"]
    assert signature.parameters["stop_after"].default == 20
    text = inspect.getdoc(hemm.run) or ""
    for name, about in RunOptions.table().items():
        assert f"\n{name}" in text, name
        assert about.help.rstrip(".")[:20] in " ".join(text.split()), name


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"limt": 3}, "unknown option 'limt'; did you mean 'limit'?"),
        ({"task": "nlvr"}, "unknown option 'task'; did you mean 'tasks'?"),
        ({"set": {}}, "unknown option 'set'; did you mean 'settings'?"),
        ({"limit": "ten"}, "limit is 'ten'; give a whole number of 1 or more"),
        ({"limit": 2.5}, "limit is 2.5; give a whole number of 1 or more"),
        ({"limit": True}, "limit is True; give a whole number of 1 or more"),
        ({"limit": 0}, "limit 0: give 1 or more"),
        ({"seed": None, "shots": "x"}, "shots is 'x'; give a whole number of 0 or more"),
        ({"concurrency": "many"}, "concurrency is 'many'; give a whole number of 0 or more, or 'auto'"),
        ({"max_cost": "5 $"}, "max_cost is '5 $'; give a number"),
        ({"retry_errors": "yes"}, "retry_errors is 'yes'; give True or False"),
        ({"system": 5}, "system is 5; give a text"),
        ({"out": 5}, "out is 5; give a path"),
        ({"out": "r\0"}, "out is 'r\\x00'; give a path without NUL characters, which no file has"),
        ({"card": Path("c\0")}, "card is PosixPath('c\\x00'); give a path without NUL characters"),
        ({"prompt": Path("p\0")}, "give a path without NUL characters"),
        ({"models": "./m\0.py:X"}, "models is './m\\x00.py:X'; give names without NUL characters"),
        ({"tasks": ["nlvr", "./a\0.tsv"]}, "give names without NUL characters, which no file has"),
        ({"metrics": "./m\0.py:M"}, "metrics is './m\\x00.py:M'; give names without NUL characters"),
        ({"control": "non"}, "unknown control 'non'; did you mean 'none'?"),
        ({"where": "hci"}, "where is 'hci'; give a mapping, {'KEY': 'VALUE'}"),
        ({"settings": {"temperature": [[]]}}, "settings is"),
        ({"settings": ["x"]}, "settings is ['x']; give a mapping, {'KEY': 'VALUE'}"),
        ({"models": 3}, "models is 3; give a name, a model (an object), or a list of them"),
        ({"models": []}, "models is []; give a name, a model (an object), or a list of them"),
        ({"models": Parrot}, "models is the class Parrot; give an object: Parrot(...)"),
        ({"models": SimpleNamespace()}, "has no spec, identity, capabilities"),
        ({"models": {"tiny": 1}}, "models is {'tiny': 1}; give a name"),
        ({"tasks": 3}, "tasks is 3; give a name, a hemm.core.Task, or a list of them"),
        ({"tasks": ["nlvr", None]}, "tasks is ['nlvr', None]; give a name, a hemm.core.Task"),
        ({"metrics": 3}, "metrics is 3; give a name, a metric (an object), or a list of them"),
        ({"metrics": Length}, "metrics is the class Length; give an object: Length(...)"),
        ({"tasks": []}, "tasks is []; give a name, a hemm.core.Task, or a list of them"),
        ({"out": "prompt.txt"}, "--out prompt.txt is a file: name a folder"),
        ({"seed": -1}, "--seed -1: give 0 or more"),
        ({"seed": 2**64}, "--seed 18446744073709551616: give a number below 9,223,372,036,854,775,808"),
        ({"prompt": "prompt.txt"}, "prompt is the name of a file; give its text, or a pathlib.Path"),
        ({"models": Parrot(), "settings": {"device": "cpu"}}, "settings: device"),
        ({"models": Parrot(), "replicas": 2}, "replicas"),
        ({"models": Parrot(), "revision": "2"}, "revision"),
        ({"models": Parrot(), "batch_size": 2}, "batch_size"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_what_is_wrong_is_one_line(given: dict[str, Any], line: str) -> None:
    Path("prompt.txt").write_text("{{ question }}")
    with pytest.raises(hemm.HemmError) as caught:
        hemm.run(**{"models": "baseline/oracle", "tasks": "probe_shapes", **given})
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (lambda r: hemm.compare(r, models=5), "models is 5; give the names of two models"),
        (lambda r: r.compare(resamples="x"), "resamples is 'x'; give a whole number of 0 or more"),
        (lambda r: r.compare(resamples=-1), "resamples is -1; give a whole number of 0 or more"),
        (lambda r: r.compare(seed=-1), "seed is -1; give a whole number of 0 or more"),
        (lambda r: r.profile(common="x"), "common is 'x'; give True or False"),
        (lambda r: write(r, 5), "file is 5; give a text or a path"),
        (lambda r: write(r, "x\0"), "file is 'x\\x00'; give a text or a path"),
    ],
)
def test_what_is_wrong_with_an_evaluation_is_one_line(ask: Any, line: str) -> None:
    results = hemm.run(["baseline/oracle", "baseline/random"], "probe_shapes", limit=2)
    with pytest.raises(hemm.HemmError) as caught:
        ask(results)
    assert str(caught.value) == line


class Gives:
    """A model that inherits from nothing; ``give`` makes what it gives."""

    spec, identity, capabilities, batch_size = "gives", Identity("gives", "1"), Capabilities(), 8

    def __init__(self, give: Any) -> None:
        self.give = give

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def generate_batch(self, requests: Any) -> Any:
        return self.give(requests)


async def later() -> list[Response]:
    return []


@pytest.mark.parametrize(
    ("give", "line"),
    [
        (lambda asked: ["2"] * len(asked), "generate_batch gave '2'; give a hemm.core.Response"),
        (lambda asked: [Response(5) for _ in asked], "a Response whose text is 5; give a text"),  # type: ignore[arg-type]
        (lambda asked: [Response(None) for _ in asked], "a Response whose text is None"),  # type: ignore[arg-type]
        (lambda asked: None, "generate_batch gave None; give a list, one Response for each request"),
        (lambda asked: "2", "generate_batch gave '2'; give a list"),
        (lambda asked: later(), "generate_batch is async; it runs in a thread: write it with def"),
    ],
)
def test_what_a_model_gives_instead_of_responses_is_one_line(give: Any, line: str) -> None:
    with pytest.raises(hemm.HemmError) as caught:
        hemm.run(Gives(give), "probe_shapes", limit=3)
    assert line in str(caught.value)
    assert "model gives" in str(caught.value)


@pytest.mark.parametrize("value", [7.0, -0.1, float("nan"), float("inf")])
def test_a_value_outside_a_metric_s_range_is_one_line(value: float) -> None:
    class Wide(SampleMetric):
        name, title = "wide", "wide"

        def value(self, answer: Any, sample: Sample) -> float:
            return value

    line = rf"metric 'wide' gives {value!r} on sample 'shapes-.*': its range is 0 to 1"
    with pytest.raises(hemm.HemmError, match=line):
        hemm.run("baseline/oracle", "probe_shapes", limit=2, metrics=Wide())


def test_a_dry_run_of_a_score_that_is_known_asks_nothing() -> None:
    def run(**more: Any) -> Any:
        return hemm.run("baseline/oracle", "probe_shapes", until_ci=20, **more).runs[0]

    assert run(dry_run=True).asked == run(dry_run=True).answers
    assert run().asked > 0
    planned = run(dry_run=True)
    assert (planned.asked, run().asked) == (0, 0)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("", "'' is no name of a task"),
        ("a\nb", "'a\\nb' is no name of a task"),
        ("hemm", "the name 'hemm' is a suite of hemm"),
        ("probes", "the name 'probes' is a suite of hemm"),
    ],
)
def test_what_no_task_of_ones_own_is_called(name: str, line: str) -> None:
    with pytest.raises(hemm.HemmError) as caught:
        hemm.run("baseline/oracle", own_task(name))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["tiny", "baseline/oracle", ""])
def test_what_no_model_of_ones_own_is_called(name: str) -> None:
    model = Parrot()
    model.identity = Identity(name, "1")
    with pytest.raises(hemm.HemmError, match=f"model Parrot: the name '{name}' is"):
        hemm.run(model, "probe_shapes", limit=2)


def test_a_prompt_that_cannot_be_rendered_leaves_no_folder() -> None:
    with pytest.raises(hemm.HemmError, match="nope"):
        hemm.run("baseline/oracle", "probe_shapes", limit=2, prompt="{{ nope }}")
    assert not list(Path().rglob("run.json"))
    assert not list(Path("results").glob("*"))


def test_a_byte_order_mark_of_a_prompt_file_is_not_sent() -> None:
    Path("prompt.txt").write_bytes(b"\xef\xbb\xbf{{ question }}")
    for cell in hemm.run("baseline/oracle", "probe_shapes", limit=1, prompt=Path("prompt.txt")):
        assert cell.run["protocol_spec"]["template"] == "{{ question }}"


@pytest.mark.parametrize("wrong", [3, None, "nowhere", "r\0"])
def test_load_says_what_it_takes(wrong: Any) -> None:
    with pytest.raises(hemm.HemmError, match=r"nowhere|give a folder"):
        hemm.load(wrong)


def test_values_are_taken_as_python_has_them() -> None:
    import numpy as np

    Path("p.txt").write_text("{{ image }}{{ question }}\n{{ instruction }}")
    results = hemm.run(
        "baseline/random",
        "probe_shapes",
        limit=np.int64(3),
        batch_size="auto",
        prompt=Path("p.txt"),
        settings={"max_new_tokens": 5, "stop": ["a", "b"]},
        where={"use_case": "multimedia"},
        max_cost=np.float32(2),
    )
    (cell,) = results
    generation = cell.run["protocol_spec"]["generation"]
    assert (generation["max_new_tokens"], generation["stop"]) == (5, ["a", "b"])
    assert cell.run["prompt_file"] == "p.txt"
    assert cell.answers().num_rows == 3


def test_a_folder_of_ones_own_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/rows.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n')
    (cell,) = hemm.run("baseline/oracle", Path("mine"))
    assert cell.task == "mine"


def test_a_dry_run_asks_nothing_and_says_what_it_would() -> None:
    results = hemm.run("baseline/random", "probe_shapes", limit=4, dry_run=True)
    assert (len(results), [r.asked for r in results.runs]) == (0, [4])
    assert "4 of 4 answers to ask" in repr(results)
    assert not Path("results").exists()


def test_a_run_tells_what_it_asked() -> None:
    hemm.run("baseline/random", "probe_shapes", limit=2)
    results = hemm.run("baseline/random", "probe_shapes", limit=4)
    assert [(r.asked, r.answers, r.errors) for r in results.runs] == [(2, 4, [])]


SLOW = """
import asyncio, time
import hemm
from hemm.core import BatchModel, Capabilities, Identity, Response

class Slow(BatchModel):
    spec, identity, capabilities, batch_size = "slow", Identity("slow", "1"), Capabilities(), 1
    answered = 0
    async def start(self): ...
    async def close(self): ...
    def generate_batch(self, requests):
        time.sleep(0.01 if self.answered < 8 else 0.5)
        self.answered += 1
        return [Response("yes") for _ in requests]

async def notebook():
    try:
        hemm.run(Slow(), "probe_shapes", limit=100)
    except KeyboardInterrupt:
        print("interrupted")
    # the kernel lives on
    await asyncio.sleep(0)
    print("alive")

asyncio.run(notebook())
"""


def test_an_interrupted_run_leaves_an_open_cell_that_resumes(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(
        [sys.executable, "slow.py"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
    )
    while not any(path.read_bytes().count(b"\n") >= 5 for path in tmp_path.rglob("journal.jsonl")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert said.splitlines() == ["interrupted", "alive"]
    assert process.returncode == 0

    (cell,) = hemm.load("results")
    assert cell.state == "open"
    had = cell.answers().num_rows
    assert 5 <= had < 100

    class Slow(Parrot):
        spec, identity, batch_size = "slow", Identity("slow", "1"), 1

    model = Slow()
    (cell,) = hemm.run(model, "probe_shapes", limit=100)
    assert (cell.state, cell.answers().num_rows, model.sent) == ("sealed", 100, 100 - had)
