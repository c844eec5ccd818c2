"""MMBench: questions in every rotation of their options. (Liu et al. 2024)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of, whole_of
from hemm.data.sources.kinds import File, Http, Hub
from hemm.parsing.formats import OneOf
from hemm.tasks.suites._hub import hub, rows, told_apart
from hemm.tasks.tsv import tsv_table

LETTERS = "ABCDE"
ROTATION = 1_000_000
"""What the index of a question rises by with each rotation."""
NAN = "nan"


def read(folder: Path, config: str) -> Iterator[Sample]:
    """The dev split of the hub copy."""
    for _, where, row in rows(folder, "dev", config):
        yield _sample(row, media_of(row, "image", where), where)


def read_tsv(folder: Path, file: str) -> Iterator[Sample]:
    """The authors' table, in which rotations name the row that has their picture."""
    table = tsv_table(folder / file)
    assert table.cells is not None  # of this layout
    for where, row in table.rows():
        taken = {"index": row.get("index", ""), "image": row.get("image", "")}
        table.cells(taken, {}, where)
        (picture,) = taken["images"]
        yield _sample(row, picture, where)


def _sample(row: Mapping[str, Any], picture: Media, where: str) -> Sample:
    index = whole_of(row, "index", where)
    filled = {letter: text for letter in LETTERS if (text := _told(row, letter, where))}
    if "".join(filled) != LETTERS[: len(filled)]:
        raise BadData(f"{where}: options {', '.join(filled)} are filled, and none before them may be empty")
    choices = told_apart(tuple(filled.values()))
    answer = text_of(row, "answer", where)
    if answer not in filled:
        raise BadData(f"{where}: the answer {answer!r} is none of the options {', '.join(filled)}")
    category = text_of(row, "category", where)
    return Sample(
        id=str(index),
        media=(picture,),
        fields={"question": text_of(row, "question", where), "hint": _told(row, "hint", where)},
        references=(choices[LETTERS.index(answer)],),
        choices=choices,
        unit=str(index % ROTATION),
        labels={"reasoning": "more"} if "reasoning" in category else {},
        metadata={
            "answer_type": "rotated" if index >= ROTATION else "as written",
            "category": category,
            "l2_category": text_of(row, "L2-category", where, "") or text_of(row, "l2-category", where, ""),
        },
    )


def _told(row: Mapping[str, Any], name: str, where: str) -> str:
    """The text of a cell; ``nan`` stands for none."""
    text = text_of(row, name, where, "")
    return "" if text.lower() == NAN else text


def _hub(config: str) -> tuple[Hub, ...]:
    repos = ("lmms-lab-encoder/MMBench", "lmms-lab/MMBench")
    return hub(repos, partial(read, config=config), "dev", config, ids=config)


PROMPT = """{{ image }}{% if hint %}
{{ hint }}
{% endif %}
{{ question }}
{{ options }}
{{ instruction }}"""
V11 = "MMBench_DEV_EN_V11.tsv"
SERVER = "https://opencompass.openxlab.space/utils/benchmarks/MMBench"
LABELS = dimension_labels("multimedia", "redundancy", "querying", fine_grained="yes")

TASK = (
    Task(
        name="mmbench",
        card=Card(
            title="MMBench",
            citation="Liu, Duan, Zhang, Li, Zhang, Zhao, Yuan, Wang, He, Liu, Chen, Lin. MMBench: Is Your "
            "Multi-modal Model an All-around Player? ECCV 2024.",
            homepage="https://github.com/open-compass/MMBench",
            licence="Apache-2.0",
            access="open",
            size="0.2 GB",
            splits={"dev": 4329},
            labels=LABELS,
            labels_by="hemm",
            notes="The English dev split (1,164 questions), each asked once for every rotation of its "
            "options; the answers of test are held back. The official score is circular: a question "
            "counts where all its rotations are right, and lies five to eight points below accuracy, "
            "which is told too, of the questions as written and of rotated ones. The authors give "
            "replies that name no letter to a judge; here they are unparsable and wrong, which harnesses "
            "call exact matching. Empty options and hints are written 'nan' in the data and are not "
            "shown. mmbench:cn is the Chinese form; mmbench:v11 is version 1.1, of which makers report "
            "the test split.",
        ),
        sources=_hub("en"),
        prompt=PROMPT,
        answer=OneOf(),
        metrics=("consistency", "accuracy"),
    )
    .with_variant("cn", sources=_hub("cn"))
    .with_variant(
        "v11",
        splits={"dev": 4876},
        sources=(Http((File(f"{SERVER}/{V11}"),), Layout((V11,), partial(read_tsv, file=V11)), ids="v11"),),
    )
)
