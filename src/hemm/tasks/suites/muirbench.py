"""MuirBench: questions about several pictures, each beside one that cannot be answered. (Wang et al. 2025)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import Card, LeftOut, Media, Notice, Sample, Task, dimension_labels
from hemm.core.text import counted
from hemm.data.readers.rows import list_of, text_of
from hemm.parsing.formats import OneOf
from hemm.tasks.suites._hub import hub, lettered_answer, listed_options, numbered_marks, rows, told_apart

ODD = "has more marks of pictures than pictures"


def read(folder: Path) -> Iterator[Sample | LeftOut | Notice]:
    """The test split. A question and its counterpart are one unit."""
    first = 0
    for _, where, row in rows(folder, "test"):
        key, other = text_of(row, "idx", where), text_of(row, "counterpart_idx", where, "")
        pictures = tuple(m for m in list_of(row, "image_list", where) if isinstance(m, Media))
        options = listed_options(row, "options", where)
        (question, *marked), marks = numbered_marks([text_of(row, "question", where), *options])
        if marks > len(pictures):
            yield LeftOut(where, ODD)
            continue
        first += marks < len(pictures)
        choices = told_apart(marked)
        yield Sample(
            id=key,
            media=pictures,
            fields={"question": question},
            references=(lettered_answer(choices, text_of(row, "answer", where), where),),
            choices=choices,
            unit="+".join(sorted({key, other} - {""}, key=lambda k: (len(k), k))),
            metadata={
                "answer_type": text_of(row, "task", where),
                "image_relation": text_of(row, "image_relation", where, ""),
                "image_type": text_of(row, "image_type", where, ""),
                "pictures": len(pictures),
            },
        )
    if first:
        yield Notice(f"{counted(first, 'question')} with pictures that no mark places: those come first")


TASK = Task(
    name="muirbench",
    card=Card(
        title="MuirBench",
        citation="Wang, Fu, Huang, Li, Liu, Liu, Ma, Xu, Zhou, Zhang, et al. MuirBench: A Comprehensive "
        "Benchmark for Robust Multi-image Understanding. ICLR 2025.",
        homepage="https://muirbench.github.io/",
        licence="CC-BY-4.0",
        access="open",
        size="0.4 GB",
        splits={"test": 2600},
        labels=dimension_labels("multimedia", "synergy", "fusion", fine_grained="yes", reasoning="more"),
        labels_by="hemm",
        notes="Twelve tasks over ten relations of pictures; pictures stand where question and options name "
        "them. Each question has a counterpart that was changed so that no option is right but 'None of the "
        "choices provided': consistency asks for both. The authors ask for the letter directly, and draw "
        "one at random (seed 42) where an answer names none; here such an answer is unparsable and wrong, so "
        "that a model which writes no letters scores lower than there. Models must take several pictures.",
    ),
    sources=hub(("MUIRBENCH/MUIRBENCH",), read, "test"),
    prompt="{{ question | interleave }}\n{{ options | interleave }}\n{{ instruction }}",
    answer=OneOf(),
    metrics=("accuracy", "consistency"),
)
