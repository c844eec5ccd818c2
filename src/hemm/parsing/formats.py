"""Answer formats: the one place where a model's text becomes an answer. ``docs/answers.md`` states the rules.

Formats are frozen dataclasses that implement ``core.AnswerFormat``. ``parse`` never guesses: what names no
answer, or several, is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from hemm.core import Sample
from hemm.parsing.answer_text import NEGATION, answered, ends_of_answer, lines, marked, without_markdown
from hemm.parsing.numbers import read_number, the_number
from hemm.parsing.options import Options, letters, one_of
from hemm.parsing.refusal import only_refuses, refuses
from hemm.parsing.yes_no_words import yes_or_no

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
    version: int = field(default=1, init=False)

    @property
    def instruction(self) -> str:
        return f"Reply with one word: {self.words[0]} or {self.words[1]}."

    def parse(self, text: str, sample: Sample) -> str | None:
        side = yes_or_no(text)
        return None if side is None else self.words[0 if side else 1]

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
    version: int = field(default=1, init=False)

    @property
    def instruction(self) -> str:
        if self.lettered:
            return "Reply with the letter of the right option and nothing else."
        return "Reply with exactly one of these and nothing else: {{ labels }}."

    def table(self, sample: Sample) -> Options:
        """The options of ``sample`` with all the ways to name them."""
        return _options(sample.choices, tuple(self.labels.items()), self.lettered)

    def parse(self, text: str, sample: Sample) -> str | None:
        if not sample.choices:
            return None
        table = self.table(sample)
        number = one_of(text, table)
        return None if number is None else table.references[number]

    def options(self, sample: Sample) -> tuple[str, ...]:
        return self.table(sample).marks if self.lettered else sample.choices

    def render(self, reference: str, sample: Sample) -> str:
        table = self.table(sample)
        if reference not in table.references:
            return reference
        return self.options(sample)[table.references.index(reference)]


_SEPARATED = re.compile(r"\s*[;\n]\s*")
_LISTED = re.compile(r"\s*(?:[,;/|\n、，；]|\band\b|&|\+|\bund\b|\bet\b|\by\b)\s*", re.IGNORECASE)
_NOTHING = re.compile(r"^\W*(?:none(?: of (?:these|them|the above))?|nothing|no labels?)\W*$", re.IGNORECASE)


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
    version: int = field(default=1, init=False)

    @property
    def instruction(self) -> str:
        what = (
            "the letters of all options that apply"
            if self.lettered
            else "all that apply of these: {{ labels }}"
        )
        return f"List {what}, separated by semicolons, and nothing else."

    def parse(self, text: str, sample: Sample) -> frozenset[str] | None:
        if not sample.choices:
            return None
        table = _options(sample.choices, tuple(self.labels.items()), self.lettered)
        numbers = _many(text, table)
        return None if numbers is None else frozenset(table.references[i] for i in numbers)

    def options(self, sample: Sample) -> tuple[str, ...]:
        return ()

    def render(self, reference: str, sample: Sample) -> str:
        table = _options(sample.choices, tuple(self.labels.items()), self.lettered)
        wanted = split_labels(reference)
        named = table.marks if self.lettered else table.shown
        shown_names = [n for n, r in zip(named, table.references, strict=True) if r in wanted]
        return join_labels(shown_names) if shown_names else "none"


def _many(text: str, table: Options) -> set[int] | None:
    body = ends_of_answer(text)
    if not body:
        return None
    spans = marked(body)
    unmarked = without_markdown(spans[0] if spans else body)
    exact = table.raw(unmarked)
    if exact is not None:
        return {exact}
    if _NOTHING.match(unmarked) or not unmarked:
        return set() if unmarked else None
    for separator in (_SEPARATED, _LISTED):
        read = [table.exact(item) for item in separator.split(unmarked) if item.strip()]
        if read and all(len(found) == 1 for found in read):
            return set().union(*read)
    run = re.sub(r"[\s,;.]", "", unmarked)
    if table.marks and set(run) <= {m for m in table.marks if len(m) == 1} and len(set(run)) == len(run):
        return {table.marks.index(mark) for mark in run}
    if refuses(unmarked) or NEGATION.search(unmarked):
        return None
    return table.mentions(unmarked) | table.explicit(unmarked) or None


_SHORT_WORDS = 8
_OPENING = re.compile(r"^(?:answer|a|caption|response|output)\s{0,4}[:：]\s*", re.IGNORECASE)
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

    A sample with choices is read as ``YesNo`` (choices yes, no) or ``OneOf`` (any other).

    lettered  the prompt shows letters before the choices, where there are some, and asks for the letter

    >>> from hemm.core import Sample
    >>> ShortAnswer().parse("Answer: a red bus.", Sample("1"))
    'a red bus'
    """

    lettered: bool = False
    name: str = field(default="short_answer", init=False)
    version: int = field(default=1, init=False)

    @property
    def instruction(self) -> str:
        closed, open_ = "Reply with one of these: {{ labels }}.", "Reply with a word or a short phrase."
        if self.lettered:
            closed = OneOf().instruction
        return f"{{% if labels %}}{closed}{{% else %}}{open_}{{% endif %}}"

    def parse(self, text: str, sample: Sample) -> str | None:
        if sample.choices:
            return self._closed(sample).parse(text, sample)
        body = answered(text)
        if only_refuses(body):
            return None
        spans = [s for s in marked(body) if without_markdown(s)]
        parts = lines(without_markdown(spans[0] if spans else body))
        if not parts:
            return None
        answer = parts[0] if len(parts) == 1 or len(parts[0].split()) <= _SHORT_WORDS else " ".join(parts)
        answer = _unquoted(_OPENING.sub("", answer))
        if answer.endswith(".") and not re.search(r"\b\w\.$", answer):
            answer = answer[:-1].rstrip()
        return _unquoted(answer) or None

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

    >>> from hemm.core import Sample
    >>> Number().parse("The bar is at 42 %.", Sample("1")), Number().parse("3 or 4", Sample("1"))
    (42.0, None)
    """

    name: str = field(default="number", init=False)
    version: int = field(default=1, init=False)

    @property
    def instruction(self) -> str:
        return "Reply with a number and nothing else."

    def parse(self, text: str, sample: Sample) -> float | None:
        return the_number(text)

    def options(self, sample: Sample) -> tuple[str, ...]:
        return sample.choices

    def render(self, reference: str, sample: Sample) -> str:
        value = read_number(reference)
        return reference if value is None else f"{value:.15g}"


_LEAD_IN = re.compile(
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
    version: int = field(default=1, init=False)

    @property
    def instruction(self) -> str:
        return "Reply with one sentence."

    def parse(self, text: str, sample: Sample) -> str | None:
        caption = " ".join(without_markdown(answered(text)).split())
        return None if only_refuses(caption) else _unquoted(_LEAD_IN.sub("", caption)) or None

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
    version: int = field(default=1, init=False)

    @property
    def instruction(self) -> str:
        return ""

    def parse(self, text: str, sample: Sample) -> str | None:
        body = answered(text)
        return None if only_refuses(body) else body or None

    def options(self, sample: Sample) -> tuple[str, ...]:
        return ()

    def render(self, reference: str, sample: Sample) -> str:
        return reference
