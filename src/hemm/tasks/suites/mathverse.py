"""MathVerse: geometry and functions, each problem with less and less in the text. (Zhang et al. 2024)"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hemm.core import Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of
from hemm.parsing.expressions import Expression
from hemm.parsing.formats import letters
from hemm.tasks.suites._hub import hub, lettered_answer, rows, struct_of

INTERACTION = {
    "Text Dominant": "redundancy",
    "Text Lite": "synergy",
    "Vision Intensive": "synergy",
    "Vision Dominant": "synergy",
    "Vision Only": "uniqueness",
}
"""Version -> what text and picture have to do with one another: the text says all, a part, or nothing."""
_OPTION = re.compile(r"^\s*\(?([A-H])\)?\s*[:.)]", re.MULTILINE)


def read(folder: Path, only: str = "") -> Iterator[Sample]:
    """testmini; ``only`` one version. The versions of one problem are one cluster."""
    for _, where, row in rows(folder, "testmini", "testmini"):
        version = text_of(row, "problem_version", where)
        if only and version != only:
            continue
        answer, whole = text_of(row, "answer", where), text_of(row, "question_for_eval", where)
        choices: tuple[str, ...] = ()
        if text_of(row, "question_type", where) == "multi-choice":
            shown = len(dict.fromkeys(_OPTION.findall(whole.partition("Choices:")[2])))
            choices = letters(tuple(map(str, range(shown or 4))))
        about = struct_of(row, "metadata", where)
        yield Sample(
            id=text_of(row, "sample_index", where),
            media=(media_of(row, "image", where),),
            fields={"question": text_of(row, "question", where, "")},
            references=(lettered_answer(choices, answer, where) if choices else answer,),
            choices=choices,
            cluster=f"problem {text_of(row, 'problem_index', where)}",
            labels={"interaction": INTERACTION[version]} if version in INTERACTION else {},
            metadata={
                "answer_type": version,
                "problem": text_of(row, "problem_index", where),
                "subject": str(about.get("subject", "")),
                "subfield": str(about.get("subfield", "")),
            },
        )


SOURCES = partial(hub, ("AI4Math/MathVerse",), split="testmini", config="testmini")

TASK = Task(
    name="mathverse",
    card=Card(
        title="MathVerse",
        citation="Zhang, Jiang, Zhang, Lin, Guo, Qiu, Zhou, Lu, Chang, Gao, Li. MathVerse: Does Your "
        "Multi-modal LLM Truly See the Diagrams in Visual Math Problems? ECCV 2024.",
        homepage="https://mathverse-cuhk.github.io/",
        licence="MIT",
        size="0.2 GB",
        splits={"testmini": 3940},
        labels=dimension_labels(
            "science", "synergy", "fusion", fine_grained="yes", reasoning="more", external_knowledge="yes"
        ),
        labels_by="hemm",
        notes="788 problems in five versions, which are components and differ in their label of interaction: "
        "Text Dominant says in words what the diagram shows (redundancy), Text Lite, Vision Intensive and "
        "Vision Dominant say less and less (synergy), Vision Only says nothing (uniqueness). The versions of "
        "a problem are one cluster. Reports give Vision Only, or the mean of all five: :vision_only is the "
        "first. The authors let GPT-4 extract and compare the answer, and grade steps besides (CoT-E); "
        "math_equal needs the letter, or an open answer that is equal, and is no official score. Options "
        "stand in the question, in Vision Only in the picture.",
    ),
    sources=SOURCES(read),
    prompt="""{{ image }}
{% if question %}
{{ question }}
{% else %}
The question is in the picture.
{% endif %}
{{ instruction }}""",
    answer=Expression(),
    metrics=("math_equal",),
    max_new_tokens=2048,
).with_variant("vision_only", splits={"testmini": 788}, sources=SOURCES(partial(read, only="Vision Only")))
