"""RESISC45: which of 45 scenes does an aerial picture show? (Cheng, Han and Lu 2017)"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import below, by_folder
from hemm.data.readers.rows import parquet_rows
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import Hub, Kaggle
from hemm.parsing.formats import OneOf
from hemm.tasks._classes import by_list, class_sample, nameless

CLASSES = """
airplane airport baseball_diamond basketball_court beach bridge chaparral church circular_farmland cloud
commercial_area dense_residential desert forest freeway golf_course ground_track_field harbor industrial_area
intersection island lake meadow medium_residential mobile_home_park mountain overpass palace parking_lot
railway railway_station rectangular_farmland river roundabout runway sea_ice ship snowberg sparse_residential
stadium storage_tank tennis_court terrace thermal_power_station wetland
"""
LABELS = {name: name.replace("_", " ") for name in CLASSES.split()}
"""Class as it is written in the files -> as it is shown."""

TOP = "NWPU-RESISC45"
KAGGLE = f"NWPU Data Set/{TOP}"
SHOTS = 10
"""Shots of each class at most."""


def read_folders(folder: Path, top: str = TOP) -> Iterator[Sample]:
    """All pictures, by the folders of their classes."""
    for label, file in by_folder(_top(folder, top)):
        yield _sample(label, Media.at(file), file)


def read_lists(folder: Path, top: str = TOP) -> Iterator[Sample]:
    """The pictures that ``resisc45-test.txt`` lists; as shots some of those in ``resisc45-train.txt``."""
    seen: Counter[str] = Counter()
    for split, name in (("test", "test"), ("shots", "train")):
        listing = folder / f"resisc45-{name}.txt"
        if split == "shots" and not listing.is_file():
            return
        for label, file in by_list(listing, _top(folder, top), lambda stem: stem.rpartition("_")[0]):
            seen[label] += split == "shots"
            if split == "test" or seen[label] <= SHOTS:
                yield _sample(label, Media.at(file), listing, split=split)


def _top(folder: Path, top: str) -> Path:
    """The folder with the classes' folders; some archives hold it in one of the same name."""
    inner = folder / top / TOP
    return inner if inner.is_dir() else folder / top


def read_parquet(folder: Path, split: str = "") -> Iterator[Sample]:
    """A hub copy: all its files, or its test split with shots from train; ids come from the pixels."""
    columns = ("image", "label")
    if split:
        rows = hub_rows(folder, split, shots="train", columns=columns, shots_limit=SHOTS * len(LABELS))
    else:
        rows = (
            ("test", f"{file}, row {number}", row)
            for file in sorted(below(folder, "**/*.parquet"))
            for number, row in enumerate(parquet_rows([file], columns), 1)
        )
    for name, ours, where, picture, label in nameless(rows):
        yield _sample(label, picture, where, name, ours)


def _sample(label: str, picture: Media, where: object, name: str = "", split: str = "test") -> Sample:
    known = label.lower().replace(" ", "_").replace("-", "_")
    if known not in LABELS:
        raise BadData(f"{where}: {label!r} is none of the 45 classes")
    stem = Path(picture.name).stem  # with its class where that is no part of it: other classes may have it
    own = stem if stem.startswith(label) else f"{label}-{stem}"
    return class_sample(name or own, picture, known, LABELS, split)


CARD = Card(
    title="RESISC45",
    citation="Cheng, Han, Lu. Remote Sensing Image Scene Classification: Benchmark and State of the Art. "
    "Proceedings of the IEEE 105(10), 2017.",
    homepage="https://gcheng-nwpu.github.io/#Datasets",
    licence="CC-BY-NC-4.0",
    access="open",
    size="0.4 GB",
    splits={"all": 31_500},
    labels=dimension_labels("science", "uniqueness", "querying"),
    notes="The data set has no split of its own: all 31,500 pictures are asked, 700 of each class, as the "
    "HEMM paper did (the draw behind its 100 samples is not known). resisc45:test is the test split of "
    "torchgeo (6,300), with some of its train split as shots.",
)
TIMM = ("timm/resisc45",)


def _torchgeo(layout: Layout, *lists: str) -> Hub:
    files = ("*NWPU-RESISC45.zip", *lists)
    return Hub(("torchgeo/resisc45",), layout, files=files, unpack=("*.zip",), ids="files")


TASK = Task(
    name="resisc45",
    card=CARD,
    sources=(
        _torchgeo(Layout((TOP,), read_folders)),
        Kaggle("happyyang/nwpu-data-set", Layout((KAGGLE,), partial(read_folders, top=KAGGLE)), ids="files"),
        Hub(TIMM, Layout(("**/*.parquet",), read_parquet), files=("*.parquet",), ids="pixels"),
    ),
    prompt="{{ image }}Which kind of scene does this aerial picture show? {{ instruction }}",
    answer=OneOf(LABELS, lettered=False),
    metrics=("accuracy", "macro_f1", "bartscore"),
    max_new_tokens=16,
).with_variant(
    "test",
    sources=(
        _torchgeo(Layout((TOP, "resisc45-test.txt"), read_lists), "*resisc45-*.txt"),
        Hub(
            TIMM,
            Layout(("**/test*.parquet",), partial(read_parquet, split="test")),
            split="test",
            shots="train",
            ids="pixels",
        ),
    ),
    splits={"test": 6_300, "val": 6_300, "train": 18_900},
)
