"""POPE: is there a such-and-such in the picture? (Li et al. 2023)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import BadData, Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of
from hemm.parsing.formats import YesNo
from hemm.tasks.suites._hub import hub, rows

ANSWERS = ("yes", "no")


def read(folder: Path) -> Iterator[Sample]:
    """The test split: three ways to choose what is not there, with 3,000 questions each."""
    for _, where, row in rows(folder, "test"):
        answer, category = text_of(row, "answer", where).lower(), text_of(row, "category", where)
        if answer not in ANSWERS:
            raise BadData(f"{where}: field 'answer' is {answer!r}, not yes or no")
        yield Sample(
            id=f"{category}-{text_of(row, 'question_id', where)}",
            media=(media_of(row, "image", where),),
            fields={"question": text_of(row, "question", where)},
            references=(answer,),
            choices=ANSWERS,
            cluster=text_of(row, "image_source", where),
            stratum=answer,
            metadata={"answer_type": category},
        )


TASK = Task(
    name="pope",
    card=Card(
        title="POPE",
        citation="Li, Du, Zhou, Wang, Zhao, Wen. Evaluating Object Hallucination in Large "
        "Vision-Language Models. EMNLP 2023.",
        homepage="https://github.com/AoiDragon/POPE",
        licence="MIT (questions); COCO's terms (pictures)",
        access="open",
        size="0.3 GB",
        splits={"test": 9000},
        labels=dimension_labels("multimedia", "redundancy", "querying", fine_grained="yes"),
        labels_by="hemm",
        notes="Half of the objects that are asked about are there; the others are drawn at random, by "
        "frequency (popular), or since they often occur beside what is there (adversarial). Accuracy is "
        "told for each. The official figures are accuracy and precision, recall and F1 of yes "
        "(class_report has them as 'yes precision', 'yes recall', 'yes f1'), over all here, or as the "
        "mean over the three categories, which is close to it. An answer that is neither yes nor no is a "
        "miss of its class here; some harnesses leave it out of recall, the authors read everything "
        "without a no as yes. Six questions share a picture, and are one cluster.",
    ),
    sources=hub(("lmms-lab-encoder/POPE", "lmms-lab/POPE"), read, "test"),
    prompt="{{ image }}{{ question }}\n{{ instruction }}",
    answer=YesNo(),
    metrics=("accuracy", "class_report"),
)
