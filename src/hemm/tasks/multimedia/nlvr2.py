"""NLVR2: is a sentence true of two photographs? (Suhr et al. 2019)

A sentence was written for a set of eight pictures and is asked of up to four pairs of them (``identifier`` is
split-set-pair-sentence). A sentence over all its pairs is the unit, as in the official consistency; the set
of pictures is the cluster, since its two sentences are asked of the same pairs.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, Media, Sample, Task, digest, dimension_labels
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import Ids, jsonl_rows, list_of, media_of, objects, text_of, texts_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import ByHand, Hub, in_folders
from hemm.parsing.formats import YesNo
from hemm.parsing.yes_no_words import yes_or_no

WORDS = ("true", "false")
SHOTS = 100
_IDENTIFIER = re.compile(r"([a-z]+\d*)-(\d+)-(\d+)-(\d+)")


@dataclass(frozen=True)
class Part:
    """Which rows are asked: their ``file``, the ``split`` of their pictures, the ``hub`` split.

    pasted  both pictures as one
    """

    file: str
    split: str
    hub: str = ""
    pasted: bool = False


def read_original(folder: Path, top: str, part: Part) -> Iterator[Sample]:
    """The JSON lines below ``top``; as shots the first rows of train where its pictures are there too."""
    for name, split in ((part.file, "test"), ("train.json", "shots")):
        file = folder / top / name
        pictures = FileFinder(folder, _places(top, part.split if split == "test" else "train"), anywhere=True)
        if split == "test":
            yield from _file(file, pictures, part, split)
        elif file.is_file() and _has_first(file, pictures):
            yield from islice(_file(file, pictures, part, split), SHOTS)


def _places(top: str, split: str) -> list[str]:
    """Where copies keep the pictures of a split: beside the annotations or above them."""
    above = [Path(top), *Path(top).parents] if top else [Path()]
    named = [(p / name).as_posix() for p in above for name in (split, f"images/{split}", "images")]
    return [*named, *(p.as_posix() for p in above)]


def _file(file: Path, pictures: FileFinder, part: Part, split: str) -> Iterator[Sample]:
    for where, row in objects(jsonl_rows(file), f"{file}, line"):
        left, right = (pictures.at(*_names(row, side, where)) for side in (0, 1))
        yield _sample(row, "sentence", "label", (left, right), where, part, split)


def _names(row: Mapping[str, Any], side: int, where: str) -> tuple[str, ...]:
    """The picture's name; pictures of train lie in numbered folders."""
    parts = _identifier(row, where)
    name = f"{parts[1]}-{parts[2]}-{parts[3]}-img{side}.png"
    directory = text_of(row, "directory", where, "")
    return (f"{directory}/{name}", name) if directory.isdecimal() else (name,)


def _has_first(file: Path, pictures: FileFinder) -> bool:
    rows = objects(jsonl_rows(file), f"{file}, line")
    return any(pictures.has(*_names(row, 0, where)) for where, row in islice(rows, 1))


def _identifier(row: Mapping[str, Any], where: str) -> re.Match[str]:
    text = text_of(row, "identifier", where)
    match = _IDENTIFIER.fullmatch(text)
    if match is None:
        raise BadData(f"{where}: field 'identifier' is {text!r}, not of the form split-set-pair-sentence")
    return match


def read_parquet(folder: Path, part: Part) -> Iterator[Sample]:
    """A hub copy that kept the rows' fields."""
    for _, where, row in hub_rows(folder, part.hub):
        pictures = (media_of(row, "left_image", where), media_of(row, "right_image", where))
        yield _sample(row, "question", "answer", pictures, where, part, "test")


def _sample(
    row: Mapping[str, Any],
    sentence: str,
    label: str,
    pictures: tuple[Media, Media],
    where: str,
    part: Part,
    split: str,
) -> Sample:
    parts = _identifier(row, where)
    word = str(row.get(label)).strip().lower()  # a word or a JSON boolean
    if word not in WORDS:
        raise BadData(f"{where}: field {label!r} is {row.get(label)!r}, not True or False")
    return Sample(
        id=parts[0],
        media=(_side_by_side(pictures, f"{parts[1]}-{parts[2]}-{parts[3]}.png"),)
        if part.pasted
        else pictures,
        fields={"statement": text_of(row, sentence, where)},
        references=(word,),
        choices=WORDS,
        unit=f"{parts[1]}-{parts[2]}-sentence-{parts[4]}",
        cluster=f"{parts[1]}-{parts[2]}",
        stratum=text_of(row, "synset", where, "unknown"),
        split=split,
    )


def read_pairs(folder: Path) -> Iterator[Sample]:
    """The hub copy that asks choices and has neither sets nor identifiers: its sentences are the units."""
    ids = Ids()
    for _, where, row in hub_rows(folder, "test", config="nlvr2"):
        pictures = list_of(row, "images", where)
        if len(pictures) != 2 or not all(isinstance(p, Media) for p in pictures):
            raise BadData(f"{where}: field 'images' does not hold two pictures")
        statement = " ".join(text_of(row, "question", where).replace("<image>", " ").split())
        unit = digest(statement, 16)
        yield Sample(
            id=ids.of(text_of(row, "id", where)),
            media=tuple(pictures),
            fields={"statement": statement},
            references=(_chosen(row, where),),
            choices=WORDS,
            unit=unit,
            stratum="unknown",
        )


def _chosen(row: Mapping[str, Any], where: str) -> str:
    """``true`` or ``false``: what the option means that the answer names by letter or in full."""
    options, answer = texts_of(row, "options", where), text_of(row, "answer", where)
    letter = answer.strip("() .")
    place = "AB".find(letter) if len(letter) == 1 else -1
    side = yes_or_no(options[place] if 0 <= place < len(options) else answer)
    if side is None:
        raise BadData(
            f"{where}: field 'answer' is {answer!r} of {options!r}, which says neither true nor false"
        )
    return WORDS[0 if side else 1]


def _side_by_side(pictures: tuple[Media, Media], name: str) -> Media:
    """Both pictures at their mean width and height, side by side, made when first needed."""
    return Media(load=partial(_pasted, *pictures), name=name, mime="image/png")


def _pasted(left: Media, right: Media) -> bytes:
    """A PNG in RGB, twice the mean width (pixels, rounded down) by the mean height; resized bicubically."""
    from PIL import Image

    both = [media.pixels().convert("RGB") for media in (left, right)]
    width, height = (sum(sizes) // 2 for sizes in zip(*(p.size for p in both), strict=True))
    canvas = Image.new("RGB", (2 * width, height))
    for number, picture in enumerate(both):
        resized = picture.resize((width, height), Image.Resampling.BICUBIC)
        canvas.paste(resized, (number * width, 0))
    out = io.BytesIO()
    canvas.save(out, "PNG")
    return out.getvalue()


def _sources(part: Part) -> tuple[Hub | ByHand, ...]:
    home, why = "https://lil.nlp.cornell.edu/nlvr/", "its pictures are given out on request"
    by_hand = in_folders(
        partial(ByHand, home, why, ids="identifier"),
        ("nlvr/nlvr2/data", "nlvr2/data", "data", ""),
        (part.file,),
        partial(read_original, part=part),
    )
    if not part.hub:
        return by_hand
    layout = Layout((f"**/{part.hub}-*.parquet",), partial(read_parquet, part=part))
    hub = Hub(("lmms-lab-encoder/NLVR2", "lmms-lab/NLVR2"), layout, split=part.hub, ids="identifier")
    return (*by_hand, hub)


CARD = Card(
    title="NLVR2",
    citation="Suhr, Zhou, Zhang, Zhang, Bai, Artzi. A corpus for reasoning about natural language grounded "
    "in photographs. ACL 2019.",
    homepage="https://lil.nlp.cornell.edu/nlvr/",
    licence="CC-BY-4.0 (annotations); the pictures are not licensed",
    access="form",
    size="under 2 GB",
    splits={"dev": 6982, "test1": 6967, "train": 86373},
    labels=dimension_labels("multimedia", "redundancy", "querying"),
    notes="dev, both pictures apart. Consistency is the official one: all pairs of a sentence right. "
    "Intervals treat a set of eight pictures as one cluster. nlvr2:test1 is the public test split, "
    "nlvr2:balanced the part of dev that is balanced against visual bias (Suhr and Artzi, NLVR2 visual bias "
    "analysis, 2019), nlvr2:hemm dev with the pictures side by side at their mean size, as the HEMM paper "
    "asked it; there pictures whose address was dead were left out, and the draw behind its 100 samples is "
    "not known.",
)

APART = (
    "Left picture: {{ images[0] }}\nRight picture: {{ images[1] }}\nStatement: {{ statement }}\n"
    "Is the statement true or false of these two pictures? {{ instruction }}"
)
PASTED = (
    "{{ image }}Two photographs are shown side by side, a left one and a right one.\n"
    "Statement: {{ statement }}\n"
    "Is the statement true or false of them? {{ instruction }}"
)


PAIRS = Hub(
    ("TIGER-Lab/NLVR2",),
    Layout(("**/nlvr2/test-*.parquet",), read_pairs),
    config="nlvr2",
    split="test",
    ids="mantis",
)

TASK = (
    Task(
        name="nlvr2",
        card=CARD,
        sources=_sources(Part("dev.json", "dev")),
        prompt=APART,
        answer=YesNo(WORDS),
        metrics=("accuracy", "consistency", "bartscore"),
        max_new_tokens=16,
    )
    .with_variant(
        "test1",
        sources=(*_sources(Part("test1.json", "test1")), PAIRS),
        splits={"test1": 6967, "train": 86373},
    )
    .with_variant(
        "balanced",
        card=replace(CARD, access="open", size="0.3 GB"),
        sources=_sources(Part("balanced/balanced_dev.json", "dev", hub="balanced_dev")),
        splits={"balanced_dev": 2300},
    )
    .with_variant("hemm", sources=_sources(Part("dev.json", "dev", pasted=True)), prompt=PASTED)
)
