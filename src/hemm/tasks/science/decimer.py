"""DECIMER: which molecule is drawn by hand? (Brinkhaus et al. 2022)"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import Ids, csv_rows, text_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import File, Http, Hub, Kaggle, reading
from hemm.metrics.domain.molecules import Smiles
from hemm.tasks._classes import nameless

TABLE = "DECIMER_HDM_Dataset_SMILES.tsv"
PICTURES = "DECIMER_HDM_Dataset_Images"


def read_original(folder: Path, part: bool = False) -> Iterator[Sample]:
    """The table of names and SMILES; with ``part`` the tenth of it that the paper took."""
    file = folder / TABLE
    pictures = FileFinder(folder, (f"{PICTURES}/{PICTURES}", PICTURES), (".png", ".jpg", ".jpeg"))
    rows = [(f"{file}, line {line}", *_cells(file, line, row)) for line, row in csv_rows(file, "\t")]
    if part:
        random.Random(0).shuffle(rows)
        rows = rows[-len(rows) // 10 :]
    ids = Ids()
    for where, name, smiles in rows:
        picture = pictures.find(name)
        yield _sample(ids.of(picture.stem), Media.at(picture), text_of({"SMILES": smiles}, "SMILES", where))


def _cells(file: Path, line: int, row: dict[str, str]) -> tuple[str, str]:
    """The two columns, whatever their names are."""
    if len(row) < 2:
        raise BadData(f"{file}, line {line}: a name and a SMILES are expected, with a tab between them")
    name, smiles, *_ = row.values()
    return text_of({"name": name}, "name", f"{file}, line {line}"), smiles


def read_parquet(folder: Path) -> Iterator[Sample]:
    """The hub copy, which has no file names: ids come from the pixels."""
    rows = hub_rows(folder, "train", columns=("image", "smiles"))
    for name, _, _, picture, smiles in nameless(rows, "smiles"):
        yield _sample(name, picture, smiles)


def _sample(name: str, picture: Media, smiles: str) -> Sample:
    return Sample(id=name, media=(picture,), references=(smiles,))


CARD = Card(
    title="DECIMER hand-drawn molecules",
    citation="Brinkhaus, Zielesny, Steinbeck, Rajan. DECIMER - hand-drawn molecule images dataset. Journal "
    "of Cheminformatics 14, 2022.",
    homepage="https://zenodo.org/records/7617107",
    licence="CC-BY-4.0",
    access="open",
    size="0.3 GB",
    splits={"all": 5088},
    labels=dimension_labels(
        "science", "uniqueness", "translation", reasoning="more", external_knowledge="yes"
    ),
    notes="All 5,088 pictures. decimer:hemm is the paper's part: the last tenth (509) of the table's rows "
    "in their order after Python's shuffle with seed 0; the draw behind its 100 samples is not known. The "
    "copy on the hub has no names, and so no such part. Scoring needs RDKit: pip install 'hemm[metrics]'.",
)


ZENODO = "https://zenodo.org/records/7617107/files"
LAYOUT = Layout((TABLE,), partial(read_original, part=False))
ORIGINALS: tuple[Http | Kaggle, ...] = (
    Http((File(f"{ZENODO}/{PICTURES}.zip", unpack="."), File(f"{ZENODO}/{TABLE}")), LAYOUT, ids="name"),
    Kaggle("juliajakubowska/decimer", LAYOUT, ids="name"),
)
COPY = Hub(("deepcopy/decimer",), Layout(("**/train*.parquet",), read_parquet), split="train", ids="pixels")

TASK = Task(
    name="decimer",
    card=CARD,
    sources=(*ORIGINALS, COPY),
    prompt="{{ image }}A molecule is drawn here by hand. Which one is it? {{ instruction }}",
    answer=Smiles(),
    metrics=("smiles", "bartscore"),
    max_new_tokens=256,
).with_variant("hemm", sources=reading(ORIGINALS, part=True), splits={"part": 509})
