"""The stages by which one number is read. Each is a function with its rule; ``docs/answers.md`` lists them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from hemm.core import Reading
from hemm.parsing import clauses
from hemm.parsing.answer_text import body_of, sentence_spans, unmarked
from hemm.parsing.located import Located, Span
from hemm.parsing.markers import Mark, ordered
from hemm.parsing.numbers import Numeral, numerals, read_number
from hemm.parsing.refusal import refuses
from hemm.parsing.stages import CONCLUSION, LEADING, MARKER, ONLY, STRUCTURED, WHOLE


@dataclass(frozen=True, slots=True)
class Found:
    """Numbers, and where the original text says them."""

    values: frozenset[float]
    span: Span

    @property
    def one(self) -> float | None:
        return next(iter(self.values)) if len(self.values) == 1 else None


_ENUMERATOR = re.compile(r"^\s*\d{1,2}[.)]\s", re.MULTILINE)


class Answer:
    """One answer as the stages see it."""

    def __init__(self, text: str, decimal_comma: bool) -> None:
        self.decimal_comma = decimal_comma
        self.body: Located = body_of(text)
        self.clean: Located = unmarked(self.body)

    @cached_property
    def sentences(self) -> list[Span]:
        """Sentences that say something: no questions, no courtesies."""
        text = self.clean.text
        listed = len(_ENUMERATOR.findall(text)) > 1
        return [
            (b, e)
            for b, e in sentence_spans(text)
            if not clauses.asks(text[b:e])
            and not clauses.polite(text[b:e])
            and not (listed and _ENUMERATOR.fullmatch(text[b:e] + " "))
        ]

    @cached_property
    def marks(self) -> list[tuple[str, Span, Mark]]:
        """Explicit answers, the one that decides first."""
        return ordered(self.body, self.clean)

    @cached_property
    def says_unknown(self) -> bool:
        """Whether any sentence says that the answer is not known."""
        text = self.clean.text
        return any(clauses.says_unknown(text[b:e]) for b, e in self.sentences)

    @cached_property
    def concludes_otherwise(self) -> bool:
        """Whether the last conclusion, or the last sentence but a conclusion, says no number."""
        text = self.clean.text
        conclusions = [text[b:e] for b, e in self.sentences if clauses.concludes(text[b:e])]
        return bool(conclusions) and not asserted(conclusions[-1], self.decimal_comma)

    def found(self, numbers: list[Numeral], offset: int = 0) -> Found:
        span = self.clean.span(offset + numbers[0].begin, offset + numbers[-1].end)
        return Found(frozenset(n.value for n in numbers), span)


# what a sentence asserts

_FILLER = (
    r"(?:\s+(?:about|approximately|around|roughly|only|exactly|precisely|nearly|almost|a|total|of|equal|to|now|also|still"
    r"|therefore|thus|at|simply|just|likely|probably|estimated|be|given|by|as|the|value|in|highest|lowest|greatest))*"
)
_MONEY = r"\s*[\"'“(*$£€¥]*\s*$"
_STRONG = re.compile(
    rf"(?:\b(?:is|are|was|were|be|equals?|becomes?|totals?|remains?|there[’']s|it[’']s|a\s+total\s+of){_FILLER}"
    rf"|[=≈≃]|\\approx){_MONEY}",
    re.IGNORECASE,
)
"""What stands before a number that a sentence says something is."""
_PREDICATE = re.compile(
    rf"(?:\b(?:is|are|was|were|be|equals?|becomes?|leaves?|leaving|totals?|totalling|remains?|gives?|makes?|get|have|has"
    rf"|had|find|found|counted|spent|see|will|reaches|contains?|shows?|score[ds]?|a\s+total\s+of|it[’']s|there[’']s)"
    rf"{_FILLER}|[=≈≃:：是为為有共]|\\approx){_MONEY}",
    re.IGNORECASE,
)
_THERE = re.compile(
    r"\b(?:there|here|we|i|it)\s+(?:is|are|was|were|will\s+be|would\s+be|remain|have|has|had|see|can\s+see|counted)\b"
    r"(?:\s+(?:now|then|also|still|only|exactly|about|approximately|around|roughly|a|total|of|at|least|just|left))*\s*$",
    re.IGNORECASE,
)
_CLOSED = re.compile(
    r"^\s*(?:[%°$€£¥]|\\?%|percent|\\?,|\\circ)?\s*(?:[\w°/%^²³µ$Ω·*.\\-]+\s*){0,3}[)\"'”*]*\s*(?:[.。!;；\n]|,|，|$|\()"
)
_CONDITION = re.compile(
    r"\b(?:when|if|where|given\s+that|provided|assuming|as\s+[a-z]\s+approaches|since|because|which"
    r"|as\s+(?=the|there|it|we|each|they|\d))\b.*$",
    re.IGNORECASE | re.DOTALL,
)
_PLACE = re.compile(r"(?:\bat|\bfor|\bwhere|\bdistance)\s+[$]?[a-zθα]\w*\s*=\s*[-−]?$|\bapproaches\s+[-−]?$", re.IGNORECASE)
_COMPARED = re.compile(
    r"\b(?:than|least|most|exceed(?:s|ing)?|above|below|under|between|from|over|up\s+to|by\s+theta)\s*[$£€]?\s*$",
    re.IGNORECASE,
)
_DETERMINED = re.compile(
    r"(?:\b(?:the|these|those|both|of|all|other|each|any|every|some|no|another|which)"
    r"(?:\s+(?:bottom|top|first|last|next|other|same|following|remaining|given|\w+est))?\s*)$",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"^\s+(?:of|person|is|another|way|can|would|should|must|side|end|could|has|that|who|which|needs|more|by|such|thing)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(?:question(?:\s+no\.?)?|figure|fig\.?|table|step|week|day|month|store|person|row|column|grade|page|chapter"
    r"|message|particle|box|part|case|example|option|item|player|point|version|model|war)\s*$",
    re.IGNORECASE,
)
_DATED = re.compile(r"\b(?:in|since|until|by|during|year|of)\s*(?:the\s+year\s*)?$", re.IGNORECASE)
_RANGE = re.compile(r"^\s*(?:-|–|to|and|or|through)\b|^\s*[-–]\s*$", re.IGNORECASE)
_NONE_THERE = re.compile(
    r"\bthere\s+(?:is|are|was|were)\s+no\s+(?!way|info|data|image|picture|doubt|indication|mention|need|answer|specific"
    r"|evidence|clear|enough|sufficient|one\b|such|number|value|label|text|visible|question|context|further|other|more)",
    re.IGNORECASE,
)
_JOINED = re.compile(r"^[^,;.]*\b(?:and|or)\s*$", re.IGNORECASE)
_SUMMED = re.compile(r"\b(?:so|therefore|thus|hence|total|means|giving|leaving|then)\b", re.IGNORECASE)
_PLAIN_RIGHT = re.compile(r"[\s$£€~≈*]*(?:\\approx|about|approximately)?[\s$]*")


_MANY = 60
"""So many numbers in one sentence are a list, and assert nothing."""
_RATIO = re.compile(r"\bfor\s+every\b|\bratio\b[^.]*\d\s?:\s?\d", re.IGNORECASE)


def asserted(sentence: str, decimal_comma: bool = False) -> list[Numeral]:
    """The numbers that ``sentence`` asserts: the right side of its last equation; what it says something *is*
    (``is 10 years``, ``there are 3``); else all that are no condition, comparison, name or pronoun."""
    found = [] if _RATIO.search(sentence) else numerals(sentence, decimal_comma)
    none = _NONE_THERE.search(sentence)
    if none:
        found = sorted([*found, Numeral(0.0, none.start(), none.end(), word=True)], key=lambda n: n.begin)
    if not found:
        return []
    if len(found) > _MANY:
        return found
    start, _ = clauses.claim(sentence)
    if any(n.begin >= start for n in found):
        found = [n for n in found if n.begin >= start]
    condition = _CONDITION.search(sentence, start)
    if condition and any(n.begin < condition.start() for n in found):
        found = [n for n in found if n.begin < condition.start()]
        sentence = sentence[: condition.start()]
    found = [n for n in found if (none and n.begin == none.start()) or not clauses.denied(sentence, n.begin, n.end)]
    dated = [n for n in found if _DATED.search(sentence, max(0, n.begin - 40), n.begin) and 1000 <= n.value < 2200]
    found = [n for n in found if not _incidental(sentence, n)]
    if len({n.value for n in found}) > 1 and dated:
        strong = [n for n in dated if _STRONG.search(sentence, max(0, n.begin - 80), n.begin)]
        found = [n for n in found if n not in dated or n in strong]
    equal = sentence.rfind("=")
    if len(found) == 1 and 0 <= equal < found[0].begin and not _PLAIN_RIGHT.fullmatch(sentence[equal + 1 : found[0].begin]):
        return found if _STRONG.search(sentence[equal + 1 : found[0].begin]) else []
    if len({n.value for n in found}) < 2 or (none and any(n.begin == none.start() for n in found)):
        return found
    return _predicated(sentence, found)


def _predicated(sentence: str, found: list[Numeral]) -> list[Numeral]:
    """Of several numbers those that the sentence says something is; all where that decides nothing."""
    equal = sentence.rfind("=")
    if equal >= 0:
        right = [n for n in found if n.begin > equal]
        several = re.search(r"\b(?:or|and)\b[^=]*=[^=]*$", sentence) is not None and sentence.count("=") > 1
        if len({n.value for n in right}) == 1 and not several:
            return right if _PLAIN_RIGHT.fullmatch(sentence[equal + 1 : right[0].begin]) else found
    ranged = _ranged(sentence, found)
    strong = [n for n in found if n not in ranged and _STRONG.search(sentence, max(0, n.begin - 80), n.begin)]
    there = [n for n in found if n not in ranged and _THERE.search(sentence, max(0, n.begin - 80), n.begin)]
    closed = [n for n in strong if _CLOSED.match(sentence, n.end)]
    if len({n.value for n in strong}) > 1 and not _SUMMED.search(sentence, strong[0].end, strong[-1].begin):
        equations = [n for n in strong if sentence[: n.begin].rstrip(" $").endswith("=")]
        strong = [n for n in strong if n not in equations]
        closed = [n for n in closed if n not in equations]
        if len({n.value for n in strong}) != 1:
            return found
    for kind in (closed, there, strong):
        if len({n.value for n in kind}) == 1:
            following = next((n for n in found if n.begin > kind[-1].begin and n.value != kind[0].value), None)
            if following and _JOINED.search(sentence[kind[-1].end : following.begin]):
                return found
            return kind
    return found


def _incidental(sentence: str, numeral: Numeral) -> bool:
    """Whether a number only names, counts, places or bounds something else."""
    before, after = sentence[max(0, numeral.begin - 60) : numeral.begin], sentence[numeral.end : numeral.end + 30]
    if _COMPARED.search(before) and not _RANGE.match(after):
        return True
    if numeral.word and (_DETERMINED.search(before) or (numeral.value == 1 and _PRONOUN.match(after))):
        return True
    return _NAMED.search(before) is not None or _PLACE.search(before) is not None


def _ranged(sentence: str, found: list[Numeral]) -> list[Numeral]:
    """Numbers that stand as the ends of a range, or as alternatives."""
    ends: list[Numeral] = []
    for a, b in zip(found, found[1:], strict=False):
        if a.value != b.value and re.fullmatch(r"\s*(?:-|–|to|and|or|through|,|,\s*and)\s*[$£€]?\s*", sentence[a.end : b.begin], re.IGNORECASE):
            ends += [a, b]
    return ends


# the stages


def whole(answer: Answer) -> Found | None:
    """The text is one number, with a percent sign or not."""
    text = answer.clean.text
    value = read_number(text, answer.decimal_comma)
    return None if value is None else Found(frozenset((value,)), answer.clean.span(0, len(text)))


def marked(answer: Answer, structured: bool) -> Found | None:
    """An explicit answer: of JSON, tags, ``\\boxed{}`` and ``Final answer`` the last one that says a number;
    then of ``Answer: ...`` and ``the answer is ...`` the last one."""
    for text, span, mark in answer.marks:
        value = read_number(text, answer.decimal_comma)
        if value is not None:
            found = [value]
        else:
            first = sentence_spans(text)[:1]
            if not first or clauses.asks(text[slice(*first[0])]) or clauses.says_unknown(text[slice(*first[0])]):
                continue
            sentence = text[slice(*first[0])]
            found = [n.value for n in _opening(sentence, answer) or asserted(sentence, answer.decimal_comma)]
        if found:
            return Found(frozenset(found), span) if mark.structured == structured else None
    return None


_AFTERWARDS = re.compile(r"^[^\d]{0,40}(?:[.,;\n(]|$|\b(?:as|because|since|for|is|are|left|remain)\b)")
_OPENS = re.compile(r"^\s*[\"'“(*$£€]*\s*(?:about|approximately|around|roughly)?\s*$", re.IGNORECASE)


def _opening(sentence: str, answer: Answer) -> list[Numeral]:
    """The number that opens a marked answer and that an explanation follows: ``12, as 5 and 7 are 12``."""
    found = numerals(sentence, answer.decimal_comma)
    if not found or not _OPENS.match(sentence[: found[0].begin]):
        return []
    rest = sentence[found[0].end :]
    if len(found) > 1 and (_RANGE.match(sentence[found[0].end : found[1].begin].strip()) or re.match(r"^\s*[=+*/×]|^\s*(?:of|out)\b", rest)):
        return []
    return found[:1] if _AFTERWARDS.match(rest) and not re.match(r"^\s*,\s*\d", rest) else []


_DIGITS = re.compile(r"\d+")


def concluding(answer: Answer) -> Found | None:
    """The last sentence that opens with ``Therefore``, ``So``, ... and says a number, or else the last
    sentence that says something, or the right side of a closing equation."""
    text = answer.clean.text
    spans = answer.sentences
    if not spans:
        return None
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
    if found and (len({n.value for n in found}) == 1) and (
        read_number(last, answer.decimal_comma) is not None
        or _PREDICATE.search(text[begin : begin + found[-1].begin]) or _THERE.search(text[begin : begin + found[-1].begin]) or "=" in last
    ):
        return answer.found(found, begin)
    return None


def leading(answer: Answer) -> Found | None:
    """The first of several sentences that say something, where it asserts one number."""
    text = answer.clean.text
    if len(answer.sentences) < 2:
        return None
    begin, end = answer.sentences[0]
    sentence = text[begin:end]
    if answer.says_unknown:
        return None
    found = asserted(sentence, answer.decimal_comma)
    strong = [n for n in found if _PREDICATE.search(sentence, max(0, n.begin - 80), n.begin) or n.begin == 0]
    return answer.found(found, begin) if found and strong else None


def only(answer: Answer) -> Found | None:
    """The only number that the text asserts."""
    text = answer.clean.text
    if answer.says_unknown or answer.concludes_otherwise and len(answer.sentences) > 1:
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


def one_number(text: str, decimal_comma: bool = False) -> Reading:
    """The one number that ``text`` answers with, with the stage and the place that say so; nothing where
    there is none, or several that differ."""
    answer = Answer(text, decimal_comma)
    if not answer.clean.text:
        return Reading()
    refused = refuses(answer.clean.text)
    for name, stage in STAGES:
        if refused and name in (CONCLUSION, LEADING, ONLY):
            break
        found = stage(answer)
        if found is None:
            continue
        if found.one is not None:
            return Reading(found.one, name, found.span)
        break
    return Reading()
