"""SimpleVQA: short questions of fact about pictures, in English and Chinese. (Cheng et al. 2025)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import BadData, Card, Media, Sample, Task, dimension_labels
from hemm.data.readers.inline import inline_bytes
from hemm.data.readers.rows import text_of
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.suites._hub import hub, rows


def read(folder: Path) -> Iterator[Sample]:
    """The test split. Pictures are texts of base64."""
    for _, where, row in rows(folder, "test"):
        key, language = text_of(row, "data_id", where), text_of(row, "language", where)
        yield Sample(
            id=key,
            media=(_picture(text_of(row, "image", where), key, where),),
            fields={"question": text_of(row, "question", where)},
            references=(text_of(row, "answer", where),),
            stratum=language,
            metadata={
                "answer_type": language,
                "category": text_of(row, "original_category", where, ""),
                "source": text_of(row, "source", where, ""),
                "atomic_question": text_of(row, "atomic_question", where, ""),
                "atomic_fact": text_of(row, "atomic_fact", where, ""),
            },
        )


def _picture(text: str, name: str, where: str) -> Media:
    try:
        data = inline_bytes(text)
    except ValueError:
        data = None
    if data is None:
        raise BadData(f"{where}: field 'image' is no picture as base64")
    return Media(data, name=name)


TASK = Task(
    name="simplevqa",
    card=Card(
        title="SimpleVQA",
        citation="Cheng, Zhang, Zhang, Yang, et al. SimpleVQA: Multimodal Factuality Evaluation for "
        "Multimodal Large Language Models. ICCV 2025.",
        homepage="https://huggingface.co/datasets/m-a-p/SimpleVQA",
        licence="none stated",
        access="open",
        size="0.6 GB",
        splits={"test": 2025},
        labels=dimension_labels(
            "multimedia", "uniqueness", "querying", fine_grained="yes", external_knowledge="yes"
        ),
        labels_by="hemm",
        notes="The official score needs a judge, which says correct, incorrect or not attempted. The "
        "headline here is exact_match, a rule without a judge that counts less; hemm score --metric "
        "judge:model=...,rubric=attempted asks a judge by hemm's own words, whose share of correct "
        "answers is near the official score and is not it. Answers of the two languages are told apart. "
        "The atomic question, which asks only what the picture shows, and its fact are in the metadata.",
    ),
    sources=hub(("m-a-p/SimpleVQA",), read, "test"),
    prompt="{{ image }}{{ question }}\n{{ instruction }}",
    answer=ShortAnswer(),
    metrics=("exact_match",),
)
