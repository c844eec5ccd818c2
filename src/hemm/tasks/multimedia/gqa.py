"""GQA: compositional questions made from scene graphs of photographs. (Hudson and Manning 2019)

The official figure is accuracy by equality of text, which is also told by structural type (verify, query,
choose, logical, compare). ``entailed`` and ``equivalent`` in the metadata name the questions whose answers
follow from this one's, for the official consistency.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import orjson

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder, below
from hemm.data.readers.rows import json_items, media_of, objects, parquet_rows, text_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import File, Http, Hub, in_folders
from hemm.parsing.formats import ShortAnswer

SHOTS = 200
IDS = "question-id"
YES_NO = ("yes", "no")
TYPES = ("structural", "semantic", "detailed")
LINKS = ("entailed", "equivalent")
FIELDS = ("question", "answer", "fullAnswer", "imageId", "isBalanced", "types", *LINKS)
TOPS = ("questions1.2/", "gqa_questions/", "")  # the folders before the top: it is looked for in them too
PICTURES = ("images", "gqa_images/images", "gqa_images", ".")


def read(folder: Path, split: str, top: str) -> Iterator[Sample]:
    """``SPLIT_questions.json`` in ``top``; shots from the balanced train questions where those are there."""
    file, places = folder / top / f"{split}_questions.json", FileFinder(folder, PICTURES)
    for key, row in _records(file):
        yield _read_one(places, key, row, f"{file}, question {key}", "test")
    train = folder / top / "train_balanced_questions.json"
    if not train.is_file():
        return
    for key, row in islice(_records(train), SHOTS):
        sample = _read_one(places, key, row, f"{train}, question {key}", "shots")
        if not places.has(sample.cluster):
            return  # a copy with the pictures of the test split only
        yield sample


def _records(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, row in json_items(file):
        if not isinstance(key, str) or not isinstance(row, dict):
            raise BadData(f"{file}, entry {key}: an object of question id to question is expected")
        yield key, row


def _read_one(places: FileFinder, key: str, row: Mapping[str, Any], where: str, split: str) -> Sample:
    image = text_of(row, "imageId", where)
    if Path(image).name != image:
        raise BadData(f"{where}: field 'imageId' is {image!r}, no name of a picture")
    return _sample(key, row, places.at(image), image, where, split)


def read_joined(folder: Path, split: str) -> Iterator[Sample]:
    """The hub's two tables: questions are held as short text, pictures pass by one at a time.

    Questions whose picture is in no table name it as missing.
    """
    waiting: dict[str, list[tuple[str, bytes]]] = {}
    for file in sorted(below(folder, f"**/{split}_instructions/**/*.parquet")):
        for where, row in objects(enumerate(parquet_rows([file], _columns(file)), 1), f"{file}, row"):
            question = {"id": text_of(row, "id", where)} | {name: row.get(name) for name in FIELDS}
            waiting.setdefault(text_of(row, "imageId", where), []).append((where, orjson.dumps(question)))
    for file in sorted(below(folder, f"**/{split}_images/**/*.parquet")):
        for where, row in objects(enumerate(parquet_rows([file], ("id", "image")), 1), f"{file}, row"):
            image, media = text_of(row, "id", where), media_of(row, "image", where)
            yield from _joined(waiting.pop(image, []), media, image)
    for image, questions in waiting.items():
        yield from _joined(questions, Media(load=partial(_absent, image), name=f"{image}.jpg"), image)


def _columns(file: Path) -> list[str]:
    import pyarrow.parquet as pq

    names = pq.read_schema(file).names
    return ["id", *(name for name in FIELDS if name in names or name == "question")]


def _joined(questions: list[tuple[str, bytes]], media: Media, image: str) -> Iterator[Sample]:
    for where, text in questions:
        row = orjson.loads(text)
        yield _sample(row["id"], row, media, image, where, "test")


def _absent(image: str) -> NoReturn:
    raise FileNotFoundError(errno.ENOENT, "no table of pictures has it", f"{image}.jpg")


def read_table(folder: Path, split: str) -> Iterator[Sample]:
    """One table with question, answer and picture: no types, and pictures without names."""
    for ours, where, row in hub_rows(folder, split):
        media = media_of(row, "image", where)
        yield _sample(text_of(row, "question_id", where), row, media, media.digest[:20], where, ours)


def _sample(key: str, row: Mapping[str, Any], media: Media, image: str, where: str, split: str) -> Sample:
    answer = text_of(row, "answer", where)
    closed = answer.lower() in YES_NO
    facts = _facts(row, where)
    return Sample(
        id=key,
        media=(media,),
        fields={"question": text_of(row, "question", where)},
        references=(answer.lower() if closed else answer,),
        choices=YES_NO if closed else (),
        cluster=image,
        stratum=facts.get("structural", "verify" if closed else "query"),
        metadata=facts,
        split=split,
    )


def _facts(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    types = row.get("types")
    if types is not None and not isinstance(types, dict):
        raise BadData(f"{where}: field 'types' is no object")
    for name in TYPES:
        if text := text_of(types or {}, name, where, ""):
            facts[name] = text
    if "structural" in facts:
        facts["answer_type"] = facts["structural"]
    if full := text_of(row, "fullAnswer", where, ""):
        facts["full_answer"] = full
    if isinstance(row.get("isBalanced"), bool):
        facts["balanced"] = row["isBalanced"]
    for name in LINKS:
        if (ids := _ids(row.get(name))) or row.get(name) is not None:
            facts[name] = ids
    return facts


def _ids(value: Any) -> list[str]:
    """Question ids: a list, or a list written as text as in one of the copies."""
    return re.findall(r"\w+", value) if isinstance(value, str) else [str(v) for v in value or ()]


CARD = Card(
    title="GQA",
    citation="Hudson, Manning. GQA: A New Dataset for Real-World Visual Reasoning and Compositional "
    "Question Answering. CVPR 2019.",
    homepage="https://cs.stanford.edu/people/dorarad/gqa/",
    licence="CC-BY-4.0",
    access="open",
    size="0.1 GB (hub), 22 GB (original)",
    splits={"testdev_balanced": 12578, "testdev_all": 172174},
    labels=dimension_labels("multimedia", "redundancy", "querying", fine_grained="yes"),
    notes="testdev_balanced, which results are reported on; gqa:testdev_all has the questions before "
    "balancing, which the HEMM paper used (gqa:hemm is the same; which 100 its smaller table drew is not "
    "known). Yes-no questions, told by their answers (types verify and logical, and some that compare), "
    "are read as yes or no. The one-table copy has no question types. The official consistency can be "
    "computed from entailed in the metadata; validity and plausibility need files that are not read. Shots "
    "come from the balanced train questions where a folder has them and their pictures.",
)

BASE = "https://downloads.cs.stanford.edu/nlp/data/gqa"
FILES = (File(f"{BASE}/questions1.2.zip", unpack="."), File(f"{BASE}/images.zip", unpack="."))


def _sources(split: str) -> tuple[Hub | Http, ...]:
    joined = Layout((f"**/{split}_instructions", f"**/{split}_images"), partial(read_joined, split=split))
    questions = f"{split}_questions.json"
    return (
        Hub(
            ("lmms-lab-encoder/GQA", "lmms-lab/GQA"),
            joined,
            files=(f"*{split}_instructions/*.parquet", f"*{split}_images/*.parquet"),
            ids=IDS,
        ),
        *in_folders(partial(Http, FILES, ids=IDS), TOPS, (questions,), partial(read, split=split)),
        Hub(
            ("Mineru/GQA",),
            Layout((f"**/{split}*", "**/*.parquet"), partial(read_table, split=split)),
            split=split,
            ids=IDS,
        ),
    )


TASK = Task(
    name="gqa",
    card=CARD,
    sources=_sources("testdev_balanced"),
    prompt="{{ image }}Question: {{ question }}\n{{ instruction }}",
    answer=ShortAnswer(),
    metrics=("accuracy", "exact_match", "bartscore"),
    max_new_tokens=16,
)
for _name in ("testdev_all", "hemm"):
    TASK = TASK.with_variant(_name, sources=_sources("testdev_all"), splits={"testdev_all": 172174})
