"""Forms of the factorial probes in which one thing varies: dials, ladders, and numbers of pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hemm.core import Media, Sample
from hemm.tasks.probes.base import png
from hemm.tasks.probes.draw import Rand
from hemm.tasks.probes.factorial import scene
from hemm.tasks.probes.factorial.cells import BOTH, PICTURE, TEXT, Cell, Held, Plan
from hemm.tasks.probes.factorial.puzzle import Asked, ask
from hemm.tasks.probes.factorial.samples import (
    QUICK,
    Drawn,
    check_seed,
    context,
    drawn,
    facts_of,
    picture,
    question,
    sample,
    told,
)
from hemm.tasks.probes.factorial.scene import HALF, Dials
from hemm.tasks.probes.factorial.signs import Pixels


@dataclass(frozen=True)
class Dial:
    """One thing that makes the same question harder.

    key      its key in the metadata of samples
    levels   the easiest first
    held     where starts and order are: two ways, in turn
    words    what a level is, in a sentence: "a contrast of {} %"
    """

    key: str
    levels: tuple[int, ...]
    held: tuple[Held, Held]
    words: str

    def difficulty(self, level: float) -> float:
        """How hard a level is: it rises by one with each doubling or halving (of the level, or of one more
        than it where 0 is among the levels)."""
        size = math.log2(level + 1) if 0 in self.levels else math.log2(level)
        return size if self.levels[-1] >= self.levels[0] else -size

    def level(self, difficulty: float) -> float:
        """The level that is so hard."""
        size = math.exp2(difficulty if self.levels[-1] >= self.levels[0] else -difficulty)
        return size - 1 if 0 in self.levels else size


_SEEN, _READ, _PARTED = (PICTURE, PICTURE), (TEXT, TEXT), (PICTURE, TEXT)

DIALS: dict[str, Dial] = {
    d.key: d
    for d in (
        Dial("objects", (1, 2, 4, 8, 16), (_SEEN, _SEEN), "{} objects on each side"),
        Dial("clutter", (0, 25, 50, 100, 200, 400), (_SEEN, _SEEN), "{} strokes over the picture"),
        Dial("contrast", (100, 50, 25, 12, 6, 3), (_SEEN, _SEEN), "a contrast of {} %"),
        Dial("resolution", (256, 128, 64, 32, 16), (_SEEN, _SEEN), "a picture of {} pixels a side"),
        Dial("text_length", (0, 4, 16, 64, 256), (_READ, _READ), "{} sentences that tell nothing"),
        Dial("distractors", (0, 1, 2, 4, 6), (_SEEN, _READ), "{} pairs of other signs"),
    )
}
"""The dials of one picture and one note, by the variants that sweep them."""

PICTURES: dict[str, Dial] = {
    "one_of": Dial("pictures", (1, 2, 4, 8, 16), (_PARTED, _PARTED), "{} pictures, one of them named"),
    "needle": Dial("pictures", (2, 5, 10, 20, 50, 100), (_PARTED, _PARTED), "{} pictures, one with a sign"),
    "compare": Dial("pictures", (2,), (_PARTED, _PARTED), "{} pictures"),
}
"""The variants with several pictures."""

EACH = 24
"""Samples of each level of a dial."""
NEEDLES = 8
"""Samples of each number of pictures."""
LADDERS = 32
"""Questions of which each is asked with three texts."""
RUNGS: tuple[tuple[float, Held], ...] = (
    (1.0, (BOTH, BOTH)),
    (0.5, (PICTURE, BOTH)),
    (0.0, (PICTURE, PICTURE)),
)
"""How much of what the picture shows the text tells too: all, the order alone, nothing."""


def _plan(cell: Cell, held: Held, index: int) -> Plan:
    return Plan(cell, held, index & 1, index >> 1 & 1)


def sweep(use_case: str, name: str, seed: int = 0) -> Iterator[Sample]:
    """``EACH`` samples of each level of a dial: one step, a detail, the key given, all else as usual.

    Raises HemmError for a seed that is none of tests.

    >>> from collections import Counter
    >>> from hemm.tasks.probes.factorial.sweeps import sweep
    >>> sorted(Counter(s.metadata["contrast"] for s in sweep("hci", "contrast")).items())
    [(3, 24), (6, 24), (12, 24), (25, 24), (50, 24), (100, 24)]
    """
    check_seed(seed, "test")
    dial = DIALS[name]
    for index in range(EACH * len(dial.levels)):
        turn, place = divmod(index, len(dial.levels))
        held = dial.held[turn >> 2 & 1]
        plan = _plan(Cell("uniqueness", "yes", 1, "no", "querying"), held, turn)
        dials = replace(Dials(), **{name: dial.levels[place]})
        made = drawn(use_case, plan, Rand("dial", use_case, name, seed, index), dials)
        yield sample(made, f"{use_case}-{name}-{index:06d}", **facts_of(dials))


def ladder(use_case: str, seed: int = 0) -> Iterator[Sample]:
    """``LADDERS`` questions, each asked three times of one picture that shows all: the text tells all of it,
    the order alone, or nothing (``text_carries`` in the metadata: 1, 0.5, 0)."""
    check_seed(seed, "test")
    for index in range(LADDERS):
        for rung, (carries, held) in enumerate(RUNGS):
            kind = "redundancy" if carries == 1 else "uniqueness"
            cell = Cell(kind, "yes", 1 + (index >> 2) % 4, "no", "querying")
            plan = _plan(cell, held, index)
            made = drawn(use_case, plan, Rand("ladder", use_case, seed, index))
            asked = question(made)
            yield Sample(
                id=f"{use_case}-ladder-{index:05d}-{rung}",
                media=(_media(picture(made, made.puzzle.starts), f"{use_case}-ladder-{index:05d}"),),
                fields={"context": context(made), "question": asked.text},
                references=(asked.answer,),
                choices=asked.options,
                cluster=f"{use_case}-ladder-{index:05d}",
                labels=cell.labels(use_case),
                stratum=f"text carries {carries:g}",
                metadata={**told(made), "held": "both" if carries == 1 else PICTURE, "text_carries": carries},
            )


def _media(pixels: Pixels, name: str) -> Media:
    return Media(png(pixels, QUICK), name=f"{name}.png", mime="image/png")


def many(use_case: str, name: str, seed: int = 0) -> Iterator[Sample]:
    """Samples with several pictures of one side each, and the order in the note.

    ``one_of`` names the picture that counts, the only sign of ``needle`` is in one of them, and ``compare``
    asks about two; ``pictures`` in the metadata is how many there are.
    """
    check_seed(seed, "test")
    dial = PICTURES[name]
    flow = "fusion" if name == "compare" else "querying"
    for index in range(NEEDLES * len(dial.levels) * (4 if name == "compare" else 1)):
        turn, place = divmod(index, len(dial.levels))
        count = dial.levels[place]
        plan = _plan(Cell("synergy", "yes", 1, "no", flow), _PARTED, turn)
        rand = Rand("pictures", use_case, name, seed, index)
        made = drawn(use_case, plan, rand)
        number = f"{use_case}-{name}-{index:06d}"
        shown, asked = _pictures(made, name, count, rand)
        yield Sample(
            id=number,
            media=tuple(_media(p, f"{number}-{i + 1}") for i, p in enumerate(shown)),
            fields={"context": context(made), "question": asked.text},
            references=(asked.answer,),
            choices=asked.options,
            labels=plan.cell.labels(use_case),
            stratum=f"{count} pictures",
            metadata={**told(made), "pictures": count},
        )


def _pictures(made: Drawn, name: str, count: int, rand: Rand) -> tuple[list[Pixels], Asked]:
    """The pictures, and what is asked of them."""
    signs, noun, first = made.signs, made.signs.noun, made.puzzle.starts[0]
    if name == "compare":
        asked = ask(made.puzzle, "fusion", 1, 0, signs.names, noun, rand)
        text = asked.text.replace("Each side", "Each picture").replace(
            "picture and note", "pictures and note"
        )
        return [_one(made, start, rand) for start in made.puzzle.starts], replace(asked, text=text)
    asked = ask(replace(made.puzzle, starts=(first, first)), "querying", 1, 0, signs.names, noun, rand)
    at = rand.below(count)
    others: list[int | None] = [rand.below(6) if name == "one_of" else None for _ in range(count)]
    shown = [_one(made, first if i == at else other, rand) for i, other in enumerate(others)]
    begin = f"what picture {at + 1} shows" if name == "one_of" else "the only sign in these pictures"
    return shown, replace(asked, text=asked.text.replace("what the left side shows", begin))


def _one(made: Drawn, start: int | None, rand: Rand) -> Pixels:
    """A picture of one side: fillers, and a sign unless ``start`` is None."""
    at = scene.places(rand, True, made.dials.objects)
    if start is None:
        at = scene.Places((), (*at.signs, *at.fillers))
    pixels = scene.sheet()
    scene.side_picture(pixels, 0, at, scene.sign_or_empty(made.signs, start), rand)
    return pixels[:HALF, :HALF].copy()


SWEEPS: dict[str, Dial] = {**DIALS, **{n: dial for n, dial in PICTURES.items() if len(dial.levels) > 1}}
"""Every variant that sweeps a dial."""
