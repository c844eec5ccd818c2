"""Columns of a user's data: every one is read as something that is told, or the data are refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemm.cli import status
from hemm.core import BadData, HemmError, Sample, Task
from hemm.data.pack.prepare import ensure, prepare
from hemm.tasks import resolve
from hemm.tasks.prompt import render
from packs import png

LINES = {"question": "What is it?", "answer": "an owl"}


def lines(folder: Path, *rows: Mapping[str, Any], card: str = "") -> str:
    """A folder with three pictures, these rows and a card; its spec."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "p").mkdir(exist_ok=True)
    for n in range(3):
        (folder / f"p/{n}.png").write_bytes(png(n))
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if card:
        (folder / "card.yaml").write_text(card)
    elif (folder / "card.yaml").exists():
        (folder / "card.yaml").unlink()
    return str(folder)


def hub(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """A copy of a hub data set with one split, in which values of bytes are pictures."""
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    (folder / "data").mkdir(parents=True, exist_ok=True)
    columns = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if any(isinstance(v, bytes) for v in values):
            values = pa.array([v and {"bytes": v, "path": None} for v in values], picture)
        elif any(isinstance(v, list) and v and isinstance(v[0], bytes) for v in values):
            values = pa.array([[{"bytes": b, "path": None} for b in v] for v in values], pa.list_(picture))
        columns[name] = values
    pq.write_table(pa.table(columns), folder / "data/test-00000-of-00001.parquet")
    return folder


def only(task: Task) -> Sample:
    (sample,) = ensure(task).samples()
    return sample


def asked(task: Task, sample: Sample) -> str:
    return "".join(p if isinstance(p, str) else "<picture>\n" for p in render(task, sample)[-1].parts)


USUAL = {
    "file_name": ({"file_name": "p/0.png", **LINES}, "image <- file_name"),
    "image_path": ({"image_path": "p/0.png", **LINES}, "image <- image_path"),
    "img": ({"img": "p/0.png", **LINES}, "image <- img"),
    "text": ({"image": "p/0.png", "text": "What is it?", "answer": "an owl"}, "question <- text"),
    "query": ({"image": "p/0.png", "query": "What is it?", "answer": "an owl"}, "question <- query"),
    "label": ({"image": "p/0.png", "question": "What is it?", "label": "an owl"}, "answer <- label"),
    "gt_answer": (
        {"image": "p/0.png", "question": "What is it?", "gt_answer": "an owl"},
        "answer <- gt_answer",
    ),
    "Title case": (
        {"Image": "p/0.png", "Question": "What is it?", "Answer": "an owl"},
        "question <- Question",
    ),
    "conversations": (
        {
            "id": "1",
            "image": "p/0.png",
            "conversations": [
                {"from": "human", "value": "<image>\nWhat is it?"},
                {"from": "gpt", "value": "an owl"},
            ],
        },
        "question <- conversations",
    ),
    "messages": (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "p/0.png"}},
                        {"type": "text", "text": "What is it?"},
                    ],
                },
                {"role": "assistant", "content": "an owl"},
            ]
        },
        "question <- messages",
    ),
    "messages and images": (
        {
            "messages": [
                {"role": "user", "content": "<image>What is it?"},
                {"role": "assistant", "content": "an owl"},
            ],
            "images": ["p/0.png"],
        },
        "question <- messages",
    ),
}


@pytest.mark.parametrize("name", USUAL)
def test_usual_names_are_read_and_told(
    name: str, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row, line = USUAL[name]
    spec = lines(tmp_path / "mine", row)
    assert status(["prepare", spec]) == 0
    said = capsys.readouterr()
    assert line in said.out + said.err
    assert "guessed by their names" in said.out + said.err
    task = resolve(spec)
    sample = only(task)
    assert [m.data for m in sample.media] == [png(0)]
    assert sample.references == ("an owl",)
    text = asked(task, sample)
    assert "What is it?" in text
    assert text.count("<picture>") == 1


OPTIONS = {
    "list": ["owl", "gull"],
    "by letter": {"A": "owl", "B": "gull", "C": None},
    "written as Python": "['owl', 'gull']",
    "written as JSON": '["owl", "gull"]',
    "written with letters": "A. owl; B. gull",
    "text and label": {"text": ["owl", "gull"], "label": ["A", "B"]},
}


@pytest.mark.parametrize("form", OPTIONS)
def test_options_in_every_form(form: str, cache: Path, tmp_path: Path) -> None:
    row = {"image": "p/0.png", "question": "Which?", "options": OPTIONS[form], "answer": "B"}
    task = resolve(lines(tmp_path / "mine", row))
    sample = only(task)
    assert sample.choices == ("owl", "gull")
    assert sample.references == ("gull",)
    assert "A. owl\nB. gull\n" in asked(task, sample)


def test_options_in_columns_of_their_own(cache: Path, tmp_path: Path) -> None:
    for columns in (("A", "B"), ("option_a", "option_b"), ("option1", "option2")):
        row = {"image": "p/0.png", "question": "?", **dict(zip(columns, ("owl", "gull"), strict=True))}
        spec = lines(tmp_path / columns[0], {**row, "answer": "B"})
        assert only(resolve(spec)).choices == ("owl", "gull")


def test_the_img_of_a_tsv(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "0.png").write_bytes(png(0))
    (tmp_path / "t.tsv").write_text("index\timg\ttext\tA\tB\tlabel\n7\t0.png\tWhich?\towl\tgull\tB\n")
    assert status(["prepare", str(tmp_path / "t.tsv")]) == 0
    assert (
        "id <- index; image <- img; question <- text; answer <- label; choices <- A, B"
        in capsys.readouterr().err
    )
    sample = only(resolve(str(tmp_path / "t.tsv")))
    assert [m.data for m in sample.media] == [png(0)]
    assert (sample.id, sample.references) == ("7", ("gull",))


def test_unused_columns_are_named(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"image": "p/0.png", **LINES, "year": 1999, "place": "reeds"}
    spec = lines(tmp_path / "mine", row)
    assert status(["prepare", spec]) == 0
    assert "columns unused (they are metadata): year, place" in capsys.readouterr().err
    spec = lines(tmp_path / "mine", row, card='prompt: "{{ image }}{{ question }} {{ place }}"\n')
    assert status(["prepare", spec]) == 0
    said = capsys.readouterr().err
    assert "columns in the prompt: place" in said
    assert "columns unused (they are metadata): year" in said


def test_a_column_that_the_card_s_prompt_names_stays_what_it_is(cache: Path, tmp_path: Path) -> None:
    row = {"image": "p/0.png", "text": "a bird", "answer": "owl"}
    spec = lines(tmp_path / "mine", row, card='prompt: "{{ image }}Which is it: {{ text }}"\n')
    task = resolve(spec)
    assert asked(task, only(task)) == "<picture>\nWhich is it: a bird"


def test_hemm_tasks_shows_the_reading_and_an_example_as_it_is_sent(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    row = {"images": ["p/0.png", "p/wide.png"], "text": "Is <image> in <image>?", "label": "no"}
    spec = lines(tmp_path / "mine", row)
    Image.new("RGB", (64, 48)).save(tmp_path / "mine/p/wide.png")
    assert status(["tasks", spec]) == 0
    said = capsys.readouterr()
    assert "columns: images <- images; question <- text; answer <- label" in said.err
    shown = said.out.partition("as it is sent:")[2]
    first, second = shown.index("p/0.png, "), shown.index("<image p/wide.png, 64 x 48 pixels>")
    assert shown.index("Is <image p/") < first < shown.index("in <image p/wide") <= second


REFUSED = {
    "nothing to ask": (
        {"utterance": "What?", "answer": "an owl"},
        "no column is read as a question or a picture.*columns: {question: NAME",
    ),
    "no answer": (
        {"image": "p/0.png", "question": "What?", "anwser": "owl"},
        "no row has a right answer.*did you mean the column 'anwser'",
    ),
    "two questions": (
        {"image": "p/0.png", "text": "What?", "query": "Why?", "answer": "x"},
        "text and query could both be the question: say 'columns: {question: text}'",
    ),
    "two answers": (
        {"image": "p/0.png", "question": "What?", "label": "x", "target": "y"},
        "label and target could both be the answer",
    ),
    "pictures that nothing shows": (
        {"question": "What?", "answer": "x", "pos_image": ["p/0.png"]},
        "pictures are in pos_image, and nothing shows them: say 'columns: {images: pos_image}'",
    ),
    "several questions": (
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}] * 2},
        "line 1: field 'conversations' has 2 questions and 2 answers",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_lost_is_refused(
    name: str, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row, message = REFUSED[name]
    spec = lines(tmp_path / "mine", row)
    with pytest.raises(BadData, match=message) as error:
        ensure(resolve(spec))
    assert "\n" not in str(error.value)
    assert status(["run", "baseline/random", "--task", spec, "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_card_settles_what_could_be_two(cache: Path, tmp_path: Path) -> None:
    row = {"image": "p/0.png", "text": "What?", "query": "Why?", "answer": "x"}
    spec = lines(tmp_path / "mine", row, card="columns: {question: query}\n")
    assert only(resolve(spec)).fields == {"question": "Why?", "text": "What?"}
    row = {"question": "What?", "answer": "x", "pos_image": ["p/0.png"]}
    assert not only(resolve(lines(tmp_path / "none", row, card="columns: {images: }\n"))).media
    assert only(resolve(lines(tmp_path / "shown", row, card="columns: {images: pos_image}\n"))).media


def test_pictures_alone_are_asked(cache: Path, tmp_path: Path) -> None:
    """A classification: no question, but a picture and an answer."""
    rows = [{"file_name": f"p/{n}.png", "label": name} for n, name in enumerate(("owl", "gull", "owl"))]
    card = "answer: {format: one_of, labels: [owl, gull], lettered: false}\n"
    pack = ensure(resolve(lines(tmp_path / "mine", *rows, card=card)))
    assert sorted(s.references[0] for s in pack.samples()) == ["gull", "owl", "owl"]


OURS = {
    "unit": "cm",
    "after": "lunch",
    "cluster": 3,
    "labels": ["bird", "animal"],
    "metadata": {"source": "FigureQA"},
    "split": "train",
}


@pytest.mark.parametrize("name", OURS)
def test_a_column_called_like_one_of_hemm_s_is_the_data_s_own(
    name: str, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"id": "1", "image": "p/0.png", **LINES}
    spec = lines(tmp_path / "mine", {**row, name: OURS[name]})
    assert status(["prepare", spec]) == 0
    assert f"the column {name} is the data's own, not hemm's {name}" in capsys.readouterr().err
    sample, plain = only(resolve(spec)), only(resolve(lines(tmp_path / "plain", row)))
    assert (sample.unit, sample.cluster, sample.after) == (plain.unit, plain.cluster, plain.after)
    assert (sample.labels, sample.split) == (plain.labels, plain.split)
    assert sample.metadata == {name: OURS[name]}


def test_a_card_makes_it_hemm_s(cache: Path, tmp_path: Path) -> None:
    rows = [
        {"id": "1", **LINES, "unit": "u", "cluster": "c", "labels": {"reasoning": "more"}, "split": "test"},
        {"id": "2", **LINES, "unit": "u", "cluster": "c", "labels": {}, "split": "shots"},
    ]
    card = "columns: {unit: unit, cluster: cluster, labels: labels, split: split}\n"
    sample = only(resolve(lines(tmp_path / "mine", *rows, card=card)))
    assert (sample.id, sample.unit, sample.cluster) == ("1", "u", "c")
    assert sample.labels == {"reasoning": "more"}


def test_what_the_card_makes_hemm_s_asks_nothing_again(cache: Path, tmp_path: Path) -> None:
    """The lines that ``prepare`` gives can be followed when there are answers: they are to the same data."""
    import hemm

    rows = [{"id": str(n), **LINES, "unit": f"u{n // 2}", "labels": {"reasoning": "more"}} for n in range(4)]
    out = tmp_path / "out"
    (before,) = hemm.run("tiny", lines(tmp_path / "mine", *rows), out=out)
    calls = (before.folder / "calls.parquet").read_bytes()
    card = "unit: unit\ncolumns: {labels: labels, cluster: cluster}\n"
    (after,) = hemm.run("tiny", lines(tmp_path / "mine", *rows, card=card), out=out)
    assert after.folder == before.folder
    assert after.answers()["unit"].to_pylist() == ["u0", "u0", "u1", "u1"]
    assert (after.folder / "calls.parquet").read_bytes() == calls


def test_data_prepared_before_keep_their_reading(cache: Path, tmp_path: Path) -> None:
    """A pack of a version that took every column with a name of hemm's for hemm's own."""
    from hemm.data import cache as packs

    row = {"id": "1", **LINES, "unit": "u", "split": "test"}
    spec = lines(tmp_path / "mine", row)
    task = resolve(spec)
    ensure(task)
    index = packs.task_folder(task.name, task.origin) / packs.INDEX
    entry = {key: value for key, value in json.loads(index.read_text()).items() if key != packs.COLUMNS_TOLD}
    index.write_text(json.dumps(entry))
    assert only(resolve(spec)).unit == "u"
    (tmp_path / "mine/rows.jsonl").write_text(json.dumps({**row, "question": "Why?"}) + "\n")
    assert only(resolve(spec)).unit == "u", "the new pack remembers it"


def test_a_column_that_a_template_name_hides_is_reachable(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"image": "p/0.png", **LINES, "instruction": "Look closely."}
    spec = lines(tmp_path / "mine", row)
    assert status(["prepare", spec]) == 0
    line = "{{ instruction }} in a prompt is hemm's: 'columns: {my_instruction: instruction}' in the card"
    assert line in capsys.readouterr().err
    prompt = "{{ question }} {{ my_instruction }} {{ instruction }}"
    card = f'columns: {{my_instruction: instruction}}\nprompt: "{prompt}"\n'
    task = resolve(lines(tmp_path / "mine", row, card=card))
    assert "What is it? Look closely. Reply with" in asked(task, only(task))


ROWS = Path(__file__).with_name("benchmark_rows.jsonl")
BENCHMARKS: dict[str, dict[str, Any]] = {
    entry["benchmark"]: entry
    for entry in map(
        json.loads, Path(__file__).with_name("benchmark_rows.jsonl").read_text("utf-8").splitlines()
    )
}
"""Benchmarks of today's model cards: a row with their columns of the hub, and how it is read or refused."""
PICTURE = "<picture>"


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_column_of_the_benchmarks_of_today_is_read_or_named(
    name: str, cache: Path, tmp_path: Path
) -> None:
    entry = BENCHMARKS[name]
    row = entry["row"]
    made = {k: png(0) if v == PICTURE else [png(0)] if v == [PICTURE] else v for k, v in row.items()}
    folder, spec = hub(tmp_path / "set", [made]), f"hub:some/{name.replace(' ', '-').replace('*', '')}"
    if "refused" in entry:
        with pytest.raises(HemmError, match=entry["refused"]) as error:
            prepare(resolve(spec), folder=folder)
        assert "pictures are in" in str(error.value) or all(column in str(error.value) for column in row)
        return
    pack = prepare(resolve(spec), folder=folder)
    notices = [notice["text"] for notice in pack.info["notices"]]
    assert entry["told"] in notices[0]
    unsaid = [column for column in row if not any(column in notice for notice in notices)]
    assert unsaid in ([], ["image"]), "image is the path of what is in decoded_image"
    sample = pack.sample(0)
    assert bool(sample.media) == any(v in (PICTURE, [PICTURE]) for v in row.values())
    assert sample.references


def test_a_closed_hub_set_is_asked_as_one(cache: Path, tmp_path: Path) -> None:
    row = {"question": "Which?", "options": ["a", "b", "c"], "answer": "2", "image": png(0)}
    prepare(resolve("hub:lmms-lab/ai2d"), folder=hub(tmp_path / "set", [row]))
    task = resolve("hub:lmms-lab/ai2d")
    assert task.answer.name == "one_of"
    assert "A. a\nB. b\nC. c\n" in asked(task, only(task))
    assert only(task).references == ("c",)


# --- rows without a right answer


def test_rows_without_a_right_answer_are_left_out_and_named(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": str(n), "question": f"{n}?", "anwser" if n % 2 else "answer": "x"} for n in range(6)]
    spec = lines(tmp_path / "mine", *rows)
    assert status(["run", "baseline/oracle", "--task", spec, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert "mine: 3 rows left out: they cannot be asked" in said
    assert "line 2: no right answer; did you mean the column 'anwser'?" in said
    assert sorted(s.id for s in ensure(resolve(spec)).samples()) == ["0", "2", "4"]


def test_an_empty_answer_is_none(cache: Path, tmp_path: Path) -> None:
    rows = [{"id": str(n), "question": "?", "answer": a} for n, a in enumerate(["x", "", None, [], [""]])]
    assert [s.id for s in ensure(resolve(lines(tmp_path / "mine", *rows))).samples()] == ["0"]


def test_no_reference_is_no_score(cache: Path, tmp_path: Path) -> None:
    """Rows that a metric without references keeps have no score by one that compares."""
    import hemm

    rows = [{"id": str(n), "question": f"{n}?", **({} if n % 2 else {"answer": "x"})} for n in range(8)]
    card = "metrics: [exact_match, clipscore]\n"
    (cell,) = hemm.run("baseline/majority", lines(tmp_path / "mine", *rows, card=card), out=tmp_path / "out")
    assert cell.answers().num_rows == 8
    values = cell.aggregates()["metrics"]["exact_match-v2"]["components"][""]
    assert (values["value"], values["n"]) == (1.0, 4)
    bare = [{key: value for key, value in row.items() if key != "answer"} for row in rows]
    (cell,) = hemm.run("baseline/random", lines(tmp_path / "bare", *bare, card=card), out=tmp_path / "out")
    assert cell.aggregates()["metrics"]["exact_match-v2"]["components"] == {}
    assert status(["profile", str(tmp_path / "out")]) == 0
