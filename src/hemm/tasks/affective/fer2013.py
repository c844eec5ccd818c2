"""FER-2013: which emotion does a face show? (Goodfellow et al. 2013)"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import by_folder
from hemm.data.readers.rows import table_rows, text_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import Hub, Kaggle
from hemm.parsing.formats import OneOf
from hemm.tasks._classes import class_sample, nameless

LABELS = {
    "angry": "angry",
    "disgust": "disgusted",
    "fear": "afraid",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "surprise": "surprised",
}
"""Class as the folders are called -> as it is shown."""

CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Classes by their number in the challenge's own table."""

TEST = ("PublicTest", "PrivateTest")
SIZE = 48
SHOTS = 14
"""Shots of each class at most."""


def read_folders(folder: Path) -> Iterator[Sample]:
    """The Kaggle copy: ``test/CLASS/PrivateTest_1.jpg``; shots from ``train`` where that is there."""
    yield from _split(folder / "test", "test", None)
    if (folder / "train").is_dir():
        yield from _split(folder / "train", "shots", SHOTS)


def _split(root: Path, split: str, limit: int | None) -> Iterator[Sample]:
    for name, files in groupby(by_folder(root), key=itemgetter(0)):
        label = name.strip().lower()
        if label not in LABELS:
            raise BadData(f"{root / name}: {name!r} is none of the seven emotions ({', '.join(LABELS)})")
        for _, file in islice(files, limit):
            usage = file.stem.partition("_")[0]
            yield _sample(f"{label}-{file.stem}", Media.at(file), label, split, usage)


def read_table(folder: Path, file: str) -> Iterator[Sample]:
    """The challenge's own table: a face is 48 x 48 grey values in a row; shots from its training rows."""
    taken = dict.fromkeys(CODES, 0)
    for number, (where, row) in enumerate(table_rows(folder / file, ("emotion", "pixels", "Usage")), 1):
        usage = text_of(row, "Usage", where)
        if usage not in (*TEST, "Training"):
            raise BadData(f"{where}: field 'Usage' is {usage!r}, not Training, PublicTest or PrivateTest")
        code = text_of(row, "emotion", where)
        if code not in map(str, range(len(CODES))):
            raise BadData(f"{where}: field 'emotion' is {code!r}, not a number from 0 to {len(CODES) - 1}")
        label = CODES[int(code)]
        if usage == "Training":
            if taken[label] >= SHOTS:
                continue
            taken[label] += 1
        picture = Media(load=partial(_png, _grey(row["pixels"], where)), name=f"{number}.png")
        yield _sample(f"{usage}-{number}", picture, label, "test" if usage in TEST else "shots", usage)


def _grey(text: str, where: str) -> bytes:
    try:
        values = bytes(map(int, text.split()))
    except ValueError:
        raise BadData(f"{where}: field 'pixels' holds something that is no number from 0 to 255") from None
    if len(values) != SIZE * SIZE:
        raise BadData(f"{where}: field 'pixels' has {len(values)} values, not {SIZE * SIZE}")
    return values


def _png(values: bytes) -> bytes:
    """The face as a PNG file: drawn when its bytes are needed."""
    from PIL import Image

    out = io.BytesIO()
    Image.frombytes("L", (SIZE, SIZE), values).save(out, "PNG")
    return out.getvalue()


def read_hub(folder: Path, top: str) -> Iterator[Sample]:
    """A hub copy without file names: ids come from the pixels, of equal faces the later ones are numbered."""
    rows = hub_rows(folder / top, "train", columns=("image", "label"))
    for name, split, where, picture, text in nameless(rows):
        label = text.lower()
        if label not in LABELS:
            raise BadData(f"{where}: field 'label' is {label!r}, none of the seven emotions")
        yield class_sample(name, picture, label, LABELS, split)


def _sample(name: str, picture: Media, label: str, split: str, usage: str) -> Sample:
    metadata = {"usage": usage} if usage in TEST else {}
    return class_sample(name, picture, label, LABELS, split, metadata=metadata)


def _hub(top: str, files: str) -> Hub:
    layout = Layout((files,), partial(read_hub, top=top))
    return Hub(("Piro17/fer2013test",), layout, split="train", ids="pixels")


def _table(file: str) -> Layout:
    return Layout((file,), partial(read_table, file=file))


TASK = Task(
    name="fer2013",
    card=Card(
        title="FER-2013",
        citation="Goodfellow et al. Challenges in Representation Learning: A report on three machine "
        "learning contests. ICONIP 2013.",
        homepage="https://www.kaggle.com/datasets/msambare/fer2013",
        licence="DbCL-1.0 (Kaggle copy); found by a web search (pictures)",
        access="login",
        size="under 0.1 GB",
        splits={"test": 7178, "train": 28709},
        labels=dimension_labels("affective_computing", "uniqueness", "querying"),
        notes="The 7,178 faces of the public and the private test set are asked, as in the HEMM paper: 48 "
        "x 48 grey pictures, 1.5 % of them disgusted. The challenge's own table (fer2013.csv, "
        "icml_face_data.csv) is read too, its faces drawn as PNG; in the Kaggle copy they are JPEG, and "
        "the hub copy has no file names, so that ids differ by source. The draw behind the paper's 100 "
        "samples is not known.",
    ),
    sources=(
        _hub("data", "data/train-*.parquet"),
        _hub("default", "default/train/*.parquet"),
        Kaggle("msambare/fer2013", Layout(("test/*/*.*",), read_folders), ids="files"),
        Kaggle("deadskull7/fer2013", _table("fer2013.csv"), ids="rows"),
        Kaggle("deadskull7/fer2013", _table("icml_face_data.csv"), ids="rows"),
    ),
    prompt="{{ image }}This is a close-up of a face. Which emotion does it show? {{ instruction }}",
    answer=OneOf(LABELS, lettered=False),
    metrics=("accuracy", "macro_f1", "bartscore"),
    max_new_tokens=16,
)
