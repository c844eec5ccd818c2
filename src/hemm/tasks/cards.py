"""Task card files: what a user says in YAML about their own data (keys: ``docs/your-own-data.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from hemm.core import AnswerFormat, BadData, UnknownName, check_labels
from hemm.core.user_files import Takes, read_yaml, typed
from hemm.parsing.formats import Caption, FreeText, ManyOf, Number, OneOf, ShortAnswer, YesNo

CARD = "card.yaml"

ANSWERS: Mapping[str, tuple[type[AnswerFormat], tuple[str, ...]]] = {
    "yes_no": (YesNo, ("words",)),
    "one_of": (OneOf, ("labels", "lettered")),
    "many_of": (ManyOf, ("labels", "lettered")),
    "short_answer": (ShortAnswer, ("lettered",)),
    "number": (Number, ()),
    "caption": (Caption, ()),
    "free_text": (FreeText, ()),
}
"""Name of an answer format -> the format, and which settings it takes."""
COLUMNS = (
    *("id", "image", "images", "audio", "video", "question", "answer", "answers", "choices"),
    *("split", "labels", "unit", "cluster", "after", "stratum", "metadata"),
)
"""What a column can be mapped to; every other name is a field for the prompt."""


@dataclass(frozen=True)
class UserCard:
    """A card file, read: its keys. Empty values are left to the layout.

    columns  our name -> the table's columns: one, several (pictures, choices), or none (not used)
    """

    where: str = ""
    name: str = ""
    title: str = ""
    citation: str = ""
    homepage: str = ""
    licence: str = ""
    notes: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    prompt: str = ""
    system: str = ""
    answer: str | Mapping[str, Any] = ""
    metrics: tuple[str, ...] = ()
    max_new_tokens: Annotated[str, Takes("a whole number from 1 on", lambda n: int(n) >= 1)] = ""
    file: str = ""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    split: str = ""
    shots: str = ""
    config: str = ""
    revision: str = ""

    @property
    def format(self) -> AnswerFormat | None:
        """What ``answer`` says."""
        return self._format[0]

    @property
    def shown(self) -> dict[str, str]:
        """Gold label -> text shown, from ``answer.labels``: the choices of rows that have none."""
        return self._format[1]

    @cached_property
    def _format(self) -> tuple[AnswerFormat | None, dict[str, str]]:
        if not self.answer:
            return None, {}
        settings = {"format": self.answer} if isinstance(self.answer, str) else self.answer
        said = typed(_Answer, settings, f"{self.where}, answer")
        if said.format not in ANSWERS:
            raise UnknownName(f"answer format in {self.where}", said.format, ANSWERS)
        kind, takes = ANSWERS[said.format]
        if other := sorted(settings.keys() - {"format", *takes}):
            raise BadData(f"{self.where}: answer format {said.format} takes no {other[0]!r}")
        shown = dict(said.labels) if isinstance(said.labels, Mapping) else {x: x for x in said.labels}
        given: dict[str, Any] = {"words": said.words} if said.words else {}
        given |= {"labels": shown, "lettered": False} if shown else {}
        given |= {"lettered": said.lettered == "true"} if said.lettered else {}
        return kind(**given), shown


@dataclass(frozen=True)
class _Answer:
    """``answer`` of a card, where it is more than the name of a format."""

    format: str
    words: Annotated[
        tuple[str, ...], Takes("a list of two words, the affirmative one first", lambda w: len(w) == 2)
    ] = ()
    labels: Mapping[str, str] | tuple[str, ...] = ()
    lettered: Annotated[str, Takes("true or false", {"true", "false"}.__contains__)] = ""


def read_card(path: Path) -> UserCard:
    """Read a card file. Raises BadData, or UnknownName for an unknown key (with the nearest)."""
    # as text, so that `yes` and `no` stay the words they are
    found = {k: v.strip() if isinstance(v, str) else v for k, v in read_yaml(path, as_text=True).items()}
    if isinstance(found.get("metrics"), str):
        found["metrics"] = found["metrics"].split()
    card = typed(UserCard, found, str(path), where=str(path))
    check_labels(card.labels, card.where)
    for name, columns in card.columns.items():
        if len(columns) > 1 and name not in ("image", "images", "answers", "choices"):
            raise BadData(f"{path}: columns: {name} is made of one column, not {len(columns)}")
    _ = card.format  # what is wrong with it is told now
    return card
