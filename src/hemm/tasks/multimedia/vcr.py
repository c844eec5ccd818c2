"""VCR: why people in film stills do what they do, and how one can tell. (Zellers et al. 2019)

Each question is asked twice, as published: four answers (Q->A), then, with the right answer given, four
reasons for it (QA->R). Both belong to one unit; all of a unit right is the official Q->AR.

Questions and answers name people and things by their number among the picture's detected objects. Here they
are called by kind and number (``person0``), and boxes with the same names are drawn on the picture when it is
needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from hemm.core import BadData, Card, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import json_value, jsonl_rows, list_of, objects, text_of, whole_of
from hemm.data.sources.kinds import File, Http, in_folders, reading
from hemm.parsing.formats import OneOf
from hemm.tasks.multimedia._boxes import Recent, tagged

SHOTS = 100
KINDS = ("q_a", "qa_r")
TOPS = ("vcr_annotations/", "vcr1annots/", "")
PICTURES = ("vcr1images", "vcr_images/vcr1images", "vcr_images", "../vcr1images", "images", ".")
FACTS = ("movie", "img_id", "answer_likelihood")


@dataclass(frozen=True)
class Form:
    """kinds of ``KINDS`` that are asked; whether boxes are drawn."""

    kinds: tuple[str, ...] = KINDS
    boxes: bool = True


def read(folder: Path, top: str, form: Form) -> Iterator[Sample]:
    """``val.jsonl`` in ``top``, and shots from ``train.jsonl`` where that and its pictures are there."""
    drawn, places = Recent(draw), FileFinder(folder, PICTURES, ())
    for where, row in objects(jsonl_rows(folder / top / "val.jsonl"), f"{folder / top}/val.jsonl, line"):
        yield from _samples(places, row, where, form, drawn, "test")
    train = folder / top / "train.jsonl"
    if not train.is_file():
        return
    for where, row in objects(islice(jsonl_rows(train), SHOTS), f"{train}, line"):
        if not _file(places, row, "img_fn", where).is_file():
            return  # a copy with the pictures of val only
        yield from _samples(places, row, where, form, drawn, "shots")


def _samples(
    places: FileFinder, row: Mapping[str, Any], where: str, form: Form, drawn: Recent, split: str
) -> Iterator[Sample]:
    picture = _file(places, row, "img_fn", where)
    media = Media.at(picture)
    if form.boxes:
        beside = {
            "metadata_fn": str(PurePosixPath(text_of(row, "img_fn", where)).with_suffix(".json")),
            **row,
        }
        load = partial(drawn, picture, _file(places, beside, "metadata_fn", where))
        media = Media(load=load, name=f"{picture.stem}.png")
    unit = text_of(row, "annot_id", where)
    names = [f"{name}{number}" for number, name in enumerate(list_of(row, "objects", where))]
    question = sentence(row, "question", names, where)
    answers, answer = _choices(row, "answer", names, where)
    facts = {name: text for name in FACTS if (text := text_of(row, name, where, ""))}
    for kind in form.kinds:
        choices, right = (answers, answer) if kind == "q_a" else _choices(row, "rationale", names, where)
        yield Sample(
            id=f"{unit}-{kind}",
            media=(media,),
            fields={"question": question, "answer": answer if kind == "qa_r" else ""},
            references=(right,),
            choices=choices,
            unit=unit,
            cluster=text_of(row, "img_fn", where),
            metadata={"answer_type": kind, **facts},
            split=split,
        )


def _file(places: FileFinder, row: Mapping[str, Any], field: str, where: str) -> Path:
    """The picture or metadata file that a row names."""
    name = PurePosixPath(text_of(row, field, where).removeprefix("vcr1images/"))
    if name.is_absolute() or ".." in name.parts:
        raise BadData(f"{where}: field {field!r} leads out of the data set's folder")
    return places.find(str(name))


def _choices(row: Mapping[str, Any], kind: str, names: list[str], where: str) -> tuple[tuple[str, ...], str]:
    """The texts to choose from, and the right one."""
    field = f"{kind}_choices"
    raw = list_of(row, field, where)
    choices = tuple(sentence({field: c}, field, names, f"{where}, choice {n}") for n, c in enumerate(raw))
    label = whole_of(row, f"{kind}_label", where)
    if not 0 <= label < len(choices):
        raise BadData(f"{where}: field '{kind}_label' is {label}, and there are {len(choices)} choices")
    return choices, choices[label]


_TIGHT = re.compile(r" (?=[.,;:!?%)\]}]|n't\b|'(?:s|re|ve|ll|d|m)\b)|(?<=[(\[{$]) ", re.IGNORECASE)


def sentence(row: Mapping[str, Any], field: str, names: list[str], where: str) -> str:
    """Tokens as a sentence; a list of numbers becomes the names of those objects (``person0 and dog2``)."""
    words = []
    for token in list_of(row, field, where):
        if isinstance(token, str):
            words.append(token.strip())
            continue
        numbers = token if isinstance(token, list) else [token]
        if not all(type(n) is int and 0 <= n < len(names) for n in numbers) or not numbers:
            raise BadData(f"{where}: field {field!r} names object {token}, and there are {len(names)}")
        named = [names[n] for n in numbers]
        words.append(" and ".join(filter(None, (", ".join(named[:-1]), named[-1]))))
    text = _TIGHT.sub("", " ".join(quoted(contracted([word for word in words if word]))))
    if not text:
        raise BadData(f"{where}: field {field!r} is empty")
    return text


_ENDINGS = ("s", "t", "re", "ve", "ll", "d", "m")
_WHOLE = {("o", "clock"), ("y", "all")}


def contracted(words: list[str]) -> list[str]:
    """Words with their apostrophes, which are tokens of their own in the files.

    >>> contracted(["person2", "'", "s", "friend", "isn", "'", "t", "there", "at", "five", "o", "'", "clock"])
    ["person2's", 'friend', "isn't", 'there', 'at', 'five', "o'clock"]
    """
    out: list[str] = []
    at = 0
    while at < len(words):
        after = words[at + 1].lower() if at + 1 < len(words) else ""
        before = out[-1] if out else ""
        joins = after in _ENDINGS or (before.lower(), after) in _WHOLE
        if words[at] in ("'", "\u2019") and before[-1:].isalnum() and joins:
            out[-1] += words[at] + words[at + 1]
            at += 2
        else:
            out.append(words[at])
            at += 1
    return out


def quoted(words: list[str]) -> list[str]:
    """Words with quotation marks at them: each mark opens or closes in turn.

    A single mark after a word in s closes nothing where none is open: there it is the genitive's.

    >>> quoted(['person0', 'says', '"', 'stop', '!', '"', 'to', 'the', 'guards', "'", 'dogs'])
    ['person0', 'says', '"stop', '!"', 'to', 'the', "guards'", 'dogs']
    """
    out: list[str] = []
    open_marks: set[str] = set()
    glue = ""
    for at, word in enumerate(words):
        mark = {"``": '"', "''": '"', "`": "'"}.get(word, word)
        if mark not in ('"', "'"):
            out.append(glue + word)
            glue = ""
            continue
        closes = mark in open_marks or word == "''"
        genitive = mark == "'" and bool(out) and out[-1].endswith("s") and mark not in words[at + 1 :]
        if out and not glue and (closes or genitive):
            out[-1] += mark
            open_marks.discard(mark)
        else:
            glue += mark
            open_marks.add(mark)
    return [*out, glue] if glue else out


def draw(picture: Path, metadata: Path) -> bytes:
    """The picture as PNG with the boxes of its metadata file, which count pixels of ``width`` x ``height``.

    Raises FileNotFoundError where one of the files is not there, BadData where one cannot be used.
    """
    pixels = Media.at(picture).pixels()
    facts = json_value(metadata)
    where = str(metadata)
    if not isinstance(facts, dict):
        raise BadData(f"{where}: an object is expected")
    names, boxes = list_of(facts, "names", where), list_of(facts, "boxes", where)
    if len(names) != len(boxes):
        raise BadData(f"{where}: {len(boxes)} boxes for {len(names)} names")
    across = pixels.width / _side(facts, "width", pixels.width)
    down = pixels.height / _side(facts, "height", pixels.height)
    scaled = []
    for number, box in enumerate(boxes):
        usable = isinstance(box, list) and len(box) >= 4
        if not usable or not all(isinstance(v, int | float) and abs(v) < 1e6 for v in box[:4]):
            raise BadData(f"{where}: box {number} is not four numbers and a score")
        scaled.append((box[0] * across, box[1] * down, box[2] * across, box[3] * down))
    return tagged(pixels, scaled, [f"{name}{number}" for number, name in enumerate(names)])


def _side(facts: Mapping[str, Any], field: str, real: int) -> float:
    value = facts.get(field)
    return float(value) if isinstance(value, int | float) and value > 0 else float(real)


CARD = Card(
    title="VCR",
    citation="Zellers, Bisk, Farhadi, Choi. From Recognition to Cognition: Visual Commonsense Reasoning. "
    "CVPR 2019.",
    homepage="https://visualcommonsense.com/",
    licence="research only; terms of visualcommonsense.com",
    access="form",
    size="about 20 GB",
    splits={"val": 53068},
    labels=dimension_labels("multimedia", "redundancy", "fusion", fine_grained="yes"),
    notes="The 26,534 questions of val, each as two samples: accuracy tells Q->A (q_a) and QA->R (qa_r) "
    "apart, consistency is Q->AR. Chance is 25, 25 and 6.25 percent. Objects are called by kind and their "
    "number in the files, from 0 ('person0'), in the text and on the picture; boxes are drawn as PNG "
    "without loss, so a pack is several times larger than the pictures. vcr:q_a and vcr:qa_r ask one half; "
    "vcr:hemm is what the HEMM paper asked, Q->A only (which 100 questions its smaller table drew is not "
    "known); vcr:plain leaves the pictures as they are. Accept the terms of visualcommonsense.com before "
    "the files are fetched. Shots come from train where a folder has it.",
)

BASE = "https://s3.us-west-2.amazonaws.com/ai2-rowanz"
FILES = (File(f"{BASE}/vcr1annots.zip", unpack="."), File(f"{BASE}/vcr1images.zip", unpack="."))

BOXED = (
    "{{ image }}Boxes on the picture mark people and things; each has the name that it is called by below.\n"
)
PLAIN = "{{ image }}Names with a number, such as person0, are people and things in the picture.\n"
ASKED = (
    "Question: {{ question }}\n"
    "{% if answer %}"
    "Answer: {{ answer }}\n"
    "Which of these is the best reason for this answer?\n"
    "{% endif %}"
    "{{ options }}\n{{ instruction }}"
)


SOURCES = in_folders(
    partial(Http, FILES, ids="annotation-id"), TOPS, ("val.jsonl",), partial(read, form=Form())
)

TASK = Task(
    name="vcr",
    card=CARD,
    sources=SOURCES,
    prompt=BOXED + ASKED,
    answer=OneOf(),
    metrics=("accuracy", "consistency", "bartscore"),
    max_new_tokens=16,
)
for _name, _kind in (("q_a", "q_a"), ("qa_r", "qa_r"), ("hemm", "q_a")):
    TASK = TASK.with_variant(
        _name,
        sources=reading(SOURCES, form=Form((_kind,))),
        splits={"val": 26534},
        metrics=("accuracy", "bartscore"),
    )
TASK = TASK.with_variant("plain", sources=reading(SOURCES, form=Form(boxes=False)), prompt=PLAIN + ASKED)
