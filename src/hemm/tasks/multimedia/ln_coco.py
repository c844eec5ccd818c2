"""Localized Narratives on COCO val2017: draw the photo that a long spoken description tells of.
(Pont-Tuset et al. 2020)

Nothing is shown but the text; the reference is the photo. Some photos were described by two annotators: these
narratives are samples of their own and share a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.rows import Ids, jsonl_rows, objects, text_of, whole_of
from hemm.data.sources.kinds import File, Http
from hemm.parsing.picture_format import Picture

CAPTIONS = "coco_val_captions.jsonl"
TRACED = "coco_val_localized_narratives.jsonl"
PHOTOS = "val2017"
DATASET = "mscoco_val2017"


def read(folder: Path, name: str) -> Iterator[Sample]:
    """One narrative a line; the mouse traces and recordings of the longer file are not read."""
    file, ids = folder / name, Ids()
    for where, row in objects(jsonl_rows(file), f"{file}, line"):
        dataset = text_of(row, "dataset_id", where, DATASET)
        if dataset != DATASET:
            raise BadData(f"{where}: field 'dataset_id' is {dataset!r}, not {DATASET}")
        number = whole_of(row, "image_id", where)
        annotator = text_of(row, "annotator_id", where, "")
        caption = text_of(row, "caption", where)
        yield Sample(
            id=ids.of(f"{number}-{annotator}" if annotator else str(number)),
            fields={"caption": caption},
            references=(Media.at(folder / PHOTOS / f"{number:012d}.jpg"),),
            cluster=str(number),
            metadata={"caption": caption, "image_id": number},
        )


def _source(name: str) -> Http:
    return Http(
        (
            File(f"https://storage.googleapis.com/localized-narratives/annotations/{name}"),
            File("http://images.cocodataset.org/zips/val2017.zip", unpack="."),
        ),
        Layout((name, PHOTOS), partial(read, name=name)),
        ids="image-annotator",
    )


TASK = Task(
    name="ln_coco",
    card=Card(
        title="Localized Narratives, COCO validation",
        citation="Pont-Tuset, Uijlings, Changpinyo, Soricut, Ferrari. Connecting Vision and Language with "
        "Localized Narratives. ECCV 2020.",
        homepage="https://google.github.io/localized-narratives/",
        licence="CC-BY-4.0 (narratives); terms of Flickr (pictures)",
        access="open",
        size="0.8 GB",
        splits={"val": 8573},
        labels=dimension_labels("multimedia", "uniqueness", "translation"),
        notes="Text to picture: the prompt is the narrative and nothing else; --prompt FILE asks in other "
        "words. The paper has no row for this data set in its table of dimensions: the labels are ours. The "
        "literature compares the drawn picture with text and photo by CLIP, which needs weights and is asked "
        "for with --metric. The distance of pixels, which the paper names, says little: many right pictures "
        "are far from one photo.",
    ),
    sources=(_source(CAPTIONS), _source(TRACED)),
    prompt="{{ caption }}",
    answer=Picture(),
    metrics=("clipscore", "clip_i", "mse"),
)
