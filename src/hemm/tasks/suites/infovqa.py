"""InfographicVQA: questions about infographics. (Mathew et al. 2022)"""

from __future__ import annotations

from functools import partial

from hemm.core import Card, Task, dimension_labels
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.suites._hub import hub
from hemm.tasks.suites.docvqa import PROMPT, REPOS, read

TASK = Task(
    name="infovqa",
    card=Card(
        title="InfographicVQA",
        citation="Mathew, Bagal, Tito, Karatzas, Valveny, Jawahar. InfographicVQA. WACV 2022.",
        homepage="https://www.docvqa.org/datasets/infographicvqa",
        licence="of the Robust Reading Competition: research",
        size="1.5 GB",
        splits={"validation": 2801},
        labels=dimension_labels("multimedia", "uniqueness", "querying", fine_grained="yes", reasoning="more"),
        labels_by="hemm",
        notes="The validation split, whose answers are public; reports mix it with test, which the "
        "competition's server scores. ANLS with threshold 0.5 is the official score, of the "
        "answer that a reply states, and 0 at exactly half the edits (see docvqa). Pictures are long and "
        "tall, and resolution costs most here: Gemma 4's makers lose nine points with fewer tokens a "
        "picture. The usual prompt asks for a single word or phrase. Components: where the answer stands.",
    ),
    sources=hub(
        REPOS,
        partial(read, config="InfographicVQA", kinds="answer_type", page=("image_url",)),
        "validation",
        "InfographicVQA",
        ids="infographics",
    ),
    prompt=PROMPT,
    answer=ShortAnswer(),
    metrics=("anls",),
)
