"""Samples of the factorial probes, drawn from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from hemm.core import HemmError, Media, Sample
from hemm.tasks.probes.base import SHOT_SEEDS, TEST_SEEDS, TRAIN_SEEDS, png
from hemm.tasks.probes.draw import Rand
from hemm.tasks.probes.factorial import note, scene
from hemm.tasks.probes.factorial.cells import DRAWN_FLOWS, TEXT, TEXT_FLOWS, Plan, cells, plans
from hemm.tasks.probes.factorial.puzzle import RULE, SIDES, WORDS, Asked, Puzzle, ask, puzzle
from hemm.tasks.probes.factorial.scene import Dials, Pair
from hemm.tasks.probes.factorial.signs import TILE, USE_CASES, Pixels, Signs

BLOCKS = 2
"""Blocks of one sample a cell that are balanced together."""
USUAL = Dials()
QUICK = 2
"""Level of compression of the pictures: they are small, and many."""


@dataclass(frozen=True)
class Drawn:
    """One sample before it is one: what it is made of, for whoever draws it, changes it or solves it."""

    use_case: str
    plan: Plan
    puzzle: Puzzle
    signs: Signs
    other: Signs
    places: tuple[scene.Places, scene.Places]
    dials: Dials
    rand: Rand = field(repr=False)

    @property
    def in_picture(self) -> tuple[bool, bool]:
        """Whether the picture tells the starts, and the order."""
        return self.plan.held[0] != TEXT, self.plan.held[1] != TEXT

    @property
    def in_text(self) -> tuple[bool, bool]:
        """Whether the note tells the starts, and the order."""
        return self.plan.held[0] != "picture", self.plan.held[1] != "picture"


def drawn(use_case: str, plan: Plan, rand: Rand, dials: Dials = USUAL, *, moving: bool = False) -> Drawn:
    """A puzzle and the places of its things, from a stream of random numbers.

    moving  both sides become something else than they are
    """
    signs, other = USE_CASES[use_case][plan.signs], USE_CASES[use_case][1 - plan.signs]
    detail = plan.cell.fine_grained == "yes"
    at = (scene.places(rand, detail, dials.objects), scene.places(rand, detail, dials.objects))
    made = puzzle(rand)
    while moving and any(made.after[start] == start for start in made.starts):
        made = puzzle(rand)
    return Drawn(use_case, plan, made, signs, other, at, dials, rand)


def picture(made: Drawn, starts: tuple[int | None, int | None], *, written: bool = False) -> Pixels:
    """The picture with these signs on its sides (None: an empty frame).

    written  what comes after what stands as names instead of signs
    """
    pixels = scene.sheet()
    for side, (start, at) in enumerate(zip(starts, made.places, strict=True)):
        fixed = Rand("fillers", *at.fillers, side)
        scene.side_picture(pixels, side, at, scene.sign_or_empty(made.signs, start), fixed)
    shown, slots = _pairs(made, made.in_picture[1])
    if written:
        scene.written_pairs(pixels, [_named(made, pair) for pair in shown], slots)
    else:
        scene.pairs_picture(pixels, shown, slots)
    return pixels


def _pairs(made: Drawn, told: bool) -> tuple[list[Pair], list[int]]:
    """The pairs that are told, those of other signs among them, and the slots they are in."""
    rand = Rand("pairs", *made.puzzle.pairs, *made.puzzle.after)
    pairs: list[Pair] = []
    if told:
        pairs = [(made.signs.name, i, made.puzzle.after[i]) for i in made.puzzle.pairs]
        names = rand.sample(tuple(range(6)), 6)
        extra = zip(names, (*names[1:], names[0]), strict=True)
        pairs += [(made.other.name, a, b) for a, b in extra][: made.dials.distractors]
    slots = rand.sample(tuple(range(12)), len(pairs))
    return pairs, slots


def _named(made: Drawn, pair: Pair) -> tuple[str, str]:
    known = made.signs if pair[0] == made.signs.name else made.other
    return known.names[pair[1]], known.names[pair[2]]


def context(made: Drawn) -> str:
    """The text of a sample: the key where its cell gives one, and the note."""
    starts, order = made.in_text
    cell, sentences = made.plan.cell, []
    if starts:
        sentences += note.start_sentences(made.puzzle, made.signs, cell.fine_grained == "yes")
    if order:
        pairs, _ = _pairs(made, True)
        sentences += note.order_sentences([_named(made, pair) for pair in pairs], made.use_case)
    if cell.fine_grained == "yes" or not starts:
        sentences += note.fillers(made.use_case, made.dials.text_length, made.rand)
    return note.note(sentences, made.rand, note.key(made.signs) if cell.knowledge == "no" else "")


def question(made: Drawn) -> Asked:
    """What is asked and answered in words."""
    plan = made.plan
    names = made.signs.names
    return ask(made.puzzle, plan.cell.flow, plan.cell.steps, plan.side, names, made.signs.noun, made.rand)


def sample(made: Drawn, number: str, split: str = "test", **facts: Any) -> Sample:
    """The sample of a puzzle that is answered in words; ``facts`` are added to its metadata."""
    shown = made.puzzle.starts if made.in_picture[0] else (None, None)
    pixels = scene.dialled(picture(made, shown), made.dials, made.rand)
    text, asked = context(made), question(made)
    media = Media(png(pixels, QUICK), name=f"{number}.png", mime="image/png")
    return Sample(
        id=number,
        media=(media,),
        fields={"context": text, "question": asked.text},
        references=(asked.answer,),
        choices=asked.options,
        labels=made.plan.cell.labels(made.use_case),
        stratum=f"{made.plan.cell.interaction}/{made.plan.cell.flow}",
        metadata={**told(made), **facts},
        split="test" if split == "train" else split,
    )


def told(made: Drawn) -> dict[str, Any]:
    """The metadata that every sample has: which factors it has beside its labels."""
    plan = made.plan
    return {
        "template": f"{made.use_case}/{plan.cell.flow}",
        "steps": plan.cell.steps,
        "held": plan.holder,
        "starts": plan.held[0],
        "order": plan.held[1],
        "signs": made.signs.name,
        "side": SIDES[plan.side],
    }


def edited(made: Drawn, number: str, split: str = "test") -> Sample:
    """The sample of a puzzle that is answered with a picture: one side changed, or both sides drawn.

    The metadata has ``changed``, the boxes [x, y, width, height] that the answer is to change.
    """
    plan, given = made.plan, made.puzzle.starts if made.in_picture[0] else (None, None)
    before = picture(made, given, written=True)
    ends = (made.puzzle.end(0, plan.cell.steps), made.puzzle.end(1, plan.cell.steps))
    wanted = before.copy()
    sides = (0, 1) if plan.cell.flow == "translation" else (plan.side,)
    boxes = []
    for side in sides:
        for place in made.places[side].signs:
            scene.put(wanted, side, place, scene.sign_or_empty(made.signs, ends[side]))
            boxes.append([*scene.corner(side, place), TILE, TILE])
    steps = WORDS[plan.cell.steps]
    if plan.cell.flow == "translation":
        wanted[scene.TOP :] = 255
        text = (
            f"{RULE}Each side goes {steps} on. Draw the signs of what they become, each in the places of its "
            "side, and leave the sheet below the two sides empty."
        )
    else:
        text = (
            f"{RULE}The {SIDES[plan.side]} side goes {steps} on. Draw the sign of what it becomes in its "
            "places, and leave all else as it is."
        )
    return Sample(
        id=number,
        media=(Media(png(before, QUICK), name=f"{number}.png", mime="image/png"),),
        fields={"context": context(made), "question": text},
        references=(Media(png(wanted, QUICK), name=f"{number}-after.png", mime="image/png"),),
        labels=plan.cell.labels(made.use_case),
        stratum=f"{plan.cell.interaction}/{plan.cell.flow}",
        metadata={**told(made), "changed": boxes, "ends": [made.signs.names[i] for i in ends]},
        split="test" if split == "train" else split,
    )


def check_seed(seed: int, split: str) -> None:
    """Raise HemmError for a seed outside the range of its split."""
    allowed = {"test": TEST_SEEDS, "shots": SHOT_SEEDS, "train": TRAIN_SEEDS}[split]
    if seed not in allowed:
        raise HemmError(
            f"seed {seed} is no {split} seed of the probes: "
            f"take one from {allowed.start} to {allowed.stop - 1}"
        )


def generate(
    use_case: str, seed: int = 0, size: int = 288, *, split: str = "test", drawing: bool = False
) -> Iterator[Sample]:
    """``size`` samples of a use case: whole pairs of blocks of one sample a cell, so that they are balanced.

    size     a multiple of 288, or of 192 for ``drawing``; for other splits than ``test`` any number
    split    ``test``, ``shots`` or ``train``
    drawing  questions that are answered with a picture

    Raises HemmError for a seed outside the split's range and for a size that is not balanced.

    >>> from hemm.tasks.probes.factorial.samples import generate
    >>> one = next(generate("science", seed=17))
    >>> one.choices.index(one.references[0]) in range(4), sorted(one.labels)[:2]
    (True, ['external_knowledge', 'fine_grained'])
    """
    check_seed(seed, split)
    flows = DRAWN_FLOWS if drawing else TEXT_FLOWS
    whole = len(cells(flows)) * BLOCKS
    if size <= 0 or (split == "test" and size % whole):
        raise HemmError(f"size {size} of the probes of {use_case}: take a positive multiple of {whole}")
    kind = "drawn" if drawing else "asked"
    mark = f"{use_case}-{kind}-" + ("" if split == "test" else f"{split}-")
    order = Rand("order", use_case, kind, seed).sample(tuple(range(whole // BLOCKS)), whole // BLOCKS)
    for index, plan in enumerate(plans(flows, size, order)):
        rand = Rand("factorial", use_case, kind, seed, index)
        made = drawn(use_case, plan, rand, moving=drawing)
        yield (edited if drawing else sample)(made, f"{mark}{index:06d}", split)


def facts_of(dials: Dials) -> dict[str, Any]:
    """The levels of all dials, as metadata."""
    return asdict(dials)
