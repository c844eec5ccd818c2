"""CountBenchQA: how many are there? (Paiss et al. 2023; Beyer et al. 2024)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import Ids, media_of, row_id, text_of, whole_of
from hemm.parsing.formats import Number
from hemm.tasks.suites._hub import hub, rows


def read(folder: Path) -> Iterator[Sample]:
    """The test split. Rows have no key: ids come from question and pixels."""
    ids = Ids()
    for _, where, row in rows(folder, "test"):
        picture, question = media_of(row, "image", where), text_of(row, "question", where)
        number = whole_of(row, "number", where)
        yield Sample(
            id=ids.of(row_id(question, [picture])),
            media=(picture,),
            fields={"question": question},
            references=(str(number),),
            stratum=str(number),
            metadata={"number": number},
        )


TASK = Task(
    name="countbench",
    card=Card(
        title="CountBenchQA",
        citation="Paiss, Ephrat, Tov, Zada, Mosseri, Irani, Dekel. Teaching CLIP to Count to Ten. ICCV "
        "2023; questions: Beyer et al. PaliGemma. 2024.",
        homepage="https://huggingface.co/datasets/vikhyatk/CountBenchQA",
        licence="none stated; pictures from the web",
        access="open",
        size="0.1 GB",
        splits={"test": 491},
        labels=dimension_labels("multimedia", "uniqueness", "querying", fine_grained="yes"),
        labels_by="hemm",
        notes="Two to ten objects of one kind, as the captions of the pictures count them. The score is "
        "accuracy: the number itself. Numbers may be written as words or in a sentence here; some "
        "harnesses want the digits alone, so that wordy models score lower there. The caption (column "
        "'text') gives the number away and is not shown, though one harness puts it before the question. "
        "540 pictures were published, of which 491 could still be had.",
    ),
    sources=hub(("vikhyatk/CountBenchQA",), read, "test"),
    prompt="{{ image }}{{ question }}\n{{ instruction }}",
    answer=Number(),
    metrics=("accuracy",),
)
