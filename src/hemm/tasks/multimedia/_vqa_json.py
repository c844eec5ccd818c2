"""The JSON form of VQA, VQA v2 and OK-VQA: a file of questions, one of annotations with ten answers each.

All answers are references: VQA accuracy counts how many annotators gave an answer. The ``answer`` of an
annotator is taken, as the official evaluator does; OK-VQA's is stemmed, and what was typed (``raw_answer``)
is kept in the metadata.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hemm.core import BadData, Layout, Media, Sample
from hemm.data.readers.file_finder import SUFFIXES, FileFinder
from hemm.data.readers.rows import json_items, list_of, media_of, objects, text_of, whole_of
from hemm.data.sources.hub import hub_rows
from hemm.metrics.text.answers import EMPTY_ANSWERS

SHOTS = 200
IDS = "question-id"
FACTS = ("answer_type", "question_type", "multiple_choice_answer")


@dataclass(frozen=True)
class Part:
    """The files of one split.

    questions, annotations  file names
    pictures  folders in which copies keep the pictures, ``.`` the top one
    prefix    what a picture is called before its number of twelve digits
    """

    questions: str
    annotations: str
    pictures: tuple[str, ...]
    prefix: str
    suffixes: tuple[str, ...] = SUFFIXES

    @classmethod
    def of_coco(cls, split: str, version: str = "") -> Part:
        """A split of questions about COCO's photographs; ``version`` is what the files' names begin with."""
        return cls(
            questions=f"{version}OpenEnded_mscoco_{split}_questions.json",
            annotations=f"{version}mscoco_{split}_annotations.json",
            pictures=(split, f"images/{split}", f"coco/{split}", "vqa_images", "images", "."),
            prefix=f"COCO_{split}_",
        )

    def places(self, folder: Path) -> FileFinder:
        return FileFinder(folder, self.pictures, self.suffixes)

    def name(self, number: int) -> str:
        """What picture ``number`` is called, without its ending."""
        return f"{self.prefix}{number:012d}"


@dataclass(frozen=True)
class Form:
    """How one data set of the family lies in a folder.

    test, train  its splits; train gives shots where it is there
    stratum      the field of an annotation by which scores of a part are weighted
    """

    test: Part
    train: Part
    stratum: str = "answer_type"

    def layouts(self) -> tuple[Layout, ...]:
        """JSON files at the top, as the archives unpack, or in ``vqa_questions`` and ``vqa_annotations``."""
        return tuple(
            Layout(
                (f"{top[0]}{self.test.questions}", f"{top[1]}{self.test.annotations}"),
                partial(read, form=self, tops=top),
            )
            for top in (("", ""), ("vqa_questions/", "vqa_annotations/"))
        )

    def hub_layout(self, split: str) -> Layout:
        """The same rows as Parquet files of the hub."""
        return Layout(("**/*.parquet",), partial(read_hub, split=split, stratum=self.stratum))


def read(folder: Path, form: Form, tops: tuple[str, str]) -> Iterator[Sample]:
    """The test split, and shots from train where its files are there."""
    yield from _split(folder, form.test, tops, form.stratum)
    questions, annotations = (folder / f"{tops[0]}{form.train.questions}", tops[1] + form.train.annotations)
    if questions.is_file() and (folder / annotations).is_file():
        first = next(iter(_questions(questions, 1).values()), None)
        place = form.train.places(folder)
        if first is not None and place.has(form.train.name(first[0])):
            yield from _split(folder, form.train, tops, form.stratum, SHOTS)


def _split(
    folder: Path, part: Part, tops: tuple[str, str], stratum: str, limit: int | None = None
) -> Iterator[Sample]:
    """Questions are held (a picture number and a line each), annotations pass by."""
    file = folder / f"{tops[1]}{part.annotations}"
    listing = folder / f"{tops[0]}{part.questions}"
    questions, places = _questions(listing, limit), part.places(folder)
    total = len(questions)
    done: set[str] = set()
    for number, row in json_items(file, "annotations"):
        if len(done) == limit:
            return
        where = f"{file}, annotation {number}"
        if not isinstance(row, dict):
            raise BadData(f"{where}: an object is expected")
        key = text_of(row, "question_id", where)
        if key in done:
            raise BadData(f"{where}: question {key} has an annotation before this one")
        if key not in questions:
            if limit is None:
                raise BadData(f"{where}: question {key} is not in {listing.name}")
            continue
        done.add(key)
        picture, question = questions.pop(key)
        if row.get("image_id") is not None and whole_of(row, "image_id", where) != picture:
            raise BadData(f"{where}: field 'image_id' is not that of question {key} in {listing.name}")
        split = "test" if limit is None else "shots"
        media = places.at(part.name(picture))
        yield _sample(row, question, media, str(picture), f"{where} (question {key})", stratum, split)
    if questions:
        first = next(iter(questions))
        raise BadData(
            f"{listing}: question {first} has no annotation in {file.name} ({len(questions)} of {total})"
        )


def _questions(file: Path, limit: int | None) -> dict[str, tuple[int, str]]:
    """Question id -> number of its picture, and the question."""
    questions: dict[str, tuple[int, str]] = {}
    for where, row in objects(islice(json_items(file, "questions"), limit), f"{file}, question"):
        key = text_of(row, "question_id", where)
        if key in questions:
            raise BadData(f"{where}: the question_id {key} is used twice")
        questions[key] = (whole_of(row, "image_id", where), text_of(row, "question", where))
    return questions


def read_hub(folder: Path, split: str, stratum: str) -> Iterator[Sample]:
    """Parquet files: question, answers and picture in one row."""
    for ours, where, row in hub_rows(folder, split):
        media = media_of(row, "image", where)
        cluster = text_of(row, "image_id", where, "") or media.digest[:20]
        yield _sample(row, text_of(row, "question", where), media, cluster, where, stratum, ours)


def _sample(
    row: Mapping[str, Any], question: str, media: Media, cluster: str, where: str, stratum: str, split: str
) -> Sample:
    facts: dict[str, Any] = {name: text for name in FACTS if (text := text_of(row, name, where, ""))}
    answers, raw, empty = answers_of(row, where)
    if raw:
        facts["raw_answers"] = raw
    if empty:
        facts[EMPTY_ANSWERS] = empty
    return Sample(
        id=text_of(row, "question_id", where),
        media=(media,),
        fields={"question": question},
        references=tuple(answers),
        cluster=cluster,
        stratum=facts.get(stratum, "other"),
        metadata=facts,
        split=split,
    )


def answers_of(row: Mapping[str, Any], where: str) -> tuple[list[str], list[str], int]:
    """The answers of all annotators, what they typed where the file has that too, and how many of them left
    it empty.

    The official evaluator counts an empty answer among the ten, and does not put in its place what was typed;
    it is no reference, since no answer is right by being empty. Raises BadData where nobody answered.
    """
    value = row.get("answers")
    if isinstance(value, dict):  # a table of columns: how some Parquet files write lists of objects
        rows = [dict(zip(value, cells, strict=True)) for cells in zip(*value.values(), strict=True)]
    else:
        rows = [a if isinstance(a, dict) else {"answer": a} for a in list_of(row, "answers", where)]
    answers, raw, empty = [], [], 0
    for number, one in enumerate(rows, 1):
        here = f"{where}, answer {number}"
        typed = text_of(one, "raw_answer", here, "")
        answer = text_of(one, "answer", here, "")
        if answer:
            answers.append(answer)
        else:
            empty += 1
        if typed:
            raw.append(typed)
    if not answers:
        raise BadData(f"{where}: field 'answers' holds no answer")
    return answers, raw, empty
