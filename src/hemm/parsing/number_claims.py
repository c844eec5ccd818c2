"""Which of the numbers in a sentence it asserts."""

from __future__ import annotations

import re
from itertools import pairwise

from hemm.parsing import clauses
from hemm.parsing.numbers import Numeral, numerals
from hemm.parsing.patterns import late

_FILLER = (
    r"(?:\s+(?:about|approximately|around|roughly|only|exactly|precisely|nearly|almost|a|total|of|equal|to"
    r"|now|also|still"
    r"|therefore|thus|at|simply|just|likely|probably|estimated|be|given|by|as|the|value|in|highest|lowest"
    r"|greatest))*"
)
_MONEY = r"\s*[\"'“(*$£€¥]*\s*$"
STRONG = late(
    rf"(?:\b(?:is|are|was|were|be|equals?|becomes?|totals?|remains?|there[’']s|it[’']s"
    rf"|a\s+total\s+of){_FILLER}"
    rf"|[=≈≃]|\\approx){_MONEY}",
    re.IGNORECASE,
)
"""What stands before a number that a sentence says something is."""
PREDICATE = late(
    rf"(?:\b(?:is|are|was|were|be|equals?|becomes?|leaves?|leaving|totals?|totalling|remains?|gives?|makes?"
    rf"|get|have|has"
    rf"|had|find|found|counted|spent|see|will|reaches|contains?|shows?|score[ds]?|needs?|costs?|paid|pays?|made|earn(?:s|ed)?|saved|takes?|took"
    rf"|receive[ds]|sold|bought|lost|won|weighs|measures|a\s+total\s+of|it[’']s"
    rf"|there[’']s)"
    rf"{_FILLER}|[=≈≃:：是为為有共]|\\approx){_MONEY}",
    re.IGNORECASE,
)
THERE = late(
    r"\b(?:there|here|we|i|it)\s+(?:is|are|was|were|will\s+be|would\s+be|remain|have|has|had|see|can\s+see"
    r"|counted)\b"
    r"(?:\s+(?:now|then|also|still|only|exactly|about|approximately|around|roughly|a|total|of|at|least|just"
    r"|left))*\s*$",
    re.IGNORECASE,
)
_CLOSED = late(
    r"^\s*(?:[%°$€£¥]|\\?%|percent|\\?,|\\circ)?\s*(?:[\w°/%^²³µ$Ω·*.\\-]+\s*){0,3}[)\"'”*]*\s*(?:[.。!;；\n]"
    r"|,|，|$|\()"
)
_CONDITION = late(
    r"\b(?:when|if|where|given\s+that|provided|assuming|as\s+[a-z]\s+approaches|since|because|which"
    r"|as\s+(?=the|there|it|we|each|they|\d))\b.*$",
    re.IGNORECASE | re.DOTALL,
)
_PLACE = late(
    r"(?:\bat|\bfor|\bwhere|\bdistance)\s+[$]?[a-zθα]\w*\s*=\s*[-−]?$|\bapproaches\s+[-−]?$", re.IGNORECASE
)
_COMPARED = late(
    r"\b(?:than|least|most|exceed(?:s|ing)?|above|below|under|between|from|over|up\s+to"
    r"|by\s+theta)\s*[$£€]?\s*$",
    re.IGNORECASE,
)
_DETERMINED = late(
    r"(?:\b(?:the|these|those|both|of|all|other|each|any|every|some|no|another|which)"
    r"(?:\s+(?:bottom|top|first|last|next|other|same|following|remaining|given|\w+est))?\s*)$",
    re.IGNORECASE,
)
_PRONOUN = late(
    r"^\s+(?:of|person|is|another|way|can|would|should|must|side|end|could|has|that|who|which|needs|more|by"
    r"|such|thing)\b",
    re.IGNORECASE,
)
_NAMED = late(
    r"\b(?:question(?:\s+no\.?)?|figure|fig\.?|table|step|week|day|month|store|person|row|column|grade|page"
    r"|chapter"
    r"|message|jan(?:uary)?|feb(?:ruary)?|march|april|may|june|july|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|particle|box|part|case|example|option|item|player|point|version|model|war)\s*$",
    re.IGNORECASE,
)
_DATED = late(r"\b(?:in|since|until|by|during|year|of)\s*(?:the\s+year\s*)?$", re.IGNORECASE)
RANGE = late(r"^\s*(?:-|–|to|and|or|through)\b|^\s*[-–]\s*$", re.IGNORECASE)
_NONE_THERE = late(
    r"\bthere\s+(?:is|are|was|were)\s+no\s+(?!way|info|data|image|picture|doubt|indication|mention|need"
    r"|answer|specific"
    r"|evidence|clear|enough|sufficient|one\b|such|number|value|label|text|visible|question|context|further"
    r"|other|more)",
    re.IGNORECASE,
)
_JOINED = late(r"^[^,;.]*\b(?:and|or)\s*$", re.IGNORECASE)
_SUMMED = late(r"\b(?:so|therefore|thus|hence|total|means|giving|leaving|then)\b", re.IGNORECASE)
_PLAIN_RIGHT = late(r"[\s$£€~≈*]*(?:\\approx|about|approximately)?[\s$]*")


_MANY = 60
"""So many numbers in one sentence are a list, and assert nothing."""
_RATIO = late(r"\bfor\s+every\b|\bratio\b[^.]*\d\s?:\s?\d", re.IGNORECASE)


_HEDGE = r"(?:maybe|perhaps|possibly|potentially)"
_HEDGED = late(
    rf"^[^.;:?!]{{0,60}}?(?:[,(]|\s)\s*(?<!and\s)(?:or,?\s+(?:(?:it|there|that|this|they)\s+(?:may|might|could|is"
    rf"|are)|even|{_HEDGE})|{_HEDGE})\b(?:\s+(?:even|also|it|is|be|well|just|only|about|there|are|as|many))*\s*$",
    re.IGNORECASE,
)
"""What stands between a number and one that the sentence offers in its place (``3, or maybe 4``)."""
_FAR = 120
_NEXT_WORD = late(r"\s*(\w*)")


def asserted(sentence: str, decimal_comma: bool = False) -> list[Numeral]:
    """The numbers that ``sentence`` asserts: the right side of its last equation; what it says something *is*
    (``is 10 years``, ``there are 3``); else all that are no condition, comparison, name or pronoun; and what
    it offers in the place of that (``or maybe 4``)."""
    return with_alternatives(sentence, _claimed(sentence, decimal_comma), decimal_comma)


def with_alternatives(sentence: str, found: list[Numeral], decimal_comma: bool = False) -> list[Numeral]:
    """One number that ``sentence`` asserts, and others of the same things that it offers in its place."""
    if len({n.value for n in found}) != 1:
        return found
    first = found[-1]
    after = _NEXT_WORD.match(sentence, first.end)
    others = [
        n
        for n in numerals(sentence, decimal_comma)
        if 0 <= n.begin - first.end <= _FAR
        and n.value != first.value
        and (word := _NEXT_WORD.match(sentence, n.end))
        and word[1] in ("", after[1] if after else "")
        and _HEDGED.match(sentence[first.end : n.begin])
    ]
    return [*found, *others[:1]]


def _claimed(sentence: str, decimal_comma: bool) -> list[Numeral]:
    """The numbers that ``sentence`` claims without a hedge."""
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
    found = [
        n for n in found if (none and n.begin == none.start()) or not clauses.denied(sentence, n.begin, n.end)
    ]
    dated = [
        n for n in found if _DATED.search(sentence, max(0, n.begin - 40), n.begin) and 1000 <= n.value < 2200
    ]
    found = [n for n in found if not _incidental(sentence, n)]
    if len({n.value for n in found}) > 1 and dated:
        strong = [n for n in dated if STRONG.search(sentence, max(0, n.begin - 80), n.begin)]
        found = [n for n in found if n not in dated or n in strong]
    equal = sentence.rfind("=")
    if (
        len(found) == 1
        and 0 <= equal < found[0].begin
        and not _PLAIN_RIGHT.fullmatch(sentence[equal + 1 : found[0].begin])
    ):
        return found if STRONG.search(sentence[equal + 1 : found[0].begin]) else []
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
    strong = [n for n in found if n not in ranged and STRONG.search(sentence, max(0, n.begin - 80), n.begin)]
    there = [n for n in found if n not in ranged and THERE.search(sentence, max(0, n.begin - 80), n.begin)]
    closed = [n for n in strong if _CLOSED.match(sentence, n.end)]
    if len({n.value for n in strong}) > 1 and not _SUMMED.search(sentence, strong[0].end, strong[-1].begin):
        equations = [n for n in strong if sentence[: n.begin].rstrip(" $").endswith("=")]
        strong = [n for n in strong if n not in equations]
        closed = [n for n in closed if n not in equations]
        if len({n.value for n in strong}) != 1:
            return found
    for kind in (closed, there, strong):
        if len({n.value for n in kind}) == 1:
            following = next(
                (n for n in found if n.begin > kind[-1].begin and n.value != kind[0].value), None
            )
            if following and _JOINED.search(sentence[kind[-1].end : following.begin]):
                return found
            return kind
    return found


def _incidental(sentence: str, numeral: Numeral) -> bool:
    """Whether a number only names, counts, places or bounds something else."""
    before, after = (
        sentence[max(0, numeral.begin - 60) : numeral.begin],
        sentence[numeral.end : numeral.end + 30],
    )
    if _COMPARED.search(before) and not RANGE.match(after):
        return True
    if numeral.word and (_DETERMINED.search(before) or (numeral.value == 1 and _PRONOUN.match(after))):
        return True
    return _NAMED.search(before) is not None or _PLACE.search(before) is not None


def _ranged(sentence: str, found: list[Numeral]) -> list[Numeral]:
    """Numbers that stand as the ends of a range, or as alternatives."""
    ends: list[Numeral] = []
    for a, b in pairwise(found):
        if a.value != b.value and re.fullmatch(
            r"\s*(?:-|–|to|and|or|through|,|,\s*and)\s*[$£€]?\s*", sentence[a.end : b.begin], re.IGNORECASE
        ):
            ends += [a, b]
    return ends
