"""MathVision (MATH-V): problems of mathematical competitions that have a picture. (Wang et al. 2024)"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hemm.core import Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of, whole_of
from hemm.parsing.expressions import Expression
from hemm.tasks.suites._hub import hub, lettered_answer, listed_options, rows, told_apart

REPOS = ("MathLLMs/MathVision",)


def read(folder: Path, split: str) -> Iterator[Sample]:
    """One row is one problem, with its options or with an open answer in LaTeX."""
    for _, where, row in rows(folder, split):
        choices = told_apart(listed_options(row, "options", where))
        answer = text_of(row, "answer", where)
        yield Sample(
            id=text_of(row, "id", where),
            media=(media_of(row, "decoded_image", where),),
            fields={"question": text_of(row, "question", where)},
            references=(lettered_answer(choices, answer, where) if choices else answer,),
            choices=choices,
            metadata={
                "answer_type": text_of(row, "subject", where),
                "level": whole_of(row, "level", where),
            },
        )


TASK = Task(
    name="mathvision",
    card=Card(
        title="MathVision",
        citation="Wang, Pan, Shi, Lu, Ren, Zhou, Zhan, Li. Measuring Multimodal Mathematical Reasoning with "
        "MATH-Vision Dataset. NeurIPS 2024 (Datasets and Benchmarks).",
        homepage="https://mathllm.github.io/mathvision/",
        licence="MIT",
        size="0.1 GB",
        splits={"test": 3040},
        labels=dimension_labels(
            "science", "synergy", "fusion", fine_grained="yes", reasoning="more", external_knowledge="yes"
        ),
        labels_by="hemm",
        notes="Subjects are components, levels from 1 to 5 in the metadata. The authors ask for steps and a "
        "boxed answer, read the letter or the box by patterns, and compare expressions by latex2sympy, "
        "rounded to two places: math_equal:decimals=2 is that by math-verify, which reads more forms. An "
        "answer that gives the text of an option and no letter counts there where it evaluates alike, and "
        "here where it is the option. Other tools score it by a judge. Reports differ by the tokens that "
        "they allow (16k to 96k), and by whether tools may be used. testmini is 304 of the problems.",
    ),
    sources=hub(REPOS, partial(read, split="test"), "test"),
    prompt="{{ question | interleave }}\n{{ options }}\n{{ instruction }}",
    answer=Expression(),
    metrics=("math_equal:decimals=2",),
    max_new_tokens=2048,
).with_variant(
    "testmini", splits={"testmini": 304}, sources=hub(REPOS, partial(read, split="testmini"), "testmini")
)
