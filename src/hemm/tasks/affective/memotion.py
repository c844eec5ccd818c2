"""Memotion: how funny, sarcastic, offensive or motivational is a meme, and what is its mood? (Sharma et al.
2020)

The published labels are read as they are written (``very_funny``); models are shown plain words (``very
funny``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.rows import Ids, table_rows, text_of
from hemm.data.sources.kinds import Kaggle
from hemm.parsing.formats import OneOf


@dataclass(frozen=True)
class Axis:
    """One of the five things that were annotated: its column, question, and label -> words shown.

    merged  labels as they are published -> those of ``labels``, where these are fewer
    """

    column: str
    question: str
    labels: Mapping[str, str]
    merged: Mapping[str, str] = field(default_factory=dict)


HUMOUR = Axis(
    "humour",
    "How funny is it meant to be?",
    {
        "not_funny": "not funny",
        "funny": "funny",
        "very_funny": "very funny",
        "hilarious": "hilarious",
    },
)
VARIANTS = {
    "sarcasm": Axis(
        "sarcasm",
        "How sarcastic is it?",
        {
            "not_sarcastic": "not sarcastic",
            "general": "generally sarcastic",
            "twisted_meaning": "twisted meaning",
            "very_twisted": "very twisted",
        },
    ),
    "offensive": Axis(
        "offensive",
        "How offensive is it?",
        {
            "not_offensive": "not offensive",
            "slight": "slightly offensive",
            "very_offensive": "very offensive",
            "hateful_offensive": "hateful",
        },
    ),
    "motivational": Axis(
        "motivational",
        "Is it meant to motivate people?",
        {"not_motivational": "not motivational", "motivational": "motivational"},
    ),
    "sentiment": Axis(
        "overall_sentiment",
        "Which sentiment does it express overall?",
        {
            "very_negative": "very negative",
            "negative": "negative",
            "neutral": "neutral",
            "positive": "positive",
            "very_positive": "very positive",
        },
    ),
}
POLARITY = Axis(
    "overall_sentiment",
    "Which sentiment does it express overall?",
    {"negative": "negative", "neutral": "neutral", "positive": "positive"},
    merged={"very_negative": "negative", "very_positive": "positive"},
)
"""The three classes of the challenge's task A."""
TOP = "memotion_dataset_7k"
NOTHING = ("nan", "null", "none", "n/a")
"""What stands for a text that was not transcribed."""


def read(folder: Path, table: str, column: str, merged: bool = False) -> Iterator[Sample]:
    """All rows of ``table``; the pictures are in ``images`` beside it. ``merged``: into three classes."""
    axis = POLARITY if merged else next(a for a in (HUMOUR, *VARIANTS.values()) if a.column == column)
    ids = Ids()
    file = folder / table
    for where, row in table_rows(file, ("image_name", column)):
        name = text_of(row, "image_name", where)
        label = text_of(row, column, where).lower().replace(" ", "_")
        label = axis.merged.get(label, label)
        if label not in axis.labels:
            raise BadData(f"{where}: field {column!r} is {row[column]!r}, none of {', '.join(axis.labels)}")
        yield Sample(
            id=ids.of(Path(name).stem),
            media=(Media.at(file.parent / "images" / name),),
            fields={"text": _text(row, where)},
            references=(label,),
            choices=tuple(axis.labels.values()),
            cluster=name,
            stratum=label,
        )


def _text(row: Mapping[str, str], where: str) -> str:
    """The corrected transcript, else the raw one, else nothing."""
    texts = (text_of(row, name, where, "") for name in ("text_corrected", "text_ocr"))
    return next((text for text in texts if text and text.lower() not in NOTHING), "")


CARD = Card(
    title="Memotion 7k",
    citation="Sharma, Bhageria, Scott, PYKL, Das, Chakraborty, Pulabaigari, Gambäck. SemEval-2020 Task 8: "
    "Memotion Analysis - the visuo-lingual metaphor! SemEval 2020.",
    homepage="https://www.kaggle.com/datasets/williamscott701/memotion-dataset-7k",
    licence="research only; the memes belong to their authors",
    access="login",
    size="0.7 GB",
    splits={"train": 6992},
    labels=dimension_labels(
        "affective_computing", "synergy", "fusion", reasoning="more", external_knowledge="yes"
    ),
    notes="All 6,992 memes of the training set are asked, as in the HEMM paper: the challenge's own test "
    "set is published apart. The transcript is shown: corrected, else as the text recognition gave it, "
    "else none. memotion asks for humour in four degrees; memotion:sarcasm, :offensive, :motivational and "
    ":sentiment ask for the other annotations. The published sentiment has five classes, the challenge's "
    "task A three: memotion:polarity asks for these (very positive is positive, very negative negative). "
    "The archive has pictures that do not open: they are kept "
    "and named. labels.csv is read before labels.xlsx where both are there. The draw behind the paper's "
    "100 samples is not known.",
)


def _sources(axis: Axis) -> tuple[Kaggle, ...]:
    tables = [f"{top}labels.{kind}" for top in (f"{TOP}/", "") for kind in ("csv", "xlsx")]
    merged: dict[str, Any] = {"merged": True} if axis.merged else {}
    layouts = [Layout((table,), partial(read, table=table, column=axis.column, **merged)) for table in tables]
    return tuple(Kaggle("williamscott701/memotion-dataset-7k", one, ids="image_name") for one in layouts)


def _prompt(axis: Axis) -> str:
    return (
        "{{ image }}This is a meme.\n"
        "{% if text %}Its text: {{ text }}\n{% endif %}"
        f"{axis.question} {{{{ instruction }}}}"
    )


TASK = Task(
    name="memotion",
    card=CARD,
    sources=_sources(HUMOUR),
    prompt=_prompt(HUMOUR),
    answer=OneOf(HUMOUR.labels, lettered=False),
    metrics=("macro_f1", "accuracy", "bartscore"),
    max_new_tokens=16,
)
for _name, _axis in (*VARIANTS.items(), ("polarity", POLARITY)):
    TASK = TASK.with_variant(
        _name, sources=_sources(_axis), prompt=_prompt(_axis), answer=OneOf(_axis.labels, lettered=False)
    )
