"""The stages by which one option is read. Each is a function with its rule; ``docs/answers.md`` lists them.

A stage gives the options that it finds, with the place in the text without Markdown that says so, or None
where it does not apply. One option decides; several contradict each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hemm.core import Reading
from hemm.parsing import clauses
from hemm.parsing.answer_text import fold
from hemm.parsing.languages import any_of
from hemm.parsing.located import Span
from hemm.parsing.markers import is_blank
from hemm.parsing.option_answer import OptionAnswer
from hemm.parsing.option_names import (
    CHOOSES,
    MANY,
    NONE_OF_THEM,
    PICKS,
    SUMS_UP,
    VERDICT,
    leading_letter,
    letters_in,
    named,
    texts_in,
)
from hemm.parsing.options import ENUMERATED, Options
from hemm.parsing.patterns import late
from hemm.parsing.stages import (
    CONCLUSION,
    LEADING,
    MARKER,
    ONLY,
    STRUCTURED,
    WHOLE,
    Found,
    read_through,
)
from hemm.parsing.yes_no_words import affirms, denies, opening_side, sides_of


def whole(answer: OptionAnswer) -> Found[int] | None:
    """The text is one option: its text to the letter, its letter, or both; or says that it does not know, in
    the words of an option."""
    options = answer.options
    for text, span, mark in answer.marks[:1]:  # a box around it all: "$5" and "5" are two options
        number = answer.to_the_letter(span) if mark.structured and text == answer.clean.text else None
        if number is not None:
            return Found(frozenset((number,)), span)
    for text in (answer.body.text, answer.clean.text):
        if numbers := options.exact(text):
            return answer.found(numbers, 0, len(answer.clean.text))
    if options.only_sides and (sides := sides_of(answer.clean.text, whole=True)):
        return answer.found({options.sides[s] for s in sides}, 0, len(answer.clean.text))
    if clauses.no_answer(answer.clean.text):
        said = fold(answer.clean.text)
        if numbers := {
            i for i, option in enumerate(options.shown) if fold(option) in said and clauses.no_answer(option)
        }:
            return answer.found(numbers, 0, len(answer.clean.text))
    return None


def marked(answer: OptionAnswer, structured: bool) -> Found[int] | None:
    """An explicit answer: of JSON, tags, ``\\boxed{}`` and ``Final answer`` the last that names an option;
    then of ``Answer: ...`` and ``the answer is ...`` the last one.

    A piece that lists three letters or all of them repeats the question and names none; one that leaves the
    answer open or says that no option is right ends reading.
    """
    for text, span, mark in answer.marks:
        number = answer.to_the_letter(span)
        numbers = named(text, answer.options)[0] if number is None else {number}
        if mark.structured == structured and len(numbers) > 1 and _ALTERNATIVES.match(text.lstrip()):
            return Found(frozenset(), span)
        if not numbers and mark.structured == structured and (NONE_OF_THEM.match(text) or is_blank(text)):
            return Found(frozenset(), span)
        if (
            answer.options.echo(text[:_PIECE])
            or not numbers
            or len(numbers) > 2
            or (len(numbers) == len(answer.options.marks) > 2)
        ):
            continue
        return Found(frozenset(numbers), span) if mark.structured == structured else None
    return None


_PIECE = 2_000
"""Characters of an explicit answer in which a repetition of the options is looked for."""
_ALTERNATIVES = late(r"\b(?:n?either|nor)\b", re.IGNORECASE)
_SUPPOSES = late(r"^\W*if\b.*\bthen\b", re.IGNORECASE | re.DOTALL)


def concluding(answer: OptionAnswer) -> Found[int] | None:
    """A conclusion: the last line, where it is an option; the last sentence that opens with ``Therefore``,
    ``So``, ..., or that chooses a letter (``I choose B``, ``B is correct``); the last of several sentences,
    where it asserts one option.

    A first line that is another option contradicts the last one; so do two sentences of the same words.
    """
    options = answer.options
    if edge := _last_line(answer) or _line_behind_colon(answer):
        return edge
    text, spans = answer.clean.text, answer.sentences
    for index in range(len(spans) - 1, -1, -1):
        begin, end = spans[index]
        sentence = text[begin:end]
        concludes, last = clauses.concludes(sentence), index == len(spans) - 1 and index > 0
        verdict = VERDICT.search(sentence) is not None
        sums_up = index > 0 and SUMS_UP.match(sentence) is not None
        if not (concludes or last or verdict or sums_up or PICKS.search(sentence)) or _SUPPOSES.match(
            sentence
        ):
            continue
        numbers, at, to = letters_in(sentence, options)
        lettered = bool(numbers)
        verdict = verdict or (len(numbers) == 1 and PICKS.search(sentence) is not None)
        sums_up = CHOOSES.search(sentence) is not None and (sums_up or (last and lettered))
        if not (concludes or last or verdict or sums_up):
            continue
        if clauses.says_unknown(sentence):
            if len(numbers) != 1 or not last or _ALTERNATIVES.search(sentence):
                continue
        elif (
            not numbers and not answer.boxed and (concludes or sums_up or (last and not answer.says_unknown))
        ):
            stated, mentioned, at, to = texts_in(sentence, options)
            numbers = stated if stated or not concludes else mentioned
        if not numbers and options.only_sides and concludes:
            numbers, at, to = {options.sides[s] for s in sides_of(_after_opening(sentence))}, 0, len(sentence)
        if not numbers:
            continue
        if not (concludes or verdict) and (
            len(numbers) > 1 or (not sums_up and answer.named_before(index, lettered) - numbers)
        ):
            continue
        return answer.found(numbers | _repeated(answer, index), begin + at, begin + to)
    return None


def _last_line(answer: OptionAnswer) -> Found[int] | None:
    """The last of several lines, where it is an option, with what the other lines list."""
    text, options = answer.clean.text, answer.options
    cut = text.rstrip().rfind("\n")
    if cut < 0 or not (numbers := options.exact(text[cut:].strip())):
        return None
    parts = text.split("\n")
    if next((p for p in reversed(parts[:-1]) if p.strip()), "").rstrip().endswith((":", "：")):
        return answer.found(numbers, cut + 1, len(text))
    numbers = numbers | options.exact(parts[0].strip())
    listed = [options.exact(part.strip()) for part in parts[1:-1][:MANY]]
    if sum(bool(found) for found in listed) > 1 or (listed and listed[-1]):
        numbers = numbers.union(*listed)
    return answer.found(numbers, cut + 1, len(text))


def _line_behind_colon(answer: OptionAnswer) -> Found[int] | None:
    """Lines that are an option, below a line that ends in a colon, where no list of options begins there."""
    text, options = answer.clean.text, answer.options
    if ":\n" not in text:
        return None
    spans = [match.span() for match in _LINE.finditer(text)][-MANY:]
    found: list[tuple[int, Span]] = []
    for i, (begin, end) in enumerate(spans[1:], 1):
        if not text[slice(*spans[i - 1])].rstrip().endswith((":", "：")) or end - begin > _OPTION_LINE:
            continue
        line = text[begin:end].strip()
        numbers = options.exact(line) or _own_text(line, options)
        following = text[slice(*spans[i + 1])].strip()[:_OPTION_LINE] if i + 1 < len(spans) else ""
        if len(numbers) == 1 and not (options.exact(following) or leading_letter(following, options)[0]):
            found += [(number, (begin, end)) for number in numbers]
    if not found or answer.says_unknown:
        return None
    return answer.found({number for number, _ in found}, *found[-1][1])


def _own_text(line: str, options: Options) -> set[int]:
    """The option whose letter and text open ``line``."""
    numbers, end = leading_letter(line, options)
    number = next(iter(numbers), None)
    return (
        numbers
        if len(numbers) == 1 and number is not None and options.says_itself(number, line, end)
        else set()
    )


_LINE = late(r"[^\n]*[^\s][^\n]*")
_OPTION_LINE = 300
_VARYING = late(r"(?<!\w)[A-Z]{1,3}(?!\w)|\d+")


def _repeated(answer: OptionAnswer, index: int) -> set[int]:
    """What the sentence before says, where it is the same sentence with another letter."""
    if index == 0:
        return set()
    text = answer.clean.text
    here, before = (text[slice(*answer.sentences[i])].strip() for i in (index, index - 1))
    if _VARYING.sub("", here) != _VARYING.sub("", before):
        return set()
    return letters_in(before, answer.options)[0] or texts_in(before, answer.options)[1]


_OPENED = late(rf"^[\W_]*(?:{any_of('therefore')})[\s,，:]*", re.IGNORECASE)


def _after_opening(sentence: str) -> str:
    return _OPENED.sub("", sentence)


def leading(answer: OptionAnswer) -> Found[int] | None:
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
        for match in ENUMERATED.finditer(text, end):
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
    numbers, at, to = letters_in(first, options)
    if not numbers:
        stated, mentioned, at, to = texts_in(first, options)
        numbers = stated or (mentioned if CHOOSES.search(first) else set())
        opening = first.split()[:2]
        alike = [text[b:e] for b, e in answer.sentences[1:MANY] if text[b:e].split()[:2] == opening]
        if any(texts_in(sentence, options)[0] - numbers for sentence in alike):
            return None
    elif not (CHOOSES.search(first) or VERDICT.search(first)):
        return None
    return answer.found(numbers, begin + at, begin + to) if len(numbers) == 1 else None


def only(answer: OptionAnswer) -> Found[int] | None:
    """The only option that the text asserts: one letter, or one option's text, that no clause denies."""
    text, options = answer.clean.text, answer.options
    letters: set[int] = set()
    texts: set[int] = set()
    place: Span = (0, 0)
    for begin, end in answer.sentences:
        sentence = text[begin:end]
        if clauses.says_unknown(sentence):
            continue
        numbers, at, to = (set(), 0, 0) if _SUPPOSES.match(sentence) else letters_in(sentence, options)
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


_FEW = 4


def _told_apart(answer: OptionAnswer) -> Found[int] | None:
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
        numbers = answer.options.told_apart(claimed)
        if (
            numbers
            and len(answer.sentences) > _FEW
            and any(len(answer.options.distinctive[number]) < 2 for number in numbers)
        ):
            continue  # one word in a long text (``the second``) describes more often than it chooses
        if numbers:
            found |= numbers
            place = begin + start, begin + stop
    return answer.found(found, *place) if found else None


def _stated(answer: OptionAnswer) -> Found[int] | None:
    """With options yes and no, a statement that denies is a no (``It is not the smallest.``), and one short
    statement that is all of the answer a yes (``Violet is less than crimson.``)."""
    if not answer.options.only_sides or not answer.sentences or answer.says_unknown:
        return None
    begin, end = answer.sentences[0]
    sentence = answer.clean.text[begin:end]
    side = False if denies(sentence) else True if len(answer.sentences) == 1 and affirms(sentence) else None
    return None if side is None else answer.found({answer.options.sides[side]}, begin, end)


Stage = Callable[[OptionAnswer], Found[int] | None]
STAGES: tuple[tuple[str, Stage], ...] = (
    (WHOLE, whole),
    (STRUCTURED, lambda answer: marked(answer, structured=True)),
    (MARKER, lambda answer: marked(answer, structured=False)),
    (CONCLUSION, concluding),
    (LEADING, leading),
    (ONLY, only),
)

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


_A_COLON = late(r"^\s*A\s?[:：]\s*(?=\S)")


def _one_of(text: str, options: Options) -> Reading:
    exact = options.raw(text)
    if exact is not None and text.strip():
        begin = len(text) - len(text.lstrip())
        return Reading(options.first(exact), WHOLE, (begin, len(text.rstrip())))
    answer = OptionAnswer(text, options)
    if not answer.clean.text:
        return Reading()
    opened = _A_COLON.match(answer.clean.text)
    if opened:  # "A: No, it is smaller": short for Answer, unless nothing else is named
        without = OptionAnswer(text, options)
        without.clean = answer.clean.keep([(opened.end(), len(answer.clean.text))])
        without.body = answer.body.keep(
            [(answer.body.text.find(without.clean.text[:1]), len(answer.body.text))]
        )
        read = read_through(without, STAGES)
        if read.value is not None:
            return read
    return read_through(answer, STAGES)
