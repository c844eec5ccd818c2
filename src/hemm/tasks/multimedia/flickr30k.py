"""Flickr30k: captions of everyday photographs, five people's each. (Young et al. 2014)

What is asked is the test split of Karpathy and Fei-Fei (2015). The data set itself has no splits, and a hub
copy calls the whole set its test split: only sources that know the real one serve the default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder, below
from hemm.data.readers.rows import json_items, json_rows, list_of, media_of, objects, text_of, texts_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import ByHand, Hub, Kaggle
from hemm.parsing.formats import Caption

TEST = "flickr30k_test.json"
KARPATHY = "dataset_flickr30k.json"
TABLE = "results.csv"
NAMES = "flickr30k_test.txt"
SHOTS = 200
PLACES = (
    "flickr30k_images/flickr30k_images",
    "flickr30k_images",
    "flickr30k-images",
    "images",
    ".",
    "flickr30k_images/flickr30k_images/flickr30k_images",
)


def _found(folder: Path, name: str) -> tuple[Path, FileFinder]:
    """The file of captions and the pictures around it: copies differ in how deep they lie."""
    file = min(below(folder, f"**/{name}"))
    tops = (".", file.parent.relative_to(folder).as_posix())
    return file, FileFinder(folder, [f"{top}/{place}" for top in tops for place in PLACES], anywhere=True)


def read_test(folder: Path) -> Iterator[Sample]:
    """``flickr30k_test.json``: a list of the pictures of the test split with their captions."""
    file, pictures = _found(folder, TEST)
    for where, row in objects(enumerate(json_rows(file), 1), f"{file}, entry"):
        captions = row.get("caption")
        fields = {"caption": [captions] if isinstance(captions, str) else captions}
        name = text_of(row, "image", where)
        yield _sample(name, pictures, texts_of(fields, "caption", where), where)


def read_karpathy(folder: Path, every: bool = False) -> Iterator[Sample]:
    """The splits' own file: test, or ``every`` picture; of train the first as shots where they are there."""
    file, pictures = _found(folder, KARPATHY)
    for where, split, name, captions in _karpathy(file):
        if every or split == "test":
            yield _sample(name, pictures, captions, where)
    train = (row for row in _karpathy(file) if row[1] == "train" and not every)
    for where, _, name, captions in islice(train, SHOTS):
        if not pictures.has(name):
            return  # a copy of the test split alone
        yield _sample(name, pictures, captions, where, "shots")


def _karpathy(file: Path) -> Iterator[tuple[str, str, str, list[str]]]:
    """(where, split, file name, captions) of each picture."""
    for where, row in objects(json_items(file, "images"), f"{file}, image"):
        captions = []
        for here, sentence in objects(enumerate(list_of(row, "sentences", where), 1), f"{where}, sentence"):
            captions.append(text_of(sentence, "raw", here, ""))
        name = PurePosixPath(text_of(row, "filename", where)).name
        yield where, text_of(row, "split", where), name, [c for c in captions if c]


def read_table(folder: Path, listed: bool = True) -> Iterator[Sample]:
    """``results.csv``, the captions of the whole set: of the pictures that ``NAMES`` lists, or of all."""
    file, pictures = _found(folder, TABLE)
    captions = _table(file)
    if not listed:
        for name, texts in captions.items():
            yield _sample(name, pictures, texts, str(file))
        return
    names = min(below(folder, f"**/{NAMES}"))
    for number, line in enumerate(names.read_text("utf-8-sig").splitlines(), 1):
        name = PurePosixPath(line.split("#")[0].strip()).name
        if name:
            name = name if name.endswith(".jpg") else f"{name}.jpg"
            where = f"{names}, line {number}"
            if name not in captions:
                raise BadData(f"{where}: {file} has no caption of {name}")
            yield _sample(name, pictures, captions[name], where)


_CELLS = re.compile(r"([^|]+)\|\s*(\d+)\s*(?:\|\s*|\s)(.*)")
"""``name| number| caption``; one row of the published table lacks the second bar."""


def _table(file: Path) -> dict[str, list[str]]:
    """File name -> captions. Captions hold quotes and bars' blanks: it is no CSV as others write it."""
    captions: dict[str, list[str]] = {}
    with file.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip() or (number == 1 and line.startswith("image_name")):
                continue
            cells = _CELLS.fullmatch(line.strip())
            if cells is None:
                raise BadData(f"{file}, line {number}: not of the form 'image_name| comment_number| comment'")
            texts = captions.setdefault(cells[1].strip(), [])
            if caption := cells[3].strip():
                texts.append(caption)
    return captions


def read_parquet(folder: Path) -> Iterator[Sample]:
    """A hub copy: its split test."""
    for _, where, row in hub_rows(folder, "test"):
        name = text_of(row, "filename", where)
        yield _sample(name, media_of(row, "image", where), texts_of(row, "caption", where), where)


def _sample(
    path: str, pictures: FileFinder | Media, captions: Sequence[str], where: str, split: str = "test"
) -> Sample:
    name = PurePosixPath(path).name
    if not captions:
        raise BadData(f"{where}: picture {name} has no caption")
    return Sample(
        id=PurePosixPath(name).stem,
        media=(pictures if isinstance(pictures, Media) else pictures.at(name),),
        references=tuple(captions),
        split=split,
    )


CARD = Card(
    title="Flickr30k",
    citation="Young, Lai, Hodosh, Hockenmaier. From image descriptions to visual denotations. TACL 2014. "
    "Splits: Karpathy, Fei-Fei. Deep visual-semantic alignments for generating image descriptions. "
    "CVPR 2015.",
    homepage="https://shannon.cs.illinois.edu/DenotationGraph/",
    licence="research only (captions); terms of Flickr (pictures)",
    access="form",
    size="0.2 GB (hub), 4.4 GB (original)",
    splits={"test": 1000, "val": 1014, "train": 29000},
    labels=dimension_labels("multimedia", "uniqueness", "translation"),
    notes="The test split of Karpathy and Fei-Fei, with all five captions. lmms-eval's flickr30k_test is the "
    "whole set: flickr30k:all. The published table of captions (results.csv) has no splits; it serves the "
    "default only beside a list of the test split's file names, flickr30k_test.txt, one a line.",
)

DENOTATION = "https://shannon.cs.illinois.edu/DenotationGraph/"
ON_REQUEST = "its pictures are given out on request, and its splits are published apart"


def _by_hand(layout: Layout) -> ByHand:
    return ByHand(DENOTATION, ON_REQUEST, layout, ids="file-name")


def _hub(*repos: str) -> Hub:
    return Hub(repos, Layout(("**/test-*.parquet",), read_parquet), split="test", ids="file-name")


TASK = Task(
    name="flickr30k",
    card=CARD,
    sources=(
        _by_hand(Layout((f"**/{TEST}",), read_test)),
        _by_hand(Layout((f"**/{KARPATHY}",), read_karpathy)),
        _by_hand(Layout((f"**/{TABLE}", f"**/{NAMES}"), read_table)),
        _hub("umaru97/flickr30k_train_val_test"),
    ),
    prompt="{{ image }}Describe what this photograph shows. {{ instruction }}",
    answer=Caption(),
    metrics=("cider_d", "bleu", "rouge_l", "bartscore"),
    max_new_tokens=64,
).with_variant(
    "all",
    card=replace(
        CARD,
        size="4.4 GB",
        notes="The whole set, whatever the split: what lmms-eval calls flickr30k_test. Models may "
        "have been trained on most of it; flickr30k asks the test split alone.",
    ),
    sources=(
        Kaggle(
            "hsankesara/flickr-image-dataset",
            Layout((f"**/{TABLE}",), partial(read_table, listed=False)),
            ids="file-name",
        ),
        _by_hand(Layout((f"**/{KARPATHY}",), partial(read_karpathy, every=True))),
        _hub("lmms-lab-encoder/flickr30k", "lmms-lab/flickr30k"),
    ),
    splits={"all": 31783},
)
