"""We-Math: problems as a whole and step by step. (Qiao et al. 2024)"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hemm.core import BadData, Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of
from hemm.parsing.formats import OneOf
from hemm.tasks.suites._hub import hub, lettered_answer, own_letters, rows

_KEY = re.compile(r"([23])steps_(\d|multi)")
_OPTION = re.compile(
    r"(?:^|[;\n])\s*([A-G])[.．]\s*(.*?)\s*(?=;\s*[A-G][.．]|\n\s*[A-G][.．]|;?\s*$)", re.DOTALL
)


def read(folder: Path) -> Iterator[Sample]:
    """testmini. A problem and its steps are one unit."""
    for _, where, row in rows(folder, "testmini"):
        key = _KEY.fullmatch(text_of(row, "key", where))
        if key is None:
            raise BadData(f"{where}: field 'key' is {row.get('key')!r}, not 2steps_1, 2steps_multi, ...")
        problem, option = text_of(row, "ID", where), text_of(row, "option", where)
        choices = own_letters(_options(option, where))
        unit, step = f"{key[1]}steps-{problem}", "whole" if key[2] == "multi" else key[2]
        yield Sample(
            id=f"{unit}-{step}",
            media=(media_of(row, "image_path", where),),
            fields={"question": text_of(row, "question", where), "given": option},
            references=(lettered_answer(choices, text_of(row, "answer", where), where),),
            choices=choices,
            unit=unit,
            labels={} if step == "whole" else {"reasoning": "less"},
            metadata={
                "answer_type": f"{key[1]} steps" if step == "whole" else "1 step",
                "step": step,
                "knowledge": text_of(row, "knowledge concept", where, ""),
            },
        )


def _options(text: str, where: str) -> list[str]:
    """The options of a text such as ``A. 4; B. 5; C. No correct answer``."""
    found = _OPTION.findall(text)
    marks = "".join(letter for letter, _ in found)
    if len(found) < 2 or not "ABCDEFG".startswith(marks):
        raise BadData(f"{where}: field 'option' is {text[:60]!r}, which lists no options A., B., ...")
    return [option for _, option in found]


TASK = Task(
    name="we_math",
    card=Card(
        title="We-Math",
        citation="Qiao, Tan, Dong, Wu, Sun, Song, GongQue, Lei, Wei, Zhang, et al. We-Math: Does Your "
        "Large Multimodal Model Achieve Human-like Mathematical Reasoning? ACL 2025.",
        homepage="https://we-math.github.io/",
        licence="CC-BY-NC-4.0",
        access="open",
        size="0.1 GB",
        splits={"testmini": 1740},
        labels=dimension_labels(
            "science", "synergy", "fusion", fine_grained="yes", reasoning="more", external_knowledge="yes"
        ),
        labels_by="hemm",
        notes="525 problems of two or three steps, each asked as a whole and step by step (1,215 "
        "questions). The official score is strict: 1 where the whole and all steps are right, 0.5 where "
        "the steps are and the whole is not, else 0; what lies behind it (knowledge, generalisation, "
        "memorised, mastery) and the loose score are told too. Makers also report accuracy, which is "
        "much higher. The options are shown as the data write them. The authors ask for reasoning first "
        "and take the letter by rule. Steps are labelled as less reasoning, wholes as more.",
    ),
    sources=hub(("We-Math/We-Math",), read, "testmini"),
    prompt="{{ image }}{{ question }}\n{{ given }}\n{{ instruction }}",
    answer=OneOf(),
    metrics=("we_math", "accuracy"),
)
