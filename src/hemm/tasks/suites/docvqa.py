"""DocVQA: questions about scanned pages. (Mathew et al. 2021)"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hemm.core import Card, LeftOut, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of, texts_of
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.suites._hub import hub, rows

REPOS = ("lmms-lab-encoder/DocVQA", "lmms-lab/DocVQA")
PAGE = ("ucsf_document_id", "ucsf_document_page_no")
PROMPT = "{{ image }}\n{{ question }}\n{{ instruction }}"


def read(folder: Path, config: str, kinds: str, page: tuple[str, ...]) -> Iterator[Sample | LeftOut]:
    """The validation split of one of the two data sets that this repository has.

    kinds  the column with the kinds of a question; the first of them is its component
    page   the columns that together name a page
    """
    for _, where, row in rows(folder, "validation", config):
        answers = texts_of(row, "answers", where)
        if not answers:
            yield LeftOut(where, "has no answer")
            continue
        said = texts_of(row, kinds, where) if row.get(kinds) else []
        yield Sample(
            id=text_of(row, "questionId", where),
            media=(media_of(row, "image", where),),
            fields={"question": text_of(row, "question", where)},
            references=tuple(answers),
            cluster="/".join(text_of(row, column, where) for column in page),
            metadata={"answer_type": said[0] if said else "", "kinds": ", ".join(said)},
        )


TASK = Task(
    name="docvqa",
    card=Card(
        title="DocVQA",
        citation="Mathew, Karatzas, Jawahar. DocVQA: A Dataset for VQA on Document Images. WACV 2021.",
        homepage="https://www.docvqa.org/",
        licence="of the Robust Reading Competition: research",
        size="2.5 GB",
        splits={"validation": 5349},
        labels=dimension_labels("multimedia", "uniqueness", "querying", fine_grained="yes"),
        labels_by="hemm",
        notes="The validation split, whose answers are public; the 5,188 of test are scored by the "
        "competition's server, and reports mix the two. ANLS with threshold 0.5 is the official score; at "
        "exactly half the edits it is 0, as in its definition, where scripts give 0.5. Scripts compare the "
        "whole reply, hemm the answer that it states (The answer is 3.). The usual prompt asks for a single "
        "word or phrase. Resolution decides: pages have about 2 megapixels, and a limit (--max-pixels, or a "
        "model's own) costs several points. Questions of one page are one cluster.",
    ),
    sources=hub(
        REPOS,
        partial(read, config="DocVQA", kinds="question_types", page=PAGE),
        "validation",
        "DocVQA",
    ),
    prompt=PROMPT,
    answer=ShortAnswer(),
    metrics=("anls",),
)
