"""RefCOCO: the box of the thing that a phrase means. (Kazemzadeh et al. 2014)"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hemm.core import BadData, Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import list_of, media_of, text_of, texts_of
from hemm.parsing.regions import Box
from hemm.tasks.suites._hub import hub, rows
from hemm.tasks.suites._regions import box_in, in_dialects, size_of

REPOS = ("lmms-lab-encoder/RefCOCO", "lmms-lab/RefCOCO")


def read(folder: Path, split: str) -> Iterator[Sample]:
    """A row is one thing with all phrases that mean it: each is a question of its own."""
    for _, where, row in rows(folder, split):
        key, picture, box = (
            text_of(row, "question_id", where),
            media_of(row, "image", where),
            list_of(row, "bbox", where),
        )
        if len(box) != 4:
            raise BadData(f"{where}: field 'bbox' has {len(box)} numbers, not left, top, width and height")
        left, top, wide, high = map(float, box)
        size = size_of(picture)
        for number, phrase in enumerate(texts_of(row, "answer", where), 1):
            yield Sample(
                id=f"{key}-{number}",
                media=(picture,),
                fields={"phrase": phrase, "width": str(size[0]), "height": str(size[1])},
                references=(box_in((left, top, left + wide, top + high), size, where),),
                cluster=text_of(row, "file_name", where),
                metadata={"width": size[0], "height": size[1], "thing": key},
            )


TASK = in_dialects(
    Task(
        name="refcoco",
        card=Card(
            title="RefCOCO",
            citation="Kazemzadeh, Ordonez, Matten, Berg. ReferItGame: Referring to Objects in Photographs of "
            "Natural Scenes. EMNLP 2014.",
            homepage="https://github.com/lichengunc/refer",
            licence="the pictures are COCO's: see its terms",
            size="1.6 GB",
            splits={"val": 10834},
            labels=dimension_labels("multimedia", "uniqueness", "querying", fine_grained="yes"),
            labels_by="hemm",
            notes="The val split with one question for each phrase (:test_a, :test_b likewise). Acc@0.5: "
            "the share of boxes with an overlap of at least one half. Reports often give the mean over "
            "the eight splits of RefCOCO, RefCOCO+ and RefCOCOg. Each maker asks in its own dialect of "
            "coordinates; scorers that try several give points to numbers that mean nothing. Here the "
            "dialect is declared: thousandths, and :pixels, :yx (y first, as Gemini writes) and "
            ":fractions; where another one would fit, profile and report say so. The labels of HEMM know "
            "no grounding. Models' training data have RefCOCO's training split, whose pictures are COCO's.",
        ),
        sources=hub(REPOS, partial(read, split="val"), "val"),
        prompt='{{ image }}\nFind what this phrase means in the picture: "{{ phrase }}"\n{{ instruction }}',
        answer=Box(),
        metrics=("iou:at=0.5", "iou"),
    ),
    Box,
)
for _name, _split, _size in (("test_a", "testA", 5657), ("test_b", "testB", 5095)):
    TASK = TASK.with_variant(
        _name, splits={_split: _size}, sources=hub(REPOS, partial(read, split=_split), _split, ids=_split)
    )
