"""MMMU-Pro: MMMU's questions with ten options, and as pictures of the whole question. (Yue et al. 2025)"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from hemm.core import Card, Media, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of
from hemm.data.sources.kinds import Hub
from hemm.parsing.formats import OneOf, letters
from hemm.tasks.picture_marks import NUMBERS
from hemm.tasks.suites._hub import hub, lettered_answer, listed_options, rows, told_apart
from hemm.tasks.suites.mmmu import OF_SUBJECT, labels_of, pictures_of

TEN, FOUR, VISION = "standard (10 options)", "standard (4 options)", "vision"
SETTINGS = {TEN: "standard", FOUR: "standard4", VISION: "vision"}


def read(folder: Path, configs: Sequence[str]) -> Iterator[Sample]:
    """The test split of these configs. The settings of one question are one unit."""
    for config, where, row in rows(folder, "test", configs):
        key, subject = text_of(row, "id", where), text_of(row, "subject", where)
        options = listed_options(row, "options", where)
        seen: tuple[Media, ...] = (
            (media_of(row, "image", where),) if config == VISION else pictures_of(row)[0]
        )
        # options of the vision setting are in the picture: a reply names their letter
        choices = letters(tuple(map(str, range(len(options))))) if config == VISION else told_apart(options)
        discipline = OF_SUBJECT.get(subject, "")
        yield Sample(
            id=f"{SETTINGS[config]}/{key}",
            media=seen,
            fields={
                "question": "" if config == VISION else text_of(row, "question", where),
                NUMBERS: "1" if config == VISION else pictures_of(row)[1],
            },
            references=(lettered_answer(choices, text_of(row, "answer", where), where),),
            choices=choices,
            unit=key,
            labels={**labels_of(discipline), **({"interaction": "uniqueness"} if config == VISION else {})},
            metadata={"answer_type": SETTINGS[config], "subject": subject, "discipline": discipline},
        )


def _sources(*configs: str) -> tuple[Hub, ...]:
    return hub(("MMMU/MMMU_Pro",), partial(read, configs=configs), "test", configs)


PROMPT = """{% if question %}
{{ question | interleave }}
{{ options | interleave }}
{% else %}
{{ image }}The question and its options are in the picture.
{% endif %}
{{ instruction }}"""

TASK = (
    Task(
        name="mmmu_pro",
        card=Card(
            title="MMMU-Pro",
            citation="Yue, Zheng, Ni, Wang, Zhang, Tong, Sun, Yu, Zhang, Sun, et al. MMMU-Pro: A More Robust "
            "Multi-discipline Multimodal Understanding Benchmark. ACL 2025.",
            homepage="https://mmmu-benchmark.github.io/",
            licence="Apache-2.0",
            access="open",
            size="2.3 GB",
            splits={"test": 3460},
            labels=dimension_labels(
                "science", "synergy", "fusion", fine_grained="yes", reasoning="more", external_knowledge="yes"
            ),
            labels_by="hemm",
            notes="The official score is the mean of two settings over the same 1,730 questions: "
            "standard, with ten options, and vision, where one picture holds question and options. Both "
            "are asked, and are one unit, so that every selection has the same number of each and the "
            "score is their mean; both are told too. mmmu_pro:standard, mmmu_pro:vision and "
            "mmmu_pro:standard4 (four options) ask one setting. Official prompts are direct or step by "
            "step, and the better one is reported: makers' numbers are with thousands of tokens to "
            "think. Vision is labelled uniqueness: the picture alone holds all.",
        ),
        sources=_sources(TEN, VISION),
        prompt=PROMPT,
        answer=OneOf(),
        metrics=("accuracy",),
    )
    .with_variant("standard", sources=_sources(TEN), splits={"test": 1730})
    .with_variant("standard4", sources=_sources(FOUR), splits={"test": 1730})
    .with_variant("vision", sources=_sources(VISION), splits={"test": 1730})
)
