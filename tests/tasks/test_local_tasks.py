"""Data of the user's own: folders, JSON lines, TSV tables, Python files, hub data sets with a card."""

from __future__ import annotations

import base64
import csv
import io
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hemm.core import BadData, HemmError, LeftOut, Message, Response, Sample, Task
from hemm.data.pack.prepare import ensure, prepare
from hemm.data.pack.reader import Pack
from hemm.data.readers.rows import csv_rows, jsonl_rows
from hemm.parsing.outcome import judge
from hemm.tasks import resolve
from hemm.tasks.prompt import render
from packs import png
from pages import run_page


def folder(path: Path, rows: Sequence[Mapping[str, Any] | str], card: str = "", pictures: int = 3) -> Path:
    """A task folder: rows.jsonl, p0.png ... and a card."""
    path.mkdir(parents=True, exist_ok=True)
    for i in range(pictures):
        (path / f"p{i}.png").write_bytes(png(i))
    lines = [r if isinstance(r, str) else json.dumps(r) for r in rows]
    (path / "rows.jsonl").write_text("\n".join(lines))
    if card:
        (path / "card.yaml").write_text(textwrap.dedent(card))
    return path


def tsv(path: Path, rows: Sequence[Mapping[str, str]], card: str = "") -> Path:
    """A table as VLMEvalKit writes it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter="\t", lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue())
    if card:
        path.with_name(f"{path.stem}.card.yaml").write_text(textwrap.dedent(card))
    return path


def b64(seed: int) -> str:
    return base64.b64encode(png(seed)).decode()


def samples(task: Task, split: str = "test") -> dict[str, Sample]:
    return {s.id: s for s in ensure(task).samples(split=split)}


def text(message: Message) -> str:
    return "".join(p if isinstance(p, str) else "<picture>\n" for p in message.parts)


# --- folders


def test_a_folder_with_json_lines(cache: Path, tmp_path: Path) -> None:
    rows = [
        {"id": "a", "image": "p0.png", "question": "What?", "answer": "kite", "colour": "red", "n": 3},
        {"id": 7, "images": ["p1.png", "p2.png"], "question": "Same?", "answers": ["no", "not"]},
        {"id": "t", "question": "Text only?", "answer": True, "labels": {"reasoning": "more"}},
        {"id": "s", "image": "p0.png", "question": "Shot", "answer": "x", "split": "train"},
        {"id": "o", "image": "p0.png", "question": "Open end"},
    ]
    card = "metrics: [exact_match, clipscore]\ncolumns: {labels: labels, split: split}"
    task = resolve(str(folder(tmp_path / "mine", rows, card)))
    assert task.name == "mine"
    got = samples(task)
    assert set(got) == {"a", "7", "t", "o"}
    assert set(samples(task, "shots")) == {"s"}
    assert got["a"].fields == {"question": "What?", "colour": "red", "n": "3"}
    assert got["a"].metadata == {"colour": "red", "n": 3}
    assert got["a"].references == ("kite",)
    assert got["a"].cluster == got["o"].cluster == "p0.png"
    assert [m.data for m in got["7"].media] == [png(1), png(2)]
    assert got["7"].references == ("no", "not")
    assert got["t"].references == ("yes",)
    assert got["t"].labels == {"reasoning": "more"}
    assert got["o"].references == ()
    assert text(render(task, got["a"])[0]) == "<picture>\nWhat?\nReply with a word or a short phrase."


def test_choices_by_text_letter_and_position(cache: Path, tmp_path: Path) -> None:
    rows = [
        {"id": str(n), "image": "p0.png", "question": "?", "choices": ["kite", "ball", "C"], "answer": a}
        for n, a in enumerate(["ball", "B", 1, "C", "A"])
    ]
    task = resolve(str(folder(tmp_path / "mine", rows)))
    got = samples(task)
    assert [got[str(n)].references for n in range(5)] == [("ball",), ("ball",), ("ball",), ("C",), ("kite",)]
    assert task.metrics == ("accuracy",)
    shown = text(render(task, got["0"])[0])
    assert "A. kite\nB. ball\nC. C" in shown
    assert judge(got["0"], 0, Response(text="B"), task.answer).value == "ball"


def test_rows_without_an_id_get_one_by_content(cache: Path, tmp_path: Path) -> None:
    rows = [{"image": "p0.png"}, {"image": "p1.png"}, {}]
    rows = [{**row, "question": "1", "answer": "x"} for row in rows]
    one = set(samples(resolve(str(folder(tmp_path / "a", rows)))))
    assert one == set(samples(resolve(str(folder(tmp_path / "b", rows[::-1])))))
    assert len(one) == 3
    equal = samples(resolve(str(folder(tmp_path / "c", [rows[0], rows[0]]))))
    assert sorted(equal, key=len)[1] == f"{min(equal, key=len)}-2"


def test_a_missing_or_broken_picture_does_not_stop_a_row_without_id(cache: Path, tmp_path: Path) -> None:
    rows = [{"image": f"p{i}.png", "question": "1", "answer": "x"} for i in range(3)]
    path = folder(tmp_path / "a", rows)
    (path / "p0.png").unlink()
    (path / "p1.png").write_bytes(b"broken")
    pack = ensure(resolve(str(path)))
    assert pack.info["missing"] == {"count": 1, "names": ["p0.png"]}
    assert sorted(bool(s.problem) for s in pack.samples()) == [False, True]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "line 2: no valid JSON"),
        ("3", "line 2: a JSON object is expected, not a number"),
        ({"question": ["x"]}, "line 2: field 'question' is no text"),
        ({"question": "x", "image": 3}, "line 2: field 'image' is no path"),
        (
            {"question": "x", "image": "s3://a.b/c.png"},
            "line 2: field .image. is an address that hemm does not",
        ),
        ({"question": "x", "image": "../p0.png"}, "line 2: field 'image': '../p0.png' lies outside"),
        ({"question": "x", "image": "/etc/hostname"}, "line 2: field 'image': '/etc/hostname' lies outside"),
        ({"question": "x", "choices": "a,b"}, "line 2: field 'choices' is no list of texts"),
        (
            {"question": "x", "choices": ["a", "b"], "answer": "z"},
            "line 2: field 'answer' is 'z', which is none",
        ),
        ({"question": "x", "answer": {"a": 1}}, "line 2: field 'answer' is no text"),
        ({"question": "x", "labels": ["a"]}, "line 2: field 'labels' is no object"),
        ({"question": "x", "labels": {"reasonin": "more"}}, "line 2.*did you mean 'reasoning'"),
        ({"question": "x", "labels": {"reasoning": 2}}, "line 2.*category of reasoning in the row '2'"),
        ({"question": "x", "labels": {"reasoning": ["more"]}}, "line 2.*category of reasoning in the row"),
    ],
)
def test_a_broken_line_names_file_line_and_field(
    cache: Path, tmp_path: Path, row: dict[str, Any] | str, message: str
) -> None:
    card = "columns: {labels: labels}" if isinstance(row, dict) and "labels" in row else ""
    first = {"question": "fine", "answer": "x", **({"labels": {}} if card else {})}
    path = folder(tmp_path / "mine", [first, row], card)
    with pytest.raises(HemmError, match=message) as error:
        ensure(resolve(str(path)))
    assert "rows.jsonl" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_empty_label_is_none(cache: Path, tmp_path: Path) -> None:
    values = (None, float("nan"), "more")
    rows = [{"question": f"{n}", "answer": "x", "labels": {"reasoning": v}} for n, v in enumerate(values)]
    path = folder(tmp_path / "mine", rows, "columns: {labels: labels}")
    pack = ensure(resolve(str(path)))
    assert [dict(s.labels) for s in pack.samples()] == [{}, {}, {"reasoning": "more"}]


def test_the_folder_itself(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(HemmError, match=r"no table of rows here \(.jsonl, .*\); a folder of pictures has"):
        resolve(str(tmp_path / "empty"))
    with pytest.raises(HemmError, match="there is no such file or folder"):
        resolve(str(tmp_path / "gone"))
    path = folder(tmp_path / "two", [{"question": "a", "answer": "x"}])
    (path / "other.jsonl").write_text('{"question": "b", "id": "b", "answer": "x"}')
    with pytest.raises(HemmError, match=r"several .jsonl files \(other.jsonl, rows.jsonl\): name one"):
        resolve(str(path))
    (path / "card.yaml").write_text("file: other.jsonl\nname: chosen")
    assert set(samples(resolve(str(path)))) == {"b"}
    assert resolve(str(path)).name == "chosen"
    assert set(samples(resolve(str(path / "other.jsonl")))) == {"b"}
    folder(tmp_path / "nlvr", [{"question": "a"}])
    with pytest.raises(HemmError, match="the name 'nlvr' is a task of hemm"):
        resolve(str(tmp_path / "nlvr"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HemmError, match=r"for the file or folder of this name write ./two"):
        resolve("two")
    assert resolve("./two").name == "chosen"


def test_changed_files_make_a_new_pack(cache: Path, tmp_path: Path) -> None:
    path = folder(tmp_path / "mine", [{"id": "a", "image": "p0.png", "question": "1", "answer": "x"}])
    first = ensure(resolve(str(path)))
    assert ensure(resolve(str(path))).path == first.path
    (path / "p0.png").write_bytes(png(9))
    assert ensure(resolve(str(path))).hash != first.hash


# --- cards


def test_a_card_says_what_the_data_does_not(cache: Path, tmp_path: Path) -> None:
    card = """
        name: kinds
        title: Kinds of land
        licence: CC0-1.0
        prompt: "{{ image }}Which? {{ instruction }}"
        system: Be brief.
        answer:
          format: one_of
          labels: {denseresidential: dense residential, river: river}
        metrics: [accuracy]
        max_new_tokens: 8
        labels: {use_case: science, fine_grained: no, reasoning: less}
        columns: {id: key, image: file, answer: kind}
        split: val
        shots: dev
    """
    rows = [
        {"key": "1", "file": "p0.png", "kind": "denseresidential", "split": "val"},
        {"key": "2", "file": "p1.png", "kind": "river", "split": "dev"},
        {"key": "3", "file": "p1.png", "kind": "river", "split": "train"},
    ]
    task = resolve(str(folder(tmp_path / "mine", rows, card)))
    assert (task.name, task.card.title, task.system, task.max_new_tokens) == (
        "kinds",
        "Kinds of land",
        "Be brief.",
        8,
    )
    assert task.card.labels == {"use_case": "science", "fine_grained": "no", "reasoning": "less"}
    got = samples(task)
    assert set(got) == {"1"}
    assert set(samples(task, "shots")) == {"2"}
    assert got["1"].references == ("denseresidential",)
    assert got["1"].choices == ("dense residential", "river")
    for label, shown in (("denseresidential", "dense residential"), ("river", "river")):
        assert judge(got["1"], 0, Response(text=shown), task.answer).value == label
    assert "dense residential, river" in text(render(task, got["1"])[1])


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("promt: x", "unknown key in .*card.yaml 'promt'; did you mean 'prompt'"),
        ("answer: yesno", "unknown answer format in .*'yesno'; did you mean 'yes_no'"),
        ("answer: {format: yes_no, lettered: true}", "answer format yes_no takes no 'lettered'"),
        ("answer: {format: yes_no, words: [a]}", "words is .'a'.; give a list of two"),
        ("answer: {formt: yes_no}", "did you mean 'format'"),
        ("answer: {format: one_of, lettered: maybe}", "lettered is 'maybe'"),
        ("labels: {reasoning: mor}", "did you mean 'more'"),
        ("labels: [a]", "labels is .'a'.; give keys with values"),
        ("max_new_tokens: many", "max_new_tokens is 'many'"),
        ("max_new_tokens: 0", "max_new_tokens is '0'; give a whole number from 1 on"),
        (f"max_new_tokens: {'9' * 5000}", "give a whole number from 1 on"),
        ("answer: {format: one_of, labels: {a: [b]}}", "give keys with values or a list, each a text"),
        ("answer: [yes_no]", "answer is .'yes_no'.; give a text or keys with values"),
        ("prompt: a\nprompt: b", "line 2: no valid YAML: the key 'prompt' stands twice"),
        ("name: [a, b]", "name is .'a', 'b'.; give a text"),
        ("name: a:b", "is no name for a task"),
        ("columns: {question: [a, b]}", "columns: question is made of one column, not 2"),
        ("- a", "give 'key: value' lines"),
        ("a: [", "card.yaml, line 1: no valid YAML"),
        ("file: none.jsonl", "there is no file none.jsonl"),
        ("columns: {question: q}", "rows.jsonl: there is no column 'q' .for question.; there are id"),
    ],
)
def test_a_wrong_card_is_one_clear_line(cache: Path, tmp_path: Path, card: str, message: str) -> None:
    path = folder(tmp_path / "mine", [{"id": "a", "question": "b"}], card)
    with pytest.raises(HemmError, match=message) as error:
        ensure(resolve(str(path)))
    assert "\n" not in str(error.value)


def test_words_of_a_card_stay_words(cache: Path, tmp_path: Path) -> None:
    card = "answer: {format: yes_no, words: [yes, no]}\nlabels: {fine_grained: yes}"
    task = resolve(str(folder(tmp_path / "mine", [{"id": "a", "question": "b", "answer": "no"}], card)))
    assert task.card.labels == {"fine_grained": "yes"}
    assert judge(samples(task)["a"], 0, Response(text="No."), task.answer).value == "no"


# --- TSV


def test_multiple_choice_as_in_mmbench(cache: Path, tmp_path: Path) -> None:
    first = {
        "index": "241",
        "hint": "Look.",
        "question": "Which?",
        "A": "kite",
        "B": "ball",
        "C": "",
        "D": "cup",
    }
    rows = [
        {
            **first,
            "answer": "D",
            "category": "object",
            "l2-category": "coarse",
            "image": b64(0),
            "split": "dev",
        },
        {"index": "1000241", "question": "Again?", "A": "x", "B": "y", "answer": "A", "image": "241"},
        {
            "index": "5",
            "question": 'With\nlines\tand "quotes"',
            "A": "x",
            "B": "y",
            "answer": "y",
            "image": b64(1),
        },
        {"index": "6", "question": "No answer", "A": "x", "B": "y", "answer": "", "image": b64(1)},
    ]
    task = resolve(str(tsv(tmp_path / "MMBench_DEV_EN.tsv", rows)))
    assert task.name == "MMBench_DEV_EN"
    got = samples(task)
    assert got["241"].choices == ("kite", "ball", "cup")
    assert got["241"].references == ("cup",)
    assert got["241"].stratum == "object"
    assert got["241"].metadata == {
        "hint": "Look.",
        "category": "object",
        "l2-category": "coarse",
        "split": "dev",
    }
    assert got["241"].fields["l2_category"] == "coarse"
    assert got["1000241"].media[0].data == png(0)
    assert got["1000241"].cluster == got["241"].cluster
    assert got["5"].fields["question"] == 'With\nlines\tand "quotes"'
    assert got["5"].references == ("y",)
    assert "6" not in got, "it has no right answer"
    shown = text(render(task, got["241"])[0])
    assert shown.startswith("<picture>\nLook.\nWhich?\nA. kite\nB. ball\nC. cup\n")
    assert judge(got["241"], 0, Response(text="C"), task.answer).value == "cup"


def test_open_questions_as_in_chartqa_and_yes_no_as_in_pope(cache: Path, tmp_path: Path) -> None:
    chart = [{"index": "0", "question": "How many?", "answer": "['14', '14.0']", "image": b64(0)}]
    got = samples(resolve(str(tsv(tmp_path / "ChartQA_TEST.tsv", chart))))
    assert got["0"].references == ("14", "14.0")
    pope = [
        {"index": "0", "question": "Is there a cat?", "answer": "Yes", "image": b64(0), "category": "random"}
    ]
    card = "answer: yes_no\nlabels: {use_case: multimedia, interaction: redundancy}"
    with pytest.raises(HemmError, match=r"the name 'POPE' is a task of hemm \(pope\): .* in POPE.card.yaml;"):
        resolve(str(tsv(tmp_path / "POPE.tsv", pope, card)))
    task = resolve(str(tsv(tmp_path / "POPE.tsv", pope, f"name: my_pope\n{card}")))
    assert task.name == "my_pope"
    assert task.metrics == ("accuracy",)
    assert task.card.labels["interaction"] == "redundancy"


def test_a_table_with_the_name_of_a_task_of_hemm(cache: Path, tmp_path: Path) -> None:
    """What the refusal says to do gives the table a name of its own, or is the way to hemm's task."""
    rows = [{"index": "1", "question": "Which?", "A": "kite", "B": "ball", "answer": "B", "image": b64(0)}]
    file = tsv(tmp_path / "MMBench.tsv", rows)
    with pytest.raises(HemmError) as refused:
        resolve(str(file))
    assert str(refused.value) == (
        f"{file}: the name 'MMBench' is a task of hemm (mmbench): give another with 'name:' in "
        "MMBench.card.yaml beside it; 'hemm tasks mmbench' says how to get hemm's, and "
        "'hemm prepare mmbench:v11 --from FOLDER' reads MMBench_DEV_EN_V11.tsv"
    )
    (tmp_path / "MMBench.card.yaml").write_text("name: my_mmbench\n")
    assert samples(resolve(str(file)))["1"].references == ("ball",)
    assert resolve(str(file)).name == "my_mmbench"


def test_several_pictures_and_pictures_in_files(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x.png").write_bytes(png(5))
    rows = [
        {"index": "0", "question": "Two", "image": str([b64(0), b64(1)]), "image_path": "", "answer": "a"},
        {"index": "1", "question": "Same two", "image": "0", "image_path": "", "answer": "a"},
        {"index": "2", "question": "A file", "image": "", "image_path": "x.png", "answer": "a"},
        {
            "index": "3",
            "question": "Files",
            "image": "",
            "image_path": "['x.png', 'gone.png']",
            "answer": "a",
        },
    ]
    pack = ensure(resolve(str(tsv(tmp_path / "Multi.tsv", rows))))
    got = {s.id: [m.data for m in s.media] for s in pack.samples()}
    assert got == {"0": [png(0), png(1)], "1": [png(0), png(1)], "2": [png(5)]}
    assert pack.info["missing"] == {"count": 1, "names": ["gone.png"]}
    assert pack.info["media"]["count"] == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("index\tanswer\n1\ta\n", "no column is read as a question or a picture; there are index, answer"),
        ("index\tquestion\timage\n1\tq\t" + "?" * 80 + "\n", "line 2: field 'image' is no valid base64"),
        (
            "index\tquestion\timage\n1\tq\t99\n",
            "line 2: field 'image' points to row '99', which has no picture",
        ),
        (
            "question\tA\tB\tanswer\nq\ta\tb\tE\n",
            "line 2: field 'answer' is 'E', which is none of the 2 choices",
        ),
        ("question\tanswer\nq\ta\tb\n", "line 2: 3 cells where the header has 2"),
        ("question\tanswer\n\tx\n", "t.tsv: no row has a question or a picture"),
        ("", "is empty"),
    ],
)
def test_a_broken_table_names_line_and_field(cache: Path, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "t.tsv").write_text(content)
    with pytest.raises(BadData, match=message) as error:
        ensure(resolve(str(tmp_path / "t.tsv")))
    assert "t.tsv" in str(error.value)
    assert "\n" not in str(error.value)


# --- Python files

PYTHON = """
    from pathlib import Path
    from hemm.core import Card, Layout, Media, Sample, Task
    from hemm.data.sources.kinds import Local
    from hemm.parsing.formats import ShortAnswer

    HERE = Path(__file__).parent

    def read(folder):
        for file in sorted(folder.glob("*.png")):
            yield Sample(file.stem, (Media.at(file),), {"question": "What?"}, ("x",))

    def make(name):
        source = Local(HERE, Layout((), read))
        return Task(name, Card("Mine"), (source,), "{{ question }}", ShortAnswer(), ("exact_match",))

"""


def python(path: Path, more: str) -> Path:
    path.write_text(textwrap.dedent(PYTHON) + textwrap.dedent(more))
    return path


def test_a_python_file(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(png(0))
    task = resolve(str(python(tmp_path / "one.py", 'TASK = make("one")')))
    assert list(samples(task)) == ["p"]
    several = python(tmp_path / "two.py", 'TASKS = [make("a"), make("b")]')
    assert resolve(f"{several}:b").name == "b"
    with pytest.raises(HemmError, match=r"has several tasks: write .*two.py:NAME with one of a, b"):
        resolve(str(several))
    with pytest.raises(HemmError, match=r"unknown task in .*'c'"):
        resolve(f"{several}:c")


def test_what_a_neighbour_calls_tasks_is_not_what_the_file_defines(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(png(0))
    python(tmp_path / "base.py", 'TASKS = [make("a"), make("b")]\nTASK = make("base")')
    (tmp_path / "names.py").write_text("TASKS = ('detect', 'count')\n")
    mine = python(tmp_path / "mine.py", 'from names import TASKS\nTASK = make("mine")')
    assert resolve(str(mine)).name == "mine"
    mine = python(tmp_path / "other.py", 'from base import TASKS, make\nTASK: object = make("other")')
    assert resolve(str(mine)).name == "other"
    both = python(tmp_path / "both.py", 'from base import TASK\nif True:\n    TASKS = [TASK, make("more")]')
    assert resolve(f"{both}:more").name == "more"
    more = python(tmp_path / "more.py", 'from base import TASKS\nTASKS += [make("c")]')
    assert resolve(f"{more}:c").name == "c"
    (tmp_path / "only.py").write_text("from base import TASK\n")
    assert resolve(str(tmp_path / "only.py")).name == "base"


def test_an_edited_reader_makes_a_new_pack(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "p.png").write_bytes(png(0))
    file = python(tmp_path / "one.py", 'HERE = HERE / "data"\nTASK = make("one")')
    first: Pack = prepare(resolve(str(file)))
    file.write_text(file.read_text().replace("What?", "Which?"))
    assert prepare(resolve(str(file))).hash != first.hash


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("x = 1", "a task file defines TASK"),
        ("TASK = 3", "a task file defines TASK"),
        ("import nothing_there", r"bad.py, line \d+: ModuleNotFoundError: No module named 'nothing_there'"),
        ("def broken(:", r"bad.py, line \d+: SyntaxError"),
        ("TASK = make()", r"bad.py, line \d+: TypeError"),
    ],
)
def test_a_wrong_python_file_is_one_line(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(HemmError, match=message) as error:
        resolve(str(python(tmp_path / "bad.py", more)))
    assert "\n" not in str(error.value)
    with pytest.raises(HemmError, match="there is no such file"):
        resolve(str(tmp_path / "none.py"))


# --- the hub


def test_pictures_and_choices_of_several_columns(cache: Path, tmp_path: Path) -> None:
    card = "columns: {images: [left, right], choices: [a1, a2, a3], answer: gold}"
    row = {"id": "1", "left": "p0.png", "right": "p1.png", "question": "?", "a1": "x", "a2": "y", "a3": None}
    rows = [{**row, "gold": 1}, {**row, "id": "2", "right": "", "gold": "x"}]
    got = samples(resolve(str(folder(tmp_path / "mine", rows, card))))
    assert [len(got[n].media) for n in "12"] == [2, 1]
    assert got["1"].choices == ("x", "y")
    assert [got[n].references for n in "12"] == [("y",), ("x",)]
    assert "left" not in got["1"].fields


def test_a_hub_data_set_with_a_card(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(
        "name: mapped\nanswer: one_of\nsplit: validation\nshots: dev\n"
        "columns: {id: qid, image: picture, question: query, choices: options, answer: gold, split: }\n"
        "labels: {use_case: science}\n"
    )
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    (tmp_path / "set/data").mkdir(parents=True)
    for split, count in (("validation", 4), ("dev", 2), ("train", 3)):
        table = pa.table(
            {
                "qid": [f"{split}{n}" for n in range(count)],
                "picture": pa.array([{"bytes": png(n), "path": None} for n in range(count)], picture),
                "query": ["Which?"] * count,
                "options": ["['a', 'b']"] * count,
                "gold": ["B"] * count,
                "split": [["odd"]] * count,
                "subject": ["Art"] * count,
            }
        )
        pq.write_table(table, tmp_path / f"set/data/{split}-00000-of-00001.parquet")
    task = resolve("hub:some/set@v1", tmp_path / "card.yaml")
    assert task.name == "mapped"
    pack = prepare(task, folder=tmp_path / "set")
    got = {s.id: s for s in pack.samples()}
    assert set(got) == {f"validation{n}" for n in range(4)}
    assert pack.rows("shots") == 2
    assert got["validation0"].references == ("b",)
    assert got["validation0"].metadata == {"subject": "Art"}
    assert got["validation0"].cluster != got["validation1"].cluster
    with pytest.raises(HemmError, match="a hub data set is written hub:ORG/NAME"):
        resolve("hub:set")


# --- whatever is written is read back


cells = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6))
def test_any_table_written_as_tsv_is_read_back(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    with (tmp_path / "t.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows([("a", "b"), *rows])
    assert [(r["a"], r["b"]) for _, r in csv_rows(tmp_path / "t.tsv", "\t")] == rows


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | cells,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(cells, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(cells, values, max_size=4), max_size=5), st.sampled_from(["\n", "\r\n", "\n\n"])
)
def test_any_json_lines_are_read_back(tmp_path: Path, rows: list[dict[str, Any]], end: str) -> None:
    (tmp_path / "t.jsonl").write_bytes(end.join(json.dumps(r) for r in rows).encode())
    assert [row for _, row in jsonl_rows(tmp_path / "t.jsonl")] == rows


@example({"image": [None, "gone.png"]})
@example({"video": "gone.mp4", "image": ""})
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            ["id", "image", "images", "question", "answer", "answers", "choices", "split", "labels"]
        )
        | cells,
        values,
        max_size=6,
    )
)
def test_any_row_is_a_sample_or_one_clear_line(tmp_path: Path, row: dict[str, Any]) -> None:
    from hemm.tasks.user_rows import Rules, to_sample

    complaint = "rows.jsonl, line 1: "
    try:
        sample = to_sample(row, Rules(folders=(tmp_path,)), "rows.jsonl, line 1")
        assert sample is not None
        complaint = f"{sample.where}: {sample.why}" if isinstance(sample, LeftOut) else complaint
    except BadData as error:
        complaint = str(error)
    assert complaint.startswith("rows.jsonl, line 1: ")


def test_the_commands_of_the_docs_run(cache: Path, tmp_path: Path) -> None:
    said = run_page("your-own-data.md", tmp_path)
    for line in (
        "garden_birds: 3 samples and 1 shot, 4 media",
        "land: 2 samples, 2 media",
        "MMBench_DEV_EN: 3 samples, 2 media",
        "my_pope: 2 samples",
        "ChartQA_TEST: 2 samples",
        "mmmu_art: 3 samples and 3 shots",
        "colours: 4 samples",
        "Is there a dog in the image?\n    Reply with one word: yes or no.",
    ):
        assert line in said


def test_a_table_that_mixes_choices_and_open_questions(cache: Path, tmp_path: Path) -> None:
    """Rows without choices are no silent failures: refused by one_of, asked openly by short_answer."""
    file = tmp_path / "mixed.jsonl"
    file.write_text(
        '{"id": "c", "question": "Which?", "choices": ["red", "blue"], "answer": "B"}\n'
        '{"id": "o", "question": "Name it.", "answer": "green"}\n'
    )
    with pytest.raises(BadData, match=r"mixed.jsonl, line 2: there are no choices; .*lettered: true"):
        prepare(resolve(str(file)))
    with file.open("a") as more:
        more.write('{"id": "p", "question": "Name that.", "answer": "blue"}\n')
    said = r"mixed.jsonl, lines 2, 3: there are no choices; a table that mixes [^;]*$"
    with pytest.raises(BadData, match=said):
        prepare(resolve(str(file)))
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
    card = tmp_path / "card.yaml"
    card.write_text("answer: {format: short_answer, lettered: true}\nmetrics: [accuracy]\n")
    task = resolve(str(file))
    closed, open_ = prepare(task).samples()
    assert render(task, closed)[-1].parts[-1].split("\n") == [
        "Which?", "A. red", "B. blue", "Reply with the letter of the right option and nothing else.",
    ]  # fmt: skip
    assert render(task, open_)[-1].parts[-1] == "Name it.\nReply with a word or a short phrase."
    assert task.answer.parse("B", closed) == "blue"
    assert task.answer.render("blue", closed) == "B"
    assert task.answer.parse("Green.", open_) == "Green"
