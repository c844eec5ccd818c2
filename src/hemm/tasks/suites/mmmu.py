"""MMMU: questions of college exams in thirty subjects. (Yue et al. 2024)"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, LeftOut, Media, Sample, Task, dimension_labels
from hemm.data.readers.rows import text_of
from hemm.data.sources.kinds import Hub
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.picture_marks import NUMBERS
from hemm.tasks.suites._hub import hub, lettered_answer, listed_options, rows, told_apart

FIELDS: Mapping[str, tuple[str, ...]] = {
    "art and design": ("Art", "Art_Theory", "Design", "Music"),
    "business": ("Accounting", "Economics", "Finance", "Manage", "Marketing"),
    "science": ("Biology", "Chemistry", "Geography", "Math", "Physics"),
    "health and medicine": (
        *("Basic_Medical_Science", "Clinical_Medicine", "Diagnostics_and_Laboratory_Medicine"),
        *("Pharmacy", "Public_Health"),
    ),
    "humanities and social science": ("History", "Literature", "Psychology", "Sociology"),
    "tech and engineering": (
        *("Agriculture", "Architecture_and_Engineering", "Computer_Science", "Electronics"),
        *("Energy_and_Power", "Materials", "Mechanical_Engineering"),
    ),
}
"""Discipline -> its subjects, which are configs on the hub."""
SUBJECTS = tuple(sorted(subject for subjects in FIELDS.values() for subject in subjects))
OF_SUBJECT = {subject: field for field, subjects in FIELDS.items() for subject in subjects}
PICTURES = tuple(f"image_{n}" for n in range(1, 8))


def read(folder: Path, split: str) -> Iterator[Sample | LeftOut]:
    """A split, subject by subject."""
    for subject, where, row in rows(folder, split, SUBJECTS):
        options = listed_options(row, "options", where)
        closed = text_of(row, "question_type", where) == "multiple-choice"
        choices = told_apart(options) if closed else ()
        answer = text_of(row, "answer", where, "")
        if answer in ("", "?"):
            yield LeftOut(where, "no answer is published")
            continue
        shown, numbers = pictures_of(row)
        yield Sample(
            id=text_of(row, "id", where),
            media=shown,
            fields={"question": text_of(row, "question", where), NUMBERS: numbers},
            references=(lettered_answer(choices, answer, where),) if closed else open_answers(answer, where),
            choices=choices,
            stratum=subject,
            labels=labels_of(OF_SUBJECT[subject]),
            metadata={
                "answer_type": "multiple-choice" if closed else "open",
                "subject": subject,
                "discipline": OF_SUBJECT[subject],
                "difficulty": text_of(row, "topic_difficulty", where, ""),
                "picture_type": text_of(row, "img_type", where, ""),
            },
        )


def pictures_of(row: Mapping[str, Any]) -> tuple[tuple[Media, ...], str]:
    """The pictures of a row, and their numbers."""
    there = [(n, row.get(name)) for n, name in enumerate(PICTURES, 1)]
    found = [(n, value) for n, value in there if isinstance(value, Media)]
    return tuple(media for _, media in found), " ".join(str(n) for n, _ in found)


def labels_of(discipline: str) -> dict[str, str]:
    """Of the field that a question comes from, where it is not science."""
    return {"use_case": "healthcare"} if discipline == "health and medicine" else {}


def open_answers(answer: str, where: str) -> tuple[str, ...]:
    """The answers of an open question: one, or the text of a Python list of them."""
    if not answer.startswith("["):
        return (answer,)
    try:
        found = ast.literal_eval(answer)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return (answer,)  # "[1, 2)" is an answer
    if not isinstance(found, list) or not found:
        raise BadData(f"{where}: field 'answer' is {answer[:60]!r}, which is no list of answers")
    return tuple(str(one).strip() for one in found)


def _sources(split: str) -> tuple[Hub, ...]:
    return hub(("MMMU/MMMU",), partial(read, split=split), split, SUBJECTS)


PROMPT = """{{ question | interleave }}
{% if options %}
{{ options | interleave }}
{% endif %}
{{ instruction }}"""

TASK = Task(
    name="mmmu",
    card=Card(
        title="MMMU",
        citation="Yue, Ni, Zhang, Zheng, Liu, Zhang, Stevens, Jiang, Ren, Sun, et al. MMMU: A Massive "
        "Multi-discipline Multimodal Understanding and Reasoning Benchmark for Expert AGI. CVPR 2024.",
        homepage="https://mmmu-benchmark.github.io/",
        licence="Apache-2.0",
        access="open",
        size="0.4 GB",
        splits={"validation": 900, "dev": 150, "test": 10_500},
        labels=dimension_labels(
            "science", "synergy", "fusion", fine_grained="yes", reasoning="more", external_knowledge="yes"
        ),
        labels_by="hemm",
        notes="The 900 questions of validation, which makers report; mmmu:test asks the 10,500 of test, "
        "whose answers were held back until February 2026. All thirty subjects are one task: the score "
        "is over questions, as the official one is; hemm profile --by subject or --by discipline parts "
        "it. Up to seven pictures stand where question and options name them. Of open questions any of "
        "several answers counts, found in the reply as a number or a part of it. The authors' code draws "
        "a random letter where a reply names none; here that is unparsable and wrong. It also takes an "
        "option whose text a long reply names last, and any number or phrase that an open reply holds; "
        "hemm reads what the reply gives as its answer: of 1,550 short replies of older models 149 were "
        "judged otherwise, 134 of them right by the authors' code alone. Makers differ in "
        "asking for the letter at once or step by step, which is worth several points: --prompt and "
        "--max-new-tokens set it. Questions of health and medicine are labelled healthcare.",
    ),
    sources=_sources("validation"),
    prompt=PROMPT,
    answer=ShortAnswer(lettered=True),
    metrics=("mmmu_accuracy",),
).with_variant("test", sources=_sources("test"), splits={"test": 10_500})
