"""The text of a factorial probe: what it tells of starts and order, the key, and what tells nothing."""

from __future__ import annotations

from dataclasses import dataclass

from hemm.tasks.probes.draw import Rand
from hemm.tasks.probes.factorial.puzzle import SIDES, Puzzle
from hemm.tasks.probes.factorial.signs import Signs


@dataclass(frozen=True)
class Setting:
    """How a use case talks.

    after    "{a} ... {b}": that b comes after a
    fillers  sentences that tell nothing of the puzzle, made of the parts of ``things`` and ``facts``
    """

    after: str
    things: tuple[str, ...]
    facts: tuple[str, ...]


SETTINGS = {
    "multimedia": Setting(
        "{a} is followed by {b}",
        ("the slide show", "the album", "the film", "the gallery", "the poster", "the screen"),
        ("is new", "is in the hall", "has no sound", "opens at noon", "was made by hand", "is well known"),
    ),
    "affective_computing": Setting(
        "{a} gives way to {b}",
        ("the song", "the play", "the diary", "the singer", "the letter", "the evening"),
        ("is short", "is told twice", "has no title", "begins late", "is in rhyme", "is about a friend"),
    ),
    "science": Setting(
        "{a} turns into {b}",
        ("the sample", "the balance", "the bench", "the flask", "the report", "the lamp"),
        (
            "is clean",
            "was checked today",
            "has a label",
            "stands by the door",
            "is made of glass",
            "is on loan",
        ),
    ),
    "healthcare": Setting(
        "after {a} comes {b}",
        ("the ward", "the plan", "the nurse", "the chart", "the visit", "the pharmacy"),
        ("is quiet", "is on the first floor", "has been moved", "is ready", "was signed", "is open today"),
    ),
    "hci": Setting(
        "{a} leads to {b}",
        ("the app", "the menu", "the button", "the screen", "the update", "the icon"),
        ("is grey", "was tested", "has a help page", "starts at once", "works offline", "is for guests"),
    ),
}

STARTS = (
    "On the {side}: {look}.",
    "All over the {side} side: {look}.",
    "What fills the {side} side: {look}.",
)
"""What a note says of a start: the first where one sentence decides, all where the whole note does."""


def start_sentences(puzzle: Puzzle, signs: Signs, detail: bool) -> list[str]:
    """What the signs on both sides look like."""
    looks = list(signs.looks.values())
    kinds = STARTS[:1] if detail else STARTS
    return [
        kind.format(side=side, look=looks[start])
        for side, start in zip(SIDES, puzzle.starts, strict=True)
        for kind in kinds
    ]


def order_sentences(pairs: list[tuple[str, str]], use_case: str) -> list[str]:
    """That one name comes after another, for each pair."""
    after = SETTINGS[use_case].after
    return [_begun(after.format(a=a, b=b)) for a, b in pairs]


def fillers(use_case: str, count: int, rand: Rand) -> list[str]:
    """Sentences that tell nothing."""
    setting = SETTINGS[use_case]
    return [_begun(f"{rand.pick(setting.things)} {rand.pick(setting.facts)}") for _ in range(count)]


def key(signs: Signs) -> str:
    """What each sign stands for: the knowledge that a sample needs, given."""
    return "Key: " + "; ".join(f"{look} = {name}" for name, look in signs.looks.items()) + "."


def note(sentences: list[str], rand: Rand, known: str = "") -> str:
    """The note with its sentences in random order, after the key where there is one."""
    text = " ".join(rand.sample(sentences, len(sentences)))
    return "\n".join(part for part in (known, f"Note: {text}" if text else "") if part)


def _begun(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
