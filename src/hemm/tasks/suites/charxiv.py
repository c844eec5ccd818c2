"""CharXiv: charts of papers, with one question that wants reasoning and four that want reading. (Wang et al.
2024)"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from hemm.core import BadData, Card, Layout, LeftOut, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of, whole_of
from hemm.data.sources.kinds import Hub
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.suites._charxiv_questions import QUESTIONS, asked, kind_of
from hemm.tasks.suites._hub import rows

KINDS = {1: "text-in-chart", 2: "text-in-general", 3: "number-in-chart", 4: "number-in-general"}
"""``reasoning_a_type`` -> what the answer is."""


def _figure(row: Mapping[str, Any], where: str) -> str:
    return PurePosixPath(text_of(row, "figure_path", where)).stem


def _about(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    return {
        "subject": text_of(row, "category", where, ""),
        "subplots": whole_of(row, "num_subplots", where),
        "year": text_of(row, "year", where, ""),
    }


def reasoning(folder: Path) -> Iterator[Sample | LeftOut]:
    """The validation split: one question a chart."""
    for _, where, row in rows(folder, "validation"):
        answer, number = text_of(row, "reasoning_a", where, ""), whole_of(row, "reasoning_a_type", where)
        if not answer:
            yield LeftOut(where, "has no answer")
            continue
        if number not in KINDS:
            raise BadData(f"{where}: reasoning_a_type is {number}, none of {', '.join(map(str, KINDS))}")
        places = len(answer.partition(".")[2])
        yield Sample(
            id=_figure(row, where),
            media=(media_of(row, "image", where),),
            fields={
                "question": text_of(row, "reasoning_q", where),
                "kind": KINDS[number],
                "places": str(places) if number == 4 else "",
            },
            references=(answer,),
            metadata={"answer_type": KINDS[number], **_about(row, where)},
        )


def descriptive(folder: Path) -> Iterator[Sample | LeftOut]:
    """The validation split: four questions a chart, each of one of nineteen kinds."""
    for _, where, row in rows(folder, "validation"):
        figure = _figure(row, where)
        place = text_of(row, "subplot_loc", where, "")
        spot = [
            whole_of(row, name, where) if row.get(name) is not None else 0
            for name in ("subplot_row", "subplot_col")
        ]
        for n in range(1, 5):
            number = whole_of(row, f"descriptive_q{n}", where)
            if number not in QUESTIONS:
                raise BadData(f"{where}: descriptive_q{n} is {number}, none of the nineteen templates")
            answer = text_of(row, f"descriptive_a{n}", where, "")
            if not answer:
                yield LeftOut(f"{where}, question {n}", "has no answer")
                continue
            yield Sample(
                id=f"{figure}-{n}",
                media=(media_of(row, "image", where),),
                fields={"question": asked(number, spot[0], spot[1], place), "kind": "", "places": ""},
                references=(answer,),
                cluster=figure,
                metadata={"answer_type": kind_of(number), "template": number, **_about(row, where)},
            )


def _sources(read: Callable[[Path], Iterator[Sample | LeftOut]], ids: str) -> tuple[Hub, ...]:
    return (Hub(("princeton-nlp/CharXiv",), Layout(("**/val*.parquet",), read), split="validation", ids=ids),)


_NOTES = (
    "The validation split; the answers to test are not public. Reports give the reasoning questions (RQ) "
    "and the descriptive ones (DQ, charxiv:dq) apart, with or without Python, and never their mean. The "
    "official score is what GPT-4o says of each answer by rules of its kind. math_equal is a rule without "
    "a judge: the text of the answer but for case and marks, or an equal number; it takes no other "
    "wording, so that it is lower, most for trends and legends. It is no official score; a judge is hemm "
    "score --metric judge:rubric=correct,model=..., whose rubric is hemm's. The nineteen kinds of "
    "descriptive questions are worded anew here. lmms-eval reads the kind of a reasoning answer from "
    "reasoning_q_source, which says who wrote the question: its prompts differ."
)

TASK = Task(
    name="charxiv",
    card=Card(
        title="CharXiv, reasoning questions",
        citation="Wang, Xia, He, Chen, Liu, Zhu, Liang, Wu, Liu, Malladi, Chevalier, Arora, Chen. CharXiv: "
        "Charting Gaps in Realistic Chart Understanding in Multimodal LLMs. NeurIPS 2024 (Datasets and "
        "Benchmarks).",
        homepage="https://charxiv.github.io/",
        licence="CC-BY-SA-4.0; the figures are their authors'",
        size="0.07 GB",
        splits={"validation": 1000},
        labels=dimension_labels("science", "uniqueness", "querying", fine_grained="yes", reasoning="more"),
        labels_by="hemm",
        notes=_NOTES,
    ),
    sources=_sources(reasoning, "reasoning"),
    prompt="""{{ image }}
{{ question }}
{% if kind == "text-in-chart" %}
The answer is a text that stands in the chart: write it as it stands there.
{% elif kind == "text-in-general" %}
The answer is a word or a phrase, which need not stand in the chart.
{% elif kind == "number-in-chart" %}
The answer is a number that is written in the chart: give that number, even where another could be reckoned.
{% elif places == "0" %}
The answer is a whole number.
{% elif places %}
The answer is a number with {{ places }} decimal place{{ "" if places == "1" else "s" }}.
{% endif %}
{{ instruction }}""",
    answer=ShortAnswer(),
    metrics=("math_equal",),
    max_new_tokens=512,
)
TASK = TASK.with_variant(
    "dq",
    card=Card(
        title="CharXiv, descriptive questions",
        citation=TASK.card.citation,
        homepage=TASK.card.homepage,
        licence=TASK.card.licence,
        size=TASK.card.size,
        splits={"validation": 4000},
        labels=dimension_labels("science", "uniqueness", "querying", fine_grained="yes"),
        labels_by="hemm",
        notes=_NOTES,
    ),
    sources=_sources(descriptive, "descriptive"),
)
