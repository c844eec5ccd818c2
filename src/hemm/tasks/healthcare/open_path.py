"""OpenPath's test on Kather's colon tissue: which of nine kinds does a patch show? (Huang et al. 2023)"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder, by_folder
from hemm.data.readers.rows import Ids, csv_rows, objects, text_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import File, Http, Hub
from hemm.parsing.formats import OneOf
from hemm.tasks._classes import class_sample, nameless

LABELS = {
    "ADI": "adipose tissue",
    "BACK": "background",
    "DEB": "debris",
    "LYM": "lymphocytes",
    "MUC": "mucus",
    "MUS": "smooth muscle",
    "NORM": "normal colon mucosa",
    "STR": "cancer-associated stroma",
    "TUM": "colorectal adenocarcinoma epithelium",
}
"""Class as the files call it -> as it is shown."""

TABLE = "Kather_test/Kather_test.csv"
FOLDER = "CRC-VAL-HE-7K"


def read_table(folder: Path) -> Iterator[Sample]:
    """PLIP's table; its captions only repeat the class."""
    file, ids = folder / TABLE, Ids()
    pictures = FileFinder(folder, (".", "Kather_test"), ())
    for where, row in objects(csv_rows(file, required=("image", "label")), f"{file}, line"):
        name, label = text_of(row, "image", where), text_of(row, "label", where)
        picture = pictures.at(f"{label}/{Path(name).name}")
        yield _sample(ids.of(Path(name).stem), picture, label, where)


def read_folders(folder: Path, top: str = FOLDER) -> Iterator[Sample]:
    """The published archive: a folder for each class."""
    ids = Ids()
    for label, file in by_folder(folder / top):
        yield _sample(ids.of(file.stem), Media.at(file), label, file)


def read_parquet(folder: Path, split: str) -> Iterator[Sample]:
    """A hub copy, which has no file names: ids come from the pixels."""
    for name, _, where, picture, label in nameless(hub_rows(folder, split, columns=("image", "label"))):
        yield _sample(name, picture, label, where)


def _sample(key: str, picture: Media, label: str, where: object) -> Sample:
    label_text = LABELS.get(label.upper())
    if label_text is None:
        raise BadData(f"{where}: {label!r} is none of the 9 classes")
    return class_sample(key, picture, label_text, LABELS, metadata={"class": label.upper()})


def _hub(repo: str, split: str) -> Hub:
    layout = Layout((f"**/{split}*.parquet",), partial(read_parquet, split=split))
    return Hub((repo,), layout, split=split, ids="pixels")


TASK = Task(
    name="open_path",
    card=Card(
        title="OpenPath (Kather colon)",
        citation="Huang, Bianchi, Yuksekgonul, Montine, Zou. A visual-language foundation model for "
        "pathology image analysis using medical Twitter. Nature Medicine 29, 2023. Pictures: Kather, "
        "Halama, Marx. 100,000 histological images of human colorectal cancer and healthy tissue. Zenodo, "
        "2018.",
        homepage="https://zenodo.org/records/1214456",
        licence="CC-BY-4.0",
        access="open",
        size="0.8 GB",
        splits={"test": 7180},
        labels=dimension_labels(
            "healthcare",
            "redundancy",
            "querying",
            fine_grained="yes",
            reasoning="more",
            external_knowledge="yes",
        ),
        notes="The 7,180 patches of CRC-VAL-HE-7K in nine classes, as PLIP tests on them and the HEMM paper "
        "took them (the draw behind its 100 samples is not known); the pairs of OpenPath itself are not "
        "asked.",
    ),
    sources=(
        Http(
            (File(f"https://zenodo.org/records/1214456/files/{FOLDER}.zip", unpack="."),),
            Layout((FOLDER,), read_folders),
            ids="file",
        ),
        Hub(
            ("akshayg08/OpenPath",),
            Layout((TABLE,), read_table),
            files=("*Kather_test.csv", "*.tif"),
            ids="file",
        ),
        _hub("1aurent/NCT-CRC-HE", "CRC_VAL_HE_7K"),
        _hub("owkin/nct-crc-he", "crc_val_he_7k"),
    ),
    prompt="{{ image }}This is a patch of colon tissue, stained with haematoxylin and eosin. "
    "What does it show? {{ instruction }}",
    answer=OneOf(lettered=False),
    metrics=("accuracy", "weighted_f1", "macro_f1", "bartscore"),
    max_new_tokens=24,
)
