"""TextVQA: questions about text in photographs, with ten people's answers. (Singh et al. 2019)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import Card, LeftOut, Sample, Task, dimension_labels
from hemm.data.readers.rows import list_of, media_of, text_of, texts_of
from hemm.metrics.text.answers import EMPTY_ANSWERS
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.suites._hub import hub, rows


def read(folder: Path) -> Iterator[Sample | LeftOut]:
    """The validation split."""
    for _, where, row in rows(folder, "validation"):
        answers = texts_of(row, "answers", where)
        if not answers:
            yield LeftOut(where, "has no answer")
            continue
        empty = len(list_of(row, "answers", where)) - len(answers)
        yield Sample(
            id=text_of(row, "question_id", where),
            media=(media_of(row, "image", where),),
            fields={"question": text_of(row, "question", where)},
            references=tuple(answers),
            cluster=text_of(row, "image_id", where),
            metadata={EMPTY_ANSWERS: empty} if empty else {},
        )


TASK = Task(
    name="textvqa",
    card=Card(
        title="TextVQA",
        citation="Singh, Natarajan, Shah, Jiang, Chen, Batra, Parikh, Rohrbach. Towards VQA Models That Can "
        "Read. CVPR 2019.",
        homepage="https://textvqa.org/",
        licence="CC-BY-4.0",
        size="1.5 GB",
        splits={"validation": 5000},
        labels=dimension_labels("multimedia", "uniqueness", "querying", fine_grained="yes"),
        labels_by="hemm",
        notes="The validation split, as reports give it; VQA accuracy over ten answers, both sides always "
        "normalised, as TextVQA's evaluator does. Some reports show the words that an OCR system found in "
        "the prompt (LLaVA-1.5 does), which is worth several points: here there are none. The usual prompt "
        "asks for a single word or phrase. Resolution matters.",
    ),
    sources=hub(("lmms-lab-encoder/textvqa", "lmms-lab/textvqa"), read, "validation"),
    prompt="{{ image }}\n{{ question }}\n{{ instruction }}",
    answer=ShortAnswer(),
    metrics=("vqa_accuracy:normalise=always",),
)
