"""Training questions of ``tiny`` from the factorial probes: pictures with their note and key."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from hemm.core import Media, Sample, Task
from hemm.tasks.probes.base import picture_key
from hemm.tasks.probes.draw import Rand
from hemm.tasks.probes.factorial import FACTORIAL
from hemm.tasks.probes.factorial.cells import TEXT_FLOWS, Cell, cells, plan
from hemm.tasks.probes.factorial.samples import Drawn, context, drawn, generate, picture, question
from hemm.tasks.probes.factorial.signs import USE_CASES
from hemm.tasks.prompt import render

LENGTH = 448
"""Tokens of a row with a question of these probes: note and key are long."""
_SHOWN = Media(b"", mime="image/png")
SIDES = ("left sign", "right sign")


@dataclass(frozen=True)
class Asked:
    """One question as an evaluation sends it, with what the picture shows.

    pixels  as the model sees them: uint8, (3, side, side)
    facts   question -> answer, of the picture alone: what each side shows, what comes after what
    skill   what its answer can be had from, and whether it takes one step (``less``) or several
    """

    family: str
    skill: str
    pixels: np.ndarray
    key: int
    prompt: str
    answer: str
    facts: dict[str, str]
    traits: dict[str, str]


def tasks() -> dict[str, Task]:
    """Use case -> its task."""
    found = {}
    for name, where in FACTORIAL.items():
        module, _, attribute = where.partition(":")
        found[name.removeprefix("probe_v2_")] = getattr(importlib.import_module(module), attribute)
    return found


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """A picture as the model's processor makes it: means of areas, channels first."""
    small = Image.fromarray(pixels).resize((side, side), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.uint8).transpose(2, 0, 1)


def reserved() -> set[int]:
    """Checksums of the pictures of the default packs."""
    return {
        picture_key(np.asarray(sample.media[0].pixels()))
        for use_case in USE_CASES
        for sample in generate(use_case)
    }


def ask(use_case: str, cell: Cell, task: Task, rand: Rand, side: int) -> Asked:
    """A question of a cell, drawn from a stream of random numbers."""
    made = drawn(use_case, plan(cell, TEXT_FLOWS, rand.below(2)), rand)
    starts = made.puzzle.starts if made.in_picture[0] else (None, None)
    pixels = picture(made, starts)
    text = context(made)
    asked = question(made)
    sample = Sample(
        "x",
        media=(_SHOWN,),
        fields={"context": text, "question": asked.text},
        choices=asked.options,
    )
    parts = render(task, sample)[0].parts
    facts = shown(made)
    return Asked(
        f"v2_{use_case}",
        f"{made.plan.holder}/{'less' if cell.steps == 1 else 'more'}",
        shrink(pixels, side),
        picture_key(pixels),
        "".join(p for p in parts if isinstance(p, str)),
        "ABCD"[asked.options.index(asked.answer)],
        facts,
        {f"{made.signs.name}: {name}": value for name, value in facts.items()},
    )


def shown(made: Drawn) -> dict[str, str]:
    """What the picture shows, as questions with answers."""
    names = made.signs.names
    found = {}
    if made.in_picture[0]:
        found |= {side: names[start] for side, start in zip(SIDES, made.puzzle.starts, strict=True)}
    if made.in_picture[1]:
        found |= {f"after {names[i]}": names[made.puzzle.after[i]] for i in range(6)}
    return found


def trait_classes() -> dict[tuple[str, str], list[str]]:
    """(Family, trait) -> its values: of each set of signs what the sides show and what comes after each."""
    return {
        (f"v2_{use_case}", f"{signs.name}: {trait}"): sorted(signs.names)
        for use_case, pair in USE_CASES.items()
        for signs in pair
        for trait in (*SIDES, *(f"after {name}" for name in signs.names))
    }


def corpus(count: int = 60) -> Iterator[str]:
    """Texts from which the tokenizer learns its words."""
    known, every = tasks(), cells(TEXT_FLOWS)
    for use_case, task in known.items():
        rand = Rand("corpus", "factorial", use_case)
        for _ in range(count):
            asked = ask(use_case, rand.pick(every), task, rand, 8)
            yield asked.prompt
            yield from (f"{what}? {value}" for what, value in asked.facts.items())
