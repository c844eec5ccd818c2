"""nocaps: captions of pictures with objects that COCO captions never name. (Agrawal et al. 2019)"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from hemm.core import BadData, Card, Layout, LeftOut, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import json_value, list_of, media_of, objects, text_of, texts_of, whole_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import ByHand, Hub, in_folders
from hemm.parsing.formats import Caption

CAPTIONS = "nocaps_val_4500_captions.json"
PLACES = (
    "images",
    "val",
    "validation",
    "nocaps_images",
    "nocaps_val",
    "images/val",
    "images/validation",
    ".",
)


def read_original(folder: Path, top: str = "") -> Iterator[Sample | LeftOut]:
    """The captions in COCO's form, below ``top``: each picture with all captions that name its id."""
    file = folder / top / CAPTIONS
    table = json_value(file)
    if not isinstance(table, dict):
        raise BadData(f"{file}: an object with images and annotations is expected")
    captions = _captions(table, file)
    rows = list(objects(enumerate(list_of(table, "images", str(file)), 1), f"{file}, image"))
    known = any(row.get("domain") for _, row in rows)
    pictures = FileFinder(folder, PLACES, anywhere=True)
    for where, row in rows:
        name = PurePosixPath(text_of(row, "file_name", where)).name
        domain = text_of(row, "domain", where, "unknown" if known else "")
        references = captions.get(whole_of(row, "id", where), [])
        if references:
            yield _sample(name, pictures.at(name), references, domain)
        else:  # as in the test split, which is published without captions
            yield LeftOut(where, f"no caption names its id ({name})")


def _captions(table: dict[str, object], file: Path) -> dict[int, list[str]]:
    by_image: dict[int, list[str]] = {}
    for where, row in objects(enumerate(list_of(table, "annotations", str(file)), 1), f"{file}, annotation"):
        caption = text_of(row, "caption", where, "")
        if caption:
            by_image.setdefault(whole_of(row, "image_id", where), []).append(caption)
    return by_image


def read_parquet(folder: Path) -> Iterator[Sample | LeftOut]:
    """A hub copy: the split validation; it does not tell the domains."""
    for _, where, row in hub_rows(folder, "validation"):
        references = texts_of(row, "annotations_captions", where)
        name = text_of(row, "image_file_name", where)
        if references:
            yield _sample(name, media_of(row, "image", where), references, "")
        else:
            yield LeftOut(where, "field 'annotations_captions' holds no caption")


def _sample(name: str, picture: Media, captions: list[str], domain: str) -> Sample:
    key = PurePosixPath(name).stem
    return Sample(
        id=key,
        media=(picture,),
        references=tuple(captions),
        cluster=key,
        stratum=domain,
        metadata={"domain": domain, "answer_type": domain} if domain else {},
    )


ONE_BY_ONE = "its pictures are published one by one, at the addresses in the captions' file"

TASK = Task(
    name="nocaps",
    card=Card(
        title="nocaps",
        citation="Agrawal, Desai, Wang, Chen, Jain, Johnson, Batra, Parikh, Lee, Anderson. nocaps: novel "
        "object captioning at scale. ICCV 2019.",
        homepage="https://nocaps.org/",
        licence="CC-BY-2.0",
        access="open",
        size="1.5 GB",
        splits={"validation": 4500, "test": 10600},
        labels=dimension_labels("multimedia", "uniqueness", "translation"),
        notes="The validation split, ten captions each; the test split is published without captions and is "
        "not asked. Captions belong to a picture by its id, never by their order. Ids are Open Images' names "
        "of the pictures. Where a copy tells the domain (in-domain, near-domain, out-domain), --limit "
        "balances over it.",
    ),
    sources=(
        *in_folders(
            partial(ByHand, "https://nocaps.org/download", ONE_BY_ONE, ids="file-name"),
            ("annotations/", ""),
            (CAPTIONS,),
            read_original,
        ),
        Hub(
            ("lmms-lab-encoder/NoCaps", "lmms-lab/NoCaps"),
            Layout(("**/validation-*.parquet",), read_parquet),
            split="validation",
            ids="file-name",
        ),
    ),
    prompt="{{ image }}Describe what this picture shows. {{ instruction }}",
    answer=Caption(),
    metrics=("cider_d", "bleu", "rouge_l", "bartscore"),
    max_new_tokens=64,
)
