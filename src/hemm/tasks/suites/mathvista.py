"""MathVista: mathematics in pictures of twenty-eight data sets and three new ones. (Lu et al. 2024)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of, texts_of
from hemm.parsing.expressions import Expression
from hemm.tasks.suites._hub import hub, listed_options, rows, struct_of, told_apart

FREE, CHOICE = "free_form", "multi_choice"


def read(folder: Path) -> Iterator[Sample]:
    """The split testmini, whose answers are public."""
    for _, where, row in rows(folder, "testmini"):
        about = struct_of(row, "metadata", where)
        answer, kind = text_of(row, "answer", where), text_of(row, "question_type", where)
        choices = told_apart(listed_options(row, "choices", where)) if kind == CHOICE else ()
        if choices and answer not in choices:
            raise BadData(f"{where}: the answer {answer!r} is none of the choices")
        places = "" if choices else _places(row, where)
        skills = texts_of({"skills": about.get("skills") or []}, "skills", where)
        science = {"external_knowledge": "yes"} if "scientific reasoning" in skills else {}
        yield Sample(
            id=text_of(row, "pid", where),
            media=(media_of(row, "decoded_image", where),),
            fields={
                "question": text_of(row, "question", where),
                "unit_asked": text_of(row, "unit", where, ""),
                "places": places,
                "kind": text_of(row, "answer_type", where),
            },
            references=(answer,),
            choices=choices,
            cluster=text_of(row, "image", where),
            labels=science,
            metadata={
                "answer_type": str(about.get("task", "")),
                "source": str(about.get("source", "")),
                "skills": ", ".join(skills),
                "grade": str(about.get("grade", "")),
                **({"precision": int(places)} if places else {}),
            },
        )


def _places(row: Mapping[str, Any], where: str) -> str:
    """How many decimal places are asked for, which the hub has as 1.0; empty where none are."""
    said = text_of(row, "precision", where, "").removesuffix(".0")
    if said and not (said.isascii() and said.isdigit() and len(said) < 3):
        raise BadData(f"{where}: field 'precision' is {said[:60]!r}, not a number of places")
    return said.lstrip("0")


TASK = Task(
    name="mathvista",
    card=Card(
        title="MathVista",
        citation="Lu, Bansal, Xia, Liu, Li, Hajishirzi, Cheng, Chang, Galley, Gao. MathVista: Evaluating "
        "Mathematical Reasoning of Foundation Models in Visual Contexts. ICLR 2024.",
        homepage="https://mathvista.github.io/",
        licence="CC-BY-SA-4.0",
        size="0.9 GB",
        splits={"testmini": 1000},
        labels=dimension_labels("science", "synergy", "fusion", fine_grained="yes", reasoning="more"),
        labels_by="hemm",
        notes="testmini, the split that reports give; the answers to the 5,141 of test are not public. The "
        "authors let GPT-4 take the answer out of the text, then compare: a choice by the nearest text, a "
        "number cut to a whole one or rounded to the row's places. math_equal is that comparison without a "
        "judge: what names no choice is unparsable here and the nearest choice there; 5.9 is not 5 here and "
        "is there; fractions and other forms of a number count here. So it is no official score. Their "
        "prompt has a hint on the form and asks for reasoning; models that think need many tokens "
        "(--set max_new_tokens=16384). The column unit is the unit of the answer, shown with the question.",
    ),
    sources=hub(("AI4Math/MathVista",), read, "testmini"),
    prompt="""{{ image }}
{{ question }}{% if unit_asked %} (unit: {{ unit_asked }}){% endif %}
{% if options %}
{{ options }}
{% elif places %}
The answer is a number with {{ places }} decimal place{{ "" if places == "1" else "s" }}.
{% elif kind == "integer" %}
The answer is a whole number.
{% elif kind == "list" %}
The answer is a list, such as [1, 2, 3].
{% endif %}
{{ instruction }}""",
    answer=Expression(),
    metrics=("math_equal",),
    max_new_tokens=1024,
)
