"""The options of one question, and what a piece of text names of them: letters, option texts, both."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache

from hemm.parsing.answer_text import fold, loose, without_markdown
from hemm.parsing.clauses import NEGATION, denied
from hemm.parsing.languages import any_of
from hemm.parsing.option_patterns import DIGIT, bounded, formula, math_form
from hemm.parsing.patterns import late
from hemm.parsing.yes_no_words import side_of_word


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


_MARK = r"[(\[{\"'“‘]?\s?(?P<{0}>[A-Z]{{1,2}}|(?<=[(\[])[a-z])\s?[)\]}}\"'”’]?"
_EITHER = any_of("either")
_JOINT = rf"\s{{0,3}}(?:[,，、/;&-]|\s?{_EITHER})(?:\s{{0,3}}{_EITHER})?\s{{0,3}}(?:options?\s|choices?\s)?"
_SINGLE = r"[(\[\"'“‘]?[A-Z][)\]\"'”’]?(?![\w'’])"
LISTED = late(rf"(?<![^\W\u3040-\u30ff\u3400-\u9fff])(?<!['’]){_SINGLE}(?:{_JOINT}{_SINGLE})+")
"""Letters in a row: ``A, B or C``, ``A to D``."""
_LETTER = late(r"(?<!\w)[A-Z](?!\w)")
ENUMERATED = late(r"(?:^|[.!?;]\s|\s)[(\[]?([A-Z])[).:](?=\s\S)", re.MULTILINE)
"""A letter that opens an item of a list."""
_GAP = 4
_OPTION = any_of("option")
EXPLICIT = late(
    rf"(?:(?i:{_OPTION})\s{{0,3}}(?:letter\s)?[:：]?\s{{0,2}}[(\[\"'“]?(?P<named>[A-Z]{{1,2}})(?![A-Za-z0-9'’])"
    r"|(?<![A-Za-z0-9\])}^_\\'′])[(\[](?P<bracket>[A-Z]{1,2}|[a-z])[)\]](?![\w]*\()"
    r"|^[\s\"'*]{0,4}(?P<line>[A-Z]{1,2})[.):](?=\s|$))"
)


_DRESS = " \t\n:：*_`\"'“”‘’«»„"


def undressed(text: str) -> tuple[str, ...]:
    """``text`` without quotes, emphasis and a final stop around it, the most first."""
    bare = text.strip(_DRESS)
    stopless = bare.rstrip(".。").rstrip(_DRESS)
    return tuple(form for form in (bare, text.strip().rstrip(".。"), stopless) if form)


class Options:
    """The options of one question and all the ways in which a text can name them.

    ``shown`` are the texts that the model sees, ``references`` what they stand for (as the data set
    writes them).
    """

    def __init__(self, shown: Sequence[str], references: Sequence[str], marks: Sequence[str]) -> None:
        self.shown, self.references, self.marks = tuple(shown), tuple(references), tuple(marks)
        self._mark = {m.casefold(): i for i, m in enumerate(marks)}
        if marks:  # "(e)" as the text of an option, where no option has the letter E
            for i, text in enumerate(shown):
                if len(own := fold(text)) == 1 and own.isalpha():
                    self._mark.setdefault(own, i)
        self.known: dict[str, object] = {}

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
        return {key: found for key, found in self._table(loose).items() if not DIGIT.search(key)}

    @cached_property
    def _formulas(self) -> dict[str, set[int]]:
        return self._table(math_form)

    def _table(self, form: Callable[[str], str]) -> dict[str, set[int]]:
        table: dict[str, set[int]] = {}
        for i, text in enumerate((*self.shown, *self.references)):
            for key in {form(text), form(without_markdown(text))} - {""}:
                table.setdefault(key, set()).add(self.first(i % len(self.shown)))
        return table

    def first(self, index: int) -> int:
        """Equal options count as one."""
        return self.references.index(self.references[index])

    @cached_property
    def sides(self) -> dict[bool, int]:
        """Where the options are a yes and a no (``Yes``, ``No, it stands``): the option of each."""
        found: dict[bool, int] = {}
        for i, text in enumerate(self.shown):
            side = side_of_word(text)
            if side is None:
                continue
            if side in found:
                return {}
            found[side] = i
        return found if len(found) == 2 else {}

    @cached_property
    def only_sides(self) -> bool:
        """Whether the options are a yes and a no and nothing else."""
        return (
            len(self.sides) == 2
            and all(len(fold(t).split()) == 1 for t in self.shown)
            and len(self.shown) == 2
        )

    def raw(self, text: str) -> int | None:
        """The option whose text ``text`` is, to the letter."""
        for form in (text, text.strip(), *undressed(text)):
            if (number := self._raw.get(form)) is not None:
                return number
        return None

    _BARE = late(r"^[\W_]*([A-Za-z]{1,3})[\W_]*$")
    _LED = late(r"^[(\[{]?([A-Za-z]{1,3})(?:[)\]}][.:,]?|[.:]|\s[-–—]|,)\s*(?=\S)")
    _LED_SPACE = late(r"^\(?([A-Z]{1,3})\)?\s+(?=\S)")
    _TRAILED = late(r"[(\[]([A-Za-z]{1,3})[)\]]\W*$")
    _NAMED = late(
        r"^(?:the\s+)?(?:option|choice|letter|answer(?=\s))\s*[(\[]?([A-Za-z]{1,3})[)\]]?\W*$", re.IGNORECASE
    )

    def exact(self, text: str) -> set[int]:
        """Options that ``text`` as a whole names; two where letter and text contradict each other."""
        number = self.raw(text)
        if number is not None:
            return {self.first(number)}
        named = self._folded.get(fold(text)) if self._bounded_form(text) else None
        if named is None and self.marks:
            named = self._lettered(text)
        if named is None:
            named = self.text(text)
        return named or set()

    def _bounded_form(self, text: str) -> bool:
        """Whether leaving signs at the edges of ``text`` away changes no number (``-5``, ``(5, 6)``)."""
        return not DIGIT.search(text) or re.match(r"^\W*[-−.,–]\s?\d", text) is None

    def _lettered(self, text: str) -> set[int] | None:
        bare = self._BARE.match(text) or self._NAMED.match(text)
        if bare:
            return self._of(bare[1])
        led = self._LED.match(text) or self._LED_SPACE.match(text)
        if led and (index := self._mark.get(led[1].casefold())) is not None:
            rest = self.text(text[led.end() :])
            if rest and led[0].strip() == "A":  # "A dog": the article
                return rest
            return {self.first(index)} | rest if rest else None
        trailed = self._TRAILED.search(text)
        if trailed and (index := self._mark.get(trailed[1].casefold())) is not None:
            rest = self.text(text[: trailed.start()])
            return {self.first(index)} | rest if rest else None
        return None

    def text(self, text: str) -> set[int]:
        """Options whose text ``text`` is."""
        number = self.raw(text)
        if number is not None:
            return {self.first(number)}
        found = self._folded.get(fold(text)) if self._bounded_form(text) else None
        if not found:
            found = (
                self._formulas.get(math_form(text)) if DIGIT.search(text) else self._loose.get(loose(text))
            )
        return found or set()

    def _of(self, mark: str) -> set[int] | None:
        index = self._mark.get(mark.casefold())
        return None if index is None else {self.first(index)}

    def number_of(self, mark: str) -> int | None:
        """The option with this letter."""
        index = self._mark.get(mark.casefold())
        return None if index is None else self.first(index)

    def explicit(self, text: str) -> list[tuple[int, int, int]]:
        """Options named by an explicit letter that its clause does not deny: ``(B)``, ``option B``, ``B.`` at
        the start of a line: (option, begin, end). Of letters in a row all count."""
        if not self.marks:
            return []
        found: list[tuple[int, int, int]] = []
        rows = [match.span() for match in LISTED.finditer(text)]
        begins = [begin for begin, _ in rows]
        for match in EXPLICIT.finditer(text):
            row = bisect_right(begins, match.end()) - 1
            if row >= 0 and match.end() <= rows[row][1] and rows[row][1] - rows[row][0] > _GAP:
                continue  # one of several letters in a row, which count together
            mark = match["named"] or match["bracket"] or match["line"]
            number = self.number_of(mark)
            if number is None:
                if match["bracket"] and self._beyond(mark):
                    return []
                continue
            if self.says_itself(number, text, match.end()) or not denied(text, match.start(), match.end()):
                found.append((number, match.start(), match.end()))
        for begin, end in rows:
            found += [(number, begin, end) for number in self.in_a_row(text[begin:end])]
        return found

    def echo(self, text: str) -> tuple[int, int] | None:
        """Where ``text`` lists three options or more in a row, each with its letter and its text."""
        begin = end = count = 0
        for match in ENUMERATED.finditer(text):
            number = self.number_of(match[1])
            if number is None or not self.says_itself(number, text, match.end()):
                continue
            if not count or match.start() - end > _GAP:
                begin, count = match.start(), 0
            end, count = match.end() + len(self.shown[number]) + 1, count + 1
            if count > 2 and count == len(self.shown):
                return begin, end
        return (begin, end) if count > 2 else None

    def _beyond(self, mark: str) -> bool:
        """Whether a letter is one of the next behind those of the options."""
        last = self.marks[-1]
        return len(mark) == len(last) == 1 and 0 < ord(mark) - ord(last) < 4

    def in_a_row(self, listed: str) -> set[int]:
        """Options of letters in a row; none where one is no option: points of a figure (``from A to K``)."""
        letters = [one[0] for one in _LETTER.finditer(listed)]
        numbers = [number for one in letters if (number := self.number_of(one)) is not None or one != "I"]
        if None in numbers or len(set(numbers)) < len(numbers):
            return set()
        return {number for number in numbers if number is not None}

    def says_itself(self, number: int, text: str, end: int) -> bool:
        """Whether the text of an option stands behind its letter: ``(B) no``."""
        shown = self.shown[number].casefold()
        return text[end : end + len(shown) + 3].casefold().lstrip(" .:").startswith(shown)

    @cached_property
    def _mention(self) -> tuple[re.Pattern[str], list[set[int]]] | None:
        texts = {t: i for t, i in self._folded.items() if len(t) > 1 or not (t.isascii() and t.isalpha())}
        if not texts or self.only_sides:
            return None
        ordered = sorted(texts, key=len, reverse=True)
        degrees = all(text.endswith("°") for text in texts)
        patterns = [(formula(text) or bounded(text, degrees), texts[text]) for text in ordered]
        pattern = "|".join(f"(?P<o{i}>{one})" for i, (one, _) in enumerate(patterns))
        return late(pattern), [numbers for _, numbers in patterns]

    @cached_property
    def distinctive(self) -> list[frozenset[str]]:
        """Of each option of several words those that no other option has; empty where it is told apart by
        none."""
        words = [_stems(text) for text in self.shown]
        return [
            own.difference(*(other for j, other in enumerate(words) if j != i)) - _EMPTY
            if len(own) > 1 and "\\" not in self.shown[i]
            else frozenset()
            for i, own in enumerate(words)
        ]

    def longer(self, number: int, around: str) -> int:
        """The option whose words are those of option ``number`` and more, where ``around`` has them all
        (``decrease slightly`` beside the options Decrease and Slightly Decrease); else ``number``."""
        words = [_stems(text) for text in self.shown]
        said = _stems(around)
        found = {
            self.first(j)
            for j, own in enumerate(words)
            if own > words[number] and own <= said and not NEGATION.search(self.shown[j])
        }
        return found.pop() if len(found) == 1 else number

    def told_apart(self, claim: str) -> set[int]:
        """The option of several words of which ``claim`` has every word that tells it from the others, where
        it has no such word of another option."""
        said = _stems(claim)
        single = {word for text in self.shown if len(words := _stems(text)) == 1 for word in words}
        full = {i for i, own in enumerate(self.distinctive) if own and own <= said}
        if len(full) != 1 or any(own & said for i, own in enumerate(self.distinctive) if i not in full):
            return set()
        own = self.distinctive[next(iter(full))]
        return set() if (single - own) & said else {self.first(next(iter(full)))}

    def mentions(self, sentence: str, denials: bool = True) -> list[tuple[int, int, int]]:
        """Options whose text occurs in ``sentence`` as whole words, the longest first, where
        the clause does not deny them: (option, begin, end). A text that several options share names each."""
        table = self._mention
        if table is None:
            return []
        pattern, texts = table
        folded = sentence.casefold()
        if len(folded) != len(sentence):  # a few letters fold to two
            folded = sentence.lower() if len(sentence.lower()) == len(sentence) else sentence
        here = [(m.start(), m.end(), texts[int((m.lastgroup or "")[1:])]) for m in pattern.finditer(folded)]
        return [
            (number, begin, end)
            for begin, end, numbers in here
            if not (denials and denied(sentence, begin, end))
            for number in numbers
        ]


_WORDS = late(r"[^\W\d_]{2,}")
_FUNCTION_WORDS = (
    "the thi an of in on at to is are was be it its and or that this with for by as all any not no also only"
    " just likely would will may"
)
_EMPTY = frozenset(_FUNCTION_WORDS.split())


def _stems(text: str) -> frozenset[str]:
    """The words of ``text`` without the ending of the plural."""
    return frozenset(
        word[:-1] if word.endswith("s") and len(word) > 3 else word for word in _WORDS.findall(fold(text))
    )
