"""Hateful Memes: is a meme hateful, picture and text taken together? (Kiela et al. 2020)"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, LeftOut, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import jsonl_rows, objects, text_of
from hemm.data.sources.kinds import Hub, Kaggle
from hemm.parsing.formats import YesNo

SHOTS = 100
WORDS = {"0": "no", "1": "yes"}


def read(folder: Path, file: str) -> Iterator[Sample | LeftOut]:
    """The rows of ``file`` that have a label, and as shots the first of train.jsonl where that is there.

    Raises BadData where no row has a label, as in the challenge's test file without answers.
    """
    listing = folder / file
    labelled = 0
    for row in _samples(listing, "test"):
        labelled += isinstance(row, Sample)
        yield row
    if not labelled and listing.stat().st_size:
        raise BadData(f"{listing}: no row has a label; take a file with answers, such as dev.jsonl")
    train = listing.with_name("train.jsonl")
    if train.is_file():
        shots = (row for row in _samples(train, "shots") if isinstance(row, Sample))
        yield from islice(shots, SHOTS)


def _samples(listing: Path, split: str) -> Iterator[Sample | LeftOut]:
    pictures = FileFinder(listing.parent, ("img", "."))
    for where, row in objects(jsonl_rows(listing), f"{listing}, line"):
        label = text_of(row, "label", where, "")
        if not label:
            yield LeftOut(where, "field 'label' is empty")
            continue
        if label not in WORDS:
            raise BadData(f"{where}: field 'label' is {row['label']!r}, not 0 or 1")
        name = text_of(row, "img", where)
        yield Sample(
            id=_id(row, where),
            media=(pictures.at(Path(name).name, name),),
            fields={"text": text_of(row, "text", where, "")},
            references=(WORDS[label],),
            choices=("yes", "no"),
            cluster=Path(name).name,
            stratum=WORDS[label],
            split=split,
        )


def _id(row: dict[str, Any], where: str) -> str:
    """Ids are numbers or texts, of five digits with zeros or without."""
    text = text_of(row, "id", where)
    return f"{int(text):05d}" if text.isdecimal() else text


CARD = Card(
    title="Hateful Memes",
    citation="Kiela, Firooz, Mohan, Goswami, Singh, Ringshia, Testuggine. The Hateful Memes Challenge: "
    "Detecting Hate Speech in Multimodal Memes. NeurIPS 2020.",
    homepage="https://hatefulmemeschallenge.com/",
    licence="Hateful Memes data set licence (research only, no redistribution); pictures (c) Getty Images",
    access="login",
    size="3.8 GB",
    splits={"dev_seen": 500, "test_seen": 1000, "test_unseen": 2000, "train": 8500},
    labels=dimension_labels(
        "affective_computing", "synergy", "fusion", reasoning="more", external_knowledge="yes"
    ),
    notes="The 500 memes of dev.jsonl (dev_seen.jsonl in later copies) are asked, as in the HEMM paper; "
    "hateful_memes:test_seen and :test_unseen ask the challenge's test sets where a copy has their labels. "
    "The text in the picture is given as the data set transcribes it. Rows without a label are not asked. "
    "AUROC is the challenge's own measure; it wants graded answers (--set scoring=likelihood). "
    "The hub copy lacks some pictures. The draw behind the paper's 100 samples is not known.",
)
KAGGLE = "parthplc/facebook-hateful-meme-dataset"


def _layout(file: str) -> Layout:
    return Layout((file,), partial(read, file=file))


def _sources(hub: str, others: tuple[str, ...]) -> tuple[Hub | Kaggle, ...]:
    copy = Hub(("neuralcatcher/hateful_memes",), _layout(hub), files=(hub, "train.jsonl", "img/*"), ids="id")
    return (*(Kaggle(KAGGLE, _layout(file), ids="id") for file in others), copy)


TASK = Task(
    name="hateful_memes",
    card=CARD,
    sources=_sources("dev_seen.jsonl", ("data/dev.jsonl", "dev.jsonl", "data/dev_seen.jsonl")),
    prompt=(
        "{{ image }}This is a meme.{% if text %} The text in it: {{ text }}{% endif %}\n\n"
        "A meme is hateful if picture and text together attack people, or dehumanise or mock them, for "
        "what they are: their ethnicity, nationality, religion, caste, sex, gender identity, sexual "
        "orientation, disability or disease.\n"
        "Is this meme hateful? {{ instruction }}"
    ),
    answer=YesNo(),
    metrics=("auroc", "accuracy", "macro_f1", "bartscore"),
    max_new_tokens=8,
)
for _split in ("test_seen", "test_unseen"):
    _file = f"{_split}.jsonl"
    TASK = TASK.with_variant(
        _split, sources=_sources(_file, (f"data/{_file}",)), splits={_split: CARD.splits[_split]}
    )
