"""What the stages of reading have in common: their names in order, what they see, what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from hemm.core import Reading
from hemm.parsing import clauses
from hemm.parsing.answer_text import body_of, sentence_spans, unmarked
from hemm.parsing.located import Located, Span
from hemm.parsing.markers import Mark, ordered
from hemm.parsing.refusal import refuses

WHOLE, STRUCTURED, MARKER = "whole", "structured", "final marker"
CONCLUSION, LEADING, ONLY = "conclusion", "leading", "only"
OPEN = "open"
"""Open formats (captions, free text) take the whole answer."""

T = TypeVar("T", int, float)
A = TypeVar("A", bound="Answer")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What a stage finds (numbers of options, or numbers), and where the original text says it."""

    values: frozenset[T]
    span: Span

    @property
    def one(self) -> T | None:
        return next(iter(self.values)) if len(self.values) == 1 else None


class Answer:
    """One answer as the stages see it: never its references."""

    def __init__(self, text: str) -> None:
        self.raw = text
        self.body: Located = body_of(text)
        self.clean: Located = unmarked(self.body)

    @cached_property
    def sentences(self) -> list[Span]:
        """Sentences that say something."""
        return self.said()

    def said(self) -> list[Span]:
        """Sentences that are no questions, no courtesies, and none that ``passed_over`` names."""
        text = self.clean.text
        return [
            (b, e)
            for b, e in sentence_spans(text)
            if not clauses.asks(text[b:e])
            and not clauses.polite(text[b:e])
            and not self.passed_over(text[b:e])
        ]

    def passed_over(self, sentence: str) -> bool:
        """Whether a sentence says nothing of what is looked for."""
        return False

    @cached_property
    def marks(self) -> list[tuple[str, Span, Mark]]:
        """Explicit answers, the one that decides first."""
        return ordered(self.body, self.clean)

    @cached_property
    def says_unknown(self) -> bool:
        """Whether any sentence says that the answer is not known."""
        text = self.clean.text
        return any(clauses.unknown(text[b:e]) for b, e in self.sentences)


def read_through(answer: A, stages: Iterable[tuple[str, Callable[[A], Found[Any] | None]]]) -> Reading:
    """What the first stage that applies finds, if it is one value; a refusal has explicit answers alone."""
    refused = refuses(answer.clean.text)
    for name, stage in stages:
        if refused and name in (CONCLUSION, LEADING, ONLY):
            break
        found = stage(answer)
        if found is None:
            continue
        if found.one is not None:
            return Reading(found.one, name, found.span)
        break
    return Reading()
