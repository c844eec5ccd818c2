"""Visual Genome: questions that people wrote about photographs, with short answers. (Krishna et al. 2017)

``question_answers.json`` is one list of 700 MB and is read picture by picture. The photographs lie in two
folders; which one is said by the address in ``image_data.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from hemm.core import Card, LeftOut, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import json_items, list_of, objects, text_of, whole_of
from hemm.data.sources.kinds import File, Http, in_folders
from hemm.parsing.formats import ShortAnswer

QUESTIONS = "question_answers.json"
FOLDERS = ("VG_100K", "VG_100K_2")
KINDS = ("what", "where", "when", "who", "why", "how")
_WORD = re.compile(r"[^\W\d_]+")
META = "https://homes.cs.washington.edu/~ranjay/visualgenome/data/dataset"
PICTURES = "https://cs.stanford.edu/people/rak248/VG_100K_2"


def read(folder: Path, top: str) -> Iterator[Sample | LeftOut]:
    """All questions with an answer, in the order of the file; ``top`` holds the JSON files."""
    tops = dict.fromkeys(("", top))
    listings = (folder / t / "image_data.json" for t in tops)
    homes = _homes(next((f for f in listings if f.is_file()), None))
    roots = [f"{t}{home}" for t in tops for home in ("", "images/")]
    both = FileFinder(folder, [f"{root}{name}" for root in roots for name in FOLDERS])
    each = [FileFinder(folder, [f"{root}{name}" for root in roots]) for name in FOLDERS]
    file = folder / top / QUESTIONS
    for where, row in objects(json_items(file), f"{file}, entry"):
        for here, qa in objects(enumerate(list_of(row, "qas", where), 1), f"{where}, question"):
            image = whole_of(qa if qa.get("image_id") is not None else row, _id_of(qa, row), here)
            places = each[homes[image]] if image in homes else both
            lacking = [name for name in ("question", "answer") if not text_of(qa, name, here, "")]
            if lacking:
                yield LeftOut(here, f"field {lacking[0]!r} is empty")
            else:
                yield _sample(qa, image, places.at(str(image)), here)


def _id_of(qa: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    return "image_id" if qa.get("image_id") is not None or row.get("id") is None else "id"


def _homes(file: Path | None) -> dict[int, int]:
    """Picture number -> which of ``FOLDERS`` it is in, as far as the addresses in ``file`` say."""
    homes: dict[int, int] = {}
    for where, row in objects(json_items(file) if file is not None else (), f"{file}, entry"):
        name = PurePosixPath(text_of(row, "url", where, "")).parent.name
        if name in FOLDERS:
            homes[whole_of(row, _id_of(row, row), where)] = FOLDERS.index(name)
    return homes


def _sample(qa: Mapping[str, Any], image: int, media: Media, where: str) -> Sample:
    question = text_of(qa, "question", where)
    first = _WORD.search(question.lower())
    kind = first[0] if first and first[0] in KINDS else "other"
    return Sample(
        id=text_of(qa, "qa_id", where),
        media=(media,),
        fields={"question": question},
        references=(text_of(qa, "answer", where),),
        cluster=str(image),
        stratum=kind,
        metadata={"answer_type": kind},
    )


FILES = (
    File(f"{META}/question_answers.json.zip", unpack="."),
    File(f"{META}/image_data.json.zip", unpack="."),
    File(f"{PICTURES}/images.zip", unpack="."),
    File(f"{PICTURES}/images2.zip", unpack="."),
)

TASK = Task(
    name="visual_genome",
    card=Card(
        title="Visual Genome QA",
        citation="Krishna, Zhu, Groth, Johnson, Hata, Kravitz, Chen, Kalantidis, Li, Shamma, Bernstein, "
        "Fei-Fei. Visual Genome: Connecting Language and Vision Using Crowdsourced Dense Image "
        "Annotations. IJCV 2017.",
        homepage="https://homes.cs.washington.edu/~ranjay/visualgenome/",
        licence="CC-BY-4.0",
        access="open",
        size="15 GB",
        splits={"all": 1773258},
        labels=dimension_labels("multimedia", "redundancy", "querying", fine_grained="yes"),
        notes="No split was published: all questions are asked. Scores of a part are weighted by "
        "the question's first word (what, where, when, who, why, how), by which accuracy is also reported. "
        "One reference each, often with a full stop ('Green.'), which the metrics pass over. vqa_accuracy "
        "with one reference is equality after its normaliser. The photographs of a copy must be in the "
        "folder that image_data.json names; without that file they are taken where they are.",
    ),
    sources=in_folders(partial(Http, FILES, ids="qa-id"), ("visual_genome/", ""), (QUESTIONS,), read),
    prompt="{{ image }}Question: {{ question }}\n{{ instruction }}",
    answer=ShortAnswer(),
    metrics=("exact_match", "vqa_accuracy:normalise=always", "token_f1", "bartscore"),
    max_new_tokens=32,
)
