"""MemeCap: what does the poster of a meme want to say? (Hwang and Shwartz 2023)"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import Ids, json_rows, text_of, texts_of
from hemm.data.sources.kinds import File, Http, in_folders, reading
from hemm.parsing.formats import Caption

TEST, TRAIN = "memes-test.json", "memes-trainval.json"
PICTURES = (
    "memes",
    "images",
    "memes_images",
    "memecap_images/memes",
    "data/memes",
    "data/images",
    "data",
    ".",
    "../memes",
    "../images",
)
"""Where the pictures lie: versions of their archive name the folder differently."""
SHOTS = 100


def read(folder: Path, top: str, literal: bool = False) -> Iterator[Sample]:
    """The test split of ``folder / top``, and as shots the first memes of the training file where that is
    there.

    ``literal`` shows the first literal caption of the picture and keeps the first interpretation only.
    """
    ids, pictures = Ids(), FileFinder(folder, PICTURES)
    yield from _samples(pictures, folder / top / TEST, ids, "test", literal)
    if (folder / top / TRAIN).is_file():
        yield from islice(_samples(pictures, folder / top / TRAIN, ids, "shots", literal), SHOTS)


def _samples(pictures: FileFinder, file: Path, ids: Ids, split: str, literal: bool) -> Iterator[Sample]:
    for number, row in enumerate(json_rows(file), 1):
        where = f"{file}, entry {number}"
        if not isinstance(row, dict):
            raise BadData(f"{where}: a JSON object is expected")
        name = text_of(row, "img_fname", where)
        captions = texts_of(row, "meme_captions", where)
        if not captions:
            raise BadData(f"{where}: field 'meme_captions' has no caption")
        fields = {"title": text_of(row, "title", where, "")}
        if literal:
            fields["description"] = _first(row, where)
        yield Sample(
            id=ids.of(text_of(row, "post_id", where, Path(name).stem)),
            media=(pictures.at(name),),
            fields=fields,
            references=tuple(captions[:1] if literal else dict.fromkeys(captions)),
            cluster=name,
            split=split,
        )


def _first(row: dict[str, Any], where: str) -> str:
    captions = texts_of(row, "img_captions", where)
    if not captions:
        raise BadData(f"{where}: field 'img_captions' has no caption")
    return captions[0]


CARD = Card(
    title="MemeCap",
    citation="Hwang, Shwartz. MemeCap: A Dataset for Captioning and Interpreting Memes. EMNLP 2023.",
    homepage="https://github.com/eujhwang/meme-cap",
    licence="research only; the memes belong to their authors",
    access="open",
    size="under 1 GB",
    splits={"test": 559, "trainval": 5828},
    labels=dimension_labels(
        "affective_computing", "synergy", "fusion", reasoning="more", external_knowledge="yes"
    ),
    notes="The meme is shown with the title of its post; one to four interpretations by annotators are the "
    "references. memecap:hemm is the HEMM paper's form: a human's literal description of the picture is "
    "shown too, with which a model can answer without looking, and only the first interpretation is kept. "
    "The draw behind the paper's 100 samples is not known.",
)

COMMIT = "8d8d14f16b44782037f941dc0e2fff7368a51514"
FILES = (
    File(f"https://raw.githubusercontent.com/eujhwang/meme-cap/{COMMIT}/data/{TEST}", name=TEST),
    File(
        "https://drive.usercontent.google.com/download?id=1o1IB6am0HdYS58CEOmmxra3WjJkrn-M1&export=download&confirm=t",
        name="memes.zip",
        unpack=".",
    ),
)


SOURCES = in_folders(
    partial(Http, FILES, ids="post_id"), ("data/", ""), (TEST,), partial(read, literal=False)
)


INTRO = "{{ image }}This is a meme.\n{% if title %}The title of its post: {{ title }}\n{% endif %}"
ASKED = "What does the person who posted it want to say with it? {{ instruction }}"

TASK = Task(
    name="memecap",
    card=CARD,
    sources=SOURCES,
    prompt=INTRO + ASKED,
    answer=Caption(),
    metrics=("bleu", "rouge_l", "bertscore", "bartscore"),
    max_new_tokens=96,
).with_variant(
    "hemm",
    sources=reading(SOURCES, literal=True),
    prompt=INTRO + "The picture shows: {{ description }}\n" + ASKED,
)
