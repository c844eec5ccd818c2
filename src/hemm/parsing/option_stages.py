"""The stages by which one option is read. Each is a function with its rule; ``docs/answers.md`` lists them.

A stage gives the options that it finds, with the place in the text without Markdown that says so, or None
where it does not apply. One option decides; several contradict each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from hemm.core import Reading
from hemm.parsing import clauses
from hemm.parsing.answer_text import body_of, sentence_spans, unmarked
from hemm.parsing.languages import any_of
from hemm.parsing.located import Located, Span
from hemm.parsing.markers import Mark, ordered
from hemm.parsing.options import LISTED, Options
from hemm.parsing.refusal import refuses
from hemm.parsing.stages import CONCLUSION, LEADING, MARKER, ONLY, STRUCTURED, WHOLE
from hemm.parsing.yes_no_words import affirms, denies, opening_side, sides_of


@dataclass(frozen=True, slots=True)
class Found:
    """Options, and where the original text names them."""

    options: frozenset[int]
    span: Span

    @property
    def one(self) -> int | None:
        return next(iter(self.options)) if len(self.options) == 1 else None


_ENUMERATED_LINE = re.compile(r"^\s*[(\[]([A-Z]{1,2})[)\]]\s")


class Answer:
    """One answer to one question, as the stages see it: never its references."""

    def __init__(self, text: str, options: Options) -> None:
        self.options = options
        self.body: Located = body_of(text)
        self.clean: Located = unmarked(self.body)

    @cached_property
    def sentences(self) -> list[Span]:
        """Sentences that say something: no questions, no courtesies."""
        text = self.clean.text
        return [
            (b, e)
            for b, e in sentence_spans(text)
            if not clauses.asks(text[b:e]) and not clauses.polite(text[b:e]) and not self._foreign(text[b:e])
        ]

    def _foreign(self, sentence: str) -> bool:
        """Whether a line opens with a letter that no option has: options that the model invents."""
        opened = _ENUMERATED_LINE.match(sentence)
        return opened is not None and bool(self.options.marks) and self.options.number_of(opened[1]) is None

    @cached_property
    def says_unknown(self) -> bool:
        """Whether any sentence says that the answer is not known."""
        text = self.clean.text
        return any(clauses.says_unknown(text[b:e]) for b, e in self.sentences)

    @cached_property
    def concludes_otherwise(self) -> bool:
        """Whether the text has a conclusion (which, where this is asked, named no option)."""
        text = self.clean.text
        return len(self.sentences) > 1 and any(clauses.concludes(text[b:e]) for b, e in self.sentences[1:])

    @cached_property
    def boxed(self) -> bool:
        """Whether a box, tag or JSON holds an answer, be it an option or not."""
        return any(mark.structured and text.strip() for text, _, mark in self.marks)

    @cached_property
    def marks(self) -> list[tuple[str, Span, Mark]]:
        """Explicit answers, the one that decides first."""
        return ordered(self.body, self.clean)

    def found(self, options: Iterable[int], begin: int, end: int) -> Found:
        return Found(frozenset(options), self.clean.span(begin, end))


# what a piece of text names

_LEAD = re.compile(
    r"^[\s\"'“‘*]{0,6}(?:(?i:(?:the\s)?(?:option|choice|letter|answer))\s{1,2}|选项|選項|选|選)?"
    r"(?:(?P<bracket>[(\[]\s?(?:[A-Z]{1,2}|[a-z])\s?[)\]])|[\"'“‘]?(?P<bare>[A-Z]{1,2})(?![A-Za-z0-9_^])(?!['’](?:s|m|ve|ll|re|d|t)\b)[\"'”’]?(?P<stop>[.:,;)\]\n。，、：；)]|\s[-–—=]|$)?)"
)
_WHY = re.compile(
    r"^\s(?:because|since|as|is|are|due|which|with|for|based|would|will|in|on|has|from|\(|and\s(?:the|not|here))\b|^\s?[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    r"|^\s\W|^[^\W\d_a-zA-Z]|^['’]\w"
)
_NO_ARTICLE = re.compile(r"^\s(?:because|since|is|due)\b")


def leading_letter(text: str, options: Options) -> tuple[set[int], int]:
    """The letter that opens ``text`` and where it ends; with the other letters where several stand in a row.
    The letter decides, whatever text stands behind it."""
    lead = _LEAD.match(text) if options.marks else None
    if lead is None:
        return set(), 0
    mark = lead["bare"] or lead["bracket"].strip("()[] ")
    number = options.number_of(mark)
    rest = text[lead.end() :]
    if number is None:
        return set(), 0
    if lead["bare"] and lead["stop"] is None:
        allowed = _NO_ARTICLE if mark in ("A", "I") else _WHY
        if rest and not allowed.match(rest):
            return set(), 0
    if mark == "I" and lead["bare"] and rest.strip():
        return set(), 0
    listed = LISTED.match(text, lead.start("bare") if lead["bare"] else lead.start("bracket"))
    if listed:
        several = {n for one in re.findall(r"(?<!\w)[A-Z](?!\w)", listed[0]) if (n := options.number_of(one)) is not None}
        return several, listed.end()
    if clauses.denied(text.split("\n")[0][:400], lead.start(), lead.end()):
        return set(), 0
    return {number}, lead.end()


_ASSERTED = re.compile(
    r"(?:\b(?:is|are|be|was|were|equals?|named|called|becomes?|remains?|choose|select|pick|would|will|likely"
    r"|(?:equal|belongs?|corresponds?|leads?)\s+to)\b|[=≈:：是为為]|\\approx)"
    r"(?:\s+(?:an?|the|about|approximately|likely|probably|most|called|also|thus|then|only|now|clearly|simply|best|in|at"
    r"|from|be|decreased?|number|letter))*\s*[\"'“(*]*$|[\"“]$",
    re.IGNORECASE,
)
_VERDICT = re.compile(
    rf"(?<!\w)(?P<subject>[A-Z])[)\]\"'”’]?(?:\s(?:(?:{any_of('copula')}|seems|looks)\s(?:the\s)?(?:most\s\w+\s)?|(?<!A\s))(?:{any_of('right')}|answer\b)|\s?(?:正确|正確|是正确|是正确答案|が正し|가 맞|이 맞))"
    r"|(?:\b(?:choose|chose|pick|picked|select|selected|opt for|go with|going with|take|say|prefer|must be|would be|should be|has to be|can only be"
    r"|matches|mark|guess|choice is|is|be|corresponds to|option|conclusion|[=:])\s{0,2}[\"'“(\[]?|[选選为為是：]\s?[(\"]?)(?P<object>[A-Z])(?=[)\]\"'”’]?\s*(?:$|[.,;:!。，；]|\s(?:over|because|since|as|rather|instead|not|here|\()))",
)


_CONTRAST = re.compile(r"\b(?:but|no wait|wait|actually)\b", re.IGNORECASE)


def letters_in(sentence: str, options: Options, verdicts: bool = True) -> tuple[set[int], int, int]:
    """Options that letters in ``sentence`` choose: ``(B)``, ``option B``, ``I choose B``, ``B is correct``."""
    found = options.explicit(sentence)
    if options.marks and verdicts:
        for match in _VERDICT.finditer(sentence):
            group = "subject" if match["subject"] else "object"
            number = options.number_of(match[group])
            if number is not None and not clauses.denied(sentence, *match.span(group)):
                found.append((number, *match.span(group)))
    if not found:
        return set(), 0, 0
    contrast = [match.end() for match in _CONTRAST.finditer(sentence)]
    if contrast and (after := [f for f in found if f[1] >= contrast[-1]]):
        found = after
    numbers = {number for number, _, _ in found}
    begin, end = found[-1][1], found[-1][2]
    return numbers, begin, end


_MANY = 100
"""So many mentions in one sentence are a list."""
_ALTERNATIVE = re.compile(rf"\s*(?:[,/&]\s*)?(?:{any_of('either')}|[,/&])\s*(?:an?\s|the\s|[(]?[A-Z][).]\s)?\s*", re.IGNORECASE)


def texts_in(sentence: str, options: Options) -> tuple[set[int], set[int], int, int]:
    """Options whose texts ``sentence`` mentions: the asserted ones (``is a dog``), all, and where."""
    here = options.mentions(sentence)
    start, stop = clauses.claim(sentence)
    if claimed := [m for m in here if start <= m[1] < stop]:
        here = claimed
    if any(_ALTERNATIVE.fullmatch(sentence[a[2] : b[1]]) for a, b in zip(here, here[1:], strict=False) if a[0] != b[0]):
        return (several := {m[0] for m in here}), several, here[0][1], here[-1][2]
    stated = [m for m in here[:_MANY] if _ASSERTED.search(sentence[max(0, m[1] - 60) : m[1]])]
    chosen = stated or here
    begin, end = (chosen[-1][1], chosen[-1][2]) if chosen else (0, 0)
    if len({m[0] for m in here}) == 1:
        number = options.longer(here[0][0], sentence[max(0, begin - 20) : end + 20])
        return ({number} if stated else set()), {number}, begin, end
    return {m[0] for m in stated}, {m[0] for m in here}, begin, end


def named(text: str, options: Options, lead: bool = True) -> tuple[set[int], int, int]:
    """Options that a marked piece of text names: as a whole, by its first letter, by a letter in its first
    sentence, or by a text in it."""
    whole = options.exact(text)
    if len(whole) == 1:
        return whole, 0, len(text)
    if options.only_sides and (side := opening_side(text)) is not None:
        letter, _ = leading_letter(text, options)
        return {options.sides[side]} | letter, 0, len(text)
    if lead:
        letter, end = leading_letter(text, options)
        if letter:
            return letter, 0, end
    spans = sentence_spans(text)[:1]
    for begin, end in spans:
        sentence = text[begin:end]
        if clauses.asks(sentence) or clauses.says_unknown(sentence):
            continue
        numbers, at, to = letters_in(sentence, options)
        if not numbers:
            stated, numbers, at, to = texts_in(sentence, options)
            if len(stated) == 1:
                numbers = stated
        if not numbers and options.only_sides:
            numbers = {options.sides[side] for side in sides_of(sentence)}
            at, to = 0, len(sentence)
        if numbers:
            return numbers, begin + at, begin + to
    return set(), 0, 0


# the stages


def whole(answer: Answer) -> Found | None:
    """The text is one option: its text to the letter, its letter, or both."""
    options = answer.options
    for text in (answer.body.text, answer.clean.text):
        if numbers := options.exact(text):
            return answer.found(numbers, 0, len(answer.clean.text))
    if options.only_sides and (sides := sides_of(answer.clean.text, whole=True)):
        return answer.found({options.sides[s] for s in sides}, 0, len(answer.clean.text))
    return None


def marked(answer: Answer, structured: bool) -> Found | None:
    """An explicit answer: of JSON, tags, ``\\boxed{}`` and ``Final answer`` the last one that names an option;
    then of ``Answer: ...`` and ``the answer is ...`` the last one.

    A piece that lists three letters or all of them repeats the question and names none.
    """
    for text, span, mark in answer.marks:
        numbers, _, _ = named(text, answer.options)
        if not numbers or len(numbers) > 2 or (len(numbers) == len(answer.options.marks) > 2):
            continue
        return Found(frozenset(numbers), span) if mark.structured == structured else None
    return None


_SUPPOSES = re.compile(r"^\W*if\b.*\bthen\b", re.IGNORECASE | re.DOTALL)


def concluding(answer: Answer) -> Found | None:
    """A conclusion: the last line, where it is an option; the last sentence that opens with ``Therefore``,
    ``So``, ..., or that chooses a letter (``I choose B``, ``B is correct``); the last of several sentences,
    where it asserts one option.

    A first line that is another option contradicts the last one; so do two sentences of the same words.
    """
    options = answer.options
    if edge := _last_line(answer):
        return edge
    text, spans = answer.clean.text, answer.sentences
    for index in range(len(spans) - 1, -1, -1):
        begin, end = spans[index]
        sentence = text[begin:end]
        concludes, last = clauses.concludes(sentence), index == len(spans) - 1 and index > 0
        verdict = _VERDICT.search(sentence) is not None
        if not (concludes or last or verdict) or _SUPPOSES.match(sentence):
            continue
        numbers, at, to = letters_in(sentence, options)
        if clauses.says_unknown(sentence):
            if len(numbers) != 1 or not last:
                continue
        elif not numbers and (concludes or (last and not answer.says_unknown and not answer.boxed)):
            stated, mentioned, at, to = texts_in(sentence, options)
            numbers = stated if stated or not concludes else mentioned
        if not numbers and options.only_sides and concludes:
            numbers, at, to = {options.sides[s] for s in sides_of(_after_opening(sentence))}, 0, len(sentence)
        if len(numbers) > 1 and not (concludes or verdict) and _VERDICT.search(text, 0, begin):
            continue
        if numbers:
            if not (concludes or verdict):
                numbers |= leading_letter(text, options)[0]
            return answer.found(numbers | _repeated(answer, index), begin + at, begin + to)
    return None


def _last_line(answer: Answer) -> Found | None:
    """The last of several lines, where it is an option, with what the other lines list."""
    text, options = answer.clean.text, answer.options
    cut = text.rstrip().rfind("\n")
    if cut < 0 or not (numbers := options.exact(text[cut:].strip())):
        return None
    parts = text.split("\n")
    numbers = numbers | options.exact(parts[0].strip())
    listed = [options.exact(part.strip()) for part in parts[1:-1][:_MANY]]
    if sum(bool(found) for found in listed) > 1:
        numbers = numbers.union(*listed)
    return answer.found(numbers, cut + 1, len(text))


_VARYING = re.compile(r"(?<!\w)[A-Z]{1,3}(?!\w)|\d+")


def _repeated(answer: Answer, index: int) -> set[int]:
    """What the sentence before says, where it is the same sentence with another letter."""
    if index == 0:
        return set()
    text = answer.clean.text
    here, before = (text[slice(*answer.sentences[i])].strip() for i in (index, index - 1))
    if _VARYING.sub("", here) != _VARYING.sub("", before):
        return set()
    return letters_in(before, answer.options)[0] or texts_in(before, answer.options)[1]


_OPENED = re.compile(rf"^[\W_]*(?:{any_of('therefore')})[\s,，:]*", re.IGNORECASE)


def _after_opening(sentence: str) -> str:
    return _OPENED.sub("", sentence)


def leading(answer: Answer) -> Found | None:
    """A letter, an option or yes or no that opens the text, with an explanation behind it. Lines and
    sentences that enumerate options name several."""
    text, options = answer.clean.text, answer.options
    if options.sides and (side := opening_side(text)) is not None:
        numbers = {options.sides[side]}
        if options.only_sides:
            closing = text[answer.sentences[-1][0] :] if len(answer.sentences) > 1 else ""
            numbers |= options.exact(closing) | {options.sides[s] for s in sides_of(text)}
        return answer.found(numbers, 0, min(len(text), 80))
    numbers, end = leading_letter(text, options)
    if numbers:
        for match in _ENUMERATED.finditer(text, end):
            number = options.number_of(match[1])
            numbers |= set() if number is None else {number}
        return answer.found(numbers, 0, end)
    line = text.split("\n", 1)[0].strip()
    if line != text and (numbers := options.exact(line)):
        return answer.found(numbers, 0, len(line))
    if len(answer.sentences) < 2 or answer.says_unknown or answer.boxed:
        return None
    begin, end = answer.sentences[0]
    first = text[begin:end]
    stated, _, at, to = texts_in(first, options)
    return answer.found(stated, begin + at, begin + to) if len(stated) == 1 else None


_ENUMERATED = re.compile(r"(?:^|[.!?;]\s|\s)[(\[]?([A-Z])[).:](?=\s\S)", re.MULTILINE)


def only(answer: Answer) -> Found | None:
    """The only option that the text asserts: one letter, or one option's text, that no clause denies."""
    text, options = answer.clean.text, answer.options
    letters: set[int] = set()
    texts: set[int] = set()
    place: Span = (0, 0)
    for begin, end in answer.sentences:
        sentence = text[begin:end]
        if clauses.says_unknown(sentence):
            continue
        numbers, at, to = letters_in(sentence, options)
        stated, mentioned, begun, ended = texts_in(sentence, options)
        if len(stated) == 1 and len(answer.sentences) == 1:
            mentioned = stated
        if options.only_sides:
            mentioned, begun, ended = {options.sides[s] for s in sides_of(sentence)}, 0, len(sentence)
        if answer.says_unknown or answer.boxed or answer.concludes_otherwise:
            mentioned = set()
        letters |= numbers
        texts |= mentioned
        if numbers:
            place = begin + at, begin + to
        elif mentioned and not letters:
            place = begin + begun, begin + ended
    if not letters and not texts:
        return _stated(answer) or _told_apart(answer)
    if letters and (len(letters) > 1 or len(texts) != 1 or letters == texts):
        return answer.found(letters, *place)
    return answer.found(letters | texts, *place)


def _told_apart(answer: Answer) -> Found | None:
    """The first or last sentence claims what tells one option of several words from all others."""
    text, found = answer.clean.text, set()
    if answer.says_unknown or answer.boxed:
        return None
    place: Span = (0, 0)
    for begin, end in answer.sentences[:1] + answer.sentences[1:][-1:]:
        start, stop = clauses.claim(text[begin:end])
        claimed = text[begin + start : begin + stop]
        if clauses.NEGATION.search(claimed):
            continue
        if numbers := answer.options.told_apart(claimed):
            found |= numbers
            place = begin + start, begin + stop
    return answer.found(found, *place) if found else None


def _stated(answer: Answer) -> Found | None:
    """With options yes and no, a statement that denies is a no (``It is not the smallest.``), and one short
    statement that is all of the answer a yes (``Violet is less than crimson.``)."""
    if not answer.options.only_sides or not answer.sentences or answer.says_unknown:
        return None
    begin, end = answer.sentences[0]
    sentence = answer.clean.text[begin:end]
    side = False if denies(sentence) else True if len(answer.sentences) == 1 and affirms(sentence) else None
    return None if side is None else answer.found({answer.options.sides[side]}, begin, end)


Stage = Callable[[Answer], Found | None]
STAGES: tuple[tuple[str, Stage], ...] = (
    (WHOLE, whole),
    (STRUCTURED, lambda answer: marked(answer, structured=True)),
    (MARKER, lambda answer: marked(answer, structured=False)),
    (CONCLUSION, concluding),
    (LEADING, leading),
    (ONLY, only),
)
_EXPLICIT = (WHOLE, STRUCTURED, MARKER)

_REMEMBERED, _SHORT = 512, 80
"""Short answers come again and again: so many are remembered for each set of options, up to this length."""


def one_of(text: str, options: Options) -> Reading:
    """The number of the one option that ``text`` names, with the stage and the place that say so; nothing
    where it names none or several."""
    if len(text) > _SHORT:
        return _one_of(text, options)
    known = options.known.get(text)
    if known is None:
        if len(options.known) >= _REMEMBERED:
            options.known.clear()
        known = options.known[text] = _one_of(text, options)
    assert isinstance(known, Reading)
    return known


_A_COLON = re.compile(r"^\s*A\s?[:：]\s*(?=\S)")


def _one_of(text: str, options: Options) -> Reading:
    exact = options.raw(text)
    if exact is not None and text.strip():
        begin = len(text) - len(text.lstrip())
        return Reading(options.first(exact), WHOLE, (begin, len(text.rstrip())))
    answer = Answer(text, options)
    if not answer.clean.text:
        return Reading()
    opened = _A_COLON.match(answer.clean.text)
    if opened:  # "A: No, it is smaller": short for Answer, unless nothing else is named
        without = Answer(text, options)
        without.clean = answer.clean.keep([(opened.end(), len(answer.clean.text))])
        without.body = answer.body.keep([(answer.body.text.find(without.clean.text[:1]), len(answer.body.text))])
        read = _through(without)
        if read.value is not None:
            return read
    return _through(answer)


def _through(answer: Answer) -> Reading:
    refused = refuses(answer.clean.text)
    for name, stage in STAGES:
        if refused and name in (LEADING, ONLY):
            break
        found = stage(answer)
        if found is None:
            continue
        if found.one is not None:
            return Reading(found.one, name, found.span)
        break
    return Reading()
