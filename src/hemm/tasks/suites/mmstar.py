"""MMStar: questions that need their picture, checked by people to be so. (Chen et al. 2024)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import Card, Layout, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, parquet_rows, text_of
from hemm.data.sources.kinds import Hub
from hemm.parsing.formats import OneOf
from hemm.tasks.suites._hub import lettered_answer

FILE = "mmstar.parquet"
LETTERS = ("A", "B", "C", "D")
PERCEIVED = ("coarse perception", "fine-grained perception")


def read(folder: Path) -> Iterator[Sample]:
    """All 1,500 questions. The options stand in the text of the question."""
    for number, row in enumerate(parquet_rows([folder / FILE]), 1):
        where = f"{folder / FILE}, row {number}"
        category = text_of(row, "category", where)
        yield Sample(
            id=text_of(row, "index", where),
            media=(media_of(row, "image", where),),
            fields={"question": text_of(row, "question", where)},
            references=(lettered_answer(LETTERS, text_of(row, "answer", where), where),),
            choices=LETTERS,
            stratum=category,
            labels={
                "fine_grained": "no" if category == PERCEIVED[0] else "yes",
                "reasoning": "less" if category in PERCEIVED else "more",
            },
            metadata={"answer_type": category, "l2_category": text_of(row, "l2_category", where, "")},
        )


TASK = Task(
    name="mmstar",
    card=Card(
        title="MMStar",
        citation="Chen, Li, Dong, Zhang, Zang, Chen, Duan, Wang, Qiao, Lin, Zhao. Are We on the Right "
        "Way for Evaluating Large Vision-Language Models? NeurIPS 2024.",
        homepage="https://mmstar-benchmark.github.io/",
        licence="none stated",
        access="open",
        size="42 MB",
        splits={"val": 1500},
        labels=dimension_labels("multimedia", "synergy", "querying", fine_grained="yes", reasoning="more"),
        labels_by="hemm",
        notes="Six capabilities with 250 questions each. The official score is accuracy over all; some "
        "harnesses give the mean over 18 sub-categories, which differs. The paper's multi-modal gain "
        "(MG) is the score less that without the pictures: run it again with --control none, and the "
        "profile has the difference with its interval. Its leakage (ML) is what the model without "
        "pictures has over its own language model, and 0 where that is better: ask the language model "
        "with --control none too. Perception is labelled as less reasoning, the rest as more.",
    ),
    sources=(Hub(("Lin-Chen/MMStar",), Layout((FILE,), read), files=(FILE,), ids="index"),),
    prompt="{{ image }}{{ question }}\n{{ instruction }}",
    answer=OneOf(),
    metrics=("accuracy",),
)
