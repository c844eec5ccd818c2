"""UC Merced Land Use: which of 21 kinds of land use does an aerial picture show? (Yang and Newsam 2010)"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import below, by_folder
from hemm.data.readers.rows import csv_rows, objects, parquet_rows, row_id
from hemm.data.sources.kinds import File, Http, Hub, Kaggle
from hemm.parsing.formats import OneOf
from hemm.tasks._classes import by_list, class_sample

LABELS = {
    "agricultural": "agricultural",
    "airplane": "airplane",
    "baseballdiamond": "baseball diamond",
    "beach": "beach",
    "buildings": "buildings",
    "chaparral": "chaparral",
    "denseresidential": "dense residential",
    "forest": "forest",
    "freeway": "freeway",
    "golfcourse": "golf course",
    "harbor": "harbor",
    "intersection": "intersection",
    "mediumresidential": "medium residential",
    "mobilehomepark": "mobile home park",
    "overpass": "overpass",
    "parkinglot": "parking lot",
    "river": "river",
    "runway": "runway",
    "sparseresidential": "sparse residential",
    "storagetanks": "storage tanks",
    "tenniscourt": "tennis court",
}
"""Class as it is written in the files -> as it is shown."""

PICTURES = "UCMerced_LandUse/Images"
KAGGLE = "images_train_test_val"


def read_original(folder: Path, top: str = PICTURES, split: str = "") -> Iterator[Sample]:
    """All pictures below ``top``; with ``split`` those of ``uc_merced-SPLIT.txt``, with train as shots."""
    if not split:
        for label, file in by_folder(folder / top):
            yield _sample(file.stem, Media.at(file), label, file)
        return
    for ours, name in (("test", split), ("shots", "train")):
        listing = folder / f"uc_merced-{name}.txt"
        if ours == "test" or listing.is_file():
            for label, file in by_list(listing, folder / top, lambda stem: stem.rstrip("0123456789")):
                yield _sample(file.stem, Media.at(file), label, listing, ours)


def read_parquet(folder: Path) -> Iterator[Sample]:
    """A hub copy without file names: ids come from the pixels."""
    files = sorted(below(folder, "**/*.parquet"))
    for where, row in objects(enumerate(parquet_rows(files, ("image", "label")), 1), f"{folder}, row"):
        if not isinstance(row["image"], Media):
            raise BadData(f"{where}: field 'image' holds no picture")
        label = str(row["label"]).replace(" ", "").replace("_", "").lower()
        yield _sample(row_id("", [row["image"]]), row["image"], label, where)


def read_kaggle(folder: Path, top: str) -> Iterator[Sample]:
    """The validation part of the Kaggle copy: PNG files that validation.csv below ``top`` lists."""
    listing = folder / top / "validation.csv"
    for _, row in csv_rows(listing, required=("Filename", "ClassName")):
        file = folder / KAGGLE / "validation" / row["Filename"]
        yield _sample(file.stem, Media.at(file), row["ClassName"], listing)


def _sample(name: str, picture: Media, label: str, where: object, split: str = "test") -> Sample:
    if label not in LABELS:
        raise BadData(f"{where}: {label!r} is none of the 21 classes")
    return class_sample(name, picture, label, LABELS, split)


TORCHGEO = Hub(
    ("torchgeo/ucmerced",),
    Layout((PICTURES, "uc_merced-test.txt"), partial(read_original, split="test")),
    files=("*UCMerced_LandUse.zip", "*uc_merced-*.txt"),
    unpack=("*.zip",),
    ids="files",
)

CARD = Card(
    title="UC Merced Land Use",
    citation="Yang, Newsam. Bag-of-visual-words and spatial extensions for land-use classification. "
    "ACM SIGSPATIAL 2010.",
    homepage="http://weegee.vision.ucmerced.edu/datasets/landuse.html",
    licence="public domain (USGS)",
    access="open",
    size="0.3 GB",
    splits={"all": 2100},
    labels=dimension_labels("science", "uniqueness", "querying"),
    notes="The data set has no split of its own: all 2,100 pictures are asked. uc_merced:test is the test "
    "split of torchgeo (420), with its train split as shots; uc_merced:hemm the validation part of the "
    "Kaggle copy that the HEMM paper used (2,100: that copy has altered pictures too); the draw behind its "
    "100 samples is not known.",
)


def _all(top: str) -> Layout:
    return Layout((top,), partial(read_original, top=top))


def _kaggle(top: str) -> Kaggle:
    layout = Layout((f"{top}validation.csv", f"{KAGGLE}/validation"), partial(read_kaggle, top=top))
    return Kaggle("apollo2506/landuse-scene-classification", layout, ids="kaggle")


ORIGINAL = File("http://weegee.vision.ucmerced.edu/datasets/UCMerced_LandUse.zip", unpack=".")

TASK = (
    Task(
        name="uc_merced",
        card=CARD,
        sources=(
            Hub(
                ("torchgeo/ucmerced",),
                _all(PICTURES),
                files=("*UCMerced_LandUse.zip",),
                unpack=("*.zip",),
                ids="files",
            ),
            Http((ORIGINAL,), _all(PICTURES), ids="files"),
            Http((ORIGINAL,), _all("Images"), ids="files"),
            Hub(
                ("blanchon/UC_Merced",),
                Layout(("**/*.parquet",), read_parquet),
                files=("*.parquet",),
                ids="pixels",
            ),
        ),
        prompt="{{ image }}Which kind of land use does this aerial picture show? {{ instruction }}",
        answer=OneOf(LABELS, lettered=False),
        metrics=("accuracy", "macro_f1", "bartscore"),
        max_new_tokens=16,
    )
    .with_variant("test", sources=(TORCHGEO,), splits={"test": 420, "val": 420, "train": 1260})
    .with_variant("hemm", sources=(_kaggle(""), _kaggle(f"{KAGGLE}/")), splits={"validation": 2100})
)
