"""Reading one of several options: letters, option texts, both, or a single mention in prose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from hemm.parsing.answer_text import (
    NEGATION,
    ends_of_answer,
    fold,
    lines,
    loose,
    marked,
    sentences,
    without_markdown,
)
from hemm.parsing.refusal import refuses


def letter(number: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA, as spreadsheets count."""
    name = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        name = chr(65 + digit) + name
    return name


@lru_cache(maxsize=4096)
def letters(choices: tuple[str, ...]) -> tuple[str, ...]:
    """The letters shown before the choices: A, B, C ... unless a choice itself reads as the letter of another
    one; then a later run of letters that no choice reads as.

    >>> letters(("heron", "gull", "owl"))
    ('A', 'B', 'C')
    >>> letters(("C", "A", "D"))  # vitamins: the reply A would mean two of them
    ('E', 'F', 'G')
    """
    texts = [loose(c) for c in choices]
    start = 0
    while True:
        run = tuple(letter(start + i) for i in range(len(choices)))
        taken = {mark.casefold(): i for i, mark in enumerate(run)}
        if all(taken.get(text, i) == i for i, text in enumerate(texts)):
            return run
        start += 1


class Options:
    """The options of one question and all the ways in which a text can name them.

    ``shown`` are the texts that the model sees, ``references`` what they stand for (as the data set
    writes them).
    """

    def __init__(self, shown: Sequence[str], references: Sequence[str], marks: Sequence[str]) -> None:
        self.shown, self.references, self.marks = tuple(shown), tuple(references), tuple(marks)
        self._mark = {m.casefold(): i for i, m in enumerate(marks)}
        self.known: dict[str, int | None] = {}

    @cached_property
    def _raw(self) -> dict[str, int]:
        table: dict[str, int] = {}
        for texts in (self.shown, self.references):
            for i, text in enumerate(texts):
                table.setdefault(text, i)
        for i, text in enumerate((*self.shown, *self.references)):
            table.setdefault(text.strip(), i % len(self.shown))
        return table

    @cached_property
    def _folded(self) -> dict[str, set[int]]:
        return self._table(fold)

    @cached_property
    def _loose(self) -> dict[str, set[int]]:
        return self._table(loose)

    def _table(self, form: object) -> dict[str, set[int]]:
        assert callable(form)
        table: dict[str, set[int]] = {}
        for i, text in enumerate((*self.shown, *self.references)):
            key = form(text)
            if key:
                table.setdefault(key, set()).add(self._first(i % len(self.shown)))
        return table

    def _first(self, index: int) -> int:
        """Equal options count as one."""
        return self.references.index(self.references[index])

    def raw(self, text: str) -> int | None:
        """The option whose text ``text`` is, to the letter."""
        number = self._raw.get(text)
        return number if number is not None else self._raw.get(text.strip())

    _BARE = re.compile(r"^[\W_]*([A-Za-z]{1,3})[\W_]*$")
    _LED = re.compile(r"^[(\[{]?([A-Za-z]{1,3})(?:[)\]}][.:,]?|[.:]|\s[-–—]|,)\s*(?=\S)")
    _LED_SPACE = re.compile(r"^\(?([A-Z]{1,3})\)?\s+(?=\S)")
    _TRAILED = re.compile(r"[(\[]([A-Za-z]{1,3})[)\]]\W*$")
    _NAMED = re.compile(
        r"^(?:the\s+)?(?:option|choice|answer|letter)\s*:?\s*[(\[]?([A-Za-z]{1,3})[)\]]?\W*$", re.IGNORECASE
    )

    def exact(self, text: str) -> set[int]:
        """Options that ``text`` as a whole names; two where letter and text contradict each other."""
        number = self.raw(text)
        if number is not None:
            return {self._first(number)}
        named = self._folded.get(fold(text))
        if named is None and self.marks:
            named = self._lettered(text)
        if named is None:
            named = self._loose.get(loose(text))
        return named or set()

    def _lettered(self, text: str) -> set[int] | None:
        bare = self._BARE.match(text) or self._NAMED.match(text)
        if bare:
            return self._of(bare[1])
        led = self._LED.match(text) or self._LED_SPACE.match(text)
        if led and (index := self._mark.get(led[1].casefold())) is not None:
            rest = self._text(text[led.end() :])
            if rest and led[0].strip() == "A":  # "A dog": the article
                return rest
            return {self._first(index)} | rest if rest else None
        trailed = self._TRAILED.search(text)
        if trailed and (index := self._mark.get(trailed[1].casefold())) is not None:
            rest = self._text(text[: trailed.start()])
            return {self._first(index)} | rest if rest else None
        return None

    def _text(self, text: str) -> set[int]:
        number = self.raw(text)
        if number is not None:
            return {self._first(number)}
        return self._folded.get(fold(text)) or self._loose.get(loose(text)) or set()

    def _of(self, mark: str) -> set[int] | None:
        index = self._mark.get(mark.casefold())
        return None if index is None else {self._first(index)}

    _EXPLICIT = re.compile(
        r"(?:\b(?i:option|choice|answer|letter)\s+[(\[]?([A-Z]{1,3})\b(?!['’])|[(\[]([A-Z]{1,3})[)\]]"
        r"|^[ \t]*([A-Z]{1,3})[.):](?=\s|$))",
        re.MULTILINE,
    )

    def explicit(self, text: str) -> set[int]:
        """Options named by an explicit letter: ``(B)``, ``option B``, ``B.`` at the start of a line."""
        numbers = set()
        for match in self._EXPLICIT.finditer(text) if self.marks else ():
            index = self._mark.get((match[1] or match[2] or match[3]).casefold())
            if index is not None:
                numbers.add(self._first(index))
        return numbers

    @cached_property
    def _mention(self) -> tuple[re.Pattern[str], dict[str, set[int]]] | None:
        texts = {t: i for t, i in self._folded.items() if len(t) > 1 or not (t.isascii() and t.isalpha())}
        if not texts:
            return None
        ordered = sorted(texts, key=len, reverse=True)
        return re.compile("|".join(_bounded(t) for t in ordered)), texts

    def mentions(self, text: str, negated: bool = True) -> set[int]:
        """Options whose text occurs in ``text`` as whole words, the longest first and without overlap;
        ``negated=False`` leaves out those in a sentence with a negation outside the option's own words."""
        table = self._mention
        if table is None:
            return set()
        pattern, texts = table
        numbers: set[int] = set()
        for sentence in [text] if negated else sentences(text):
            folded = fold(sentence)
            here = list(pattern.finditer(folded))
            if here and not negated and NEGATION.search(pattern.sub(" ", folded)):
                continue
            for match in here:
                numbers |= texts[match[0]]
        return numbers


def _bounded(text: str) -> str:
    """``text`` as a pattern that matches whole words (anywhere in scripts without blanks between words)."""
    left = r"(?<![\w-])" if _wordy(text[0]) else ""
    right = r"(?![\w-])" if _wordy(text[-1]) else ""
    return left + re.escape(text) + right


def _wordy(character: str) -> bool:
    return character.isalnum() and unicodedata.east_asian_width(character) not in "WF"


_REMEMBERED, _SHORT = 512, 80
"""Short answers come again and again: so many are remembered for each set of options, up to this length."""


def one_of(text: str, options: Options) -> int | None:
    """The number of the one option that ``text`` names, or None where it names none or several.

    In this order: the text is an option to the letter; the whole text; an explicit final answer; its first or
    last line; a letter that opens it; an explicit letter; the one option mentioned in prose without negation.
    """
    if len(text) > _SHORT:
        return _one_of(text, options)
    if text not in options.known:
        if len(options.known) >= _REMEMBERED:
            options.known.clear()
        options.known[text] = _one_of(text, options)
    return options.known[text]


def _one_of(text: str, options: Options) -> int | None:
    exact = options.raw(text)
    if exact is not None and text.strip():
        return options._first(exact)
    body = ends_of_answer(text)
    if not body:
        return None
    unmarked = without_markdown(body)
    for read in (options.exact(body), options.exact(unmarked)):
        if read:
            return _only(read)
    for span in marked(body):
        read = _span(span, options)
        if read:
            return _only(read)
    read = _edges(unmarked, options)
    if read:
        return _only(read)
    return _prose(unmarked, options)


def _only(numbers: Iterable[int]) -> int | None:
    distinct = set(numbers)
    return distinct.pop() if len(distinct) == 1 else None


def _span(span: str, options: Options) -> set[int]:
    """What a marked answer names: as a whole, by its first sentence, or by its mentions."""
    unmarked = without_markdown(span)
    for text in (span, unmarked):
        if read := options.exact(text):
            return read
    read = _led(unmarked, options) | options.mentions(unmarked)
    if read and NEGATION.search(unmarked) and not options.mentions(unmarked, negated=False):
        return set() if not _led(unmarked, options) else _led(unmarked, options)
    return read


def _led(text: str, options: Options) -> set[int]:
    """A letter with an explanation behind it: ``B. It has wings``, ``(B) because ...``, ``B because``."""
    led = options._LED.match(text) if options.marks else None
    if led is None and options.marks:
        led = re.match(r"^([A-Z]{1,3})\s+(?:because|since|as|is|due)\b", text)
    if led is None or (len(led[1]) == 1 and led[1].islower() and led[0].rstrip()[-1:] in ",-–—"):
        return set()
    named = options._of(led[1]) or set()
    return named | (options.explicit(text[led.end() :]) if named else set())


def _edges(unmarked: str, options: Options) -> set[int]:
    """What the first and the last of several lines name; lines that enumerate options name several."""
    parts = lines(unmarked)
    if len(parts) < 2:
        return set()
    read = options.exact(parts[0]) | options.exact(parts[-1])
    if len(parts) > 2 and len(read) == 1:
        listed = [found for part in parts[1:-1] if (found := options.exact(part))]
        for found in listed:
            read |= found
    return read


def _prose(unmarked: str, options: Options) -> int | None:
    led = _led(unmarked, options)
    if led:
        return _only(led)
    if refuses(unmarked):
        return None
    explicit = options.explicit(unmarked)
    if len(explicit) > 1:
        return None
    mentioned = options.mentions(unmarked)
    if explicit and NEGATION.search(unmarked) and not mentioned:
        return None
    if len(mentioned | explicit) != 1:
        # An explicit letter beside the texts of several options still names one.
        return _only(explicit) if explicit and len(mentioned) > 1 and explicit <= mentioned else None
    if explicit:
        return _only(explicit)
    return _only(options.mentions(unmarked, negated=False))
