"""Answer formats: the one place where a model's text becomes an answer. ``docs/answers.md`` states the rules.

Formats are frozen dataclasses. ``parse`` never guesses: what names no answer, or several, is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from hemm.core import Reading, Sample
from hemm.parsing.answer_text import answered, body_of, lines, unmarked, without_markdown
from hemm.parsing.many_stages import many_of
from hemm.parsing.markers import ordered
from hemm.parsing.number_stages import one_number
from hemm.parsing.numbers import read_number
from hemm.parsing.option_stages import one_of
from hemm.parsing.options import Options, letters
from hemm.parsing.patterns import late
from hemm.parsing.refusal import only_refuses
from hemm.parsing.stages import MARKER, OPEN, STRUCTURED, WHOLE
from hemm.parsing.yes_no_words import read_yes_no, yes_or_no

__all__ = [
    "Caption",
    "FreeText",
    "ManyOf",
    "Number",
    "OneOf",
    "ShortAnswer",
    "YesNo",
    "join_labels",
    "letters",
    "split_labels",
]

LABEL_SEPARATOR = "; "
"""How the labels of one set stand in one reference."""


def join_labels(labels: Iterable[str]) -> str:
    """A set of labels as one reference. A label may hold no semicolon.

    >>> join_labels(["drama", "film noir"])
    'drama; film noir'
    """
    return LABEL_SEPARATOR.join(labels)


def split_labels(reference: str) -> frozenset[str]:
    """The labels of a reference that ``join_labels`` made; the empty text holds none.

    >>> sorted(split_labels("drama; film noir"))
    ['drama', 'film noir']
    """
    return frozenset(part for label in reference.split(LABEL_SEPARATOR.strip()) if (part := label.strip()))


@dataclass(frozen=True)
class YesNo:
    """Yes or no. The value is ``words[0]`` or ``words[1]``; yes and true, no and false are read alike.

    ``words`` are written as the references are, the affirmative one first.

    >>> from hemm.core import Sample
    >>> YesNo().parse("Yes, it is.", Sample("1"))
    'yes'
    >>> YesNo(("real", "fake")).parse("No.", Sample("1"))
    'fake'
    """

    words: tuple[str, str] = ("yes", "no")
    name: str = field(default="yes_no", init=False)
    version: int = field(default=2, init=False)

    @property
    def instruction(self) -> str:
        return f"Reply with one word: {self.words[0]} or {self.words[1]}."

    def parse(self, text: str, sample: Sample) -> str | None:
        value: str | None = self.read(text, sample).value
        return value

    def read(self, text: str, sample: Sample) -> Reading:
        reading = read_yes_no(text)
        return (
            reading
            if reading.value is None
            else replace(reading, value=self.words[0 if reading.value else 1])
        )

    def options(self, sample: Sample) -> tuple[str, ...]:
        return self.words

    def render(self, reference: str, sample: Sample) -> str:
        return reference


@lru_cache(maxsize=8192)
def _options(choices: tuple[str, ...], labels: tuple[tuple[str, str], ...], lettered: bool) -> Options:
    back = {text: reference for reference, text in labels}
    return Options(choices, [back.get(c, c) for c in choices], letters(choices) if lettered else ())


@dataclass(frozen=True)
class OneOf:
    """One of ``sample.choices``. The value is the choice as the references write it.

    labels    reference -> text shown, where they differ (``denseresidential`` -> ``dense residential``);
              ``sample.choices`` hold the texts shown
    lettered  the prompt shows letters before the choices (``letters(choices)``) and asks for the letter

    >>> from hemm.core import Sample
    >>> sample = Sample("1", choices=("cat", "dog"))
    >>> OneOf().parse("B", sample), OneOf().parse("It is a dog.", sample), OneOf().parse("cat or dog", sample)
    ('dog', 'dog', None)
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    lettered: bool = True
    name: str = field(default="one_of", init=False)
    version: int = field(default=2, init=False)

    @property
    def instruction(self) -> str:
        if self.lettered:
            return "Reply with the letter of the right option and nothing else."
        return "Reply with exactly one of these and nothing else: {{ labels }}."

    def table(self, sample: Sample) -> Options:
        """The options of ``sample`` with all the ways to name them."""
        return _options(sample.choices, tuple(self.labels.items()), self.lettered)

    def parse(self, text: str, sample: Sample) -> str | None:
        value: str | None = self.read(text, sample).value
        return value

    def read(self, text: str, sample: Sample) -> Reading:
        if not sample.choices:
            return Reading()
        table = self.table(sample)
        reading = one_of(text, table)
        return reading if reading.value is None else replace(reading, value=table.references[reading.value])

    def options(self, sample: Sample) -> tuple[str, ...]:
        return self.table(sample).marks if self.lettered else sample.choices

    def render(self, reference: str, sample: Sample) -> str:
        table = self.table(sample)
        if reference not in table.references:
            return reference
        return self.options(sample)[table.references.index(reference)]


@dataclass(frozen=True)
class ManyOf:
    """Any number of ``sample.choices``. The value is a frozenset of labels; a reference holds a whole set,
    made by ``join_labels``. ``none`` is the empty set.

    labels, lettered  as in ``OneOf``

    >>> from hemm.core import Sample
    >>> sorted(ManyOf().parse("drama; comedy", Sample("1", choices=("drama", "comedy", "war"))))
    ['comedy', 'drama']
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    lettered: bool = False
    name: str = field(default="many_of", init=False)
    version: int = field(default=2, init=False)

    @property
    def instruction(self) -> str:
        what = (
            "the letters of all options that apply"
            if self.lettered
            else "all that apply of these: {{ labels }}"
        )
        return f"List {what}, separated by semicolons, and nothing else."

    def parse(self, text: str, sample: Sample) -> frozenset[str] | None:
        value: frozenset[str] | None = self.read(text, sample).value
        return value

    def read(self, text: str, sample: Sample) -> Reading:
        if not sample.choices:
            return Reading()
        table = _options(sample.choices, tuple(self.labels.items()), self.lettered)
        reading = many_of(text, table)
        if reading.value is None:
            return reading
        return replace(reading, value=frozenset(table.references[i] for i in reading.value))

    def options(self, sample: Sample) -> tuple[str, ...]:
        return ()

    def render(self, reference: str, sample: Sample) -> str:
        table = _options(sample.choices, tuple(self.labels.items()), self.lettered)
        wanted = split_labels(reference)
        named = table.marks if self.lettered else table.shown
        shown_names = [n for n, r in zip(named, table.references, strict=True) if r in wanted]
        return join_labels(shown_names) if shown_names else "none"


_SHORT_WORDS = 8
_OPENING = late(r"^(?:answer|a|caption|response|output)\s{0,4}[:：]\s*", re.IGNORECASE)
_ABBREVIATED = late(r"(?:\b[^\W\d_\u3040-\u30ff\u3400-\u9fff]\.){2,}$")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“"}


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        return text[1:-1].strip()
    return text


@dataclass(frozen=True)
class ShortAnswer:
    """A word or a few. The value is the text of an explicit final answer, else the first line where that is
    short (8 words), else the whole text in one line; without quotes and a closing full stop.

    A full stop after one letter or digit goes too (``Vitamin K.``); that of ``U.S.`` stays.
    A sample with choices is read as ``YesNo`` (choices yes, no) or ``OneOf`` (any other).

    lettered  the prompt shows letters before the choices, where there are some, and asks for the letter

    >>> from hemm.core import Sample
    >>> ShortAnswer().parse("Answer: a red bus.", Sample("1"))
    'a red bus'
    """

    lettered: bool = False
    name: str = field(default="short_answer", init=False)
    version: int = field(default=2, init=False)

    @property
    def instruction(self) -> str:
        closed, open_ = "Reply with one of these: {{ labels }}.", "Reply with a word or a short phrase."
        if self.lettered:
            closed = OneOf().instruction
        return f"{{% if labels %}}{closed}{{% else %}}{open_}{{% endif %}}"

    def parse(self, text: str, sample: Sample) -> str | None:
        value: str | None = self.read(text, sample).value
        return value

    def read(self, text: str, sample: Sample) -> Reading:
        if sample.choices:
            return self._closed(sample).read(text, sample)
        body = body_of(text)
        if only_refuses(body.text):
            return Reading()
        clean = unmarked(body)
        said, span, stage = clean.text, clean.span(0, len(clean.text)), WHOLE
        for piece, place, mark in ordered(body, clean):
            if piece.strip():
                said, span, stage = piece, place, STRUCTURED if mark.structured else MARKER
                break
        parts = lines(said)
        if not parts:
            return Reading()
        short = len(parts) == 1 or len(parts[0].split()) <= _SHORT_WORDS
        answer = _unquoted(_OPENING.sub("", parts[0] if short else " ".join(parts)))
        if answer.endswith(".") and not _ABBREVIATED.search(answer):
            answer = answer[:-1].rstrip()
        answer = _unquoted(answer)
        return Reading(answer, stage, span) if answer else Reading()

    def options(self, sample: Sample) -> tuple[str, ...]:
        return self._closed(sample).options(sample) if sample.choices else ()

    def render(self, reference: str, sample: Sample) -> str:
        return self._closed(sample).render(reference, sample) if sample.choices else reference

    def _closed(self, sample: Sample) -> YesNo | OneOf:
        return OneOf() if self.lettered else _closed(sample)


def _closed(sample: Sample) -> YesNo | OneOf:
    choices = sample.choices
    if len(choices) == 2:
        sides = [yes_or_no(c) for c in choices]
        if sides == [True, False]:
            return YesNo((choices[0], choices[1]))
        if sides == [False, True]:
            return YesNo((choices[1], choices[0]))
    return OneOf(lettered=False)


@dataclass(frozen=True)
class Number:
    """A number. The value is a float; a percent sign and units are dropped. Several that differ are none.

    decimal_comma  answers write ``0,125`` and ``1.000`` (a thousand); else ``0,125`` is not read

    >>> from hemm.core import Sample
    >>> Number().parse("The bar is at 42 %.", Sample("1")), Number().parse("3 or 4", Sample("1"))
    (42.0, None)
    """

    decimal_comma: bool = False
    name: str = field(default="number", init=False)
    version: int = field(default=2, init=False)

    @property
    def instruction(self) -> str:
        return "Reply with a number and nothing else."

    def parse(self, text: str, sample: Sample) -> float | None:
        value: float | None = self.read(text, sample).value
        return value

    def read(self, text: str, sample: Sample) -> Reading:
        return one_number(text, self.decimal_comma)

    def options(self, sample: Sample) -> tuple[str, ...]:
        return sample.choices

    def render(self, reference: str, sample: Sample) -> str:
        value = read_number(reference)
        return reference if value is None else f"{value:.15g}"


_CAPTION = 200_000  # characters of a text in which a caption is looked for


def _open(value: str | None, text: str) -> Reading:
    """The reading of an open format: the whole text."""
    return Reading() if value is None else Reading(value, OPEN, (0, len(text)))


_LEAD_IN = late(
    r"^(?:(?:sure|certainly|of course|okay)[,!.]?\s*)?"
    r"(?:here(?:['’]s| is) (?:a|the|your|one)[^:\n]{0,60}:|(?:caption|description|title)\s*:)\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Caption:
    """A sentence or a few about a picture: the text in one line, without quotes and lead-ins (``Caption:``,
    ``Here is a caption:``).

    >>> from hemm.core import Sample
    >>> Caption().parse("Here is a caption: Two owls on a branch.", Sample("1"))
    'Two owls on a branch.'
    """

    name: str = field(default="caption", init=False)
    version: int = field(default=2, init=False)

    @property
    def instruction(self) -> str:
        return "Reply with one sentence."

    def parse(self, text: str, sample: Sample) -> str | None:
        caption = " ".join(without_markdown(answered(text[:_CAPTION])).split())
        return None if only_refuses(caption) else _unquoted(_LEAD_IN.sub("", caption)) or None

    def read(self, text: str, sample: Sample) -> Reading:
        return _open(self.parse(text, sample), text)

    def options(self, sample: Sample) -> tuple[str, ...]:
        return ()

    def render(self, reference: str, sample: Sample) -> str:
        return reference


@dataclass(frozen=True)
class FreeText:
    """Any text: thinking is removed, line breaks and Markdown are kept.

    >>> from hemm.core import Sample
    >>> FreeText().parse("<think>Hm.</think>Two **owls**", Sample("1"))
    'Two **owls**'
    """

    name: str = field(default="free_text", init=False)
    version: int = field(default=2, init=False)

    @property
    def instruction(self) -> str:
        return ""

    def parse(self, text: str, sample: Sample) -> str | None:
        body = answered(text)
        return None if only_refuses(body) else body or None

    def read(self, text: str, sample: Sample) -> Reading:
        return _open(self.parse(text, sample), text)

    def options(self, sample: Sample) -> tuple[str, ...]:
        return ()

    def render(self, reference: str, sample: Sample) -> str:
        return reference
