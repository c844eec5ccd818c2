"""nlvr, vqa_rad, uc_merced: from their original files, and from the forms they have elsewhere."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hemm.cli import status
from hemm.core import BadData, HemmError, Layout, Response, Sample, Task
from hemm.data.pack.prepare import prepare
from hemm.data.pack.reader import Pack, find_pack
from hemm.parsing.outcome import judge
from hemm.tasks import SUITES, TASKS, resolve, select
from hemm.tasks.prompt import render
from hemm.tasks.science.uc_merced import LABELS


def source_of(task: Task, name: str) -> Layout:
    return next(s.layout for s in task.sources if name in s.name)


def right(task: Task, sample: Sample) -> bool:
    """Whether the reference, written as the format writes it, is read as the reference."""
    reference = sample.references[0]
    assert isinstance(reference, str)
    judged = judge(sample, 0, Response(text=task.answer.render(reference, sample)), task.answer)
    return judged.value == reference


def original(pack: Pack, folder: Path) -> None:
    """Every picture in the pack has the bytes of the original file."""
    files = {p.name: p for p in folder.rglob("*") if p.is_file()}
    for sample in pack.samples():
        for media in sample.media:
            assert media.data == files[media.name].read_bytes()


# --- NLVR


def test_nlvr_from_its_original_files(cache: Path, realdata: Path) -> None:
    task = resolve("nlvr")
    pack = prepare(task, folder=realdata / "nlvr")
    samples = list(pack.samples())
    assert len(samples) == 360
    assert pack.info["missing"]["count"] == pack.info["problems"]["count"] == 0
    rows = [json.loads(line) for line in (realdata / "nlvr/nlvr/dev/dev.json").read_text().splitlines()]
    by_id = {s.id: s for s in samples}
    for row in rows:
        for k in range(6):
            s = by_id[f"{row['identifier']}-{k}"]
            assert s.fields["statement"] == row["sentence"]
            assert s.references == (row["label"],)
            assert s.media[0].name == f"dev-{row['identifier']}-{k}.png"
            assert s.unit == s.cluster == f"dev-{row['identifier'].split('-')[0]}"
            assert s.metadata == {"example": row["identifier"], "permutation": k}
            assert right(task, s)
    original(pack, realdata / "nlvr")


def test_nlvr_as_the_paper_asked_it(cache: Path, realdata: Path) -> None:
    pack = prepare(resolve("nlvr:hemm"), folder=realdata / "nlvr")
    assert len(pack) == 60
    assert {s.metadata["permutation"] for s in pack.samples()} == {0}
    assert len(prepare(resolve("nlvr"), folder=realdata / "nlvr")) == 360  # two tasks, two packs


def test_nlvr_from_a_clone_of_its_repository_with_shots(cache: Path, realdata: Path, tmp_path: Path) -> None:
    shutil.copytree(realdata / "nlvr/nlvr/dev", tmp_path / "nlvr/dev")
    train = tmp_path / "nlvr/train"
    (train / "images/0").mkdir(parents=True)
    rows = [{"sentence": "A", "label": "true", "identifier": f"{n}-0", "directory": "0"} for n in range(120)]
    (train / "train.json").write_text("\n".join(json.dumps(r) for r in rows))
    for n in range(120):  # equal pictures would be one cluster
        Image.new("RGB", (400, 100), (n, 0, 0)).save(train / f"images/0/train-{n}-0-0.png")
    for place in (tmp_path, tmp_path / "nlvr"):
        pack = prepare(resolve("nlvr"), folder=place)
        assert (len(pack), pack.rows("shots")) == (360, 100)
        shots = list(pack.samples(split="shots"))
        assert not {s.cluster for s in shots} & {s.cluster for s in pack.samples()}


def test_nlvr_with_damage(cache: Path, realdata: Path, tmp_path: Path) -> None:
    shutil.copytree(realdata / "nlvr/nlvr/dev", tmp_path / "nlvr/dev")
    listing = tmp_path / "nlvr/dev/dev.json"
    lines = listing.read_text().splitlines()
    for line, message in (
        ('{"sentence": "x"', r"dev.json, line 3: no valid JSON"),
        ('{"sentence": "x", "identifier": "1-0", "directory": "1"}', "line 3: field 'label' is missing"),
        (json.dumps({**json.loads(lines[0]), "label": "maybe"}), "line 3: field 'label' is 'maybe'"),
    ):
        listing.write_text("\r\n".join([*lines[:2], line, *lines[3:]]))
        with pytest.raises(BadData, match=message):
            prepare(resolve("nlvr"), folder=tmp_path)
    listing.write_text("\r\n".join(lines))
    row = json.loads(lines[0])
    lost = tmp_path / "nlvr/dev/images" / row["directory"] / f"dev-{row['identifier']}-4.png"
    lost.unlink()
    pack = prepare(resolve("nlvr"), folder=tmp_path)
    assert len(pack) == 359
    assert pack.info["missing"] == {"count": 1, "names": [str(lost.relative_to(tmp_path))]}


# --- VQA-RAD


def test_vqa_rad_from_its_original_files(cache: Path, realdata: Path) -> None:
    task = resolve("vqa_rad")
    pack = prepare(task, folder=realdata / "vqa_rad")
    samples = list(pack.samples())
    assert (len(samples), pack.rows("shots")) == (85, 212)
    rows = json.loads((realdata / "vqa_rad/VQA_RAD Dataset Public.json").read_text())
    by_qid = {str(r["qid"]): r for r in rows}
    for s in samples:
        row = by_qid[s.metadata["qid"]]
        assert row["phrase_type"].startswith("test_")
        assert s.fields["question"] == " ".join(row["question"].split())
        assert s.metadata["answer_type"] == row["answer_type"].strip().upper()
        assert s.cluster == row["image_name"] == s.media[0].name
        assert right(task, s)
    assert set(Counter(s.metadata["answer_type"] for s in samples)) == {"OPEN", "CLOSED"}
    assert all(s.references[0] in s.choices for s in samples if s.choices)
    shots = {s.metadata["phrase_type"] for s in pack.samples(split="shots")}
    assert shots == {"freeform", "para"}
    original(pack, realdata / "vqa_rad")


def test_vqa_rad_dirty_values(cache: Path, realdata: Path, tmp_path: Path) -> None:
    shutil.copytree(realdata / "vqa_rad", tmp_path / "v")
    file = tmp_path / "v/VQA_RAD Dataset Public.json"
    rows = json.loads(file.read_text())[:4]
    changes: list[dict[str, Any]] = [
        {"qid": "7", "answer": 12, "answer_type": "OPEN "},
        {"qid": 8, "answer": " YES ", "answer_type": "CLOSED "},
        {"qid": "9", "answer": 0.5},
        {},
    ]
    rows = [{**r, "phrase_type": "test_freeform", **c} for r, c in zip(rows, changes, strict=True)]
    rows[3] = {**rows[1]}  # an equal row twice
    file.write_text(json.dumps(rows))
    got = list(prepare(resolve("vqa_rad"), folder=tmp_path / "v").samples())
    by_qid = {s.metadata["qid"]: s for s in got}
    assert by_qid["7"].references == ("12",)
    assert by_qid["7"].metadata["answer_type"] == "OPEN"
    assert by_qid["8"].references == ("yes",)
    assert by_qid["8"].choices == ("yes", "no")
    assert by_qid["8"].metadata["answer_type"] == "CLOSED"
    assert by_qid["9"].references == ("0.5",)
    assert len({s.id for s in got}) == 4
    del rows[2]["answer"]
    file.write_text(json.dumps(rows))
    with pytest.raises(BadData, match=r"Public.json, entry 3: field 'answer' is missing"):
        prepare(resolve("vqa_rad"), folder=tmp_path / "v")


def image(path: Path) -> dict[str, Any]:
    return {"bytes": path.read_bytes(), "path": path.name}


PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def test_vqa_rad_sources_that_claim_equal_ids_have_them(cache: Path, realdata: Path, tmp_path: Path) -> None:
    """The hub copy with picture names numbers its questions like the MEVF files: other qids, the same ids."""
    task = resolve("vqa_rad")
    marks = {s.name: s.ids for s in task.sources}
    assert marks["hub:OctoMed/VQA-RAD"] == next(s.ids for s in task.sources if "osf" in s.name)
    assert marks["hub:flaviagiammarino/vqa-rad"] != marks["hub:OctoMed/VQA-RAD"]
    rows = json.loads((realdata / "vqa_rad/mevf_splits/testset.json").read_text())
    pictures = realdata / "vqa_rad/VQA_RAD Image Folder"
    names = (
        "qid",
        "image_name",
        "image_organ",
        "answer",
        "answer_type",
        "question_type",
        "question",
        "phrase_type",
    )
    columns: dict[str, Any] = {
        n: pa.array([r[n] for r in rows], pa.int64() if n == "qid" else pa.string()) for n in names
    }
    columns["image"] = pa.array([image(pictures / r["image_name"]) for r in rows], PICTURE)
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "data/test-00000-of-00001.parquet")
    copy = {s.id: s for s in source_of(task, "OctoMed").read(tmp_path)}
    ours = {s.id: s for s in prepare(task, folder=realdata / "vqa_rad").samples()}
    assert set(copy) == set(ours)
    for name, s in ours.items():
        assert (s.fields, s.references, s.cluster, s.choices) == (
            copy[name].fields,
            copy[name].references,
            copy[name].cluster,
            copy[name].choices,
        )
        assert s.metadata["answer_type"] == copy[name].metadata["answer_type"]
    assert any(ours[n].metadata["qid"] != copy[n].metadata["qid"] for n in ours)


def test_vqa_rad_from_the_copy_without_names(cache: Path, realdata: Path, tmp_path: Path) -> None:
    rows = json.loads((realdata / "vqa_rad/VQA_RAD Dataset Public.json").read_text())
    pictures = realdata / "vqa_rad/VQA_RAD Image Folder"
    (tmp_path / "data").mkdir()
    for split, wanted in (("test", True), ("train", False)):
        part = [r for r in rows if r["phrase_type"].startswith("test") == wanted]
        table = pa.table(
            {
                "image": pa.array(
                    [{**image(pictures / r["image_name"]), "path": None} for r in part], PICTURE
                ),
                "question": [r["question"] for r in part],
                "answer": [str(r["answer"]) for r in part],
            }
        )
        pq.write_table(table, tmp_path / f"data/{split}-00000-of-00001-abc.parquet")
    pack = prepare(resolve("vqa_rad"), folder=tmp_path)
    assert (len(pack), pack.rows("shots")) == (85, 212)
    assert pack.info["ids"] == "pixels-question"
    ours = prepare(resolve("vqa_rad"), folder=realdata / "vqa_rad")
    assert {tuple(s.references) for s in pack.samples()} == {tuple(s.references) for s in ours.samples()}
    assert {s.media[0].digest for s in pack.samples()} == {s.media[0].digest for s in ours.samples()}
    assert len({s.cluster for s in pack.samples()}) == len({s.cluster for s in ours.samples()})


# --- UC Merced


def test_uc_merced_from_its_original_files(cache: Path, realdata: Path) -> None:
    task = resolve("uc_merced")
    pack = prepare(task, folder=realdata / "uc_merced")
    samples = list(pack.samples())
    assert len(samples) == 21
    assert {s.references[0] for s in samples} == set(LABELS)
    for s in samples:
        assert s.id.startswith(str(s.references[0]))
        assert s.media[0].mime == "image/tiff"
        assert right(task, s)
        text = "".join(p for p in render(task, s)[0].parts if isinstance(p, str))
        assert "dense residential" in text
        assert "denseresidential" not in text
    original(pack, realdata / "uc_merced")


def test_uc_merced_labels_map_back_exactly() -> None:
    task = resolve("uc_merced")
    for gold, shown in LABELS.items():
        assert shown.replace(" ", "") == gold
        sample = Sample("x", references=(gold,), choices=tuple(LABELS.values()))
        for said in (shown, f"{shown}.", shown.title(), gold):
            assert judge(sample, 0, Response(text=said), task.answer).value == gold


def test_uc_merced_splits_of_torchgeo(cache: Path, realdata: Path, tmp_path: Path) -> None:
    shutil.copytree(realdata / "uc_merced/UCMerced_LandUse", tmp_path / "UCMerced_LandUse")
    files = sorted(p.name for p in tmp_path.rglob("*.tif"))
    (tmp_path / "uc_merced-test.txt").write_text("\n".join(files[:5]) + "\n")
    (tmp_path / "uc_merced-train.txt").write_text("\r\n".join(files[5:15]))
    pack = prepare(resolve("uc_merced:test"), folder=tmp_path)
    assert sorted(s.media[0].name for s in pack.samples()) == files[:5]
    assert pack.rows("shots") == 10
    marks = {s.ids for s in resolve("uc_merced:test").sources}
    assert {s.ids for s in resolve("uc_merced").sources if "torchgeo" in s.name} == marks
    ours = {s.id for s in prepare(resolve("uc_merced"), folder=realdata / "uc_merced").samples()}
    assert {s.id for s in pack.samples()} < ours


def test_uc_merced_from_the_hub_copy(cache: Path, realdata: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    files = sorted((realdata / "uc_merced").rglob("*.tif"))
    names = sorted(LABELS)
    labels = [names.index(f.parent.name) for f in files]
    table = pa.table({"image": pa.array([image(f) for f in files], PICTURE), "label": labels})
    described = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": names}}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": described}})})
    pq.write_table(table, copy / "train-00000-of-00001.parquet")
    pack = prepare(resolve("uc_merced"), folder=copy)
    assert pack.info["ids"] == "pixels"
    got = {s.media[0].digest: s.references for s in pack.samples()}
    ours = prepare(resolve("uc_merced"), folder=realdata / "uc_merced")
    assert got == {s.media[0].digest: s.references for s in ours.samples()}
    # the same picture in another lossless encoding has the same id
    again = io.BytesIO()
    Image.open(files[0]).save(again, "PNG")
    table = table.set_column(
        0, "image", pa.array([{"bytes": again.getvalue(), "path": None}] * 21, PICTURE)
    ).slice(0, 1)
    pq.write_table(table, copy / "train-00000-of-00001.parquet")
    (same,) = prepare(resolve("uc_merced"), folder=copy).samples()
    assert same.id in {s.id for s in pack.samples()}


def test_uc_merced_as_the_paper_had_it(cache: Path, realdata: Path, tmp_path: Path) -> None:
    root = tmp_path / "images_train_test_val"
    lines = [",Filename,Label,ClassName"]
    for n, file in enumerate(sorted((realdata / "uc_merced").rglob("*.tif"))):
        name = f"{file.parent.name}/{file.parent.name}_{n:06d}.png"
        (root / "validation" / file.parent.name).mkdir(parents=True)
        Image.open(file).save(root / "validation" / name)
        lines.append(f"{n},{name},{n},{file.parent.name}")
    (root / "validation.csv").write_text("\r\n".join(lines))
    pack = prepare(resolve("uc_merced:hemm"), folder=tmp_path)
    assert len(pack) == 21
    assert {s.references[0] for s in pack.samples()} == set(LABELS)


# --- the registry


def test_every_task_has_a_full_card() -> None:
    from hemm.core.taxonomy import taxonomy

    for name in SUITES["hemm"]:
        card = TASKS.get(name).card
        assert set(card.labels) == set(taxonomy())
        assert card.title
        assert card.citation
        assert card.licence
        assert card.homepage
        assert card.splits


def test_names_variants_suites_and_conditions() -> None:
    assert resolve("nlvr:hemm").name == "nlvr:hemm"
    with pytest.raises(HemmError, match="unknown task 'nlvrs'; did you mean 'nlvr'"):
        resolve("nlvrs")
    with pytest.raises(HemmError, match="unknown variant of task nlvr 'hem'; did you mean 'hemm'"):
        resolve("nlvr:hem")
    assert {t.name for t in select(suite="probes")} == set(SUITES["probes"])
    assert [t.name for t in select(["nlvr", "nlvr"], where=["use_case=multimedia"])] == ["nlvr"]
    healthcare = {t.name for t in select(where=["use_case=healthcare"])}
    assert "vqa_rad" in healthcare
    assert "nlvr" not in healthcare
    assert {"probe_shapes"} <= {t.name for t in select(suite="probes", where=["reasoning=more"])}
    assert "muirbench" in {t.name for t in select(suite="multi-image", where=["use_case=multimedia"])}
    assert "muirbench" not in {t.name for t in select(where=["use_case=multimedia"])}
    for where, message in (
        ("use_case", "not of the form"),
        ("use_cas=hci", "did you mean 'use_case'"),
        ("use_case=healthcar", "did you mean 'healthcare'"),
    ):
        with pytest.raises(HemmError, match=message):
            select(where=[where])
    with pytest.raises(HemmError, match="no task matches use_case=hci"):
        select(["nlvr"], where=["use_case=hci"])
    with pytest.raises(HemmError, match="unknown suite 'probe'"):
        select(suite="probe")


# --- the command


def test_tasks_lists_and_shows(cache: Path, realdata: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> str:
        assert status(["tasks", *arguments]) == 0
        return capsys.readouterr().out

    listed = {row["name"]: row for row in json.loads(said("--format", "json"))}
    assert set(listed) == set(TASKS.names())
    assert listed["nlvr"]["ready"] == "no"
    assert listed["probe_shapes"]["ready"] == "on first use"
    assert {"use_case", "labels", "size", "licence", "access", "splits", "sources", "suite"} <= set(
        listed["nlvr"]
    )
    unprepared = said("nlvr")
    assert "hemm prepare nlvr --from FOLDER    with nlvr/dev/dev.json, nlvr/dev/images" in unprepared
    assert "Statement: {{ statement }}" in unprepared
    assert json.loads(said("nlvr", "--format", "json"))["example"] is None
    prepare(resolve("nlvr"), folder=realdata / "nlvr", limit=3)
    shown = said("nlvr")
    assert "ready: yes (limit 3)" in shown
    pack = find_pack("nlvr")
    prompt = render(resolve("nlvr"), pack.sample(0))[0].parts[1]
    assert isinstance(prompt, str)
    assert prompt.strip().replace("\n", "\n    ") in shown
    assert json.loads(said("nlvr", "--format", "json"))["example"]["id"] == pack.sample(0).id
    assert "nothing to get" in said("probe_shapes")
    assert status(["tasks", "nlvrr"]) == 2
