"""Tasks, metrics and models of one's own, in files and in notebooks, without packaging."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

import hemm
from hemm.cli import status
from hemm.core import BatchModel, Capabilities, Identity, Response, Sample, code_digest, user_code
from hemm.metrics import SampleMetric

ROOT = Path(__file__).resolve().parents[2]
METRIC = """
from hemm.metrics import SampleMetric
from rule import short

class Short(SampleMetric):
    name, title = "short", "Short answers"
    def __init__(self, most="3"):
        self.most = int(most)
    @property
    def parameters(self):
        return {} if self.most == 3 else {"most": str(self.most)}
    def value(self, answer, sample):
        return short(answer, self.most)
"""
RULE = "def short(answer, most):\n    return float(len(str(answer)) <= most)\n"
MODEL = """
from hemm.core import BatchModel, Capabilities, Response

class Constant(BatchModel):
    capabilities, batch_size = Capabilities(), 8
    def generate_batch(self, requests):
        from words import answer  # late, as packages that take long are
        return [Response(answer()) for _ in requests]

class Named(Constant):
    def __init__(self, spec, options):
        from hemm.core import Identity
        self.spec, self.identity = spec, Identity("named", "7")
        self.settings = options.read("named", {"loud": False})
"""


MINE = """
from hemm.metrics import SampleMetric
class Mine(SampleMetric):
    name, title = "mine", "mine"
    def value(self, answer, sample):
        return {score}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "my_metric.py": METRIC,
        "rule.py": RULE,
        "my_model.py": MODEL,
        "words.py": "def answer():\n    return 'red'\n",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def cell() -> Any:
    (found,) = hemm.load("results")
    return found


def rows() -> dict[str, Any]:
    found: dict[str, Any] = cell().aggregates()["metrics"]
    return found


def run(*more: str) -> int:
    return status(["run", "baseline/oracle", "--task", "probe_shapes", "--limit", "4", *more])


# metrics


def test_a_metric_in_a_file_scores_with_its_neighbour() -> None:
    assert run("--metric", "./my_metric.py:Short", "--metric", "my_metric.py:Short:most=100") == 0
    assert list(rows()) == ["accuracy-v2", "short-v1", "short-v1-most.100"]
    assert rows()["short-v1-most.100"]["components"][""]["value"] == 1.0
    assert [value.metric for value in hemm.load("results").profile().tasks[0].values] == [
        "accuracy",
        "short",
        "short:most=100",
    ]


def test_score_finds_a_metric_in_a_file_again_from_any_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--metric", "./my_metric.py:Short:most=100")
    (here / "rule.py").write_text("def short(answer, most):\n    return 0.25\n")
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert status(["score", "../results"]) == 0
    monkeypatch.chdir(here)
    assert rows()["short-v1-most.100"]["components"][""]["value"] == 0.25


def test_scores_stay_where_a_metrics_file_is_gone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--metric", "./my_metric.py:Short:most=100")
    (here / "my_metric.py").unlink()
    assert status(["score", "results"]) == 0
    assert rows()["short-v1-most.100"]["components"][""]["value"] == 1.0  # the answers are the same
    assert status(["score", "results", "--again"]) == 0
    assert "short:most=100 is left out: metric 'short' cannot score here" in capsys.readouterr().err
    assert list(rows()) == ["accuracy-v2"]
    (here / "my_metric.py").write_text(METRIC)
    assert status(["score", "results"]) == 0
    assert list(rows()) == ["accuracy-v2", "short-v1-most.100"]


def test_results_of_somebody_else_run_no_code(here: Path) -> None:
    run("--metric", "./my_metric.py:Short")
    path = cell().folder / "scores/aggregates.json"
    stored = orjson.loads(path.read_bytes())
    del stored["sha256"]  # who sends such a file makes its checksum fit, or leaves it out
    evil = here / "results/evil.py"
    evil.write_text("open('executed', 'w')\nclass Short: ...\n")
    stored["metrics"]["short-v1"]["own"]["from"] = f"{evil}:Short"
    path.write_bytes(orjson.dumps(stored))
    hemm.load("results").profile()
    assert status(["score", "results", "--again"]) == 0
    assert not Path("executed").exists()


def test_a_changed_metric_object_scores_again() -> None:
    def metric(score: float) -> Any:
        space = {"__name__": "notebook"}
        exec(MINE.format(score=score), space)
        return space["Mine"]()  # type: ignore[operator]

    hemm.run("baseline/oracle", "probe_shapes", limit=2, metrics=metric(0.5))
    assert rows()["mine-v1"]["components"][""]["value"] == 0.5
    hemm.run("baseline/oracle", "probe_shapes", limit=2, metrics=metric(0.25))
    assert rows()["mine-v1"]["components"][""]["value"] == 0.25
    assert status(["score", "results"]) == 0  # keeps what it cannot make
    assert rows()["mine-v1"]["components"][""]["value"] == 0.25


class Scaled(SampleMetric):
    name, title = "scaled", "scaled"

    def __init__(self, by: float) -> None:
        self.by = by

    def value(self, answer: Any, sample: Sample) -> float:
        return 1.0 / self.by


def within(by: float) -> Any:
    class Within(SampleMetric):
        name, title = "within", "within"

        def value(self, answer: Any, sample: Sample) -> float:
            return 1.0 / by

    return Within()


@pytest.mark.parametrize("make", [Scaled, within])
def test_what_a_metric_is_made_with_belongs_to_it(make: Any) -> None:
    name = f"{make(1).name}-v1"
    for by in (1, 2, 4, 2):
        hemm.run("baseline/oracle", "probe_shapes", limit=2, metrics=make(by))
        assert rows()[name]["components"][""]["value"] == 1 / by


class Says(BatchModel):
    spec, identity, capabilities, batch_size = "says", Identity("says"), Capabilities(), 8

    def __init__(self, word: str = "red") -> None:
        self.word = word

    def generate_batch(self, requests: Any) -> list[Response]:
        return [Response(self.word) for _ in requests]


class Louder(Says):
    def generate_batch(self, requests: Any) -> list[Response]:
        return [Response(self.word.upper()) for _ in requests]


def test_the_class_of_a_model_and_what_it_is_made_with_belong_to_it() -> None:
    found = hemm.run([Says("red"), Says("blue"), Louder("red"), Louder("blue")], "probe_shapes", limit=2)
    said = [set(cell.answers(["raw"])["raw"].to_pylist()) for cell in found]
    assert sorted(map(sorted, said)) == [["BLUE"], ["RED"], ["blue"], ["red"]]
    again = hemm.run(Says("red"), "probe_shapes", limit=2)
    assert again.runs[0].asked == 0


def test_two_models_of_one_identity_are_refused() -> None:
    with pytest.raises(hemm.HemmError, match="two models of this run have one identity, says"):
        hemm.run([Says("red"), Says("red")], "probe_shapes", limit=2)
    assert not Path("results").exists()
    hemm.run(["baseline/oracle", "baseline/oracle"], "probe_shapes", limit=2)  # the same one, named twice


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("./gone.py:Short", "gone.py: there is no such file"),
        ("./my_metric.py:Shrt", "unknown metric in my_metric.py 'Shrt'; did you mean 'Short'?"),
        ("./my_metric.py", "name the metric in it, as my_metric.py:NAME (it has Short)"),
        ("./my_metric.py:Short:least=3", "unknown parameter of metric './my_metric.py:Short' 'least'"),
        ("./my_metric.py:Short:most=x", "ValueError"),
        ("./broken.py:X", "broken.py, line 2: ZeroDivisionError"),
        ("./no_syntax.py:X", "no_syntax.py, line 1: SyntaxError"),
        ("./neighbour.py:X", "no_syntax.py, line 1: SyntaxError"),
        ("./taken.py:Accuracy", "the name 'accuracy' is a metric of hemm: give yours another name"),
        ("./taken.py:three", "metric 'taken.py:three' has no name, version"),
        ("./taken.py:Fails", "metric 'fails' fails on sample 'shapes-"),
    ],
)
def test_what_is_wrong_with_a_metric_is_one_line(
    here: Path, spec: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "broken.py").write_text("\n1 / 0\n")
    (here / "no_syntax.py").write_text("def (\n")
    (here / "neighbour.py").write_text("import no_syntax\n")
    (here / "taken.py").write_text(
        METRIC.replace("Short(", "Accuracy(").replace('"short"', '"accuracy"')
        + METRIC.replace("Short(", "Fails(").replace('"short"', '"fails"').replace("short(", "{}['x'](")
        + "\nthree = 3\n"
    )
    assert run("--metric", spec) == 2
    error = capsys.readouterr().err
    assert line in error
    assert len(error.strip().splitlines()) == 1 or "Fails" in spec


BIRDS = """
from hemm.core import *
from hemm.data import Generated
from hemm.metrics import SampleMetric
from hemm.parsing import ShortAnswer

class Odd(SampleMetric):
    name, title = "odd", "Odd"
    def value(self, answer, sample):
        return 1.0 if answer != "gull" else {}[answer]
    def {method}(self, *given):
        return super().{method}(*given)

class Whole(Odd, CorpusMetric):
    name = "whole"
    def value(self, answer, sample):
        return 1.0
    def aggregate(self, groups):
        raise LookupError("no birds")

def read(folder):
    for bird in ("owl", "gull", "heron"):
        yield Sample(f"b-{{bird}}", fields={{"question": "Which?"}}, references=(bird,))

SOURCE = Generated(Layout((), read))
TASK = Task("birds", Card("Birds"), (SOURCE,), "{{{{ question }}}}", ShortAnswer(), ({metric}, "exact_match"))
"""


def test_a_metric_that_raises_is_one_line_with_metric_sample_and_place(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "birds.py").write_text(BIRDS.replace("{}[", "{{}}[").format(method="ceiling", metric="Odd()"))
    line = "metric 'odd' fails on sample 'b-gull': KeyError: 'gull' (birds.py, line 10)"
    with pytest.raises(hemm.HemmError) as told:
        hemm.run("baseline/oracle", "./birds.py")
    assert str(told.value) == line
    assert isinstance(told.value.__cause__, KeyError)
    assert status(["run", "baseline/oracle", "--task", "./birds.py"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"hemm: {line}"
    monkeypatch.setenv("HEMM_DEBUG", "1")
    assert status(["score", "results", "--task", "./birds.py"]) == 2
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert 'return 1.0 if answer != "gull"' in shown
    (here / "birds.py").write_text(BIRDS.replace("{}[", "{{}}[").format(method="chance", metric="Whole()"))
    with pytest.raises(
        hemm.HemmError, match=r"metric 'whole' fails: LookupError: no birds \(birds.py, line 19\)"
    ):
        hemm.run("baseline/oracle", "./birds.py", out="other")


READS = """
from hemm.core import AnswerFormat

class Letter(AnswerFormat):
    name, version, instruction = "letter", 1, "Reply with a letter."
    def parse(self, text, sample):
        return {"o": 1, "h": 2}[text[0]]
    def options(self, sample):
        return ()
    def render(self, reference, sample):
        return reference
"""


def test_an_answer_format_that_raises_is_one_line_with_the_sample(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "reads.py").write_text(READS)
    task = BIRDS.replace("{}[", "{{}}[").format(method="ceiling", metric="Odd()")
    task = task.replace("import ShortAnswer", "import ShortAnswer\nfrom reads import Letter")
    (here / "birds.py").write_text(task.replace("ShortAnswer()", "Letter()"))
    assert status(["run", "baseline/oracle", "--task", "./birds.py"]) == 2
    line = "hemm: answer format 'letter' fails on sample 'b-gull': KeyError: 'g' (reads.py, line 7)"
    assert capsys.readouterr().err.splitlines()[-1] == line


# models


def asked(*more: str) -> int:
    found = hemm.run(*more, tasks="probe_shapes", limit=4).runs
    return sum(r.asked for r in found)


def test_a_model_in_a_file_answers_and_is_known_by_its_code(here: Path) -> None:
    assert asked("./my_model.py:Constant") == 4
    assert cell().model == "my_model.py:Constant"
    assert set(cell().answers()["raw"].to_pylist()) == {"red"}
    assert asked("my_model.py:Constant") == 0
    (here / "words.py").write_text("def answer():\n    return 'blue'\n")
    assert asked("./my_model.py:Constant") == 4  # a neighbour changed
    revisions = {c.revision for c in hemm.load("results")}
    assert len(revisions) == 2
    assert set(
        max(hemm.load("results"), key=lambda c: c.run["commands"][0]["started"]).answers()["raw"].to_pylist()
    ) == {"blue"}


def test_a_model_that_says_its_revision_keeps_it(here: Path) -> None:
    assert (
        status(["run", "./my_model.py:Named", "--task", "probe_shapes", "--limit", "2", "--set", "loud=yes"])
        == 0
    )
    assert (cell().model, cell().revision) == ("named", "7")
    (here / "words.py").write_text("def answer():\n    return 'blue'\n")
    assert asked("./my_model.py:Named") == 2  # two more


def test_options_reach_a_model_that_takes_them_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "--task", "probe_shapes", "--limit", "2", "--set", "loud=yes"]
    assert status([*command, "./my_model.py:Constant"]) == 2
    assert "settings: loud" in capsys.readouterr().err
    assert status([*command, "./my_model.py:Named", "--set", "lod=1"]) == 2
    assert "unknown setting of named models 'lod'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("./my_model.py", "name the model in it, as my_model.py:NAME (it has Constant, Named)"),
        ("./my_model.py:Const", "unknown model in my_model.py 'Const'; did you mean 'Constant'?"),
        ("./gone.py:X", "gone.py: there is no such file"),
        ("./my_metric.py:Short", "model my_metric.py:Short has no capabilities"),
    ],
)
def test_what_is_wrong_with_a_model_is_one_line(spec: str, line: str, capsys: Any) -> None:
    assert status(["run", spec, "--task", "probe_shapes", "--limit", "2"]) == 2
    error = capsys.readouterr().err.strip()
    assert line in error
    assert "\n" not in error


def test_a_model_in_a_file_runs_in_replicas() -> None:
    args = ["run", "./my_model.py:Named", "--task", "probe_shapes", "--limit", "8", "--replicas", "2"]
    assert status(args) == 0
    assert cell().answers().num_rows == 8


def test_models_shows_a_model_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["models", "./my_model.py:Named", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["revision"] == "7"
    assert status(["metrics", "./my_metric.py:Short", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "short"


# neighbours


def folder(home: Path, word: str) -> Path:
    home.mkdir()
    (home / "helpers.py").write_text(f"WORD = '{word}'\nfrom deeper.inner import *\n")
    (home / "deeper").mkdir()
    (home / "deeper/__init__.py").write_text("")
    (home / "deeper/inner.py").write_text(f"INNER = '{word * 2}'\n")
    (home / "main.py").write_text(
        "import helpers\nimport deeper.inner\nimport os.path\n"
        "def words():\n    from helpers import INNER\n    import deeper.inner as inner\n"
        "    return [helpers.WORD, INNER, inner.INNER, deeper.inner.INNER, os.path.sep]\n"
    )
    return home / "main.py"


def test_neighbours_of_two_folders_are_apart(tmp_path: Path) -> None:
    path = list(sys.path)
    one, other = (user_code.load(folder(tmp_path / word, word)) for word in "ab")
    assert one.words() == ["a", "aa", "aa", "aa", os.sep]
    assert other.words() == ["b", "bb", "bb", "bb", os.sep]
    assert not {"helpers", "deeper"} & set(sys.modules)
    assert sys.path == path
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_changed_neighbour_is_read_again(tmp_path: Path) -> None:
    file = folder(tmp_path / "a", "a")
    before = user_code.load(file)
    assert user_code.load(file) is before
    old = code_digest.content(file)
    (file.parent / "deeper/inner.py").write_text("INNER = 'cc'\n")
    assert user_code.load(file).words()[1] == "cc"
    assert code_digest.content(file) != old


def test_content_says_nothing_of_names_and_folders(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "a", "a"), folder(tmp_path / "b", "a")
    other = other.rename(other.with_name("renamed.py"))
    (other.parent / "unused.py").write_text("1\n")
    assert code_digest.content(one) == code_digest.content(other)


def test_a_task_file_imports_its_neighbour_and_follows_it(here: Path) -> None:
    (here / "birds.py").write_text(
        "from names import NAME\nfrom hemm.core import *\nfrom hemm.data import Generated\n"
        "from hemm.parsing import ShortAnswer\nfrom my_metric import Short\n"
        "def read(folder):\n    yield Sample('1', fields={'question': 'Which?'}, references=(NAME,))\n"
        "SOURCE = Generated(Layout((), read))\n"
        "TASK = Task('birds', Card('Birds'), (SOURCE,), '{{ question }}', ShortAnswer(),\n"
        "            (Short(), 'exact_match'))\n"
    )
    (here / "names.py").write_text("NAME = 'owl'\n")
    hemm.run("baseline/oracle", "./birds.py")
    assert list(rows()) == ["short-v1", "exact_match-v2"]
    assert cell().answers()["references"].to_pylist() == [["owl"]]
    (here / "names.py").write_text("NAME = 'gull'\n")
    hemm.run("baseline/oracle", "./birds.py")
    assert cell().answers()["references"].to_pylist() == [["gull"]]
    assert status(["score", "results", "--task", "./birds.py", "--again"]) == 0
    assert list(rows()) == ["short-v1", "exact_match-v2"]


FETCHED = """
from hemm.core import *
from hemm.data import Hub
from hemm.parsing import ShortAnswer

def read(folder):
    yield Sample("1", fields={"question": "Which?"}, references=((folder / "bird.txt").read_text(),))

SOURCE = Hub(("me/birds",), Layout(("bird.txt",), read))
TASK = Task("birds", Card("Birds"), (SOURCE,), "{{ question }}", ShortAnswer(), ("exact_match",))
TASK = TASK.with_variant("loud", prompt="{{ question }}!")
"""


def test_a_task_object_of_a_file_is_prepared_by_its_path(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "fetched_birds.py").write_text(FETCHED)
    (here / "again.py").write_text("from fetched_birds import TASK\n")
    (here / "original").mkdir()
    (here / "original/bird.txt").write_text("owl")
    monkeypatch.syspath_prepend(str(here))
    task = importlib.import_module("again").TASK
    for given, variant in ((task, ""), (task.variants["loud"], ":loud")):
        with pytest.raises(hemm.HemmError) as told:
            hemm.run("baseline/oracle", given)
        command = str(told.value).partition("is not prepared: hemm ")[2].split()
        assert command == ["prepare", f"{here / 'fetched_birds.py'}:{variant[1:] or 'birds'}"]
        assert status([*command, "--from", "original"]) == 0
        (cell,) = hemm.run("baseline/oracle", given)
        assert cell.task == f"birds{variant}"
        assert cell.answers()["references"].to_pylist() == [["owl"]]


def test_a_task_that_only_a_program_has_is_told_to_go_into_a_file() -> None:
    space: dict[str, Any] = {"__name__": "notebook"}
    exec(FETCHED, space)
    line = "task birds is not prepared: put birds into a file as TASK: hemm prepare ./FILE.py"
    with pytest.raises(hemm.HemmError, match=line):
        hemm.run("baseline/oracle", space["TASK"])


# scored again


def test_score_finds_a_task_of_ones_own_where_it_was(
    here: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "words").mkdir()
    (here / "words/rows.jsonl").write_text('{"q": "Say owl.", "answer": "owl"}\n')
    (here / "mine.yaml").write_text("columns: {question: q}\nname: owls\n")
    file = FETCHED.replace('Hub(("me/birds",)', "Local(Path(__file__).parent / 'words'")
    file = file.replace("import Hub", "import Local\nfrom pathlib import Path").replace(
        "bird.txt", "rows.jsonl"
    )
    (here / "birds.py").write_text(file)
    assert status(["run", "baseline/oracle", "--task", "./words", "--card", "mine.yaml"]) == 0
    assert status(["run", "baseline/oracle", "--task", "./birds.py"]) == 0
    (here / "elsewhere").mkdir()
    assert status(["score", "results", "--metric", "chrf"]) == 0
    assert [list(c.aggregates()["metrics"])[-1][:4] for c in hemm.load("results")] == ["chrf", "chrf"]
    (here / "birds.py").write_text("1 / 0\n")
    assert status(["score", "results"]) == 2
    assert "birds.py, line 1: ZeroDivisionError" in capsys.readouterr().err
    (here / "birds.py").rename(here / "moved.py")
    assert status(["score", "results"]) == 2
    assert "say where it is with --task ./FILE" in capsys.readouterr().err


def test_a_task_file_among_somebody_elses_results_is_not_run(here: Path) -> None:
    (here / "birds.py").write_text(
        BIRDS.replace("{}[", "{{}}[").format(method="ceiling", metric="'accuracy'")
    )
    assert status(["run", "baseline/oracle", "--task", "./birds.py"]) == 0
    (here / "results/birds.py").write_text("open('executed', 'w')\n")
    path = cell().folder / "run.json"
    run = orjson.loads(path.read_bytes())
    del run["sha256"]
    run["origin"]["file"] = str(here / "results/birds.py")
    path.write_bytes(orjson.dumps(run))
    assert status(["score", "results", "--again"]) == 2
    hemm.load("results").profile()
    assert not Path("executed").exists()


# notebooks: code without files

NOTEBOOK = """
from hemm.core import *
from hemm.core.code_digest import of_class
from hemm.data import Generated
from hemm.parsing import ShortAnswer
import hemm
LIMIT = {limit}
def helper(text):
    return text[:LIMIT]
class Mine(BatchModel):
    spec, identity, capabilities, batch_size = "mine", Identity("mine"), Capabilities(), 4
    def __init__(self):
        self.count = 0
    def generate_batch(self, requests):
        self.count += len(requests)
        return [Response(helper("{word}")) for _ in requests]
def read(folder):
    yield Sample("1", fields={{"question": "Which?"}}, references=("{reference}",))
source = Generated(Layout((), read))
task = Task("birds", Card("Birds"), (source,), "{{{{ question }}}}", ShortAnswer(), ("exact_match",))
model = Mine()
(run,) = hemm.run(model, task).runs
print(run.asked, model.count)
"""


@pytest.mark.parametrize("how", ["ipython", "compiled"])
def test_code_without_files_is_known_by_what_it_does(how: str, here: Path) -> None:
    same = {"limit": 3, "word": "owl", "reference": "owl"}
    cells = [same, same, {**same, "limit": 2}, {**same, "word": "gull"}, same, {**same, "reference": "gull"}]
    sources = [NOTEBOOK.format(**values) for values in cells]
    (here / "cells.json").write_text(json.dumps(sources))
    program = {
        "ipython": "import asyncio\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "async def main():\n"
        "    for cell in cells:\n"
        "        plain = shell.transform_cell(cell)\n"
        "        (await shell.run_cell_async(cell, transformed_cell=plain)).raise_error()\n"
        "asyncio.run(main())\n",
        "compiled": "space = {'__name__': '__main__'}\nfor cell in cells:\n    exec(cell, space)\n",
    }[how]
    code = f"import json\ncells = json.load(open('cells.json'))\n{program}"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "IPYTHONDIR": str(here / "ipython")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    # the model changed in the third and fourth cell, only the reference in the last
    assert done.stdout.split("\n")[:6] == ["1 1", "0 0", "1 1", "1 1", "0 0", "0 0"], done.stdout
    newest = max(hemm.load("results"), key=lambda c: c.run["commands"][-1]["started"])
    assert newest.answers()["references"].to_pylist() == [["gull"]]
