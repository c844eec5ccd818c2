"""Winoground: two pictures, and two captions of the same words in another order. (Thrush et al. 2022)

A row is the unit: what the literature reports are its text, image and group score. By default a row is asked
as four choices, two with one picture and both captions, two with both pictures (apart) and one caption. As
``winoground:match`` it is asked as the four pairs of picture and caption, does this one fit?, which gives the
scores as they were first defined where answers come with probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import jsonl_rows, media_of, objects, text_of, whole_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import ByHand, Hub, reading
from hemm.parsing.formats import OneOf, YesNo

LETTERS = ("picture A", "picture B")
YES_NO = ("yes", "no")
PLACES = ("data/images", "images", "data", ".")
SUFFIXES = (".png", ".jpg", ".jpeg")

Form = Callable[[str, tuple[str, str], tuple[Media, Media], Mapping[str, Any]], Iterator[Sample]]
"""(row id, captions, pictures, tags) -> the samples of one row."""


def read_original(folder: Path, top: str, form: Form) -> Iterator[Sample]:
    """``examples.jsonl`` below ``top`` and the pictures by the names that it gives, without their suffix."""
    file = folder / top / "examples.jsonl"
    pictures = FileFinder(folder, PLACES, SUFFIXES, anywhere=True)
    for where, row in objects(jsonl_rows(file), f"{file}, line"):
        names = [text_of(row, f"image_{i}", where) for i in (0, 1)]
        first, second = (pictures.at(Path(name).name) for name in names)
        yield from _row(row, (first, second), where, form)


def read_parquet(folder: Path, form: Form) -> Iterator[Sample]:
    """The hub's own form: the split test."""
    for _, where, row in hub_rows(folder, "test"):
        yield from _row(row, (media_of(row, "image_0", where), media_of(row, "image_1", where)), where, form)


def _row(row: Mapping[str, Any], pictures: tuple[Media, Media], where: str, form: Form) -> Iterator[Sample]:
    key = str(whole_of(row, "id", where))
    captions = (text_of(row, "caption_0", where), text_of(row, "caption_1", where))
    if captions[0] == captions[1]:
        raise BadData(f"{where}: fields 'caption_0' and 'caption_1' are the same")
    names = ("tag", "secondary_tag", "collapsed_tag", "num_main_preds")
    tags = {name: tag for name in names if (tag := text_of(row, name, where, ""))}
    for sample in form(key, captions, pictures, tags):
        yield replace(sample, unit=key, cluster=key, stratum=tags.get("collapsed_tag", "untagged"))


def choices(
    key: str, captions: tuple[str, str], pictures: tuple[Media, Media], tags: Mapping[str, Any]
) -> Iterator[Sample]:
    """Four choices of two: the caption of each picture, the picture of each caption."""
    for i in (0, 1):
        yield Sample(
            id=f"{key}-text-i{i}",
            media=(pictures[i],),
            fields={"caption": ""},
            references=(captions[i],),
            choices=captions,
            metadata={"asked": "text", "image": i, "answer_type": "text", **tags},
        )
    for j in (0, 1):
        yield Sample(
            id=f"{key}-image-c{j}",
            media=pictures,
            fields={"caption": captions[j]},
            references=(LETTERS[j],),
            choices=LETTERS,
            metadata={"asked": "image", "caption": j, "answer_type": "image", **tags},
        )


def matches(
    key: str, captions: tuple[str, str], pictures: tuple[Media, Media], tags: Mapping[str, Any]
) -> Iterator[Sample]:
    """Four pairs of picture i and caption j: yes where i is j."""
    for i in (0, 1):
        for j in (0, 1):
            yield Sample(
                id=f"{key}-i{i}c{j}",
                media=(pictures[i],),
                fields={"caption": captions[j]},
                references=(YES_NO[i != j],),
                choices=YES_NO,
                metadata={"asked": "match", "image": i, "caption": j, **tags},
            )


_hub = partial(Hub, ("facebook/winoground",), ids="id")
SOURCES: tuple[Hub | ByHand, ...] = (
    _hub(
        Layout(("data/examples.jsonl",), partial(read_original, top="data", form=choices)),
        files=("*examples.jsonl", "*images.zip"),
        unpack=("*.zip",),
    ),
    ByHand(
        "https://huggingface.co/datasets/facebook/winoground",
        "its files want the terms accepted",
        Layout(("examples.jsonl",), partial(read_original, top="", form=choices)),
        ids="id",
    ),
    _hub(Layout(("**/test-*.parquet",), partial(read_parquet, form=choices)), split="test"),
)


CARD = Card(
    title="Winoground",
    citation="Thrush, Jiang, Bartolo, Singh, Williams, Kiela, Ross. Winoground: Probing vision and language "
    "models for visio-linguistic compositionality. CVPR 2022.",
    homepage="https://huggingface.co/datasets/facebook/winoground",
    licence="META Images research licence",
    access="gated",
    size="under 1 GB",
    splits={"test": 1600},
    labels=dimension_labels("multimedia", "redundancy", "querying", fine_grained="yes"),
    notes="400 rows, each a unit of four questions. winoground asks choices of two, the pictures apart; "
    "winoground:match asks of each picture and caption whether they fit, and with --set scoring=likelihood "
    "gives the scores as first defined (a tie fails; of plain yes and no answers all four must be right). "
    "winoground:hemm asks the same and counts the 1,600 answers one by one, as the HEMM paper did: answering "
    "yes always scores 50 % there. The draw behind the paper's 100 samples is not known.",
)

CHOOSE = (
    "{% if caption %}Picture A: {{ images[0] }}\nPicture B: {{ images[1] }}\nCaption: {{ caption }}\n"
    "Which of the two pictures does the caption describe?\n"
    "{% else %}{{ images[0] }}Which of the two captions describes this picture?\n{{ options }}\n"
    "{% endif %}{{ instruction }}"
)
MATCH = (
    "{{ image }}Caption: {{ caption }}\n"
    "Does the caption describe this picture, word order included? {{ instruction }}"
)


MATCHING: dict[str, Any] = {
    "sources": reading(SOURCES, form=matches),
    "prompt": MATCH,
    "answer": YesNo(YES_NO),
}

TASK = (
    Task(
        name="winoground",
        card=CARD,
        sources=SOURCES,
        prompt=CHOOSE,
        answer=OneOf(),
        metrics=("winoground", "accuracy", "bartscore"),
        max_new_tokens=16,
    )
    .with_variant("match", **MATCHING)
    .with_variant("hemm", metrics=("accuracy", "winoground", "bartscore"), **MATCHING)
)
