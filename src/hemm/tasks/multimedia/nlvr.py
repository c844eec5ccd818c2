"""NLVR: is a sentence true of three boxes with coloured objects? (Suhr et al. 2017)

Each sentence was written for one *presentation* of pictures and is paired with several of them
(``identifier`` is presentation-example); each picture comes with the six orders of its boxes, all with the
same answer. The presentation is the unit, because the official consistency asks for all its answers, and the
cluster, because its pictures share boxes and its sentence is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from hemm.core import BadData, Card, Media, Sample, Task, dimension_labels
from hemm.data.readers.rows import jsonl_rows, objects
from hemm.data.sources.kinds import File, Http, in_folders, reading
from hemm.parsing.formats import YesNo

COMMIT = "18924841aa96d519cfb8584f0945350f07a6d860"
PERMUTATIONS = 6
SHOTS = 100
WORDS = ("true", "false")


def read(folder: Path, top: str, permutations: int = PERMUTATIONS) -> Iterator[Sample]:
    """The dev split, and as shots the first examples of train where that is there; ``top`` holds both."""
    yield from _split(folder / top, "dev", range(permutations))
    if (folder / top / "train" / "train.json").is_file():
        yield from islice(_split(folder / top, "train", range(1)), SHOTS)


def _split(root: Path, name: str, permutations: range) -> Iterator[Sample]:
    file = root / name / f"{name}.json"
    for where, row in objects(jsonl_rows(file), f"{file}, line"):
        for field in ("sentence", "label", "identifier", "directory"):
            if not isinstance(row.get(field), str):
                raise BadData(f"{where}: field {field!r} is missing or no text")
        label, identifier = row["label"].lower(), row["identifier"]
        if label not in WORDS:
            raise BadData(f"{where}: field 'label' is {row['label']!r}, not true or false")
        presentation = f"{name}-{identifier.rpartition('-')[0]}"
        pictures = root / name / "images" / row["directory"]
        for k in permutations:
            yield Sample(
                id=f"{identifier}-{k}" if name == "dev" else f"{name}-{identifier}-{k}",
                media=(Media.at(pictures / f"{name}-{identifier}-{k}.png"),),
                fields={"statement": row["sentence"]},
                references=(label,),
                choices=WORDS,
                unit=presentation,
                cluster=presentation,
                metadata={"example": identifier, "permutation": k},
                split="test" if name == "dev" else "shots",
            )


ARCHIVE = File(f"https://github.com/lil-lab/nlvr/archive/{COMMIT}.zip", name="nlvr.zip", unpack=".")
SOURCES = in_folders(
    partial(Http, (ARCHIVE,), ids="nlvr", revision=COMMIT),
    ("nlvr", ""),
    ("dev/dev.json", "dev/images"),
    partial(read, permutations=PERMUTATIONS),
)


CARD = Card(
    title="NLVR",
    citation="Suhr, Lewis, Yeh, Artzi. A Corpus of Natural Language for Visual Reasoning. ACL 2017.",
    homepage="https://lil.nlp.cornell.edu/nlvr/",
    licence="CC-BY-4.0",
    access="open",
    size="0.3 GB",
    splits={"dev": 5934},
    labels=dimension_labels("multimedia", "redundancy", "querying", fine_grained="yes"),
    notes="dev: 989 sentence-picture pairs of 267 presentations, each with the six orders of its boxes.",
)


TASK = Task(
    name="nlvr",
    card=CARD,
    sources=SOURCES,
    prompt=(
        "{{ image }}The picture shows three boxes with coloured objects.\n"
        "Statement: {{ statement }}\n"
        "Is the statement true or false of this picture? {{ instruction }}"
    ),
    answer=YesNo(WORDS),
    metrics=("accuracy", "consistency", "permutation_consistency", "bartscore"),
    max_new_tokens=16,
).with_variant(
    # the paper asks the first order of the boxes only
    "hemm",
    sources=reading(SOURCES, permutations=1),
    splits={"dev": 989},
    metrics=("accuracy", "consistency", "bartscore"),
)
