"""Data sets of one name and other origins: none is ever asked, answered or scored in place of another."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fake_web import FakeHub, Web
from hemm.cli import status
from hemm.core import HemmError
from hemm.results.read import cells
from hemm.tasks import TASKS, resolve
from hemm.tasks.selection import distinct
from packs import png
from servers import ChatServer, Received

ROWS = 3


@dataclass(frozen=True)
class DataSet:
    """A user's data set called ``same``: how it is named on the command line, and its questions."""

    spec: str
    mark: str
    card: Path | None = None

    @property
    def options(self) -> list[str]:
        return [] if self.card is None else ["--card", str(self.card)]

    @property
    def questions(self) -> dict[str, str]:
        return questions(self.mark)


def questions(mark: str) -> dict[str, str]:
    """Questions and answers: ids and the first question are equal in all data sets."""
    own = {f"What is {n} of {mark}?": f"{mark}-{n}" for n in range(1, ROWS)}
    return {"What is common?": "common", **own}


def rows(mark: str, column: str = "question", **more: str) -> list[dict[str, str]]:
    asked = enumerate(questions(mark).items())
    return [{"id": str(n), column: question, "answer": answer, **more} for n, (question, answer) in asked]


def write_jsonl(path: Path, *tables: list[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for table in tables for row in table))
    return path


def write_tsv(path: Path, mark: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    table = [["index", "question", "answer"], *([r["id"], r["question"], r["answer"]] for r in rows(mark))]
    writer.writerows(table)
    path.write_text(out.getvalue())
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


TASK_FILE = """
import json
from pathlib import Path

from hemm.core import Card, Layout, Sample, Task
from hemm.data import {kind}
from hemm.parsing import ShortAnswer

ROWS = {rows!r}
PLACE = Path(__file__).parent


def read(folder):
    for row in ROWS:
        yield Sample(row["id"], (), {{"question": row["question"]}}, (row["answer"],))


TASK = Task("{name}", Card("Mine"), ({source},), "{{{{ question }}}}", ShortAnswer(), ("exact_match",))
"""


def write_task_file(path: Path, mark: str, kind: str = "Generated", name: str = "same") -> Path:
    source = "Generated(Layout((), read))" if kind == "Generated" else "Local(PLACE, Layout((), read))"
    return write(path, TASK_FILE.format(kind=kind, rows=rows(mark), source=source, name=name))


def both(*tables: list[dict[str, str]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row for table in tables for row in table]), out)
    return out.getvalue()


def hub_files(revision: str) -> dict[str, bytes]:
    """Two configs with two splits; two columns of questions and answers in each row."""
    files = {}
    for config in "ab":
        for split in ("test", "dev"):
            mark = f"{revision}{config}{split}"
            first, second = rows(mark), rows(f"{mark}other", "other")
            table = [{**two, **one, "answer2": two["answer"]} for one, two in zip(first, second, strict=True)]
            files[f"{config}/{split}-00000-of-00001.parquet"] = both(table)
    return files


@dataclass
class World:
    """A user's folder, the hub, and a server that answers every question of every data set right."""

    home: Path
    server: ChatServer
    capture: pytest.CaptureFixture[str]
    right: dict[str, str] = field(default_factory=dict)

    def asked(self) -> list[str]:
        """The questions that arrived since the last call."""
        found = [question_of(r.text) for r in self.server.requests]
        self.server.requests.clear()
        return found

    def hemm(self, *words: str) -> tuple[int, str]:
        self.capture.readouterr()
        code = status(list(words))
        return code, self.capture.readouterr().err

    def run(self, data: DataSet, out: str = "results", *more: str) -> tuple[int, str]:
        if data.spec.startswith("hub:"):
            code, said = self.hemm("prepare", data.spec, *data.options)
            assert code == 0, said
        return self.hemm("run", self.server.spec(), "--task", data.spec, *data.options, "--out", out, *more)


def question_of(text: str) -> str:
    (found,) = re.findall(r"What is [^?]*\?", text)
    return str(found)


@pytest.fixture
def world(
    cache: Path,
    tmp_path: Path,
    online: Web,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[World]:
    repos = {
        r: {"main": hub_files(f"{r[-1]}main"), "v1": hub_files(f"{r[-1]}v1")} for r in ("org/x", "org/y")
    }
    FakeHub(online, repos)
    monkeypatch.chdir(tmp_path)
    with ChatServer() as server:
        found = World(tmp_path, server, capsys)
        server.answer = lambda received: answer_of(received)
        yield found


def answer_of(received: Received) -> str:
    """Every answer can be told from its question."""
    question = question_of(received.text)
    of = re.fullmatch(r"What is (\d) of (\w+)\?", question)
    return "common" if of is None else f"{of[2]}-{of[1]}"


def hub_set(
    home: Path, repo: str, revision: str, config: str, split: str, column: str = "question"
) -> DataSet:
    mark = f"{repo}{revision}{config}{split}{'' if column == 'question' else 'other'}"
    columns = f"columns: {{question: {column}, answer: {'answer' if column == 'question' else 'answer2'}}}"
    text = f"name: same\nanswer: short_answer\nconfig: {config}\nsplit: {split}\n{columns}\n"
    card = write(home / f"cards/{mark}.yaml", text)
    return DataSet(f"hub:org/{repo}" + ("" if revision == "main" else f"@{revision}"), mark, card)


def card_set(home: Path, mark: str, text: str) -> DataSet:
    """One file with everything, of which the card chooses a part."""
    tables = [rows("s1", split="one"), rows("s2", split="two")]
    table = [
        {**row, "other": row["question"].replace(" of s", " of t"), "wrong": row["answer"].replace("s", "t")}
        for t in tables
        for row in t
    ]
    write_jsonl(home / "cards/all.jsonl", table)
    return DataSet("./cards/all.jsonl", mark, write(home / f"cards/{mark}.yaml", f"name: same\n{text}"))


def pool(home: Path) -> list[DataSet]:
    """Data sets called ``same``, no two of one origin."""
    other = "columns: {question: other, answer: wrong, id: id}"
    two_files = home / "two"
    write_jsonl(two_files / "one.jsonl", rows("file1"))
    write_jsonl(two_files / "two.jsonl", rows("file2"))
    for place in "ab":
        write_jsonl(home / place / "same/rows.jsonl", rows(f"folder{place}"))
        write_jsonl(home / place / "same.jsonl", rows(f"lines{place}"))
        write_tsv(home / place / "same.tsv", f"table{place}")
        write_task_file(home / place / "mine.py", f"drawn{place}")
        write_task_file(home / place / "local/mine.py", f"file{place}", "Local")
    return [
        *(DataSet(f"./{place}/same", f"folder{place}") for place in "ab"),
        *(DataSet(f"./{place}/same.jsonl", f"lines{place}") for place in "ab"),
        *(DataSet(f"./{place}/same.tsv", f"table{place}") for place in "ab"),
        *(DataSet(f"./{place}/mine.py", f"drawn{place}") for place in "ab"),
        *(DataSet(f"./{place}/local/mine.py", f"file{place}") for place in "ab"),
        *(
            DataSet("./two", f"file{n}", write(home / f"cards/{n}.yaml", f"name: same\nfile: {n2}.jsonl"))
            for n, n2 in (("1", "one"), ("2", "two"))
        ),
        card_set(home, "s1", "split: one"),
        card_set(home, "s2", "split: two"),
        card_set(home, "t1", f"split: one\n{other}"),
        *(
            hub_set(home, repo, revision, config, split)
            for repo in "xy"
            for revision in ("main", "v1")
            for config in "ab"
            for split in ("test", "dev")
        ),
        hub_set(home, "x", "main", "a", "test", "other"),
        hub_set(home, "x", "main", "a", "dev", "other"),
    ]


def pairs(count: int) -> list[tuple[int, int]]:
    size = 33
    every = [(a, b) for a in range(size) for b in range(size) if a != b]
    return random.Random(12).sample(every, count)


def right_cells(world: World, out: str, data: DataSet) -> None:
    """Every cell holds all answers to ``data`` and no other, and scores them all right."""
    for cell in cells(world.home / out):
        answers = cell.answers(["prompt", "references"]).to_pylist()
        asked = {question_of(row["prompt"]): row["references"] for row in answers}
        assert asked == {question: [answer] for question, answer in data.questions.items()}
        scores = cell.scores("exact_match-v2")["value"].to_pylist()
        assert scores == [1.0] * ROWS


@pytest.mark.parametrize("pair", pairs(50), ids=str)
def test_no_data_set_answers_for_another(pair: tuple[int, int], world: World) -> None:
    sets = pool(world.home)
    assert len(sets) == 33
    first, second = (sets[n] for n in pair)
    code, said = world.run(first)
    assert code == 0, said
    assert sorted(world.asked()) == sorted(first.questions)
    right_cells(world, "results", first)
    files = {p: p.read_bytes() for p in (world.home / "results").rglob("*") if p.is_file()}

    code, said = world.run(second)
    assert code == 2
    assert world.asked() == []
    (line,) = said.strip().splitlines()
    assert "holds answers of task 'same'" in line
    assert "name: in its card" in line
    assert {p: p.read_bytes() for p in (world.home / "results").rglob("*") if p.is_file()} == files

    code, said = world.run(second, "others")
    assert code == 0, said
    assert sorted(world.asked()) == sorted(second.questions)
    right_cells(world, "others", second)

    for data, out in ((first, "results"), (second, "others")):
        code, said = world.run(data, out)
        assert code == 0, said
        assert world.asked() == []
        right_cells(world, out, data)


def test_one_command_takes_one_data_set_of_a_name(world: World) -> None:
    one, other = DataSet("./a/same.jsonl", "linesa"), DataSet("./b/same.jsonl", "linesb")
    pool(world.home)
    for command in (["run", world.server.spec()], ["prepare"]):
        flag = ["--task"] if command[0] == "run" else []
        code, said = world.hemm(*command, *flag, one.spec, *flag, other.spec)
        assert code == 2
        (line,) = said.strip().splitlines()
        assert re.search(r"two tasks are called 'same', .*a/same.jsonl and .*b/same.jsonl", line)
    assert world.asked() == []
    code, said = world.hemm("run", world.server.spec(), "--task", one.spec, "--task", one.spec)
    assert code == 0, said
    assert sorted(world.asked()) == sorted(one.questions)


def test_names_that_fold_to_one_folder(world: World) -> None:
    slash = DataSet(str(write_task_file(world.home / "1.py", "slash", name="a/b")), "slash")
    dash = DataSet(str(write_task_file(world.home / "2.py", "dash", name="a-b")), "dash")
    code, said = world.hemm("run", world.server.spec(), "--task", slash.spec, "--task", dash.spec)
    assert code == 2
    assert "the tasks 'a/b' and 'a-b' would share a folder" in said
    assert world.run(slash)[0] == 0
    assert sorted(world.asked()) == sorted(slash.questions)
    code, said = world.run(dash)
    assert code == 2
    assert "holds answers of task 'a/b'" in said
    assert world.run(dash, "others")[0] == 0
    assert sorted(world.asked()) == sorted(dash.questions)
    with pytest.raises(HemmError, match="would share a folder"):
        distinct([resolve(slash.spec), resolve(dash.spec)])


def test_the_same_name_asked_in_another_way_is_refused_too(world: World) -> None:
    """Else a comparison, which goes by names, would be over both."""
    pool(world.home)
    assert world.run(DataSet("./a/same.jsonl", "linesa"))[0] == 0
    world.asked()
    other = DataSet("./b/same.jsonl", "linesb")
    for more in (["--control", "none"], ["--dry-run"]):
        code, said = world.run(other, "results", *more)
        assert code == 2
        assert "holds answers of task 'same'" in said
    code, said = world.hemm("run", "baseline/oracle", "--task", other.spec)
    assert code == 2
    assert world.asked() == []


def test_results_of_two_data_sets_that_were_copied_together_are_not_averaged(world: World) -> None:
    pool(world.home)
    assert world.run(DataSet("./a/same.jsonl", "linesa"), "one")[0] == 0
    assert world.run(DataSet("./b/same.jsonl", "linesb"), "two")[0] == 0
    for out in ("one", "two"):
        shutil.copytree(world.home / out, world.home / "both" / out)
        assert world.hemm("profile", str(world.home / out))[0] == 0
    says = r"task 'same' is two data sets in these results: .*a/same.jsonl .*b/same.jsonl"
    for command in ("profile", "compare"):
        code, said = world.hemm(command, str(world.home / "both"))
        assert code == 2
        (line,) = said.strip().splitlines()
        assert re.search(says, line)
    assert world.hemm("report", str(world.home / "both"))[0] == 0
    page = html.unescape((world.home / "both/report.html").read_text())
    assert re.search(says, page)
    assert "95 % interval" not in page, "no score is shown"


def test_a_moved_folder_goes_on(world: World) -> None:
    data = DataSet("./old/same", "moved")
    write_jsonl(world.home / "old/same/rows.jsonl", rows("moved"))
    assert world.hemm("run", "baseline/random", "--task", data.spec)[0] == 0
    write_jsonl(world.home / "old/same/rows.jsonl", rows("moved")[:2])
    assert world.hemm("run", "baseline/oracle", "--task", data.spec)[0] == 0
    write_jsonl(world.home / "old/same/rows.jsonl", rows("moved"))
    assert world.run(data)[0] == 0
    world.asked()
    shutil.move(world.home / "old", world.home / "new")
    moved = DataSet("./new/same", "moved")
    baselines = ["run", "baseline/random", "baseline/oracle", "--task", "./new/same"]
    code, said = world.hemm(*baselines, "--dry-run")
    assert code == 0, said
    code, said = world.run(moved)
    assert code == 0, said
    assert world.asked() == []
    more = [*rows("moved"), {"id": "3", "question": "What is 3 of moved?", "answer": "moved-3"}]
    write_jsonl(world.home / "new/same/rows.jsonl", more)
    code, said = world.run(moved)
    assert code == 0, said
    assert world.asked() == ["What is 3 of moved?"]
    assert world.hemm(*baselines)[0] == 0  # cells that were not asked since know that the folder was moved


def test_what_is_no_part_of_an_origin(world: World) -> None:
    """Rows, prompt, labels and metrics of a card, and the reader of a task file, may change."""
    path = write_jsonl(world.home / "mine/rows.jsonl", rows("one"))
    card = world.home / "mine/card.yaml"
    before = resolve("./mine").origin
    write_jsonl(path, rows("two"))
    write(
        card, "prompt: '{{ question }} Say.'\nlabels: {use_case: science}\nmetrics: [token_f1]\ntitle: New\n"
    )
    assert resolve("./mine").origin == before == resolve("mine/rows.jsonl").origin
    write(card, "columns: {answer: id}")
    assert resolve("./mine").origin != before
    file = write_task_file(world.home / "mine.py", "one")
    before = resolve("./mine.py").origin
    write(file, file.read_text().replace("for row in ROWS", "for row in ROWS[:2]").replace("Mine", "Yours"))
    assert resolve("./mine.py").origin == before
    assert resolve("hub:a/b").origin == resolve("hub:a/b@main").origin != resolve("hub:a/b@v1").origin
    assert not resolve("vqa_rad").origin
    assert not resolve("nlvr:hemm").origin
    json.dumps(dict(before))


def test_a_variant_of_a_task_file_has_an_origin_of_its_own(world: World) -> None:
    file = write_task_file(world.home / "mine.py", "whole")
    more = "TASK = TASK.with_variant('half', sources=(Generated(Layout((), lambda f: list(read(f))[:1])),))\n"
    write(file, file.read_text() + more)
    whole, half = resolve("./mine.py"), resolve("./mine.py:half")
    assert (whole.name, half.name) == ("same", "same:half")
    assert whole.origin != half.origin == whole.variants["half"].origin
    code, said = world.hemm("run", world.server.spec(), "--task", "./mine.py", "--task", "./mine.py:half")
    assert code == 0, said
    assert sorted(world.asked()) == sorted([*questions("whole"), "What is common?"])


def named(name: str) -> Mapping[str, Callable[[Path], str]]:
    """A data set of each kind that wants to be called ``name``."""
    card = f"name: {name}\n"
    return {
        "task file": lambda home: str(write_task_file(home / "t/mine.py", "m", name=name)),
        "card": lambda home: str(
            write_jsonl(write(home / "c/card.yaml", card).with_name("r.jsonl"), rows("m"))
        ),
        "table": lambda home: str(write_tsv(write(home / "v/x.card.yaml", card).with_name("x.tsv"), "m")),
    }


@pytest.mark.parametrize("name", ["vqa_rad", "VQA_RAD", "Probe_Shapes", "gqa"])
@pytest.mark.parametrize("kind", named(""))
def test_nobody_takes_the_name_of_one_of_hemm_s_own(kind: str, name: str, world: World) -> None:
    spec = named(name)[kind](world.home)
    code, said = world.hemm("run", world.server.spec(), "--task", spec)
    assert code == 2
    (line,) = said.strip().splitlines()
    assert f"the name {name!r} is a task of hemm" in line
    assert "give another" in line
    assert world.asked() == []
    if kind == "task file":
        spec = str(write_task_file(world.home / "v.py", "m", name=f"{name}:mine"))
        assert "is a task of hemm" in world.hemm("prepare", spec)[1]


@pytest.fixture
def installed(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Installs a package whose task is listed as one name and calls itself by another."""

    def install(entry: str, name: str) -> None:
        write_task_file(world.home / f"package_{name.casefold()}.py", "plug", name=name)
        monkeypatch.syspath_prepend(str(world.home))
        plugin = EntryPoint(entry, f"package_{name.casefold()}:TASK", "hemm.tasks")
        monkeypatch.setattr(TASKS, "_plugins", {**(TASKS._plugins or {}), entry: plugin})

    return install


def test_names_of_installed_packages(world: World, installed: Callable[[str, str], None]) -> None:
    installed("birds", "birds")
    assert world.hemm("run", world.server.spec(), "--task", "birds")[0] == 0
    assert sorted(world.asked()) == sorted(questions("plug"))
    assert (Path(os.environ["HEMM_CACHE"]) / "packs/birds/current.json").is_file()
    for name in ("birds", "Birds"):
        code, said = world.hemm("prepare", str(write_task_file(world.home / "mine.py", "m", name=name)))
        assert code == 2
        assert f"the name {name!r} is a task of an installed package" in said
    for entry, name in (("mine", "vqa_rad"), ("more", "birds"), ("GQA", "GQA")):
        installed(entry, name)
        with pytest.raises(HemmError, match="takes the name of task"):
            resolve(entry)
    installed("first", "shared")
    installed("second", "shared")
    assert resolve("first").origin != resolve("second").origin
    with pytest.raises(HemmError, match="two tasks are called 'shared'"):
        distinct([resolve("first"), resolve("second")])


def test_scores_are_made_by_the_task_that_was_asked(world: World) -> None:
    pool(world.home)
    assert world.run(DataSet("./a/mine.py", "drawna"))[0] == 0
    for results in (world.home / "results").rglob("aggregates.json"):
        results.unlink()
    code, said = world.hemm("score", "results", "--task", "./b/mine.py")
    assert code == 2
    (line,) = said.strip().splitlines()
    assert "holds answers of task 'same'" in line
    assert "a/mine.py" in line
    assert "b/mine.py" in line
    assert world.hemm("score", "results", "--task", "./a/mine.py")[0] == 0
    right_cells(world, "results", DataSet("./a/mine.py", "drawna"))
    shutil.move(world.home / "a", world.home / "c")
    assert world.hemm("score", "results", "--again", "--task", "./c/mine.py")[0] == 0
    code, said = world.hemm("score", "results", "--task", "./a/mine.py", "--task", "./b/mine.py")
    assert code == 2


def test_a_report_shows_the_pictures_that_were_answered(world: World) -> None:
    """Equal ids and questions, other pictures; the first data set is prepared again last, then not at all."""
    for n, place in enumerate("ab"):
        write(world.home / place / "same/x", "")
        (world.home / place / "same/p.png").write_bytes(png(n))
        asked = {"id": "1", "image": "p.png", "question": "What is common?", "answer": "common"}
        write_jsonl(world.home / place / "same/rows.jsonl", [asked])
        assert world.run(DataSet(f"./{place}/same", ""), f"results-{place}")[0] == 0
    from base64 import b64encode

    shown = [b64encode(png(n)).decode() for n in (0, 1)]
    for place, own, other in (("a", *shown), ("b", *reversed(shown))):
        code, said = world.hemm("report", f"results-{place}", "--output", f"{place}.html")
        assert code == 0, said
        page = (world.home / f"{place}.html").read_text()
        assert own in page
        assert other not in page
    packs = Path(os.environ["HEMM_CACHE"]) / "packs"
    for folder in packs.glob("same-*"):
        if "/a/same/" in (folder / "current.json").read_text():
            shutil.rmtree(folder)
    assert world.hemm("report", "results-a", "--output", "a.html")[0] == 0
    page = (world.home / "a.html").read_text()
    assert shown[0] not in page
    assert shown[1] not in page
    assert "a/same/rows.jsonl brings them back" in page


def test_a_card_that_reads_hub_rows_in_another_way_is_prepared_anew(world: World) -> None:
    data = hub_set(world.home, "x", "main", "a", "test")
    assert world.run(data)[0] == 0
    world.asked()
    assert data.card is not None
    write(
        data.card,
        data.card.read_text().replace("answer: short_answer", "answer: {format: one_of, labels: [x]}"),
    )
    code, said = world.hemm("run", world.server.spec(), "--task", data.spec, *data.options)
    assert code == 2
    assert (
        "is not prepared as its card, or none, reads the rows now; give the card that it was prepared "
        f"with, or hemm prepare hub:org/x --card {data.card}\n"
    ) in said
    assert world.asked() == []
