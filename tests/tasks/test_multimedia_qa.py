"""vqa, vqa_v2, ok_vqa, visual_genome, gqa, vcr: what is particular to each."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hemm.cli import status
from hemm.core import BadData, HemmError, Judged, Outcome, Response, Sample, Task
from hemm.data.pack.prepare import prepare
from hemm.data.pack.reader import Pack
from hemm.metrics import resolve as metric_of
from hemm.tasks import resolve
from hemm.tasks.multimedia._boxes import Recent, colour, tagged
from hemm.tasks.prompt import render
from layouts import write_layout
from layouts.draw import picture, put
from layouts.multimedia_qa import gqa_row

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
FAMILY = {
    "vqa": (
        "vqa_questions/OpenEnded_abstract_v002_val2015_questions.json",
        "vqa_annotations/abstract_v002_val2015_annotations.json",
    ),
    "vqa_v2": ("v2_OpenEnded_mscoco_val2014_questions.json", "v2_mscoco_val2014_annotations.json"),
    "ok_vqa": ("OpenEnded_mscoco_val2014_questions.json", "mscoco_val2014_annotations.json"),
}


def made(name: str, folder: Path, n: int = 24) -> Path:
    write_layout(name, folder, n)
    return folder


def by_id(pack: Pack, split: str = "test") -> dict[str, Sample]:
    return {s.id: s for s in pack.samples(split=split)}


def edit(file: Path, change: Callable[[Any], Any]) -> None:
    """Change the content of a JSON file; ``change`` edits it in place or gives another."""
    content = json.loads(file.read_text())
    file.write_text(json.dumps(change(content) or content))


def score(task: Task, metric: str, sample: Sample, text: str) -> dict[str, float | None]:
    value = task.answer.parse(text, sample)
    return metric_of(metric).score([[Judged(sample, 0, Response(text=text), Outcome.OK, value)]])[0]


def prompt_of(task: Task, sample: Sample) -> str:
    return "".join(p for p in render(task, sample)[0].parts if isinstance(p, str))


# --- VQA, VQA v2, OK-VQA


@pytest.mark.parametrize("name", FAMILY)
def test_all_ten_answers_are_references(name: str, cache: Path, tmp_path: Path) -> None:
    folder, task = made(name, tmp_path / "f"), resolve(name)
    pack = prepare(task, folder=folder)
    asked = json.loads((folder / FAMILY[name][0]).read_text())["questions"]
    answered = json.loads((folder / FAMILY[name][1]).read_text())["annotations"]
    rows, got = {str(r["question_id"]): r for r in answered}, by_id(pack)
    assert len(got) == len(asked) == 24
    for question in asked:
        sample, row = got[str(question["question_id"])], rows[str(question["question_id"])]
        assert sample.references == tuple(a["answer"].strip() for a in row["answers"])
        assert sample.fields == {"question": question["question"].strip()}
        assert sample.cluster == str(question["image_id"])
        assert sample.media[0].name.endswith(
            f"_{question['image_id']:012d}{Path(sample.media[0].name).suffix}"
        )
        assert sample.stratum == row["question_type" if name == "ok_vqa" else "answer_type"]
        found = score(task, "vqa_accuracy", sample, row["multiple_choice_answer"])
        assert found[""] == found[row["answer_type"]]
    votes = {s.references.count(s.references[0]) for s in got.values()}
    assert len(votes) > 1  # votes are kept, not only which answers there are


def test_vqa_accuracy_of_a_minority_answer(cache: Path, tmp_path: Path) -> None:
    task = resolve("vqa_v2")
    samples = by_id(prepare(task, folder=made("vqa_v2", tmp_path / "f"))).values()
    sample = next(s for s in samples if len(set(s.references)) > 1)
    other = next(r for r in sample.references if r != sample.references[0])
    assert sample.references.count(other) == 3
    # three of ten said it: with one of them left out two are left, 2/3; with another one left out 1
    assert score(task, "vqa_accuracy", sample, str(other))[""] == pytest.approx((3 * 2 / 3 + 7) / 10)


def test_ok_vqa_scores_stemmed_answers_and_keeps_what_was_typed(cache: Path, tmp_path: Path) -> None:
    pack = prepare(resolve("ok_vqa"), folder=made("ok_vqa", tmp_path / "f"))
    for sample in pack.samples():
        assert sample.metadata["raw_answers"] == [f"{r}s" for r in sample.references]


def test_annotators_without_an_answer_count_among_the_ten(cache: Path, tmp_path: Path) -> None:
    folder = made("ok_vqa", tmp_path / "f")
    (file,) = folder.rglob("*val2014_annotations.json")
    listed = json.loads(file.read_text())
    row = listed["annotations"][0]
    for number, answer in enumerate(row["answers"]):
        answer |= {"answer": "race" if number < 3 else "" if number < 7 else "run", "raw_answer": "racing"}
    file.write_text(json.dumps(listed))
    task = resolve("ok_vqa")
    sample = by_id(prepare(task, folder=folder))[str(row["question_id"])]
    assert sample.references == ("race",) * 3 + ("run",) * 3
    assert sample.metadata["empty_answers"] == 4
    # three of ten: 2/3 with one of them left out, else 1
    assert score(task, "vqa_accuracy", sample, "race")[""] == pytest.approx((3 * 2 / 3 + 7) / 10)
    assert score(task, "vqa_accuracy", sample, "racing")[""] == 0.0
    others = [s for s in by_id(prepare(task, folder=folder)).values() if s.id != sample.id]
    assert all("empty_answers" not in s.metadata for s in others)


def _flat(folder: Path) -> None:
    for part in ("vqa_questions", "vqa_annotations"):
        for file in (folder / part).iterdir():
            file.rename(folder / file.name)


@pytest.mark.parametrize("pictures", ["scene_img_abstract_v002_val2015", ".", "vqa_images"])
def test_vqa_as_its_archives_unpack(cache: Path, tmp_path: Path, pictures: str) -> None:
    ours = prepare(resolve("vqa"), folder=made("vqa", tmp_path / "a")).info["hash"]
    folder = made("vqa", tmp_path / "b")
    _flat(folder)
    for file in sorted((folder / "vqa_images").iterdir()):
        (folder / pictures).mkdir(exist_ok=True)
        file.rename(folder / pictures / file.name)
    assert prepare(resolve("vqa"), folder=folder).info["hash"] == ours


def test_vqa_shots_come_from_train_where_it_is(cache: Path, tmp_path: Path) -> None:
    folder, train = made("vqa_v2", tmp_path / "f"), made("vqa_v2", tmp_path / "t", 300)
    for part in FAMILY["vqa_v2"]:
        shutil.copy(train / part, folder / part.replace("val", "train"))
    assert prepare(resolve("vqa_v2"), folder=folder).rows("shots") == 0  # no pictures of train
    for file in sorted((train / "val2014").iterdir()):
        (folder / "train2014").mkdir(exist_ok=True)
        file.rename(folder / "train2014" / file.name.replace("val", "train"))
    pack = prepare(resolve("vqa_v2"), folder=folder)
    assert (len(pack), pack.rows("shots"), pack.info["missing"]["count"]) == (24, 200, 0)


def _drop(field: str, index: int) -> Callable[[Any], Any]:
    return lambda content: content[field].pop(index) and None


def _put(field: str, index: int, **values: Any) -> Callable[[Any], Any]:
    return lambda content: content[field][index].update(values)


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        (0, _drop("questions", 3), r"annotation 21: question \d+ is not in OpenEnded_mscoco_val2014"),
        (1, _drop("annotations", 3), r"questions.json: question \d+ has no annotation in mscoco_val2014"),
        (0, _put("questions", 2, question=None), "question 3: field 'question' is empty"),
        (0, _put("questions", 2, image_id="x"), "question 3: field 'image_id' is 'x', not a whole number"),
        (0, _put("questions", 2, question_id=9000), "question 3: the question_id 9000 is used twice"),
        (1, _put("annotations", 2, answers=[]), r"annotation 3 .*: field 'answers' holds no answer"),
        (1, _put("annotations", 2, answers=None), r"annotation 3 .*: field 'answers' is missing"),
        (1, _put("annotations", 2, image_id=3), "annotation 3: field 'image_id' is not that of question"),
        (1, lambda c: {"annotations": c["annotations"] + c["annotations"][:1]}, "annotation 25: .* before"),
        (1, lambda c: {"info": {}}, "annotations.json: field 'annotations' is missing"),
        (0, lambda c: {"questions": [1]}, "question 1: an object is expected"),
    ],
)  # fmt: skip
def test_questions_and_annotations_that_do_not_fit(
    part: int, change: Callable[[Any], Any], message: str, cache: Path, tmp_path: Path
) -> None:
    folder = made("ok_vqa", tmp_path / "f")
    edit(folder / FAMILY["ok_vqa"][part], change)
    with pytest.raises(BadData, match=message) as error:
        prepare(resolve("ok_vqa"), folder=folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("vqa", "vqa_images/*"),
        ("vqa_v2", "val2014/*"),
        ("ok_vqa", "val2014/*"),
        ("visual_genome", "VG_100K_2/*"),
        ("gqa", "images/*"),
        ("vcr", "vcr1images/*/*.jpg"),
        ("vcr", "vcr1images/*/*.json"),
        ("vcr:plain", "vcr1images/*/*.jpg"),
    ],
)
def test_a_missing_picture_is_counted_and_named(
    name: str, pictures: str, cache: Path, tmp_path: Path
) -> None:
    folder, task = made(name, tmp_path / "f"), resolve(name)
    whole = len(prepare(task, folder=folder))
    lost = sorted(folder.glob(pictures))[0]
    lost.unlink()
    pack = prepare(task, folder=folder)
    assert pack.info["missing"]["names"] == [str(lost.relative_to(folder))]
    assert pack.info["missing"]["count"] == whole - len(pack) > 0
    for file in folder.glob(pictures):
        file.unlink()
    if name != "visual_genome":  # which has another folder with pictures
        with pytest.raises(BadData, match=rf"no sample was found.* the first: .*{lost.suffix}"):
            prepare(task, folder=folder)


def _parquet(file: Path, columns: dict[str, Any], images: list[int]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"bytes": picture(n, form="JPEG"), "path": None} for n in images]
    pq.write_table(pa.table({**columns, "image": pa.array(cells, PICTURE)}), file)


@pytest.mark.parametrize(("name", "split"), [("vqa_v2", "validation"), ("ok_vqa", "val2014")])
def test_vqa_from_the_hub_has_the_same_ids(name: str, split: str, cache: Path, tmp_path: Path) -> None:
    task = resolve(name)
    ours = by_id(prepare(task, folder=made(name, tmp_path / "f")))
    answered = json.loads((tmp_path / "f" / FAMILY[name][1]).read_text())["annotations"]
    columns: dict[str, Any] = {
        "question": [ours[str(r["question_id"])].fields["question"] for r in answered],
        "question_type": [r["question_type"] for r in answered],
        "answer_type": [r["answer_type"] for r in answered],
    }
    if name == "ok_vqa":  # ids are texts, answers are texts
        columns["question_id"] = [str(r["question_id"]) for r in answered]
        columns["answers"] = [[a["answer"] for a in r["answers"]] for r in answered]
    else:
        columns["question_id"] = pa.array([r["question_id"] for r in answered], pa.int64())
        columns["image_id"] = pa.array([r["image_id"] for r in answered], pa.int64())
        columns["answers"] = [r["answers"] for r in answered]
    _parquet(
        tmp_path / f"hub/data/{split}-00000-of-00001.parquet", columns, [r["image_id"] for r in answered]
    )
    copy = by_id(prepare(task, folder=tmp_path / "hub"))
    assert len({s.ids for s in task.sources}) == 1
    assert {k: (s.references, s.fields) for k, s in copy.items()} == {
        k: (s.references, s.fields) for k, s in ours.items()
    }
    assert len({s.cluster for s in copy.values()}) == len({s.cluster for s in ours.values()})


# --- Visual Genome


def test_visual_genome_pictures_lie_where_their_address_says(cache: Path, tmp_path: Path) -> None:
    folder, task = made("visual_genome", tmp_path / "f"), resolve("visual_genome")
    expected = {s.id: s.media[0].digest for s in prepare(task, folder=folder).samples()}
    for home, other in (("VG_100K", "VG_100K_2"), ("VG_100K_2", "VG_100K")):
        for file in sorted((folder / home).iterdir()):  # pictures of the same number that are not meant
            if not (folder / other / file.name).exists():
                put(folder / other / file.name, 999)
    got = by_id(prepare(task, folder=folder))
    assert {k: s.media[0].digest for k, s in got.items()} == expected
    assert {s.cluster for s in got.values()} == {str(n) for n in range(1, 7)}
    assert {s.stratum for s in got.values()} == {"what", "where", "how", "other"}


def test_visual_genome_without_addresses_takes_the_pictures_that_are_there(
    cache: Path, tmp_path: Path
) -> None:
    folder, task = made("visual_genome", tmp_path / "f"), resolve("visual_genome")
    whole = prepare(task, folder=folder).info["hash"]
    (folder / "image_data.json").unlink()
    assert prepare(task, folder=folder).info["hash"] == whole
    (folder / "visual_genome").mkdir()  # the questions in the HEMM paper's folder
    (folder / "question_answers.json").rename(folder / "visual_genome/question_answers.json")
    assert prepare(task, folder=folder).info["hash"] == whole


@pytest.mark.parametrize("said", ["Green.", "green", "The green."])
def test_visual_genome_full_stops_and_case_do_not_count(said: str, cache: Path, tmp_path: Path) -> None:
    task = resolve("visual_genome")
    pack = prepare(task, folder=made("visual_genome", tmp_path / "f"))
    sample = next(s for s in pack.samples() if s.references == ("Green.",))
    for metric in ("exact_match", "vqa_accuracy:normalise=always", "token_f1"):
        assert score(task, metric, sample, said)[""] == 1.0


def test_visual_genome_questions_without_an_answer_are_left_out_and_named(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made("visual_genome", tmp_path / "f")
    whole = len(prepare(resolve("visual_genome"), folder=folder))

    def change(content: Any) -> None:
        content[1]["qas"][2].update(answer=" ")
        content[2]["qas"][0].pop("question")

    edit(folder / "question_answers.json", change)
    assert status(["prepare", "visual_genome", "--from", str(folder)]) == 0
    said = capsys.readouterr().err
    assert "visual_genome: 2 rows left out" in said
    assert "question_answers.json, entry 2, question 3: field 'answer' is empty" in said
    for limit in (None, 4):  # with a limit the files are read twice
        pack = prepare(resolve("visual_genome"), folder=folder, limit=limit)
        left_out = pack.info["left_out"]
        assert (len(pack), left_out["count"]) == (limit or whole - 2, 2)
        assert left_out["rows"][1] == {
            "where": "question_answers.json, entry 3, question 1",
            "why": "field 'question' is empty",
        }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[1].pop("qas") and None, "entry 2: field 'qas' is missing"),
        (lambda c: c[1]["qas"].append("x"), "entry 2, question 5: an object is expected"),
        (lambda c: {"id": 1}, "entry id: an object is expected"),
    ],
)
def test_visual_genome_broken_entries(
    change: Callable[[Any], Any], message: str, cache: Path, tmp_path: Path
) -> None:
    folder = made("visual_genome", tmp_path / "f")
    edit(folder / "question_answers.json", change)
    with pytest.raises(BadData, match=message):
        prepare(resolve("visual_genome"), folder=folder)


# --- GQA


def test_gqa_types_yes_no_and_linked_questions(cache: Path, tmp_path: Path) -> None:
    folder, task = made("gqa", tmp_path / "f"), resolve("gqa")
    got = by_id(prepare(task, folder=folder))
    for number in range(24):
        sample, row = got[f"2013{number:05d}"], gqa_row(number)
        assert sample.references == (row["answer"],)
        assert sample.choices == (("yes", "no") if row["answer"] in ("yes", "no") else ())
        assert {k: sample.metadata[k] for k in row["types"]} == row["types"]
        assert sample.metadata["entailed"] == row["entailed"]
        assert sample.stratum == row["types"]["structural"]
        assert sample.cluster == row["imageId"]
        text = prompt_of(task, sample)
        assert row["question"] in text
        assert row["fullAnswer"] not in text
        assert score(task, "accuracy", sample, row["answer"]) == {"": 1.0, row["types"]["structural"]: 1.0}


def test_gqa_before_balancing_is_a_set_of_its_own(cache: Path, tmp_path: Path) -> None:
    folder = made("gqa", tmp_path / "f")
    sizes = {
        name: len(prepare(resolve(name), folder=folder)) for name in ("gqa", "gqa:testdev_all", "gqa:hemm")
    }
    assert sizes == {"gqa": 24, "gqa:testdev_all": 12, "gqa:hemm": 12}


@pytest.mark.parametrize(
    ("questions", "pictures"),
    [(".", "images"), ("gqa_questions", "gqa_images"), ("questions1.2", "allImages")],
)
def test_gqa_folders(questions: str, pictures: str, cache: Path, tmp_path: Path) -> None:
    folder = made("gqa", tmp_path / "f")
    for old, new in (("questions1.2", questions), ("images", pictures)):
        (folder / new).mkdir(exist_ok=True)
        for file in sorted((folder / old).iterdir()):
            file.rename(folder / new / file.name)
    if pictures == "allImages":
        with pytest.raises(BadData, match=r"the first: images/n161313\.jpg"):
            prepare(resolve("gqa"), folder=folder)
    else:
        assert len(prepare(resolve("gqa"), folder=folder)) == 24


def test_gqa_optional_fields_and_shots(cache: Path, tmp_path: Path) -> None:
    folder = made("gqa", tmp_path / "f")
    file = folder / "questions1.2/testdev_balanced_questions.json"
    train = {f"9{n}": {**gqa_row(n), "imageId": f"t{n}"} for n in range(250)}
    (file.parent / "train_balanced_questions.json").write_text(json.dumps(train))
    edit(file, lambda c: {k: {f: r[f] for f in ("question", "answer", "imageId")} for k, r in c.items()})
    pack = prepare(resolve("gqa"), folder=folder)
    assert (len(pack), pack.rows("shots")) == (24, 0)
    assert {s.stratum for s in pack.samples()} == {"verify", "query"}
    assert not any(s.metadata for s in pack.samples())
    for n in range(250):
        put(folder / f"images/t{n}.jpg", n)
    assert prepare(resolve("gqa"), folder=folder).rows("shots") == 200


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["201300002"].pop("answer") and None, "question 201300002: field 'answer' is missing"),
        (lambda c: c["201300002"].update(imageId="../x"), "field 'imageId' is '../x', no name of a picture"),
        (lambda c: c["201300002"].update(types="query"), "question 201300002: field 'types' is no object"),
        (lambda c: list(c.values()), "an object of question id to question is expected"),
    ],
)
def test_gqa_broken_records(change: Callable[[Any], Any], message: str, cache: Path, tmp_path: Path) -> None:
    folder = made("gqa", tmp_path / "f")
    edit(folder / "questions1.2/testdev_balanced_questions.json", change)
    with pytest.raises(BadData, match=message):
        prepare(resolve("gqa"), folder=folder)


def test_gqa_from_the_hub_is_joined_on_the_picture(cache: Path, tmp_path: Path) -> None:
    ours = by_id(prepare(resolve("gqa"), folder=made("gqa", tmp_path / "f")))
    rows = [gqa_row(n) for n in range(24)]
    images = sorted({r["imageId"] for r in rows})
    columns = {name: [r[name] for r in rows] for name in ("imageId", "question", "answer", "fullAnswer")}
    table = {
        "id": [f"2013{n:05d}" for n in range(24)],
        **columns,
        "isBalanced": [r["isBalanced"] for r in rows],
        "types": [r["types"] for r in rows],
        "entailed": [str(r["entailed"]) for r in rows],  # a list written as text
        "equivalent": [str(r["equivalent"]) for r in rows],
        "semantic": [r["semantic"] for r in rows],
    }
    hub = tmp_path / "hub"
    (hub / "testdev_balanced_instructions").mkdir(parents=True)
    pq.write_table(pa.table(table), hub / "testdev_balanced_instructions/testdev-00000-of-00001.parquet")
    place = hub / "testdev_balanced_images/testdev-00000-of-00001.parquet"
    _parquet(place, {"id": images}, list(range(len(images))))
    pack = prepare(resolve("gqa"), folder=hub)
    copy = by_id(pack)
    assert {k: s.sample_hash for k, s in copy.items()} == {k: s.sample_hash for k, s in ours.items()}
    _parquet(place, {"id": images[1:]}, list(range(1, len(images))))
    pack = prepare(resolve("gqa"), folder=hub)
    assert pack.info["missing"] == {"count": 4, "names": ["n161313.jpg"]}


def test_gqa_in_one_table(cache: Path, tmp_path: Path) -> None:
    task = resolve("gqa")
    ours = by_id(prepare(task, folder=made("gqa", tmp_path / "f")))
    for split, numbers in (("testdev_balanced", range(24)), ("testdev_all", range(30))):
        rows = [gqa_row(n) for n in numbers]
        columns = {
            "question_id": [f"2013{n:05d}" for n in numbers],
            "question": [r["question"] for r in rows],
            "answer": [r["answer"] for r in rows],
        }
        _parquet(tmp_path / f"hub/data/{split}-00000-of-00001.parquet", columns, [n // 4 for n in numbers])
    copy = by_id(prepare(task, folder=tmp_path / "hub"))
    assert len({s.ids for s in task.sources}) == 1
    assert {k: (s.references, s.choices) for k, s in copy.items()} == {
        k: (s.references, s.choices) for k, s in ours.items()
    }
    assert len({s.cluster for s in copy.values()}) == 6
    assert len(prepare(resolve("gqa:testdev_all"), folder=tmp_path / "hub")) == 30


# --- VCR


def test_vcr_asks_for_the_answer_and_then_for_its_reason(cache: Path, tmp_path: Path) -> None:
    folder, task = made("vcr", tmp_path / "f"), resolve("vcr")
    got = by_id(prepare(task, folder=folder))
    assert len(got) == 24
    first, second = got["val-5-q_a"], got["val-5-qa_r"]
    assert first.unit == second.unit == "val-5"
    assert first.cluster == second.cluster == got["val-4-q_a"].cluster != got["val-3-q_a"].cluster
    assert first.fields == {"question": "Why is person1 pointing at person0?", "answer": ""}
    assert (
        first.references
        == ("person0 doesn't see thing 21, for person1 and cup2's cup.",)
        == first.choices[1:2]
    )
    assert second.references == second.choices[1:2]
    assert second.fields["answer"] == first.references[0]
    text = prompt_of(task, second)
    assert "Answer: person0 doesn't see thing 21" in text
    assert "Answer:" not in prompt_of(task, first)
    assert all(f"{letter}. {choice}" in text for letter, choice in zip("ABCD", second.choices, strict=True))


def test_vcr_scores_both_halves_and_the_whole(cache: Path, tmp_path: Path) -> None:
    task = resolve("vcr")
    got = by_id(prepare(task, folder=made("vcr", tmp_path / "f")))
    pair = [got["val-5-q_a"], got["val-5-qa_r"]]
    assert score(task, "accuracy", pair[0], "B") == {"": 1.0, "q_a": 1.0}
    assert score(task, "accuracy", pair[1], "C") == {"": 0.0, "qa_r": 0.0}
    whole = metric_of("consistency")
    for letters, expected in (("BB", 1.0), ("BC", 0.0), ("AB", 0.0)):
        judged = [
            Judged(s, 0, Response(text=x), Outcome.OK, task.answer.parse(x, s))
            for s, x in zip(pair, letters, strict=True)
        ]
        assert whole.score([judged])[0][""] == expected
    assert whole.chance(pair) == 1 / 16


def test_vcr_variants_and_folders(cache: Path, tmp_path: Path) -> None:
    folder = made("vcr", tmp_path / "f")
    sizes = {n: len(prepare(resolve(f"vcr:{n}"), folder=folder)) for n in ("q_a", "qa_r", "hemm", "plain")}
    assert sizes == {"q_a": 12, "qa_r": 12, "hemm": 12, "plain": 24}
    plain = prepare(resolve("vcr:plain"), folder=folder)
    originals = {p.read_bytes() for p in folder.glob("vcr1images/*/*.jpg")}
    assert {s.media[0].data for s in plain.samples()} == originals
    whole = prepare(resolve("vcr"), folder=folder).info["hash"]
    edit_lines(folder / "vcr_annotations/val.jsonl", lambda row: row.pop("metadata_fn"))
    (folder / "vcr_images").mkdir()
    (folder / "vcr1images").rename(folder / "vcr_images/vcr1images")
    assert prepare(resolve("vcr"), folder=folder).info["hash"] == whole
    (folder / "vcr_annotations/val.jsonl").rename(folder / "val.jsonl")
    assert prepare(resolve("vcr"), folder=folder).info["hash"] == whole
    shutil.copy(folder / "val.jsonl", folder / "train.jsonl")
    edit_lines(folder / "train.jsonl", lambda row: row.update(annot_id=f"train-{row['annot_id']}"))
    assert prepare(resolve("vcr"), folder=folder).rows("shots") == 24


def edit_lines(file: Path, change: Callable[[Any], Any]) -> None:
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        change(row)
    file.write_text("\n".join(json.dumps(row) for row in rows))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer_label": 4}, "line 3: field 'answer_label' is 4, and there are 4 choices"),
        ({"rationale_label": None}, "line 3: field 'rationale_label' is empty"),
        ({"question": ["Who", [7], "?"]}, r"line 3: field 'question' names object \[7\], and there are 3"),
        ({"answer_choices": [["x"], [[-1]]]}, r"line 3, choice 1: .* names object \[-1\]"),
        ({"question": []}, "line 3: field 'question' is empty"),
        ({"img_fn": "../../x.jpg"}, "line 3: field 'img_fn' leads out"),
        ({"objects": None}, "line 3: field 'objects' is missing"),
    ],
)
def test_vcr_broken_rows(change: dict[str, Any], message: str, cache: Path, tmp_path: Path) -> None:
    folder = made("vcr", tmp_path / "f")
    edit_lines(
        folder / "vcr_annotations/val.jsonl",
        lambda row: row.update(change) if row["annot_id"] == "val-2" else None,
    )
    with pytest.raises(BadData, match=message):
        prepare(resolve("vcr"), folder=folder)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda facts: facts["names"].pop() and None, "3 boxes for 2 names"),
        (lambda facts: facts.update(boxes=[[1, 2]] * 3), "box 0 is not four numbers"),
        (lambda facts: [1], "an object is expected"),
    ],
)
def test_vcr_boxes_that_cannot_be_drawn_are_problems_of_their_pictures(
    change: Callable[[Any], Any], problem: str, cache: Path, tmp_path: Path
) -> None:
    folder = made("vcr", tmp_path / "f")
    edit(sorted(folder.glob("vcr1images/*/*.json"))[0], change)
    pack = prepare(resolve("vcr"), folder=folder)
    assert (len(pack), pack.info["problems"]["count"]) == (24, 4)
    assert problem in pack.info["problems"]["samples"][0]["problem"]


def test_vcr_boxes_are_drawn_where_the_metadata_say(cache: Path, tmp_path: Path) -> None:
    folder, task = made("vcr", tmp_path / "f"), resolve("vcr")
    for file in folder.glob("vcr1images/*/*.json"):  # of a picture twice as large: boxes are scaled
        double = [[v * 2 for v in (2, 2, 20, 30)] + [1], *([[0, 0, 0, 0, 0]] * 2)]
        edit(file, lambda facts, double=double: {**facts, "width": 96, "height": 64, "boxes": double})
    sample = by_id(prepare(task, folder=folder))["val-0-q_a"]
    assert sample.media[0].mime == "image/png"
    assert sample.media[0].name.endswith(".png")
    drawn = np.array(sample.media[0].pixels())
    assert drawn.shape == (32, 48, 3)
    for x, y in ((20, 20), (2, 25), (10, 30)):
        assert tuple(drawn[y, x]) == colour(0)
    plain = by_id(prepare(resolve("vcr:plain"), folder=folder))["val-0-q_a"].media[0]
    assert (drawn[12:30, 22:] == np.array(plain.pixels())[12:30, 22:]).all()  # the rest is untouched


def test_tags_are_readable_and_colours_differ() -> None:
    grey = Image.new("RGB", (400, 300), (128, 128, 128))
    boxes = [(20.0, 40.0, 200.0, 280.0), (20.0, 40.0, 210.0, 290.0), (399.0, 0.0, 420.0, -5.0)]
    data = tagged(grey, boxes, ["person0", "person1", "dog2"])
    assert data == tagged(grey, boxes, ["person0", "person1", "dog2"])
    pixels = np.array(Image.open(io.BytesIO(data)))
    for number in range(3):  # the tag of each box: an unbroken block of its colour and its ink
        rows = (pixels == colour(number)).all(axis=2)
        assert rows.sum() > 40
    colours = [colour(n) for n in range(24)]
    assert len(set(colours)) == 24
    assert min(
        sum(abs(a - b) for a, b in zip(colours[n], colours[n + 1], strict=True)) for n in range(23)
    ) > 100  # neighbours in the list  # fmt: skip


def test_a_picture_with_many_questions_is_drawn_once() -> None:
    asked: list[int] = []

    def make(number: int) -> bytes:
        asked.append(number)
        if number < 0:
            raise HemmError("no")
        return bytes([number])

    recent = Recent(make, size=2)
    assert [recent(n) for n in (1, 1, 2, 1, 3, 1, 2)] == [bytes([n]) for n in (1, 1, 2, 1, 3, 1, 2)]
    assert asked == [1, 2, 3, 2]
    for _ in range(2):
        with pytest.raises(HemmError):
            recent(-1)
