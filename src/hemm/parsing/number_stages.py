"""The stages by which one number is read, each a function with its rule; ``docs/answers.md`` lists them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

from hemm.core import Reading
from hemm.parsing import clauses
from hemm.parsing.answer_text import sentence_spans
from hemm.parsing.located import Span
from hemm.parsing.markers import Mark, is_blank
from hemm.parsing.number_claims import PREDICATE, RANGE, THERE, asserted, with_alternatives
from hemm.parsing.numbers import Numeral, numerals, read_number
from hemm.parsing.patterns import late
from hemm.parsing.stages import (
    CONCLUSION,
    LEADING,
    MARKER,
    ONLY,
    STRUCTURED,
    WHOLE,
    Answer,
    Found,
    read_through,
)

_SURE = late(
    r"^\W*(?:my\s)?(?:accuracy|confidence|certainty|probability|likelihood)(?:\s(?:score|level|rating))?\s?[:=：]",
    re.IGNORECASE,
)
_ENUMERATOR = late(r"^\s*\d{1,2}[.)]\s", re.MULTILINE)


class NumberAnswer(Answer):
    """One answer to a question for a number."""

    def __init__(self, text: str, decimal_comma: bool) -> None:
        super().__init__(text)
        self.decimal_comma = decimal_comma

    @cached_property
    def _listed(self) -> bool:
        return len(_ENUMERATOR.findall(self.clean.text)) > 1

    def passed_over(self, sentence: str) -> bool:
        """Whether a sentence is the number of a line of a list, or says how sure the model is."""
        if _SURE.match(sentence):
            return True
        return self._listed and _ENUMERATOR.fullmatch(sentence + " ") is not None

    @cached_property
    def concludes_otherwise(self) -> bool:
        """Whether the last conclusion, or the last sentence but a conclusion, says no number."""
        text = self.clean.text
        conclusions = [text[b:e] for b, e in self.sentences if clauses.concludes(text[b:e])]
        return bool(conclusions) and not asserted(conclusions[-1], self.decimal_comma)

    def found(self, numbers: list[Numeral], offset: int = 0) -> Found[float]:
        span = self.clean.span(offset + numbers[0].begin, offset + numbers[-1].end)
        return Found(frozenset(n.value for n in numbers), span)


def whole(answer: NumberAnswer) -> Found[float] | None:
    """The text is one number, with a percent sign or not. A box in it says the number (``5 \\boxed{6}``)."""
    text = answer.clean.text
    if any(mark.structured and piece.strip() not in ("", text) for piece, _, mark in answer.marks):
        return None
    value = read_number(text, answer.decimal_comma)
    return None if value is None else Found(frozenset((value,)), answer.clean.span(0, len(text)))


def marked(answer: NumberAnswer, structured: bool) -> Found[float] | None:
    """An explicit answer: of JSON, tags, ``\\boxed{}`` and ``Final answer`` the last one that says a number;
    then of ``Answer: ...`` and ``the answer is ...`` the last one. A box that holds something else
    (``4 - \\pi``), a marker before an expression or before a blank is an answer that is no number."""
    for text, span, mark in answer.marks:
        value = read_number(text, answer.decimal_comma)
        if value is not None:
            found = [value]
        else:
            first = sentence_spans(text)[:1]
            if (
                not first
                or clauses.asks(text[slice(*first[0])])
                or clauses.says_unknown(text[slice(*first[0])])
            ):
                if mark.structured == structured and says_other(text, mark):
                    return Found(frozenset(), span)
                continue
            sentence = text[slice(*first[0])]
            said = _opening(sentence, answer) or asserted(sentence, answer.decimal_comma)
            found = [n.value for n in said]
        if found:
            return Found(frozenset(found), span) if mark.structured == structured else None
        if mark.structured == structured and says_other(text, mark):
            return Found(frozenset(), span)
    return None


_EXPRESSION = late(r"\d")


def says_other(text: str, mark: Mark) -> bool:
    """Whether an explicit answer that says no number says something else."""
    if is_blank(text):
        return not mark.structured
    return mark.structured or _EXPRESSION.search(text.split("\n")[0][:80]) is not None


_AFTERWARDS = late(r"^[^\d]{0,40}(?:[.,;\n(]|$|\b(?:as|because|since|for|is|are|left|remain)\b)")
_OPENS = late(r"^\s*[\"'“(*$£€]*\s*(?:about|approximately|around|roughly)?\s*$", re.IGNORECASE)


def _opening(sentence: str, answer: NumberAnswer) -> list[Numeral]:
    """The number that opens a marked answer and that an explanation follows: ``12, as 5 and 7 are 12``."""
    found = numerals(sentence, answer.decimal_comma)
    if not found or not _OPENS.match(sentence[: found[0].begin]):
        return []
    rest = sentence[found[0].end :]
    if len(found) > 1 and (
        RANGE.match(sentence[found[0].end : found[1].begin].strip())
        or re.match(r"^\s*[=+*/×]|^\s*(?:of|out)\b", rest)
    ):
        return []
    if not _AFTERWARDS.match(rest) or re.match(r"^\s*,\s*\d", rest):
        return []
    return with_alternatives(sentence, found[:1], answer.decimal_comma)


_DIGITS = late(r"\d+")
_LISTED_LINE = late(r"\s*\d{1,2}[.)]\s*")
_CALCULATES = late(
    r"=|\d\s?[+*×·÷]\s?\$?\d|[?？]\s*\n|(?:^|[.!?]\s|\n)\s*(?:first|second|then|next|now|so|if|we|let|each|step"
    r"|after|therefore|thus|because)\b",
    re.IGNORECASE,
)
"""What shows that the first sentence is where a calculation begins."""


def concluding(answer: NumberAnswer) -> Found[float] | None:
    """The last sentence that opens with ``Therefore``, ``So``, ... and says a number, or else the last
    sentence that says something, or the right side of a closing equation."""
    text = answer.clean.text
    spans = answer.sentences
    if not spans:
        return None
    if len(spans) > 1 and _stands_alone(answer, spans[-1]) and not _stands_alone(answer, spans[-2]):
        return answer.found(numerals(text[slice(*spans[-1])], answer.decimal_comma), spans[-1][0])
    for begin, end in reversed(spans):
        sentence = text[begin:end]
        if clauses.concludes(sentence):
            found = [] if clauses.says_unknown(sentence) else asserted(sentence, answer.decimal_comma)
            if found:
                return answer.found(found, begin)
            break
    begin, end = spans[-1]
    if len(spans) == 1 or answer.says_unknown or answer.concludes_otherwise:
        return None
    last = text[begin:end].strip()
    before = text[slice(*spans[-2])].strip()
    if last != before and _DIGITS.sub("", last) == _DIGITS.sub("", before):
        both = asserted(before, answer.decimal_comma) + asserted(last, answer.decimal_comma)
        return Found(frozenset(n.value for n in both), answer.clean.span(*spans[-1])) if both else None
    found = asserted(text[begin:end], answer.decimal_comma)
    if (
        found
        and (len({n.value for n in found}) == 1)
        and (
            _stands_alone(answer, spans[-1])
            or PREDICATE.search(text[begin : begin + found[-1].begin])
            or THERE.search(text[begin : begin + found[-1].begin])
            or "=" in last
        )
    ):
        return answer.found(found, begin)
    return None


def _stands_alone(answer: NumberAnswer, span: Span) -> bool:
    """Whether a sentence is a number and nothing else, and no number of a list."""
    begin, end = span
    line = answer.clean.text.rfind("\n", 0, end) + 1
    sentence = answer.clean.text[begin:end].strip()
    listed = _LISTED_LINE.fullmatch(answer.clean.text[line:end]) is not None
    return not listed and read_number(sentence, answer.decimal_comma) is not None


def leading(answer: NumberAnswer) -> Found[float] | None:
    """The first of several sentences that say something, where it asserts one number and no calculation
    follows."""
    text = answer.clean.text
    if len(answer.sentences) < 2:
        return None
    begin, end = answer.sentences[0]
    sentence = text[begin:end]
    if answer.says_unknown or _CALCULATES.search(text, end):
        return None
    found = asserted(sentence, answer.decimal_comma)
    strong = [n for n in found if PREDICATE.search(sentence, max(0, n.begin - 80), n.begin) or n.begin == 0]
    return answer.found(found, begin) if found and strong else None


def only(answer: NumberAnswer) -> Found[float] | None:
    """The only number that the text asserts."""
    text = answer.clean.text
    if answer.says_unknown or (answer.concludes_otherwise and len(answer.sentences) > 1):
        return None
    found: list[Numeral] = []
    for begin, end in answer.sentences:
        sentence = text[begin:end]
        if not clauses.says_unknown(sentence):
            found += [
                Numeral(n.value, n.begin + begin, n.end + begin, n.word)
                for n in asserted(sentence, answer.decimal_comma)
            ]
    return answer.found(found) if found else None


Stage = Callable[[NumberAnswer], Found[float] | None]
STAGES: tuple[tuple[str, Stage], ...] = (
    (WHOLE, whole),
    (STRUCTURED, lambda answer: marked(answer, structured=True)),
    (MARKER, lambda answer: marked(answer, structured=False)),
    (CONCLUSION, concluding),
    (LEADING, leading),
    (ONLY, only),
)


def one_number(text: str, decimal_comma: bool = False) -> Reading:
    """The one number that ``text`` answers with, with the stage and the place that say so; nothing where
    there is none, or several that differ."""
    answer = NumberAnswer(text, decimal_comma)
    if not answer.clean.text:
        return Reading()
    return read_through(answer, STAGES)
