"""V*: details in large pictures. (Wu and Xie 2024)"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hemm.core import BadData, Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of
from hemm.parsing.formats import OneOf
from hemm.tasks.suites._hub import hub, lettered_answer, own_letters, rows

_OPTION = re.compile(r"^\(([A-F])\)\s*(.+?)\s*$", re.MULTILINE)


def read(folder: Path) -> Iterator[Sample]:
    """The test split. The text holds the options, and says how it wants to be answered."""
    for _, where, row in rows(folder, "test"):
        text, category = text_of(row, "text", where), text_of(row, "category", where)
        choices = own_letters([option for _, option in _OPTION.findall(text)])
        if len(choices) < 2:
            raise BadData(f"{where}: field 'text' lists no options as (A) ..., (B) ...")
        yield Sample(
            id=f"{category}-{text_of(row, 'question_id', where)}",
            media=(media_of(row, "image", where),),
            fields={"question": text},
            references=(lettered_answer(choices, text_of(row, "label", where), where),),
            choices=choices,
            stratum=category,
            metadata={"answer_type": category.replace("_", " ")},
        )


TASK = Task(
    name="vstar",
    card=Card(
        title="V* Bench",
        citation="Wu, Xie. V*: Guided Visual Search as a Core Mechanism in Multimodal LLMs. CVPR 2024.",
        homepage="https://vstar-seal.github.io/",
        licence="MIT",
        access="open",
        size="0.1 GB",
        splits={"test": 191},
        labels=dimension_labels("multimedia", "uniqueness", "querying", fine_grained="yes"),
        labels_by="hemm",
        notes="Attributes of small objects (115 questions, four options) and their relative positions "
        "(76, two options) in pictures of some 2,000 by 1,500 pixels: what resolution a model gets "
        "decides the score, and makers often report it with tools that crop. The text of the data lists "
        "the options and ends in its own instruction; it is asked as it is. Accuracy over all is the "
        "official score, and is told by category.",
    ),
    sources=hub(("lmms-lab-encoder/vstar-bench", "lmms-lab/vstar-bench"), read, "test"),
    prompt="{{ image }}{{ question }}",
    answer=OneOf(),
    metrics=("accuracy",),
)
