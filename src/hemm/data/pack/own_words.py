"""What the questions of a user's data say themselves: how to answer, or which options there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hemm.core.text import letters

if TYPE_CHECKING:
    from hemm.core import Task
    from hemm.data.pack.reader import Pack

BRINGS = "brings"
"""The key of the index entry of a user's task that names what all its questions bring."""
INSTRUCTION, OPTIONS = "instruction", "options"
_END = 300  # characters at the end of a question, where instructions stand
_INSTRUCTION = re.compile(
    r"\b(?:answer|respond|reply|select|choose|provide|output|give)\b[^?\n]{0,120}?"
    r"\b(?:letters?|options?|choices?|single word|one word|word or|single number|a number|yes or no|directly|"
    r"nothing else|option name)\b",
    re.IGNORECASE,
)
_LETTERED = re.compile(r"(?:^|[\s(])([A-Z])[.):]\s*\S")

Question = tuple[str, Sequence[str]]
"""A question with its choices."""


def says_how(question: str) -> bool:
    """Whether a question ends with an instruction of its own.

    >>> says_how("Is it red? Please answer directly with a single word or number.")
    True
    >>> says_how("Which option did they choose?")
    False
    """
    return _INSTRUCTION.search(question[-_END:].rpartition("?")[2]) is not None


def shows(question: str, choices: Sequence[str]) -> bool:
    """Whether a question has all the choices, each after its letter."""
    place = 0
    for letter, choice in zip(letters(len(choices)), choices, strict=True):
        match = re.compile(rf"\(?{letter}[.):]\s*{re.escape(choice.strip())}").search(question, place)
        if match is None:
            return False
        place = match.end()
    return bool(choices)


def letters_in(question: str) -> list[str]:
    """The letters of the options that stand in a question: A, B, and so on; empty where there are none.

    >>> letters_in("Which bird? A: owl, B: gull"), letters_in("Which bird is A?")
    (['A', 'B'], [])
    """
    found = list(dict.fromkeys(match[1] for match in _LETTERED.finditer(question)))
    return found if len(found) > 1 and tuple(found) == letters(len(found)) else []


def brought(questions: Iterable[Question]) -> set[str]:
    """What all of the questions bring; nothing where there are none."""
    both, seen = {INSTRUCTION, OPTIONS}, False
    for question, choices in questions:
        seen = True
        if not says_how(question):
            both.discard(INSTRUCTION)
        if not shows(question, choices):
            both.discard(OPTIONS)
        if not both:
            break
    return both if seen else set()


def brought_by(task: Task, pack: Pack) -> list[str]:
    """What the index entry of a user's task says of its new pack.

    Data that had a pack before keep their prompt but where their questions bring less now.
    """
    import orjson

    from hemm.data import cache
    from hemm.data.files import read_table

    before = cache.entry(task.name, task.origin) or cache.entry(task.name)
    if before is not None and not before.get(BRINGS):
        return []

    def questions() -> Iterable[Question]:
        for name in pack.info["files"]:
            table = read_table(pack.path / "data" / name, columns=["fields", "choices"])
            rows = zip(table["fields"].to_pylist(), table["choices"].to_pylist(), strict=True)
            for fields, choices in rows:
                found = orjson.loads(fields) if isinstance(fields, str) else dict(fields or {})
                yield str(found.get("question", "")), choices or ()

    now = brought(questions())
    return sorted(now if before is None else now & {*before[BRINGS]})
