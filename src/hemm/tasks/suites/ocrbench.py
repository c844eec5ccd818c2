"""OCRBench: a thousand questions from twenty-nine data sets about text in pictures. (Liu et al. 2024)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import Card, LeftOut, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of, texts_of
from hemm.metrics.text.answers import NO_BLANKS
from hemm.parsing.formats import FreeText
from hemm.tasks.suites._hub import hub, rows

FORMULAS = "HME100k"


def read(folder: Path) -> Iterator[Sample | LeftOut]:
    """The one split. Rows have no key: the id is the row's number."""
    for number, (_, where, row) in enumerate(rows(folder, "test"), 1):
        source = text_of(row, "dataset", where)
        listed = isinstance(row.get("answer"), list)
        answers = texts_of(row, "answer", where) if listed else [text_of(row, "answer", where, "")]
        if not any(answers):
            yield LeftOut(where, "has no answer")
            continue
        yield Sample(
            id=f"{number:04d}",
            media=(media_of(row, "image", where),),
            fields={"question": text_of(row, "question", where)},
            references=tuple(answers),
            metadata={
                "answer_type": text_of(row, "question_type", where),
                "source": source,
                **({"contains": NO_BLANKS} if source == FORMULAS else {}),
            },
        )


TASK = Task(
    name="ocrbench",
    card=Card(
        title="OCRBench",
        citation="Liu, Li, Huang, Yang, Yu, Li, Yin, Liu, Jin, Bai. OCRBench: On the Hidden Mystery of OCR "
        "in Large Multimodal Models. Science China Information Sciences 2024.",
        homepage="https://github.com/Yuliang-Liu/MultimodalOCR",
        licence="mixed, by the data sets that it is made of",
        size="0.1 GB",
        splits={"test": 1000},
        labels=dimension_labels("multimedia", "uniqueness", "translation", fine_grained="yes"),
        labels_by="hemm",
        notes="Version 1: reports give the sum of right answers of 1,000, here a share (0.812 is 812). "
        "Right is an answer that contains a reference in lower case; formulas of HME100k without blanks and "
        "in their case. The question is the whole prompt, as officially; answers were cut at 100 tokens "
        "there. OCRBench v2 (0 to 100, English and Chinese) is another data set. Thinking is taken away here "
        "before the answer is searched, and a dialogue that the model goes on to write, which the official "
        "script does not do. Some harnesses also make full-width letters plain; neither it nor hemm does.",
    ),
    sources=hub(("echo840/OCRBench",), read, "test"),
    prompt="{{ image }}\n{{ question }}",
    answer=FreeText(),
    metrics=("contains",),
    max_new_tokens=128,
)
