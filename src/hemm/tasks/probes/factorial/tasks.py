"""The tasks of the factorial probes: one for each use case, with its variants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from hemm.core import Card, Layout, Sample, Task
from hemm.data.sources.kinds import Generated
from hemm.parsing.formats import OneOf
from hemm.parsing.picture_format import Picture
from hemm.tasks.probes.base import SHOT_SEEDS, SHOTS
from hemm.tasks.probes.factorial.checker import SignCheck
from hemm.tasks.probes.factorial.samples import generate
from hemm.tasks.probes.factorial.signs import USE_CASES
from hemm.tasks.probes.factorial.sweeps import (
    DIALS,
    EACH,
    LADDERS,
    NEEDLES,
    PICTURES,
    RUNGS,
    ladder,
    many,
    sweep,
)

REVISION = "1"
"""The version of the pictures and questions."""
SIZE, DRAWN = 288, 192
PROMPT = "{{ image }}{{ context }}\n{{ question }}\n{{ options }}\n{{ instruction }}"
NUMBERED = (
    "{% for one in images %}Picture {{ loop.index }}: {{ one }}\n{% endfor %}"
    "{{ context }}\n{{ question }}\n{{ options }}\n{{ instruction }}"
)
DRAW = "{{ image }}{{ context }}\n{{ question }} {{ instruction }}"
TITLES = {
    "multimedia": "flags and chess pieces",
    "affective_computing": "faces and note values",
    "science": "atoms and chemical symbols",
    "healthcare": "roman numerals and dials",
    "hci": "road signs and map symbols",
}
NOTES = (
    "Where two sides with signs lead, in one to four steps of an order. A balanced factorial: interaction, "
    "granularity, steps, knowledge and information flow vary independently of one another, and are true by "
    "construction. The signs are drawn; no expertise of the field is tested."
)

Read = Callable[[], Iterator[Sample]]


def _read(folder: Path | None = None, *, use_case: str, form: str = "") -> Iterator[Sample]:
    """The samples of one form of a use case (``folder`` is not used)."""
    if form in DIALS:
        yield from sweep(use_case, form)
    elif form in PICTURES:
        yield from many(use_case, form)
    elif form == "ladder":
        yield from ladder(use_case)
    elif form == "draw":
        yield from generate(use_case, size=DRAWN, drawing=True)
    else:
        yield from generate(use_case, size=SIZE)
        yield from generate(use_case, SHOT_SEEDS[0], SHOTS, split="shots")


def _sources(use_case: str, form: str = "") -> tuple[Generated]:
    layout = Layout(required=(), read=partial(_read, use_case=use_case, form=form))
    name = f"generated:v2_{use_case}" + (f":{form}" if form else "")
    return (Generated(layout, revision=REVISION, ids="probes", name=name),)


def _task(use_case: str) -> Task:
    """The task of a use case: its card has the one label that all samples share, the samples have all six."""
    card = Card(
        title=f"Probe, version 2: {TITLES[use_case]}",
        licence="Apache-2.0",
        access="generated",
        size="nothing to download",
        splits={"test": SIZE, "shots": SHOTS},
        labels={"use_case": use_case},
        notes=NOTES,
    )
    task = Task(
        f"probe_v2_{use_case}", card, _sources(use_case), PROMPT, OneOf(), ("accuracy",), max_new_tokens=16
    )
    task = task.with_variant(
        "draw",
        splits={"test": DRAWN},
        sources=_sources(use_case, "draw"),
        prompt=DRAW,
        answer=Picture(),
        metrics=(SignCheck(), "l1", "ssim"),
    )
    task = task.with_variant(
        "ladder", splits={"test": LADDERS * len(RUNGS)}, sources=_sources(use_case, "ladder")
    )
    for name, dial in DIALS.items():
        count = EACH * len(dial.levels)
        task = task.with_variant(name, splits={"test": count}, sources=_sources(use_case, name))
    for name, dial in PICTURES.items():
        count = NEEDLES * len(dial.levels) * (4 if name == "compare" else 1)
        task = task.with_variant(
            name, splits={"test": count}, sources=_sources(use_case, name), prompt=NUMBERED
        )
    return task


MULTIMEDIA, AFFECTIVE, SCIENCE, HEALTHCARE, HCI = (_task(use_case) for use_case in USE_CASES)
