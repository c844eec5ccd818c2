"""ChartQA: questions about charts, by people and made from captions. (Masry et al. 2022)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import Card, LeftOut, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of, texts_of
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.suites._hub import hub, rows

WHO = {"0": "human", "1": "augmented", "human": "human", "machine": "augmented"}


def read(folder: Path) -> Iterator[Sample | LeftOut]:
    """The test split. Rows have no key: the id is the row's number."""
    for number, (_, where, row) in enumerate(rows(folder, "test"), 1):
        answers = texts_of(row, "label", where)
        if not answers:
            yield LeftOut(where, "has no answer")
            continue
        who = text_of(row, "human_or_machine", where)
        yield Sample(
            id=f"{number:04d}",
            media=(media_of(row, "image", where),),
            fields={"question": text_of(row, "query", where)},
            references=tuple(answers),
            metadata={"answer_type": WHO.get(who, who)},
        )


TASK = Task(
    name="chartqa",
    card=Card(
        title="ChartQA",
        citation="Masry, Long, Tan, Joty, Hoque. ChartQA: A Benchmark for Question Answering about Charts "
        "with Visual and Logical Reasoning. Findings of ACL 2022.",
        homepage="https://github.com/vis-nlp/ChartQA",
        licence="GPL-3.0",
        size="0.1 GB",
        splits={"test": 2500},
        labels=dimension_labels("science", "uniqueness", "querying", fine_grained="yes", reasoning="more"),
        labels_by="hemm",
        notes="1,250 questions by people and 1,250 made from captions (components human and augmented); "
        "their mean, which reports give, is the mean over all. Relaxed accuracy within 5 %: the usual "
        "scripts divide an answer with a percent sign by a hundred, hemm reads 25% as 25 on both sides, "
        "which differs where one side has the sign and the other has not. Years are within 5 % of one "
        "another too. Scripts compare the whole reply; hemm takes the answer out of a sentence (The answer "
        "is 3.), and reads $50 and number words as numbers. The usual prompt asks for a single "
        "word or phrase.",
    ),
    sources=hub(("HuggingFaceM4/ChartQA",), read, "test"),
    prompt="{{ image }}\n{{ question }}\n{{ instruction }}",
    answer=ShortAnswer(),
    metrics=("relaxed_accuracy",),
)
