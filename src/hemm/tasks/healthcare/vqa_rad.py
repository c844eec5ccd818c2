"""VQA-RAD: questions that clinicians asked about radiology pictures. (Lau et al. 2018)

Ids are made of picture name, question and answer: the copies of this data set number its questions
differently (the same ``qid`` names different questions in different copies). Copies without picture names
get ids from the decoded pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, Media, Sample, Task, digest, dimension_labels
from hemm.data.readers.file_finder import below
from hemm.data.readers.rows import Ids, json_rows, parquet_rows, row_id
from hemm.data.sources.kinds import File, Http, Hub
from hemm.parsing.formats import ShortAnswer

JSON = "VQA_RAD Dataset Public.json"
PICTURES = "VQA_RAD Image Folder"
FACTS = ("image_organ", "answer_type", "question_type", "phrase_type", "qid")


def read_original(folder: Path) -> Iterator[Sample]:
    """The published JSON: rows whose phrase_type starts with ``test`` are the test split, others shots."""
    ids = Ids()
    for number, row in enumerate(json_rows(folder / JSON), 1):
        where = f"{folder / JSON}, entry {number}"
        if not isinstance(row, dict) or "image_name" not in row:
            raise BadData(f"{where}: field 'image_name' is missing")
        split = "test" if str(row.get("phrase_type", "")).startswith("test") else "shots"
        picture = Media.at(folder / PICTURES / str(row["image_name"]))
        yield _sample(row, picture, split, where, ids)


def read_parquet(folder: Path) -> Iterator[Sample]:
    """A hub copy: Parquet files of the splits test and train; facts that a copy lost are left out."""
    ids = Ids()
    for split, name in (("test", "test"), ("shots", "train")):
        files = sorted(below(folder, f"**/*{name}*.parquet")) or sorted(below(folder, f"**/{name}/*.parquet"))
        for number, row in enumerate(parquet_rows(files), 1):
            picture = row.get("image")
            if not isinstance(picture, Media):
                raise BadData(f"{files[0].parent}, row {number} of {name}: field 'image' holds no picture")
            yield _sample(row, picture, split, f"{files[0].parent}, row {number} of {name}", ids)


def _sample(row: Mapping[str, Any], picture: Media, split: str, where: str, ids: Ids) -> Sample:
    if row.get("question") is None or row.get("answer") is None:
        raise BadData(
            f"{where}: field {'question' if row.get('question') is None else 'answer'!r} is missing"
        )
    question, answer = _text(row["question"]), _text(row["answer"])
    closed = answer.lower() in ("yes", "no")
    answer = answer.lower() if closed else answer
    facts = {name: _text(row[name]) for name in FACTS if row.get(name) is not None}
    if "answer_type" in facts:
        facts["answer_type"] = facts["answer_type"].upper()
    name = str(row.get("image_name") or "")
    base = f"{Path(name).stem}-{digest([question, answer], 10)}" if name else row_id(question, [picture])
    return Sample(
        id=ids.of(base),
        media=(picture,),
        fields={"question": question},
        references=(answer,),
        choices=("yes", "no") if closed else (),
        cluster=name or picture.digest[:20],
        stratum=facts.get("answer_type", ""),
        metadata=facts,
        split=split,
    )


def _text(value: Any) -> str:
    """Some answers and keys are numbers; some texts have blanks at their ends."""
    return " ".join(str(value).split())


def _hub(repo: str, pattern: str, ids: str) -> Hub:
    return Hub(
        (repo,),
        Layout((pattern,), read_parquet),
        files=("*test*.parquet", "*train*.parquet"),
        ids=ids,
    )


TASK = Task(
    name="vqa_rad",
    card=Card(
        title="VQA-RAD",
        citation="Lau, Gayen, Ben Abacha, Demner-Fushman. A dataset of clinically generated visual questions "
        "and answers about radiology images. Scientific Data 5, 2018.",
        homepage="https://osf.io/89kps/",
        licence="CC0-1.0",
        access="open",
        size="under 0.1 GB",
        splits={"test": 451, "train": 1797},
        labels=dimension_labels(
            "healthcare",
            "redundancy",
            "querying",
            fine_grained="yes",
            reasoning="more",
            external_knowledge="yes",
        ),
        notes="Test: phrase_type test_freeform (308) and test_para (143), which the HEMM paper took too "
        "(the draw behind its 100 samples is not known). Accuracy is told apart for closed and open "
        "questions where the source tells which is which (answer_type); the copy that the paper took does "
        "not. Closed ones that are no yes/no questions name their options in the question.",
    ),
    sources=(
        Http(
            (
                File(
                    "https://files.osf.io/v1/resources/89kps/providers/osfstorage/?zip=",
                    name="vqa_rad.zip",
                    unpack=".",
                ),
            ),
            Layout((JSON, PICTURES), read_original),
            ids="picture-question-answer",
        ),
        _hub("OctoMed/VQA-RAD", "**/test-?????-of-?????.parquet", ids="picture-question-answer"),
        _hub("flaviagiammarino/vqa-rad", "**/*test*.parquet", ids="pixels-question"),
    ),
    prompt="{{ image }}This is a radiology image.\nQuestion: {{ question }}\n{{ instruction }}",
    answer=ShortAnswer(),
    metrics=("accuracy", "exact_match", "token_f1", "bartscore"),
    max_new_tokens=48,
)
