"""BLINK: what people see at a glance, in fourteen tasks. (Fu et al. 2024)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hemm.core import Card, Media, Sample, Task, dimension_labels
from hemm.data.readers.rows import text_of
from hemm.parsing.formats import OneOf
from hemm.tasks.suites._hub import hub, lettered_answer, listed_options, own_letters, rows

TASKS_OF = (
    *("Art_Style", "Counting", "Forensic_Detection", "Functional_Correspondence", "IQ_Test", "Jigsaw"),
    *("Multi-view_Reasoning", "Object_Localization", "Relative_Depth", "Relative_Reflectance"),
    *("Semantic_Correspondence", "Spatial_Relation", "Visual_Correspondence", "Visual_Similarity"),
)
PICTURES = tuple(f"image_{n}" for n in range(1, 5))


def read(folder: Path) -> Iterator[Sample]:
    """The val split of all tasks. The column ``prompt`` says more than ``question``, with the options."""
    for config, where, row in rows(folder, "val", TASKS_OF):
        key = text_of(row, "idx", where)
        choices = own_letters(listed_options(row, "choices", where))
        yield Sample(
            id=key if config in key else f"{config}_{key}",
            media=tuple(m for name in PICTURES if isinstance(m := row.get(name), Media)),
            fields={"question": text_of(row, "prompt", where)},
            references=(lettered_answer(choices, text_of(row, "answer", where), where),),
            choices=choices,
            stratum=config,
            metadata={"answer_type": config.replace("_", " ").lower(), "subtask": config},
        )


TASK = Task(
    name="blink",
    card=Card(
        title="BLINK",
        citation="Fu, Hu, Li, Feng, Wang, Lin, Roth, Smith, Ma, Krishna. BLINK: Multimodal Large "
        "Language Models Can See but Not Perceive. ECCV 2024.",
        homepage="https://zeyofu.github.io/blink/",
        licence="Apache-2.0",
        access="open",
        size="0.6 GB",
        splits={"val": 1901},
        labels=dimension_labels("multimedia", "synergy", "querying", fine_grained="yes"),
        labels_by="hemm",
        notes="The val split of all fourteen tasks; the answers of test are held back. One to four "
        "pictures come first, in order, and then the prompt of the data, which explains marks and roles "
        "of the pictures and lists the options in brackets; the column 'question' lacks that. The "
        "paper's score is the mean over the fourteen tasks (macro_accuracy:by=subtask); harnesses often "
        "give accuracy over questions, which is the headline here. Answers of Relative_Reflectance were "
        "found to be wrong in early copies: take a current one.",
    ),
    sources=hub(("BLINK-Benchmark/BLINK",), read, "val", TASKS_OF),
    prompt="{{ image }}{{ question }}\n{{ instruction }}",
    answer=OneOf(),
    metrics=("accuracy", "macro_accuracy:by=subtask"),
)
