"""AI2D: questions about diagrams of school science. (Kembhavi et al. 2016)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import BadData, Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import Ids, media_of, row_id, text_of, whole_of
from hemm.parsing.formats import OneOf
from hemm.tasks.suites._hub import hub, listed_options, rows, told_apart


def read(folder: Path) -> Iterator[Sample]:
    """The test split. Rows have no key: ids come from question, options and pixels."""
    ids = Ids()
    for _, where, row in rows(folder, "test"):
        picture, options = media_of(row, "image", where), listed_options(row, "options", where)
        question, place = text_of(row, "question", where), whole_of(row, "answer", where)
        if not 0 <= place < len(options):
            raise BadData(f"{where}: field 'answer' is {place}, and there are {len(options)} options")
        choices = told_apart(options)
        yield Sample(
            id=ids.of(row_id("\n".join([question, *options]), [picture])),
            media=(picture,),
            fields={"question": question},
            references=(choices[place],),
            choices=choices,
        )


MASKED = hub(("lmms-lab-encoder/ai2d", "lmms-lab/ai2d"), read, "test", ids="masked")
PLAIN = hub(("Efficient-Large-Model/ai2d-no-mask", "lmms-lab/ai2d-no-mask"), read, "test", ids="plain")

TASK = Task(
    name="ai2d",
    card=Card(
        title="AI2D",
        citation="Kembhavi, Salvato, Kolve, Seo, Hajishirzi, Farhadi. A Diagram Is Worth a Dozen Images. "
        "ECCV 2016.",
        homepage="https://prior.allenai.org/projects/diagram-understanding",
        licence="research only (Allen Institute for AI)",
        access="open",
        size="0.5 GB",
        splits={"test": 3088},
        labels=dimension_labels("science", "synergy", "fusion", fine_grained="yes", external_knowledge="yes"),
        labels_by="hemm",
        notes="There are two forms, which differ by about ten points, and makers seldom say which they "
        "report: here letters stand over the words of the diagram that the options are about; "
        "ai2d:no_mask shows the words. The answer of the hub copy is a position that counts from 0. "
        "Where options are letters themselves, the letters shown before them begin later, so that a "
        "reply means one option. Official prompt: question, lettered options, the letter directly.",
    ),
    sources=MASKED,
    prompt="{{ image }}{{ question }}\n{{ options }}\n{{ instruction }}",
    answer=OneOf(),
    metrics=("accuracy",),
).with_variant("no_mask", sources=PLAIN)
