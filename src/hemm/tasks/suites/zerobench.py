"""ZeroBench: a hundred questions that no model of its year could answer. (Roberts et al. 2025)"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hemm.core import Card, Media, Sample, Task, dimension_labels
from hemm.data.readers.rows import list_of, text_of
from hemm.parsing.expressions import Expression
from hemm.tasks.suites._hub import hub, rows

REPOS = ("jonathan-roberts1/zerobench",)
PARTS = "zerobench_subquestions"


def read(folder: Path, split: str) -> Iterator[Sample]:
    """The main questions, or the steps that lead to them."""
    for _, where, row in rows(folder, split):
        key = text_of(row, "question_id", where)
        yield Sample(
            id=key,
            media=tuple(m for m in list_of(row, "question_images_decoded", where) if isinstance(m, Media)),
            fields={"question": text_of(row, "question_text", where)},
            references=(text_of(row, "question_answer", where),),
            cluster=key.partition("_")[0] if split == PARTS else "",
        )


TASK = Task(
    name="zerobench",
    card=Card(
        title="ZeroBench",
        citation="Roberts, Taesiri, Sharma, Gupta, Roberts, Croitoru, Bogolin, Tang, Langer, Raina, et al. "
        "ZeroBench: An Impossible Visual Benchmark for Contemporary Large Multimodal Models. 2025. arXiv "
        "2502.09696.",
        homepage="https://zerobench.github.io/",
        licence="MIT",
        size="0.3 GB",
        splits={"zerobench": 100},
        labels=dimension_labels("multimedia", "uniqueness", "querying", fine_grained="yes", reasoning="more"),
        labels_by="hemm",
        notes="Reports give pass@5 of sampled answers, and of how many questions all five are right: "
        "--repeats 5 --set temperature=0.7 gives pass@1, pass@5 and mean@5 beside the headline. The authors "
        "ask for steps and a final answer in braces, and compare it to the letter; here it is asked for in a "
        "box and compared as mathematics, so that 11.9 is 11.90 and 1,000 is 1000, which is lighter. One "
        "greedy answer to a hundred questions says little: mind the interval. :subquestions are 334 "
        "steps of them.",
    ),
    sources=hub(REPOS, partial(read, split="zerobench"), "zerobench"),
    prompt="{{ image }}\n{{ question }}\n{{ instruction }}",
    answer=Expression(),
    metrics=("math_equal",),
    max_new_tokens=4096,
).with_variant(
    "subquestions", splits={PARTS: 334}, sources=hub(REPOS, partial(read, split=PARTS), PARTS, ids="parts")
)
