"""RealWorldQA: questions about pictures from cars and streets. (xAI 2024)"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hemm.core import Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import Ids, media_of, row_id, text_of
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.suites._hub import hub, lettered_answer, own_letters, rows

_OPTION = re.compile(r"^([A-F])\. (.+)$", re.MULTILINE)


def read(folder: Path) -> Iterator[Sample]:
    """The test split. The question holds its options, and says how it wants to be answered."""
    ids = Ids()
    for _, where, row in rows(folder, "test"):
        picture, question = media_of(row, "image", where), text_of(row, "question", where)
        answer = text_of(row, "answer", where)
        choices = own_letters([text.strip() for _, text in _OPTION.findall(question)])
        closed = len(answer) == 1 and answer.isalpha() and bool(choices)
        yield Sample(
            id=ids.of(row_id(question, [picture])),
            media=(picture,),
            fields={"question": question},
            references=(lettered_answer(choices, answer, where) if closed else answer,),
            choices=choices if closed else (),
            metadata={"answer_type": "multiple-choice" if closed else "open"},
        )


TASK = Task(
    name="realworldqa",
    card=Card(
        title="RealWorldQA",
        citation="xAI. Grok-1.5 Vision Preview. 2024.",
        homepage="https://x.ai/news/grok-1.5v",
        licence="CC-BY-ND-4.0",
        access="open",
        size="0.7 GB",
        splits={"test": 765},
        labels=dimension_labels("multimedia", "uniqueness", "querying", fine_grained="yes"),
        labels_by="hemm",
        notes="Questions with options, with yes or no, and with a number or a word, in one set. Each "
        "question of the data ends in its own instruction (the letter alone, or a single word or "
        "number), and is asked as it is, without hemm's: two instructions would contradict each other. "
        "The score is accuracy over all; an open answer counts where it is the reference but for case "
        "and a final point, so that sentences are wrong. Pictures are large: where they are scaled down, "
        "signs and far cars are lost.",
    ),
    sources=hub(("lmms-lab-encoder/RealWorldQA", "lmms-lab/RealWorldQA"), read, "test"),
    prompt="{{ image }}{{ question }}",
    answer=ShortAnswer(lettered=True),
    metrics=("accuracy",),
)
