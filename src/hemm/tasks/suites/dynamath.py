"""DynaMath: 501 questions, each in ten variants of its numbers and drawings. (Zou et al. 2025)"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hemm.core import Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, parquet_rows, text_of
from hemm.data.sources.hub import part_files
from hemm.parsing.expressions import Expression
from hemm.parsing.formats import letters
from hemm.tasks.suites._hub import hub, lettered_answer

VARIANTS = tuple(f"sample_variant{n}" for n in range(1, 11))
_OPTION = re.compile(r"\(([A-H])\)|(?<![A-Za-z])([A-H])[:.]\s")


def read(folder: Path) -> Iterator[Sample]:
    """The ten sample variants. The variants of one question are one unit."""
    for part in part_files(folder, "", VARIANTS, ""):
        for file in part.files:
            for number, row in enumerate(parquet_rows([file]), 1):
                yield _sample(row, part.split.removeprefix("sample_variant"), f"{file}, row {number}")


def _sample(row: dict[str, object], variant: str, where: str) -> Sample:
    key, kind = text_of(row, "id", where), text_of(row, "answer_type", where)
    question, answer = text_of(row, "question", where), text_of(row, "ground_truth", where)
    choices: tuple[str, ...] = ()
    if kind == "multiple choice":
        shown = len({a or b for a, b in _OPTION.findall(question)})
        choices = letters(tuple(map(str, range(max(shown, 2)))))
    return Sample(
        id=f"{key}-{variant}",
        media=(media_of(row, "decoded_image", where),),
        fields={"question": question, "kind": kind},
        references=(lettered_answer(choices, answer, where) if choices else answer,),
        choices=choices,
        unit=key,
        metadata={
            "answer_type": text_of(row, "subject", where),
            "level": text_of(row, "level", where, ""),
            "variant": int(variant),
        },
    )


TASK = Task(
    name="dynamath",
    card=Card(
        title="DynaMath",
        citation="Zou, Guo, Yang, Zhang, Hu, Zhang. DynaMath: A Dynamic Visual Benchmark for Evaluating "
        "Mathematical Reasoning Robustness of Vision Language Models. ICLR 2025.",
        homepage="https://dynamath.github.io/",
        licence="CC-BY-SA-4.0",
        size="0.3 GB",
        splits={"sample_variant1 to 10": 5010},
        labels=dimension_labels(
            "science", "synergy", "fusion", fine_grained="yes", reasoning="more", external_knowledge="yes"
        ),
        labels_by="hemm",
        notes="Two scores: the average over all variants (math_equal within 0.001, as the authors compare "
        "decimals), and the worst case, the share of questions that are right in all ten (consistency). The "
        "authors ask for JSON with a solution and a short answer, by letter or with three decimals; here for "
        "the letter or a boxed answer. Answers in words count there where they contain the right one, here "
        "where they are it. A --limit takes whole questions.",
    ),
    sources=hub(("DynaMath/DynaMath_Sample",), read, VARIANTS),
    prompt="""{{ image }}
{{ question }}
{% if kind == "float" %}
The answer is a number with three decimal places.
{% endif %}
{{ instruction }}""",
    answer=Expression(),
    metrics=("math_equal:within=0.001", "consistency:of=math_equal:within=0.001"),
    max_new_tokens=2048,
)
