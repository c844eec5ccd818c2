"""nocaps, flickr30k, winoground, nlvr2, irfl: what is particular to each, and Winoground's scores."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import random
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hemm.core import BadData, HemmError, Judged, Media, Outcome, Response, Sample, Task
from hemm.data.pack.prepare import prepare
from hemm.data.pack.reader import Pack
from hemm.metrics import resolve as metric
from hemm.parsing.outcome import judge
from hemm.tasks import resolve
from hemm.tasks.prompt import render
from hemm.testing import check_metric, check_task
from layouts import multimedia_pairs as layouts
from layouts.draw import picture, put

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def encoded(path: Path) -> dict[str, Any]:
    return {"bytes": path.read_bytes(), "path": path.name}


def prepared(name: str, folder: Path) -> Pack:
    return prepare(resolve(name), folder=folder)


def by_id(pack: Pack) -> dict[str, Sample]:
    return {s.id: s for s in pack.samples()}


def parquet(file: Path, columns: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), file)


def sources(name: str) -> dict[str, Any]:
    return {s.name: s for s in resolve(name).sources}


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


# --- all five


@pytest.mark.parametrize(
    ("name", "lost", "samples"),
    [
        ("nocaps", "images/0000000000000001.jpg", 1),
        ("flickr30k", "flickr30k_images/flickr30k_images/1007129817.jpg", 1),
        ("winoground", "data/images/ex_1_img_0.png", 3),
        ("winoground:match", "data/images/ex_1_img_0.png", 2),
        ("nlvr2", "dev/dev-850-1-img1.png", 2),
        ("nlvr2:hemm", "dev/dev-850-1-img1.png", 2),
        ("irfl", "images/00000005-ab12-4cd3-9e4f-000000000001.jpeg", 1),
    ],
)
def test_a_missing_picture_is_counted_and_named(
    name: str, lost: str, samples: int, cache: Path, tmp_path: Path
) -> None:
    layouts.LAYOUTS[name.partition(":")[0]](tmp_path, 16)
    whole = len(prepared(name, tmp_path))
    (tmp_path / lost).unlink()
    pack = prepared(name, tmp_path)
    assert (len(pack), pack.info["missing"]["count"]) == (whole - samples, samples)
    assert lost in pack.info["missing"]["names"]


NLVR2, NOCAPS = "nlvr2/data/dev.json", "nocaps_val_4500_captions.json"


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "message"),
    [
        ("nocaps", NOCAPS, '"annotations"', '"notes"', "field 'annotations' is missing"),
        ("nocaps", NOCAPS, '"image_id": "15"', '"image_id": "x"', "annotation 2: field 'image_id' is 'x'"),
        ("nocaps", NOCAPS, '"file_name"', '"name"', "image 1: field 'file_name' is missing"),
        ("flickr30k", "flickr30k_test.json", '"caption"', '"captions"', "entry 1: field .caption. is"),
        ("winoground", "data/examples.jsonl", '"id": 1', '"id": "b"', "line 2: field 'id' is 'b'"),
        ("winoground", "data/examples.jsonl", "an old person kisses a young", "a young person kisses an old",
         "line 1: fields 'caption_0' and 'caption_1' are the same"),
        ("nlvr2", NLVR2, '"False"', '"perhaps"', "line 1: field 'label' is 'perhaps', not True or False"),
        ("nlvr2", NLVR2, "dev-850-0-0", "850-0-0", "line 1: field 'identifier' is '850-0-0'"),
        ("nlvr2", NLVR2, '"sentence"', '"said"', "line 1: field 'sentence' is missing"),
        ("irfl", "idiom_detection_task.csv", "phrase", "words", "line 1: no column 'phrase'"),
        ("irfl", "idiom_detection_task.csv", "['00000004", "[open('0')] ['0", "line 3: field 'answer'"),
        ("irfl", "idiom_detection_task.csv", "00000001-", "00000000-", "line 2: fields 'answer' and"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_line(
    name: str, file: str, old: str, new: str, message: str, cache: Path, tmp_path: Path
) -> None:
    layouts.LAYOUTS[name](tmp_path, 16)
    change(tmp_path / file, old, new)
    with pytest.raises(BadData, match=message) as caught:
        prepared(name, tmp_path)
    assert "\n" not in str(caught.value)
    assert Path(file).name in str(caught.value)


def test_files_that_are_got_by_hand_say_so(cache: Path) -> None:
    with pytest.raises(HemmError, match=r"given out on request; or get its files yourself .* --from FOLDER"):
        prepare(resolve("nlvr2"))


@pytest.mark.parametrize(
    ("name", "pictures", "archive"),
    [
        ("winoground", "data/images", "data/images.zip"),
        ("nlvr2", "dev", "dev_img.zip"),
        ("irfl", "images", "IRFL_images.zip"),
    ],
)
def test_pictures_are_read_from_the_archive_they_come_in(
    name: str, pictures: str, archive: str, cache: Path, tmp_path: Path
) -> None:
    layouts.LAYOUTS[name](tmp_path, 8)
    ours = {s.id: s.sample_hash for s in prepared(name, tmp_path).samples()}
    with zipfile.ZipFile(tmp_path / archive, "w") as packed:
        for file in sorted((tmp_path / pictures).iterdir()):
            packed.write(file, f"{Path(pictures).name}/{file.name}")
            packed.writestr(f"__MACOSX/._{file.name}", b"")
    shutil.rmtree(tmp_path / pictures)
    assert {s.id: s.sample_hash for s in prepared(name, tmp_path).samples()} == ours
    (tmp_path / archive).write_bytes(b"no archive")
    with pytest.raises(BadData, match=f"{Path(archive).name} is no zip archive that can be read"):
        prepared(name, tmp_path)


# --- nocaps


def test_nocaps_references_by_id_and_domains(cache: Path, tmp_path: Path) -> None:
    layouts.nocaps(tmp_path, 9)
    pack = prepared("nocaps", tmp_path)
    samples = by_id(pack)
    assert (len(samples), pack.info["left_out"]["count"]) == (9, 1)  # the tenth picture has no caption
    for number in range(9):
        sample = samples[f"{number:016x}"]
        assert sorted(sample.references) == sorted(layouts.caption(number, p) for p in range(10))
        assert (
            sample.stratum
            == sample.metadata["answer_type"]
            == ("in-domain", "near-domain", "out-domain")[number % 3]
        )
    file = tmp_path / NOCAPS
    table = json.loads(file.read_text())
    for row in table["images"]:
        for name in ("domain", "open_images_id", "coco_url"):
            del row[name]
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / NOCAPS).write_text(json.dumps(table))
    file.unlink()
    (tmp_path / "images").rename(tmp_path / "pictures of the validation split")
    again = by_id(prepared("nocaps", tmp_path))
    assert {k: s.references for k, s in again.items()} == {k: s.references for k, s in samples.items()}
    assert {(s.stratum, len(s.metadata)) for s in again.values()} == {("", 0)}


def test_nocaps_hub_copy_has_the_ids_of_the_original(cache: Path, tmp_path: Path) -> None:
    original = tmp_path / "original"
    layouts.nocaps(original, 4)
    ours = by_id(prepared("nocaps", original))
    rows = [*ours.values()]
    parquet(
        tmp_path / "copy/data/validation-00000-of-00001.parquet",
        {
            "image": pa.array([encoded(original / f"images/{s.id}.jpg") for s in rows] * 2, IMAGE),
            "image_file_name": [f"{s.id}.jpg" for s in rows] * 2,
            "image_open_images_id": [s.id for s in rows] * 2,
            "image_id": pa.array([int(s.id, 16) for s in rows] * 2, pa.int32()),
            "annotations_ids": pa.array([[1]] * 8, pa.list_(pa.int32())),
            "annotations_captions": [list(s.references) for s in rows] + [[]] * 4,
        },
    )
    copy = by_id(prepared("nocaps", tmp_path / "copy"))
    assert len({s.ids for s in resolve("nocaps").sources}) == 1
    assert {k: (s.references, s.media[0].digest) for k, s in copy.items()} == {
        k: (s.references, s.media[0].digest) for k, s in ours.items()
    }


# --- flickr30k


def test_flickr30k_default_is_the_test_split_alone(cache: Path, tmp_path: Path) -> None:
    layouts.karpathy(tmp_path, 8)
    pack = prepared("flickr30k", tmp_path)
    assert sorted(by_id(pack)) == [str(1_000_092_795 + n) for n in range(0, 16, 2)]
    assert all(len(s.references) == 5 for s in pack.samples())
    shots = {s.id for s in pack.samples(split="shots")}
    assert shots == {str(1_000_092_795 + n) for n in range(1, 16, 4)}
    assert len(prepared("flickr30k:all", tmp_path)) == 16
    for number in range(1, 16, 2):
        (tmp_path / f"flickr30k-images/{1_000_092_795 + number}.jpg").unlink()
    pack = prepared("flickr30k", tmp_path)
    assert (len(pack), pack.rows("shots"), pack.info["missing"]["count"]) == (8, 0, 0)


def test_flickr30k_table_serves_the_default_only_beside_a_list(cache: Path, tmp_path: Path) -> None:
    layouts.kaggle_table(tmp_path, 6)
    with pytest.raises(HemmError, match="flickr30k_test"):
        prepared("flickr30k", tmp_path)
    every = by_id(prepared("flickr30k:all", tmp_path))
    for number in range(6):
        said = [layouts.caption(number, person) for person in range(5)]
        wanted = [f'"{s}' for s in said] if number == 2 else said
        assert list(every[str(2_199_200_615 + number)].references) == wanted
    names = tmp_path / "flickr30k_test.txt"
    names.write_text("2199200616.jpg\r\n2199200617\r\n\r\n")
    assert sorted(by_id(prepared("flickr30k", tmp_path))) == ["2199200616", "2199200617"]
    names.write_text("2199200616.jpg\n1.jpg\n")
    with pytest.raises(BadData, match=r"flickr30k_test.txt, line 2: .* has no caption of 1.jpg"):
        prepared("flickr30k", tmp_path)
    names.unlink()
    change(tmp_path / "flickr30k_images/results.csv", "2199200615.jpg| 3|", "2199200615.jpg, 3,")
    with pytest.raises(BadData, match=r"results.csv, line 5: not of the form 'image_name\| comment_number\|"):
        prepared("flickr30k:all", tmp_path)


def test_flickr30k_sources_have_equal_ids(cache: Path, tmp_path: Path) -> None:
    layouts.flickr30k(tmp_path / "a", 3)
    ours = by_id(prepared("flickr30k", tmp_path / "a"))
    rows = [*ours.values()]
    folder = tmp_path / "a/flickr30k_images/flickr30k_images"
    for split, part in (("test", rows), ("train", [])):
        parquet(
            tmp_path / f"b/data/{split}-00000-of-00001-f4c5570f14a435eb.parquet",
            {
                "image": pa.array([encoded(folder / f"{s.id}.jpg") for s in part], IMAGE),
                "caption": pa.array([list(s.references) for s in part], pa.list_(pa.string())),
                "sentids": pa.array([["1"] for _ in part], pa.list_(pa.string())),
                "split": pa.array([split for _ in part], pa.string()),
                "img_id": pa.array([str(n) for n, _ in enumerate(part)], pa.string()),
                "filename": pa.array([f"{s.id}.jpg" for s in part], pa.string()),
            },
        )
    assert len({s.ids for s in resolve("flickr30k").sources}) == 1
    copy = by_id(prepared("flickr30k", tmp_path / "b"))
    assert {k: s.references for k, s in copy.items()} == {k: s.references for k, s in ours.items()}


# --- winoground


def row_samples(name: str, folder: Path) -> list[Sample]:
    layouts.winoground(folder, 4)
    order = {"text": 0, "image": 1, "match": 2}
    return sorted(prepared(name, folder).samples(), key=lambda s: (order[s.metadata["asked"]], s.id))


def test_winoground_asks_choices_with_the_pictures_apart(cache: Path, tmp_path: Path) -> None:
    task = resolve("winoground")
    text0, text1, image0, image1 = row_samples("winoground", tmp_path)
    assert [s.id for s in (text0, text1, image0, image1)] == [
        "0-text-i0", "0-text-i1", "0-image-c0", "0-image-c1",
    ]  # fmt: skip
    assert text0.choices == text1.choices == (text0.references[0], text1.references[0])
    assert [len(s.media) for s in (text0, text1, image0, image1)] == [1, 1, 2, 2]
    assert (text0.media[0], text1.media[0]) == image0.media == image1.media
    assert image0.fields["caption"] == text0.references[0]
    assert {s.unit for s in (text0, text1, image0, image1)} == {"0"}
    asked = [p.name if isinstance(p, Media) else p for p in render(task, image1)[0].parts]
    assert asked[:4] == ["Picture A: ", "ex_0_img_0.png", "\nPicture B: ", "ex_0_img_1.png"]
    assert f"Caption: {text1.references[0]}" in asked[4]
    for said in ("B", "Picture B", "(B) picture B"):
        assert judge(image1, 0, Response(text=said), task.answer).value == image1.references[0]


def test_winoground_match_and_the_papers_form_ask_each_pair(cache: Path, tmp_path: Path) -> None:
    samples = row_samples("winoground:match", tmp_path)
    assert [(s.id, s.references) for s in samples] == [
        ("0-i0c0", ("yes",)), ("0-i0c1", ("no",)), ("0-i1c0", ("no",)), ("0-i1c1", ("yes",)),
    ]  # fmt: skip
    assert [s.fields["caption"] for s in samples[:2]] == [s.fields["caption"] for s in samples[2:]]
    assert {s.id for s in samples} == set(by_id(prepared("winoground:hemm", tmp_path)))
    assert resolve("winoground:match").metrics[0] == "winoground"
    assert resolve("winoground:hemm").metrics[0] == "accuracy"


def test_winoground_sources_have_equal_ids(cache: Path, tmp_path: Path) -> None:
    original = tmp_path / "a"
    layouts.winoground(original, 8)
    rows = [json.loads(line) for line in (original / "data/examples.jsonl").read_text().splitlines()]
    columns: dict[str, Any] = {k: [r[k] for r in rows] for k in rows[0] if not k.startswith("image_")}
    columns["id"] = pa.array(columns["id"], pa.int32())
    for k in (0, 1):
        images = [encoded(original / f"data/images/{r[f'image_{k}']}.png") for r in rows]
        columns[f"image_{k}"] = pa.array(images, IMAGE)
    parquet(tmp_path / "b/data/test-00000-of-00001.parquet", columns)
    assert len({s.ids for s in resolve("winoground").sources}) == 1
    ours, copy = by_id(prepared("winoground", original)), by_id(prepared("winoground", tmp_path / "b"))
    assert {k: s.sample_hash for k, s in copy.items()} == {k: s.sample_hash for k, s in ours.items()}
    (original / "data/examples.jsonl").rename(original / "examples.jsonl")
    (original / "data/images").rename(original / "images")
    assert {k: s.sample_hash for k, s in by_id(prepared("winoground", original)).items()} == {
        k: s.sample_hash for k, s in ours.items()
    }


def answered(samples: Sequence[Sample], say: Callable[[int, Sample], Response], task: Task) -> list[Judged]:
    return [judge(s, 0, say(n, s), task.answer) for n, s in enumerate(samples)]


@pytest.mark.parametrize("name", ["winoground", "winoground:match"])
def test_winoground_chance_is_the_mean_over_all_patterns_of_answers(
    name: str, cache: Path, tmp_path: Path
) -> None:
    task, judging = resolve(name), metric("winoground")
    samples = row_samples(name, tmp_path)
    check_metric(judging, samples=samples, answer=task.answer)
    options = [task.answer.options(s) for s in samples]
    totals: Counter[str] = Counter()
    for pattern in itertools.product(*options):
        group = answered(samples, lambda n, _, said=pattern: Response(text=said[n]), task)
        (scores,) = judging.score([group])
        totals.update({k: v or 0.0 for k, v in scores.items()})
    parts = {"": 1, "text": 4, "image": 4} if name == "winoground" else {"": 1, "text": 1, "image": 1}
    assert totals == parts
    assert judging.chance(samples) == pytest.approx(totals[""] / 16)


def test_winoground_scores_are_those_published_where_answers_have_probabilities(
    cache: Path, tmp_path: Path
) -> None:
    """Strictly greater fits, by the definition in the paper: s(caption, picture)."""
    task, judging = resolve("winoground:match"), metric("winoground")
    samples = row_samples("winoground:match", tmp_path)
    draw = random.Random(0)
    found: Counter[str] = Counter()
    for _ in range(300):
        p = [draw.choice((0.1, 0.2, 0.3, 0.4, 0.6)) for _ in range(4)]  # ties occur
        s = {(0, 0): p[0], (1, 0): p[1], (0, 1): p[2], (1, 1): p[3]}  # (caption, picture)
        text = s[0, 0] > s[1, 0] and s[1, 1] > s[0, 1]
        image = s[0, 0] > s[0, 1] and s[1, 1] > s[1, 0]
        group = answered(
            samples, lambda n, _, p=p: Response(options=(math.log(p[n]), math.log(1 - p[n]))), task
        )
        assert {j.outcome for j in group} == {Outcome.OK}
        assert judging.score([group]) == [{"": text and image, "text": text, "image": image}]
        found.update(text=text, image=image)
    assert 20 < found["text"] < 280
    assert 20 < found["image"] < 280


def test_winoground_units_that_are_no_whole_row_have_no_value(cache: Path, tmp_path: Path) -> None:
    judging, task = metric("winoground"), resolve("winoground")
    samples = row_samples("winoground", tmp_path)
    for part in (samples[:3], [Sample("x", references=("yes",), choices=("yes", "no"))]):
        group = [Judged(s, 0, Response(), Outcome.OK, s.references[0]) for s in part]
        assert judging.score([group]) == [{"": None, "text": None, "image": None}]
        assert judging.chance(part) is None
    group = answered(samples, lambda _, s: Response(text=task.answer.render(str(s.references[0]), s)), task)
    assert judging.score([group]) == [{"": 1.0, "text": 1.0, "image": 1.0}]


# --- nlvr2


def test_nlvr2_real_annotations(cache: Path, realdata: Path, tmp_path: Path) -> None:
    source = realdata / "annotations_only/nlvr2/nlvr2/data/dev.json"
    rows = [json.loads(line) for line in source.read_text().splitlines()]
    (tmp_path / "nlvr2/data").mkdir(parents=True)
    (tmp_path / "nlvr2/data/dev.json").write_bytes(source.read_bytes())
    names = {f"{r['identifier'].rpartition('-')[0]}-img{side}.png" for r in rows for side in (0, 1)}
    for number, name in enumerate(sorted(names)):
        put(tmp_path / "images/dev" / name, number)
    samples = by_id(prepared("nlvr2", tmp_path))
    assert list(map(len, (rows, samples))) == [60, 60]
    for row in rows:
        sample = samples[row["identifier"]]
        assert sample.fields["statement"] == row["sentence"]
        assert sample.references == (row["label"].lower(),)
        pair = row["identifier"].rpartition("-")[0]
        assert [m.name for m in sample.media] == [f"{pair}-img0.png", f"{pair}-img1.png"]
        assert sample.stratum == row["synset"]
    said: dict[str, set[str]] = {}
    for sample in samples.values():
        said.setdefault(sample.unit, set()).add(sample.fields["statement"])
    assert {len(texts) for texts in said.values()} == {1}  # a unit is one sentence over its pairs
    assert len(said) == len(set().union(*said.values()))
    assert {s.cluster for s in samples.values()} == {"-".join(r["identifier"].split("-")[:2]) for r in rows}


@pytest.mark.parametrize(
    ("annotations", "pictures"),
    [
        ("nlvr2/data", "dev"),
        ("nlvr2/data", "nlvr2/images/dev"),
        ("nlvr/nlvr2/data", "dev"),
        ("data", "images/dev"),
        ("data", "data/dev"),
        (".", "dev"),
        (".", "."),
    ],
)
def test_nlvr2_pictures_beside_or_above_the_annotations(
    annotations: str, pictures: str, cache: Path, tmp_path: Path
) -> None:
    rows = layouts.nlvr2_rows(16)
    for row in rows[:8]:  # what a copy may lack, and a label that JSON calls a boolean
        for name in ("synset", "query", "left_url", "writer", "validation", "extra_validations"):
            del row[name]
        row["label"] = row["label"].lower() == "true"
    layouts.write_lines(tmp_path / annotations / "dev.json", rows, "\r\n")
    layouts.write_lines(tmp_path / annotations / "train.json", layouts.nlvr2_rows(150, "train"))
    layouts.nlvr2_pictures(tmp_path, rows, pictures)
    pack = prepared("nlvr2", tmp_path)
    assert (len(pack), pack.rows("shots"), pack.info["missing"]["count"]) == (16, 0, 0)


def test_nlvr2_shots_come_from_train_where_its_pictures_are(cache: Path, tmp_path: Path) -> None:
    layouts.nlvr2(tmp_path, 8)
    train = [{**row, "directory": 59} for row in layouts.nlvr2_rows(150, "train")]
    layouts.write_lines(tmp_path / "nlvr2/data/train.json", train)
    layouts.nlvr2_pictures(tmp_path, train, "images/train/59")
    pack = prepared("nlvr2", tmp_path)
    assert (len(pack), pack.rows("shots"), pack.info["missing"]["count"]) == (8, 100, 0)


def test_nlvr2_side_by_side_as_the_paper(cache: Path, tmp_path: Path) -> None:
    layouts.nlvr2(tmp_path, 8)
    apart, pasted = by_id(prepared("nlvr2", tmp_path)), by_id(prepared("nlvr2:hemm", tmp_path))
    assert set(apart) == set(pasted)
    for key, sample in pasted.items():
        left, right = (m.pixels().convert("RGB") for m in apart[key].media)
        assert (left.size, right.size) == ((8, 6), (10, 6))
        (both,) = (m.pixels() for m in sample.media)
        assert sample.media[0].mime == "image/png"
        assert both.size == (18, 6)
        assert both.crop((0, 0, 9, 6)).getcolors() == [(54, left.getpixel((0, 0)))]
        assert both.crop((9, 0, 18, 6)).getcolors() == [(54, right.getpixel((0, 0)))]
    (tmp_path / "dev/dev-850-0-img0.png").write_bytes(b"no picture")
    pack = prepared("nlvr2:hemm", tmp_path)
    assert [s["id"] for s in pack.info["problems"]["samples"]] == ["dev-850-0-0", "dev-850-0-1"]


def test_nlvr2_hub_copies(cache: Path, tmp_path: Path) -> None:
    layouts.nlvr2_balanced(tmp_path / "a", 8)
    ours = by_id(prepared("nlvr2:balanced", tmp_path / "a"))
    rows = [json.loads(s) for s in (tmp_path / "a/nlvr2/data/balanced/balanced_dev.json").open()]
    pairs = [r["identifier"].rpartition("-")[0] for r in rows]
    sides = [
        pa.array([encoded(tmp_path / f"a/dev/{p}-img{side}.png") for p in pairs], IMAGE) for side in (0, 1)
    ]
    kept = {k: [r[k] for r in rows] for k in ("identifier", "synset", "query", "writer")}
    columns = {
        "question_id": [str(n) for n, _ in enumerate(rows)],
        "question": [r["sentence"] for r in rows],
        "answer": [r["label"].title() for r in rows],
        "left_image": sides[0],
        "right_image": sides[1],
        **kept,
    }
    parquet(tmp_path / "b/data/balanced_dev-00000-of-00001-54ed883ce96f619e.parquet", columns)
    parquet(tmp_path / "b/data/unbalanced_dev-00000-of-00002.parquet", columns)
    assert len({s.ids for s in resolve("nlvr2:balanced").sources}) == 1
    copy = by_id(prepared("nlvr2:balanced", tmp_path / "b"))
    assert {k: s.sample_hash for k, s in copy.items()} == {k: s.sample_hash for k, s in ours.items()}

    both = [[left, right] for left, right in zip(sides[0].to_pylist(), sides[1].to_pylist(), strict=True)]
    choices = {
        "id": [f"nlvr2_{n}" for n, _ in enumerate(rows)],
        "question": [r["sentence"] for r in rows],
        "images": pa.array(both, pa.list_(IMAGE)),
        "options": [["True", "False"], ["(A) No", "(B) Yes"]] * 4,
        "answer": ["A", "B", "B", "A"] * 2,
    }
    parquet(tmp_path / "c/nlvr2/test-00000-of-00084.parquet", choices)
    pack = prepared("nlvr2:test1", tmp_path / "c")
    assert pack.info["ids"] == "mantis"
    samples = by_id(pack)
    assert [samples[f"nlvr2_{n}"].references[0] for n in range(4)] == ["true", "true", "false", "false"]
    assert len({s.unit for s in samples.values()}) == 2
    choices["answer"] = ["perhaps"] * 8
    parquet(tmp_path / "c/nlvr2/test-00000-of-00084.parquet", choices)
    with pytest.raises(BadData, match="row 1: field 'answer' is 'perhaps'"):
        prepared("nlvr2:test1", tmp_path / "c")


# --- irfl


def test_irfl_four_pictures_in_a_drawn_order(cache: Path, tmp_path: Path) -> None:
    layouts.irfl(tmp_path, 400)
    task = resolve("irfl")
    samples = list(prepared("irfl", tmp_path).samples())
    assert Counter(s.stratum for s in samples) == dict.fromkeys(
        ("idiom", "metaphor", "simile", "open simile"), 100
    )
    right = Counter(s.references[0] for s in samples)
    assert set(right) == {f"picture {letter}" for letter in "ABCD"}
    assert min(right.values()) > 60  # 100 each on average; the least likely of 10,000 draws has 65
    for sample in samples[::20]:
        shown = dict(zip(sample.choices, sample.media, strict=True))
        number = int(sample.media[0].name.rpartition("-")[2].removesuffix(".jpeg"), 16)
        assert shown[str(sample.references[0])].name.startswith(f"{4 * number:08x}")
        assert len({m.digest for m in sample.media}) == 4
        assert metric("accuracy").components((sample,)) == ("", sample.stratum)
    similes = [s for s in samples if "simile" in s.stratum]
    assert len({s.cluster for s in similes}) == 100  # two rows for each comparison
    parts = render(task, samples[0])[0].parts
    assert [p for p in parts if isinstance(p, Media)] == list(samples[0].media)
    assert parts[0] == "Picture A: "
    assert {s.stratum for s in prepared("irfl:simile", tmp_path).samples()} == {"simile"}


def test_irfl_names_with_and_without_their_suffix_are_the_same_rows(cache: Path, tmp_path: Path) -> None:
    layouts.irfl(tmp_path, 24)
    ours = {s.id: s.sample_hash for s in prepared("irfl", tmp_path).samples()}
    for file in tmp_path.glob("*.csv"):
        file.write_text(file.read_text().replace(".jpeg", ""))
        file.rename(file.with_name(file.name.replace("_", "-")))
    (tmp_path / "images").rename(tmp_path / "IRFL_images")
    assert {s.id: s.sample_hash for s in prepared("irfl", tmp_path).samples()} == ours


def test_irfl_as_the_paper_asked_it(cache: Path, tmp_path: Path) -> None:
    layouts.irfl_hemm(tmp_path, 40)
    pack = prepared("irfl:hemm", tmp_path)
    units: dict[str, list[str]] = {}
    for sample in pack.samples():
        units.setdefault(sample.unit, []).append(str(sample.references[0]))
    assert {tuple(sorted(answers)) for answers in units.values()} == {("no", "no", "no", "yes")}
    assert set(units) == set(by_id(prepared("irfl:simile", tmp_path)))


def test_irfl_earlier_tables_with_addresses(cache: Path, realdata: Path, tmp_path: Path) -> None:
    wanted: dict[str, set[str]] = {}
    for kind in ("metaphor", "simile"):
        source = realdata / f"annotations_only/irfl/{kind}_understanding_task.csv"
        (tmp_path / source.name).write_bytes(source.read_bytes())
        with source.open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                uuids = {m["img"]: m["uuid"] for m in json.loads(row["images_metadata"])}
                (right,) = json.loads(row["answer"])
                wanted.setdefault(row["phrase"], set()).add(f"{uuids[right]}.jpeg")
                for uuid in uuids.values():
                    file = tmp_path / f"images/{uuid}.jpeg"
                    file.parent.mkdir(exist_ok=True)
                    file.write_bytes(picture(int(uuid) % 32_000, form="JPEG"))
    pack = prepared("irfl", tmp_path)
    assert (len(pack), pack.info["missing"]["count"]) == (80, 0)
    for sample in pack.samples():
        right_name = sample.media[sample.choices.index(str(sample.references[0]))].name
        assert right_name in wanted[sample.fields["phrase"]]
    check_task(resolve("irfl"), pack=pack)
    pack_of_similes = prepared("irfl:simile", tmp_path)
    assert len(pack_of_similes) == 40


def test_irfl_addresses_that_share_their_last_part_name_no_picture(cache: Path, tmp_path: Path) -> None:
    def row(number: int, last: str, metadata: str) -> dict[str, str]:
        addresses = [f"https://a.example/{number}/{name}?w=8" for name in (last, "x y.jpg", "c.png", "d")]
        addresses[1:] = [
            a.replace("x y", f"x%20{number}").replace("/c", f"/c{number}") for a in addresses[1:]
        ]
        addresses[3] += str(number)
        return {
            "distractors": json.dumps(addresses[1:]),
            "answer": json.dumps(addresses[:1]),
            "images_metadata": metadata.replace("ADDRESS", addresses[0]),
            "figurative_type": "metaphor",
            "type": "figurative",
            "phrase": f"a night owl {number}",
        }

    known = json.dumps([{"img": "ADDRESS", "uuid": "77"}])
    rows = [row(0, "owl.jpg", ""), row(1, "max.jpg", known), row(2, "max.jpg", known)]
    for number, data in enumerate(rows):
        data["distractors"] = data["distractors"].replace(f"/{number}/d?", f"/{number}/d{number}?")
        for name in (f"x {number}.jpg", f"c{number}.png", f"d{number}.jpeg"):
            put(tmp_path / name, 10 * number + len(name))
    for number, name in enumerate(("owl.jpg", "max.jpg", "77.jpeg")):
        put(tmp_path / name, 90 + number)
    layouts.write_table(tmp_path / "metaphor_understanding_task.csv", rows)
    samples = {s.fields["phrase"]: s for s in prepared("irfl", tmp_path).samples()}
    right = {k: s.media[s.choices.index(str(s.references[0]))].name for k, s in samples.items()}
    assert right == {"a night owl 0": "owl.jpg", "a night owl 1": "77.jpeg", "a night owl 2": "77.jpeg"}
    rows[2]["images_metadata"] = ""
    layouts.write_table(tmp_path / "metaphor_understanding_task.csv", rows)
    with pytest.raises(BadData, match=r"line 4: several addresses end in 'max.jpg'"):
        prepared("irfl", tmp_path)


def test_pasted_pictures_are_lossless_and_the_same_each_time() -> None:
    from hemm.tasks.multimedia.nlvr2 import _pasted

    def noise(seed: int, size: tuple[int, int]) -> Media:
        draw = random.Random(seed)
        image = Image.frombytes("RGB", size, bytes(draw.randrange(256) for _ in range(3 * size[0] * size[1])))
        out = io.BytesIO()
        image.save(out, "PNG")
        return Media(out.getvalue())

    left, right = noise(1, (12, 9)), noise(2, (12, 9))
    data = _pasted(left, right)
    both = Image.open(io.BytesIO(data))
    assert both.crop((0, 0, 12, 9)).tobytes() == left.pixels().tobytes()
    assert both.crop((12, 0, 24, 9)).tobytes() == right.pixels().tobytes()
    assert data == _pasted(left, right)
