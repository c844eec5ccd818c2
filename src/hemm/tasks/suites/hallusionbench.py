"""HallusionBench: the same question of a figure, of a changed one, and of none. (Guan et al. 2024)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import BadData, Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of
from hemm.parsing.formats import YesNo
from hemm.tasks.suites._hub import hub, rows

ANSWERS = {"0": "no", "1": "yes"}
KINDS = {"VD": "visual dependent", "VS": "visual supplement"}


def read(folder: Path) -> Iterator[Sample]:
    """The split whose questions have a picture."""
    for _, where, row in rows(folder, "image"):
        category, group, series, figure, question = (
            text_of(row, name, where)
            for name in ("category", "subcategory", "set_id", "figure_id", "question_id")
        )
        answer = text_of(row, "gt_answer", where)
        if answer not in ANSWERS:
            raise BadData(f"{where}: field 'gt_answer' is {answer!r}, not 0 or 1")
        yield Sample(
            id="-".join((category, group, series, figure, question)),
            media=(media_of(row, "image", where),),
            fields={"question": text_of(row, "question", where)},
            references=(ANSWERS[answer],),
            choices=("yes", "no"),
            unit=f"{category}-{group}-{series}",
            stratum=ANSWERS[answer],
            metadata={
                "answer_type": KINDS.get(category, category),
                "subcategory": group,
                "series": f"{category}-{group}-{series}",
                "figure": int(figure) if figure.isdecimal() else figure,
                "question": int(question) if question.isdecimal() else question,
                "visual_input": text_of(row, "visual_input", where, ""),
                "details": text_of(row, "gt_answer_details", where, ""),
            },
        )


TASK = Task(
    name="hallusionbench",
    card=Card(
        title="HallusionBench",
        citation="Guan, Liu, Wu, Xian, Li, Liu, Wang, Chen, Huang, Yacoob, Manocha, Zhou. HallusionBench: An "
        "Advanced Diagnostic Suite for Entangled Language Hallucination and Visual Illusion in Large "
        "Vision-Language Models. CVPR 2024.",
        homepage="https://github.com/tianyi-lab/HallusionBench",
        licence="BSD-3-Clause",
        access="open",
        size="0.15 GB",
        splits={"image": 951, "non_image": 178},
        labels=dimension_labels("multimedia", "synergy", "querying", fine_grained="yes", reasoning="more"),
        labels_by="hemm",
        notes="The 951 questions with a picture. Three official scores: aAcc (accuracy), fAcc (all "
        "questions of a figure right, consistency:by=series+figure) and qAcc (a question right over all "
        "figures of its series, consistency:by=series+question). What makers call HallusionBench is the "
        "mean of the three, or aAcc alone. The authors let a judge say correct, incorrect or unclear; "
        "here yes and no are read by rule, as most harnesses do, and an answer that is neither is wrong. "
        "Their 178 questions without a picture, of which an unclear answer counts as right, are not "
        "asked.",
    ),
    sources=hub(("lmms-lab-encoder/HallusionBench", "lmms-lab/HallusionBench"), read, "image"),
    prompt="{{ image }}{{ question }}\n{{ instruction }}",
    answer=YesNo(),
    metrics=("accuracy", "consistency:by=series+figure", "consistency:by=series+question"),
)
