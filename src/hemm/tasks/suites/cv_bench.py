"""CV-Bench: what classic tests of vision ask, in two and three dimensions. (Tong et al. 2024)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import Card, Layout, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, parquet_rows, text_of
from hemm.data.sources.kinds import Hub
from hemm.parsing.formats import OneOf
from hemm.tasks.suites._hub import lettered_answer, listed_options, told_apart

FILES = ("test_2d.parquet", "test_3d.parquet")


def read(folder: Path) -> Iterator[Sample]:
    """Both files."""
    for file in FILES:
        for number, row in enumerate(parquet_rows([folder / file]), 1):
            where = f"{folder / file}, row {number}"
            choices = told_apart(listed_options(row, "choices", where))
            kind = text_of(row, "type", where)
            yield Sample(
                id=text_of(row, "idx", where),
                media=(media_of(row, "image", where),),
                fields={"question": text_of(row, "question", where)},
                references=(lettered_answer(choices, text_of(row, "answer", where), where),),
                choices=choices,
                metadata={
                    "answer_type": text_of(row, "task", where),
                    "type": kind,
                    "source": text_of(row, "source", where),
                },
            )


TASK = Task(
    name="cv_bench",
    card=Card(
        title="CV-Bench",
        citation="Tong, Brown, Wu, Woo, Middepogu, Akula, Yang, Yang, Iyer, Pan, et al. Cambrian-1: A "
        "Fully Open, Vision-Centric Exploration of Multimodal LLMs. NeurIPS 2024.",
        homepage="https://huggingface.co/datasets/nyu-visionx/CV-Bench",
        licence="Apache-2.0",
        access="open",
        size="0.4 GB",
        splits={"test": 2638},
        labels=dimension_labels("multimedia", "uniqueness", "querying", fine_grained="yes"),
        labels_by="hemm",
        notes="Counting and relations (2D, of ADE20K and COCO), depth and distance (3D, of Omni3D). The "
        "official score counts 2D and 3D alike, and in 2D its two sources: "
        "macro_accuracy:by=type+source, with 2D and 3D as components. It is no mean over questions, so "
        "that accuracy, which is, stands for the task in the profile's means; accuracy is told by the "
        "four tasks, too. The answer of the data is a letter in brackets; its own prompt lists the "
        "options in brackets, here they are lettered as everywhere.",
    ),
    sources=(Hub(("nyu-visionx/CV-Bench",), Layout(FILES, read), files=FILES, ids="idx"),),
    prompt="{{ image }}{{ question }}\n{{ options }}\n{{ instruction }}",
    answer=OneOf(),
    metrics=("accuracy", "macro_accuracy:by=type+source"),
)
