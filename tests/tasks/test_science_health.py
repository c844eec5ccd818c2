"""Science and healthcare: splits, choices, names and languages, dirty values, and copies that agree."""

from __future__ import annotations

import json
import pickle
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hemm
from hemm.core import BadData, HemmError, Media, Response, Sample, Task
from hemm.data.pack.prepare import prepare
from hemm.data.pack.selection import first_ids
from hemm.parsing.outcome import judge
from hemm.tasks import resolve
from hemm.tasks.prompt import render
from hemm.tasks.science.resisc45 import LABELS
from layouts import write_layout
from layouts.draw import picture, put

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def read(task: str, folder: Path, source: str = "") -> list[Sample]:
    """What the first source of a task reads whose layout is there (or whose name holds ``source``)."""
    for one in resolve(task).sources:
        there = all(next(folder.glob(name), None) is not None for name in one.layout.required)
        if there and source in one.name:
            return list(one.layout.read(folder))
    raise AssertionError(f"no source of {task} reads {folder}")


def marks(task: str) -> dict[str, str]:
    return {s.name: s.ids for s in resolve(task).sources}


def encoded(number: int, **facts: Any) -> dict[str, Any]:
    return {"bytes": picture(number), "path": None, **facts}


def table(file: Path, columns: dict[str, Any], labels: list[str] | None = None) -> None:
    """A Parquet file as the hub has it; ``labels`` are the names of the classes in column ``label``."""
    made = pa.table({**columns, "image": pa.array(columns["image"], PICTURE)})
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    if labels:
        features["label"] = {"_type": "ClassLabel", "names": labels}
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}), file
    )


def change(file: Path, edit: Any) -> None:
    """Rewrite a JSON file."""
    content = json.loads(file.read_text())
    file.write_text(json.dumps(edit(content) or content))


def text(task: Task, sample: Sample) -> str:
    return "".join(p for m in render(task, sample) for p in m.parts if isinstance(p, str))


# --- ScienceQA


@pytest.fixture
def scienceqa(tmp_path: Path) -> Path:
    write_layout("scienceqa", tmp_path / "sqa", 60)
    return tmp_path / "sqa"


def test_scienceqa_takes_the_test_split_with_pictures_or_all_of_it(scienceqa: Path) -> None:
    problems = json.loads((scienceqa / "problems.json").read_text())
    test = {pid: p for pid, p in problems.items() if p["split"] == "test"}
    pictured = {pid for pid, p in test.items() if p["image"]}
    samples = read("scienceqa", scienceqa)
    assert {s.id for s in samples if s.split == "test"} == pictured < set(test)
    assert {s.id for s in read("scienceqa:all", scienceqa) if s.split == "test"} == set(test)
    assert {problems[s.id]["split"] for s in samples if s.split == "shots"} == {"train"}
    for s in samples:
        problem = problems[s.id]
        assert s.references == (problem["choices"][problem["answer"]].strip(),)
        assert list(s.choices) == list(dict.fromkeys(c.strip() for c in problem["choices"]))
        assert (
            s.metadata["answer_type"]
            == s.stratum
            == {"n": "NAT", "s": "SOC", "l": "LAN"}[problem["subject"][0]]
        )
        assert s.metadata["grades"] == ("G1-6" if int(problem["grade"][5:]) <= 6 else "G7-12")
        assert ("TXT" in s.metadata["context"]) == bool(problem["hint"])
        assert [m.name for m in s.media] == ["image.png"]
    assert any(len(s.choices) < len(problems[s.id]["choices"]) for s in samples)
    bare = next(s for s in read("scienceqa:all", scienceqa) if not s.media and not s.fields["hint"])
    assert bare.metadata["context"] == "NO"


def test_scienceqa_shows_the_lecture_only_where_asked(scienceqa: Path) -> None:
    s = next(s for s in read("scienceqa", scienceqa) if s.fields["lecture"] and s.fields["hint"])
    plain, lecture = text(resolve("scienceqa"), s), text(resolve("scienceqa:hemm"), s)
    assert s.fields["hint"] in plain
    assert "Look for the mark" not in plain
    assert "Look for the mark" in lecture
    assert lecture == text(resolve("scienceqa:lecture"), s)
    assert "\r" not in plain
    assert f"A. {s.choices[0]}\nB. {s.choices[1]}" in plain


def test_scienceqa_splits_may_stand_in_the_list_alone(scienceqa: Path, tmp_path: Path) -> None:
    before = [s.id for s in read("scienceqa", scienceqa)]
    change(scienceqa / "problems.json", lambda all: {k: {**p, "split": None} for k, p in all.items()})
    assert [s.id for s in read("scienceqa", scienceqa)] == before
    (scienceqa / "pid_splits.json").unlink()
    with pytest.raises(BadData, match=r"problems.json, problem 3: field 'split' is missing, and there is no"):
        read("scienceqa", scienceqa)


def test_scienceqa_in_its_repository_and_without_some_files(
    scienceqa: Path, cache: Path, tmp_path: Path
) -> None:
    (scienceqa / "pid_splits.json").unlink()
    shutil.rmtree(scienceqa / "images/train")
    lost = next((scienceqa / "images/test").iterdir())
    shutil.rmtree(lost)
    home = tmp_path / "clone/data/scienceqa"
    shutil.copytree(scienceqa, home)
    pack = prepare(resolve("scienceqa"), folder=tmp_path / "clone")
    assert (len(pack), pack.rows("shots")) == (59, 0)
    name = str((home / "images/test" / lost.name / "image.png").relative_to(tmp_path / "clone"))
    assert pack.info["missing"] == {"count": 1, "names": [name]}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("answer", 7, "problem 3: field 'answer' is 7, and there are"),
        ("answer", "x", "problem 3: field 'answer' is 'x', not a whole number"),
        ("choices", ["a", " "], "problem 3, choice 1: field 'choices' is empty"),
        ("choices", None, "problem 3: field 'choices' is missing"),
        ("question", "", "problem 3: field 'question' is empty"),
    ],
)
def test_scienceqa_says_what_is_wrong(field: str, value: Any, message: str, scienceqa: Path) -> None:
    change(scienceqa / "problems.json", lambda all: all["3"].update({field: value}))
    with pytest.raises(BadData, match=message):
        read("scienceqa", scienceqa)


def test_scienceqa_hub_copies_agree(scienceqa: Path, tmp_path: Path) -> None:
    rows = [p for p in json.loads((scienceqa / "problems.json").read_text()).values() if p["split"] == "test"]
    names = ("question", "choices", "hint", "task", "grade", "subject", "topic", "lecture", "solution")

    def columns(part: list[dict[str, Any]]) -> dict[str, Any]:
        images = [encoded(n) if r["image"] else None for n, r in enumerate(part)]
        answers = pa.array([r["answer"] for r in part], pa.int8())
        return {"image": images, "answer": answers} | {n: [r[n] for r in part] for n in names}

    pictured = [r for r in rows if r["image"]]
    whole, lmms = tmp_path / "derek", tmp_path / "lmms"
    table(whole / "data/test-00000-of-00001-f0e719df791966ff.parquet", columns(rows))
    table(whole / "data/validation-00000-of-00001.parquet", columns(rows[:4]))
    table(lmms / "ScienceQA-IMG/test-00000-of-00001.parquet", columns(pictured))
    table(lmms / "ScienceQA-FULL/test-00000-of-00001.parquet", columns(rows))
    ours = {
        (s.fields["question"], s.references, s.choices)
        for s in read("scienceqa", scienceqa)
        if s.split == "test"
    }
    found = [s for s in read("scienceqa", whole) if s.split == "test"]
    assert {(s.fields["question"], s.references, s.choices) for s in found} == ours
    assert len(read("scienceqa:all", whole)) == len(rows) + 4 == len(read("scienceqa:all", lmms)) + 4
    assert len({s.id for s in read("scienceqa:all", lmms)}) == len(rows)
    assert len(read("scienceqa", lmms)) == len(pictured)
    by_mark = Counter(marks("scienceqa").values())
    assert by_mark == {"content": 2, "problem": 1}
    assert [s.id for s in read("scienceqa:all", lmms)] == [
        s.id for s in read("scienceqa:all", whole) if s.split == "test"
    ]


# --- RESISC45


def test_resisc45_places_and_classes(tmp_path: Path, cache: Path) -> None:
    for place in (
        "NWPU-RESISC45",
        "NWPU-RESISC45/NWPU-RESISC45",
        "NWPU Data Set/NWPU-RESISC45/NWPU-RESISC45",
    ):
        folder = tmp_path / place.replace("/", "-")
        write_layout("resisc45", folder / "x", 90)
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / "x/NWPU-RESISC45", folder / place)
        shutil.rmtree(folder / "x")
        (folder / place / "Thumbs.db").write_text("")
        (folder / place / "airport/.DS_Store").write_text("")
        samples = list(prepare(resolve("resisc45"), folder=folder).samples())
        assert len(samples) == 90
        assert Counter(str(s.references[0]) for s in samples) == Counter(
            s.media[0].name.rpartition("_")[0] for s in samples
        )
    task = resolve("resisc45")
    said = judge(samples[0], 0, Response(text="A baseball diamond."), task.answer).value
    assert said == "baseball_diamond"
    assert "baseball diamond" in text(task, samples[0])
    (folder / place / "moon").mkdir()
    put(folder / place / "moon/moon_001.jpg", 1)
    with pytest.raises(BadData, match=r"moon_001.jpg: 'moon' is none of the 45 classes"):
        prepare(task, folder=folder)


def test_resisc45_lists_decide_what_is_asked(tmp_path: Path, cache: Path) -> None:
    write_layout("resisc45:test", tmp_path, 60)
    listed = (tmp_path / "resisc45-test.txt").read_text().split()
    lost = listed[3]
    (tmp_path / "NWPU-RESISC45" / lost.rpartition("_")[0] / lost).unlink()
    pack = prepare(resolve("resisc45:test"), folder=tmp_path)
    assert {s.media[0].name for s in pack.samples()} == set(listed) - {lost}
    assert pack.info["missing"]["count"] == 1
    assert pack.rows("shots") == 60
    assert {s.id for s in pack.samples()} < {s.id for s in read("resisc45", tmp_path)}
    (tmp_path / "resisc45-train.txt").unlink()
    assert prepare(resolve("resisc45:test"), folder=tmp_path).rows("shots") == 0


def test_resisc45_hub_copy(tmp_path: Path) -> None:
    names = sorted(LABELS)
    for split, start in (("test", 0), ("train", 50), ("validation", 100)):
        columns = {
            "image": [encoded(start + n) for n in range(45)],
            "label": list(range(45)),
            "image_id": [f"{n}_001.jpg" for n in names],
        }
        table(tmp_path / f"data/{split}-00000-of-00001.parquet", columns, names)
    assert len({s.id for s in read("resisc45", tmp_path)}) == 135
    test = read("resisc45:test", tmp_path)
    assert Counter(s.split for s in test) == {"test": 45, "shots": 45}
    assert [s.references[0] for s in test[:45]] == names


# --- iNaturalist


def test_inaturalist_from_folders_and_from_its_list(tmp_path: Path, cache: Path) -> None:
    write_layout("inaturalist", tmp_path, 60)
    listed = {s.id: s for s in read("inaturalist", tmp_path)}
    assert {s.references for s in listed.values() if "Fungi" in s.stratum} == {("Amanita muscaria",)}
    blackbird = next(s for s in listed.values() if s.references[0] == "Turdus merula")
    assert blackbird.references == ("Turdus merula", "Common Alurem Sudrut")
    assert blackbird.metadata["family_genera"] == ["Sialia", "Turdus"]
    assert blackbird.metadata["family"] == "Turdidae"
    assert blackbird.stratum == "Animalia/Aves"
    assert {s.references[0] for s in read("inaturalist:hemm", tmp_path)} >= {"turdus merula"}
    lost = next((tmp_path / "val").glob("*/*.jpg"))
    lost.unlink()
    pack = prepare(resolve("inaturalist"), folder=tmp_path)
    assert len(pack) == 59
    assert pack.info["missing"]["names"] == [str(lost.relative_to(tmp_path))]
    put(lost, 7)
    (tmp_path / "val.json").unlink()
    folders = {s.id: s for s in read("inaturalist", tmp_path)}
    assert set(folders) == set(listed)
    for name, s in folders.items():
        assert s.references == listed[name].references[:1]
        assert {**listed[name].metadata} == s.metadata
    shutil.move(tmp_path / "val", tmp_path / "2021_valid")
    assert {s.id for s in read("inaturalist", tmp_path)} == set(listed)


def test_inaturalist_ranks_stand_in_the_folders_too(tmp_path: Path) -> None:
    write_layout("inaturalist", tmp_path, 30)
    whole = read("inaturalist", tmp_path)

    def bare(content: Any) -> None:
        content["categories"] = [
            {key: c[key] for key in ("id", "name", "common_name", "supercategory")}
            for c in content["categories"]
        ]

    change(tmp_path / "val.json", bare)
    assert [(s.id, s.metadata, s.stratum) for s in read("inaturalist", tmp_path)] == [
        (s.id, s.metadata, s.stratum) for s in whole
    ]
    flat = json.loads((tmp_path / "val.json").read_text())
    for image in flat["images"]:
        image["file_name"] = f"val/{image['id']}.jpg"
    (tmp_path / "val.json").write_text(json.dumps(flat))
    samples = read("inaturalist", tmp_path)
    assert {s.stratum for s in samples} == {"Worms", "Birds", "Mammals", "Plants", "Fungi"}
    assert [s.metadata["genus"] for s in samples] == [s.metadata["genus"] for s in whole]


def test_inaturalist_a_balanced_limit_is_spread_over_the_tree_of_life(tmp_path: Path) -> None:
    write_layout("inaturalist", tmp_path, 200)
    samples = read("inaturalist", tmp_path)
    strata = {s.stratum for s in samples}
    chosen, sizes = first_ids(samples, len(strata), order="balanced")
    assert sizes.keys() == strata
    assert sum(count for count, _ in sizes.values()) == 200
    assert {s.stratum for s in samples if s.id in chosen} == strata
    assert len(strata) == 6


def test_inaturalist_choices_are_near_relatives(tmp_path: Path) -> None:
    write_layout("inaturalist:mc", tmp_path, 130)
    samples = read("inaturalist:mc", tmp_path)
    assert [s.choices for s in samples] == [s.choices for s in read("inaturalist:mc", tmp_path)]
    for s in samples:
        assert len(set(s.choices)) == 4
        others = {c for c in s.choices if c != s.references[0]}
        if s.metadata["genus"] == "Turdus":
            assert {o.split()[0] for o in others} == {"Turdus"}
        if s.metadata["genus"] == "Lumbricus":
            assert "Eisenia fetida" in others
        if s.metadata["genus"] == "Sialia":
            assert {o.split()[0] for o in others} == {"Sialia", "Turdus"}
    places = Counter(s.choices.index(str(s.references[0])) for s in samples)
    assert len(places) == 4
    for name in [d for d in (tmp_path / "val").iterdir() if "Amanita" not in d.name]:
        shutil.rmtree(name)
    with pytest.raises(BadData, match="pictures of two at least"):
        read("inaturalist:mc", tmp_path)


def test_inaturalist_says_what_is_wrong(tmp_path: Path) -> None:
    write_layout("inaturalist", tmp_path, 20)
    change(tmp_path / "val.json", lambda all: all["annotations"].pop(2) and None)
    with pytest.raises(BadData, match=r"val.json, image 3: there is no annotation for it"):
        read("inaturalist", tmp_path)
    change(tmp_path / "val.json", lambda all: all["annotations"][1].update(category_id=77))
    with pytest.raises(BadData, match=r"val.json, image 2: there is no category for it"):
        read("inaturalist", tmp_path)
    (tmp_path / "val.json").unlink()
    put(tmp_path / "val/birds/1.jpg", 1)
    with pytest.raises(BadData, match="'birds' is no NUMBER_KINGDOM_PHYLUM_CLASS_ORDER_FAMILY_GENUS_EPITHET"):
        read("inaturalist", tmp_path)


# --- DECIMER


def test_decimer_part_of_the_paper(tmp_path: Path) -> None:
    lines = [f"CDK_Depict_{n}\t{'C' * (n % 40 + 1)}" for n in range(5088)]
    (tmp_path / "DECIMER_HDM_Dataset_SMILES.tsv").write_text("\n".join(["Image\tSMILES", *lines]) + "\n")
    random.seed(0)
    drawn = [f"{line}\n" for line in lines]
    random.shuffle(drawn)
    part = read("decimer:hemm", tmp_path)
    assert len(part) == 509
    assert [f"{s.id}\t{s.references[0]}\n" for s in part] == drawn[-509:]
    assert len(read("decimer", tmp_path)) == 5088


def test_decimer_smiles_keep_their_case_and_places_differ(tmp_path: Path, cache: Path) -> None:
    write_layout("decimer", tmp_path, 30)
    file = tmp_path / "DECIMER_HDM_Dataset_SMILES.tsv"
    rows = dict(line.split("\t") for line in file.read_text().splitlines()[1:])
    samples = read("decimer", tmp_path)
    assert {s.id: s.references[0] for s in samples} == rows
    assert any("c1ccccc1" in str(s.references[0]) for s in samples)
    inner = tmp_path / "DECIMER_HDM_Dataset_Images"
    shutil.move(inner / inner.name, tmp_path / "up")
    shutil.rmtree(inner)
    shutil.move(tmp_path / "up", inner)
    lost = next(inner.iterdir())
    lost.unlink()
    pack = prepare(resolve("decimer"), folder=tmp_path)
    assert (len(pack), pack.info["missing"]["names"]) == (29, [str(lost.relative_to(tmp_path))])
    file.write_text(file.read_text() + "CDK_Depict_9_9\t \n")
    with pytest.raises(BadData, match=r"SMILES.tsv, line 32: field 'SMILES' is empty"):
        prepare(resolve("decimer"), folder=tmp_path)
    file.write_text("only one column\nCCO\n")
    with pytest.raises(BadData, match="line 2: a name and a SMILES are expected"):
        prepare(resolve("decimer"), folder=tmp_path)


def test_decimer_hub_copy_has_other_ids(tmp_path: Path) -> None:
    table(
        tmp_path / "data/train-00000-of-00001.parquet",
        {"image": [encoded(1), encoded(2)], "smiles": ["CCO", "c1ccccc1"]},
    )
    assert [s.references for s in read("decimer", tmp_path)] == [("CCO",), ("c1ccccc1",)]
    assert marks("decimer")["hub:deepcopy/decimer"] != marks("decimer")["kaggle:juliajakubowska/decimer"]
    with pytest.raises(HemmError, match="these are not the files of decimer:hemm"):
        prepare(resolve("decimer:hemm"), folder=tmp_path)


# --- PathVQA


def test_pathvqa_from_its_pickles(tmp_path: Path, cache: Path) -> None:
    write_layout("pathvqa", tmp_path, 80)
    rows = pickle.loads((tmp_path / "pvqa/qas/test/test_qa.pkl").read_bytes())
    samples = read("pathvqa", tmp_path)
    test = [s for s in samples if s.split == "test"]
    assert len(test) == len(rows) == 80
    assert len(samples) == 86
    for row, s in zip(rows, test, strict=True):
        closed = row["answer"].lower() in ("yes", "no")
        assert s.fields["question"] == row["question"]
        assert s.references == (row["answer"].lower() if closed else row["answer"],)
        assert s.choices == (("yes", "no") if closed else ())
        assert s.metadata["answer_type"] == s.stratum == ("CLOSED" if closed else "OPEN")
        assert s.cluster == row["image"]
    shutil.rmtree(tmp_path / "pvqa/images/train")
    lost = tmp_path / "pvqa/images/test/test_0001.jpg"
    lost.unlink()
    for folder in (tmp_path, tmp_path / "pvqa"):
        pack = prepare(resolve("pathvqa"), folder=folder)
        assert (len(pack), pack.rows("shots")) == (77, 0)
        assert pack.info["missing"]["count"] == 3
        assert {Path(n).name for n in pack.info["missing"]["names"]} == {"test_0001.jpg"}


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("harm",)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"image": "test_0000", "question": "q", "answer": Harm()}], "something that Python would import"),
        ({"image": []}, "a list of questions is expected"),
        (["x"], "entry 1: a dict is expected"),
        ([{"image": "test_0000", "question": "q"}], "entry 1: field 'answer' is missing"),
        ([{"image": "test_0000", "question": "q", "answer": "  "}], "entry 1: field 'answer' is empty"),
        (
            [{"img_id": "test_0000", "sent": "q", "label": {}}],
            "entry 1: field 'label' is missing, or does not",
        ),
    ],
)
def test_pathvqa_says_what_is_wrong(
    rows: Any, message: str, tmp_path: Path, cache: Path, capsys: Any
) -> None:
    file = tmp_path / "pvqa/qas/test/test_qa.pkl"
    file.parent.mkdir(parents=True)
    file.write_bytes(pickle.dumps(rows))
    with pytest.raises(BadData, match=message) as error:
        prepare(resolve("pathvqa"), folder=tmp_path)
    assert "test_qa.pkl" in str(error.value)
    assert capsys.readouterr().out == ""


def test_pathvqa_forms_for_lxmert_give_equal_ids(tmp_path: Path, cache: Path) -> None:
    write_layout("pathvqa", tmp_path, 40)
    rows = pickle.loads((tmp_path / "pvqa/qas/test/test_qa.pkl").read_bytes())
    ours = {s.id: s for s in read("pathvqa", tmp_path) if s.split == "test"}
    shutil.rmtree(tmp_path / "pvqa/qas")
    (tmp_path / "pvqa/qas").mkdir()
    listed = [
        {"img_id": r["image"], "sent": r["question"], "label": {r["answer"]: 1}, "question_id": 7}
        for r in rows
    ]
    (tmp_path / "pvqa/qas/test_vqa.pkl").write_bytes(pickle.dumps(listed))
    assert {s.id: s for s in read("pathvqa", tmp_path)} == ours
    shutil.rmtree(tmp_path / "pvqa/qas")
    by_picture: dict[str, list[Any]] = {}
    for r in rows:
        by_picture.setdefault(r["image"], []).append(r)
    entries = [
        {
            "img_id": name,
            "sentf": {"pvqa": [r["question"] for r in part]},
            "labelf": {"pvqa": [{r["answer"]: 1} for r in part]},
        }
        for name, part in by_picture.items()
    ]
    (tmp_path / "lxmert_pvqa_test.json").write_text(json.dumps(entries))
    assert {s.id: s for s in read("pathvqa", tmp_path)} == ours
    assert len(prepare(resolve("pathvqa"), folder=tmp_path)) == 40
    entries[0]["sentf"]["pvqa"].pop()
    (tmp_path / "lxmert_pvqa_test.json").write_text(json.dumps(entries))
    with pytest.raises(BadData, match="entry 1: 2 questions and 3 answers"):
        read("pathvqa", tmp_path, "drive")


def test_pathvqa_real_questions(realdata: Path) -> None:
    folder = realdata / "annotations_only/pathvqa"
    samples = read("pathvqa", folder)
    assert len({s.cluster for s in samples}) == 40
    kinds = Counter(s.metadata["answer_type"] for s in samples)
    assert set(kinds) == {"OPEN", "CLOSED"}
    for s in samples:
        reference = str(s.references[0])
        task = resolve("pathvqa")
        assert judge(s, 0, Response(text=task.answer.render(reference, s)), task.answer).value == reference


def test_pathvqa_hub_copy(tmp_path: Path) -> None:
    columns = {
        "image": [encoded(1), encoded(1), encoded(2)],
        "question": ["is it shown?", "what is shown?", "is it shown?"],
        "answer": ["yes", "nests of cells", "no"],
    }
    table(tmp_path / "data/test-00000-of-00003-e9adadb4799f44d3.parquet", columns)
    samples = read("pathvqa", tmp_path)
    assert [s.references[0] for s in samples] == ["yes", "nests of cells", "no"]
    assert [s.metadata["answer_type"] for s in samples] == ["CLOSED", "OPEN", "CLOSED"]
    assert len({s.id for s in samples}) == 3
    assert len({s.cluster for s in samples}) == 2
    assert set(marks("pathvqa").values()) == {"pixels-question", "picture-question-answer"}


# --- OpenPath


def test_open_path_copies_agree(tmp_path: Path, cache: Path) -> None:
    write_layout("open_path", tmp_path / "table", 45)
    original = {s.id: s for s in read("open_path", tmp_path / "table", "OpenPath")}
    assert {s.references[0] for s in original.values()} == set(original[next(iter(original))].choices)
    assert original["ADI-TCGA-00000AAIC"].references == ("adipose tissue",)
    zenodo = tmp_path / "zenodo/CRC-VAL-HE-7K"
    zenodo.mkdir(parents=True)
    inner = tmp_path / "inner"
    shutil.copytree(tmp_path / "table/Kather_test", inner / "Kather_test")
    for place in sorted((tmp_path / "table").iterdir()):
        if place.name != "Kather_test":
            shutil.copytree(place, zenodo / place.name)
            shutil.copytree(place, inner / "Kather_test" / place.name)
    assert {s.id: s for s in read("open_path", tmp_path / "zenodo")} == original
    assert {s.id: s for s in read("open_path", inner)} == original
    found = marks("open_path")
    assert found["hub:akshayg08/OpenPath"] == next(i for n, i in found.items() if "zenodo" in n)
    lost = tmp_path / "table/TUM/TUM-TCGA-00008AAIC.tif"
    lost.unlink()
    pack = prepare(resolve("open_path"), folder=tmp_path / "table")
    assert pack.info["missing"] == {"count": 1, "names": ["TUM/TUM-TCGA-00008AAIC.tif"]}
    file = tmp_path / "table/Kather_test/Kather_test.csv"
    file.write_text(file.read_text() + "99,X.tif,XYZ,caption\r\n")
    with pytest.raises(BadData, match=r"Kather_test.csv, line 47: 'XYZ' is none of the 9 classes"):
        prepare(resolve("open_path"), folder=tmp_path / "table")


@pytest.mark.parametrize("split", ["CRC_VAL_HE_7K", "crc_val_he_7k"])
def test_open_path_hub_copies(split: str, tmp_path: Path) -> None:
    names = ["ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM"]
    columns = {"image": [encoded(n) for n in range(9)], "label": list(range(9))}
    table(tmp_path / f"data/{split}-00000-of-00003-cce1097526b69125.parquet", dict(columns), names)
    other = "NCT_CRC_HE_100K" if split.isupper() else "nct_crc_he_100"
    table(tmp_path / f"data/{other}-00000-of-00001.parquet", dict(columns), names)
    samples = read("open_path", tmp_path)
    assert [s.metadata["class"] for s in samples] == names


# --- SLAKE


@pytest.fixture
def slake(tmp_path: Path) -> Path:
    write_layout("slake", tmp_path / "s", 40)
    return tmp_path / "s"


def test_slake_languages_and_kinds(slake: Path) -> None:
    rows = json.loads((slake / "Slake1.0/test.json").read_text())
    ids = {
        task: {s.id for s in read(task, slake) if s.split == "test"}
        for task in ("slake", "slake:zh", "slake:all", "slake:hemm")
    }
    en, zh = ({str(r["qid"]) for r in rows if r["q_lang"] == language} for language in ("en", "zh"))
    closed = {str(r["qid"]) for r in rows if r["answer_type"] == "CLOSED"}
    assert ids == {"slake": en, "slake:zh": zh, "slake:all": en | zh, "slake:hemm": en & closed}
    by_qid = {str(r["qid"]): r for r in rows}
    for s in read("slake:all", slake):
        if s.split == "test":
            row = by_qid[s.id]
            assert s.metadata["answer_type"] == row["answer_type"]
            assert s.stratum == s.metadata["content_type"] == row["content_type"]
            assert s.cluster == row["img_name"]
            if not s.choices:
                assert s.references == (row["answer"],)


@pytest.mark.parametrize(
    ("question", "answer", "meant"),
    [
        ("这张图片看起来正常吗?", "不正常", "否"),
        ("这张图片看起来正常吗?", "正常", "是"),
        ("肺看起来不正常吗?", "不正常", "是"),
        ("肺看起来不正常吗?", "是的", "是"),
        ("肺是健康的吗?", "不健康", "否"),
        ("肺是正常还是不正常?", "不正常", "不正常"),  # a choice of its own
        ("图中心脏和肺哪个更大?", "肺", "肺"),
        ("肿瘤对身体的危害有多大?", "没有", "没有"),  # how much harm? none
        ("图中有几个肿瘤?", "没有", "没有"),
        ("图中有没有肿瘤?", "没有", "否"),
        ("肺有什么异常吗?", "没有", "否"),
    ],
)
def test_slake_answers_that_say_the_question_again(
    question: str, answer: str, meant: str, tmp_path: Path
) -> None:
    write_layout("slake", tmp_path, 4)
    file = tmp_path / "Slake1.0/test.json"
    row = next(
        r for r in json.loads(file.read_text()) if r["q_lang"] == "zh" and r["answer_type"] == "CLOSED"
    )
    file.write_text(json.dumps([row | {"question": question, "answer": answer}]))
    sample = next(s for s in read("slake:zh", tmp_path) if s.split == "test")
    assert sample.references == (meant,)
    assert sample.choices == (("是", "否") if meant in "是否" else ())


def test_slake_yes_and_no_in_two_languages(slake: Path) -> None:
    task = resolve("slake:all")
    meant = {"Yes": "yes", "No": "no", **dict.fromkeys(("是的", "是", "有", "包含", "存在", "可以"), "是")}
    meant |= dict.fromkeys(("不是", "否", "没有", "不包含", "不存在", "不可以"), "否")
    rows = {str(r["qid"]): r for r in json.loads((slake / "Slake1.0/test.json").read_text())}
    shown: dict[str, set[Any]] = {"en": set(), "zh": set()}
    for s in read("slake:all", slake):
        if s.split == "shots":
            continue
        answer = rows[s.id]["answer"].strip()
        if s.choices:
            shown[str(s.metadata["language"])].add(s.choices)
            assert s.references == (meant[answer],)
            for said in (answer, f"{answer}。", str(s.references[0])):
                assert judge(s, 0, Response(text=said), task.answer).value == meant[answer]
        else:
            assert answer not in meant
    assert shown == {"en": {("yes", "no")}, "zh": {("是", "否")}}  # the options tell nothing of the answer
    assert {rows[s.id]["answer"] for s in read("slake:zh", slake) if s.split == "test"} >= {"包含", "不可以"}
    which = next(s for s in read("slake", slake) if "bigger" in s.fields["question"])
    assert which.choices == ()
    assert which.metadata["answer_type"] == "CLOSED"


def test_slake_asks_chinese_in_chinese(slake: Path) -> None:
    task = resolve("slake:all")
    for s in read("slake:all", slake):
        prompt = text(task, s).replace(s.fields["question"], "").replace("CT", "")
        latin = any(c.isascii() and c.isalpha() for c in prompt)
        assert latin == (s.fields["language"] == "en")
        assert s.fields["question"] in text(task, s)


def test_slake_places_partial_copies_and_faults(slake: Path, cache: Path) -> None:
    top = slake / "Slake1.0"
    (top / "train.json").unlink()
    lost = top / "imgs/xmlab2/source.jpg"
    lost.unlink()
    change(top / "test.json", lambda rows: [r.pop("triple") for r in rows] and rows)
    for folder in (slake, top):
        pack = prepare(resolve("slake:all"), folder=folder)
        assert (len(pack), pack.info["missing"]["count"]) == (152, 8)
        assert pack.rows("shots") == 0
    for field, value, message in (
        ("q_lang", "fr", "entry 1: field 'q_lang' is 'fr', not en or zh"),
        ("answer", None, "entry 1: field 'answer' is empty"),
        ("question", 5, "no error"),
    ):
        change(top / "test.json", lambda rows, f=field, v=value: rows[0].update({f: v}))
        if message == "no error":
            change(
                top / "test.json", lambda rows: rows[0].update(q_lang="en", answer="Lung", answer_type="OPEN")
            )
            assert read("slake", slake)[0].fields["question"] == "5"
        else:
            with pytest.raises(BadData, match=message):
                read("slake", slake)
        change(top / "test.json", lambda rows: rows[0].update(q_lang="en"))


def test_slake_hub_copy_has_equal_ids(slake: Path, tmp_path: Path) -> None:
    rows = [r for r in json.loads((slake / "Slake1.0/test.json").read_text()) if r["q_lang"] == "en"]
    names = (
        "img_id",
        "question",
        "answer",
        "q_lang",
        "location",
        "modality",
        "answer_type",
        "content_type",
        "qid",
    )
    columns: dict[str, Any] = {n: [r[n] for r in rows] for n in names}
    columns["image"] = [encoded(r["img_id"]) for r in rows]
    table(tmp_path / "hub/data/test-00000-of-00001.parquet", columns)
    copy = {s.id: s for s in read("slake", tmp_path / "hub", "OctoMed")}
    ours = {s.id: s for s in read("slake", slake) if s.split == "test"}
    assert set(copy) == set(ours)
    for name, s in copy.items():
        other = ours[name]
        assert (s.fields, s.references, s.choices, s.cluster) == (
            other.fields,
            other.references,
            other.choices,
            other.cluster,
        )
    assert len(set(marks("slake").values())) == 1
    assert {s.metadata["answer_type"] for s in read("slake:hemm", tmp_path / "hub")} == {"CLOSED"}


def test_slake_real_rows(realdata: Path) -> None:
    folder = realdata / "annotations_only/slake"
    rows = json.loads((folder / "Slake1.0/test.json").read_text())
    samples = read("slake", folder)
    assert len(samples) == len(rows) == 120
    assert len(read("slake:hemm", folder)) == 44
    task = resolve("slake")
    for row, s in zip(rows, samples, strict=True):
        reference = str(s.references[0])
        assert reference.lower() == row["answer"].lower()
        assert bool(s.choices) == (row["answer"] in ("Yes", "No"))
        assert judge(s, 0, Response(text=f"{row['answer']}."), task.answer).value.lower() == reference.lower()


# --- what all of them share


def test_scores_tell_open_and_closed_questions_apart(tmp_path: Path, cache: Path) -> None:
    write_layout("slake", tmp_path / "original", 30)
    prepare(resolve("slake"), folder=tmp_path / "original")
    (cell,) = hemm.run("baseline/oracle", "slake", out=tmp_path / "out")
    parts = json.loads((cell.folder / "scores/aggregates.json").read_text())["metrics"]["accuracy-v2"][
        "components"
    ]
    assert set(parts) == {"", "open", "closed"}
    assert all(part["value"] == 1.0 for part in parts.values())


NEW = ("decimer", "inaturalist", "open_path", "pathvqa", "resisc45", "scienceqa", "slake")


@pytest.mark.parametrize("name", [*NEW, "uc_merced", "vqa_rad", "nlvr"])
def test_bartscore_is_the_last_metric_of_every_form(name: str) -> None:
    task = resolve(name)
    for form in (task, *task.variants.values()):
        assert form.metrics[-1] == "bartscore"
        assert form.card.labels == task.card.labels


@pytest.mark.parametrize("name", NEW)
def test_a_foreign_folder_is_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(HemmError, match=f"these are not the files of {name}: missing") as error:
        prepare(resolve(name), folder=tmp_path)
    assert "\n" not in str(error.value)


def test_readers_open_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEW:
        write_layout(name, tmp_path / name, 12)
    monkeypatch.setattr(Media, "data", property(lambda self: pytest.fail("a picture was opened")))
    for name in NEW:
        assert read(name, tmp_path / name)
