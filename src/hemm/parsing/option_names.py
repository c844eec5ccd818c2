"""What a piece of text names of the options: letters that choose one, texts that assert one."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import pairwise

from hemm.parsing import clauses
from hemm.parsing.answer_text import sentence_spans
from hemm.parsing.languages import any_of
from hemm.parsing.options import LISTED, Options
from hemm.parsing.patterns import late
from hemm.parsing.yes_no_words import opening_side, sides_of

_LEAD = late(
    r"^[\s\"'“‘*]{0,6}(?:(?i:(?:the\s)?(?:option|choice|letter|answer))\s{1,2}|选项|選項|选|選)?"
    r"(?:(?P<bracket>[(\[]\s?(?:[A-Z]{1,2}|[a-z])\s?[)\]])"
    r"|[\"'“‘]?(?P<bare>[A-Z]{1,2})(?![A-Za-z0-9_^])(?!['’](?:s|m|ve|ll|re|d"
    r"|t)\b)(?:[\"'”’](?!\w))?(?P<stop>[.:,;)\]\n。，、：；)]|\s[-–—=]|$)?)"
)
_WHY = late(
    r"^\s(?:because|since|as|is|are|due|which|with|for|based|would|will|in|on|has|from|\(|and\s(?:the|not"
    r"|here))\b|^\s?[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    r"|^\s\W|^[^\W\d_a-zA-Z]|^['’]\w"
)
_NO_ARTICLE = late(r"^\s(?:because|since|is|due)\b")


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
        return options.in_a_row(listed[0]), listed.end()
    end = lead.end("bare") if lead["stop"] in (",", "，", "、") else lead.end()  # "B, as there is no cat"
    if clauses.denied(text.split("\n")[0][:400], lead.start(), end):
        return set(), 0
    return {number}, lead.end()


_ASSERTED = late(
    r"(?:\b(?:is|are|be|was|were|equals?|named|called|becomes?|remains?|choose|select|pick|would|will|likely"
    r"|(?:equal|belongs?|corresponds?|leads?)\s+to)\b|[=≈:：是为為]|\\approx)"
    r"(?:\s+(?:an?|the|about|approximately|likely|probably|most|called|also|thus|then|only|now|clearly"
    r"|simply|best|in|at"
    r"|from|be|decreased?|number|letter))*\s*[\"'“(*]*$|[\"“]$",
    re.IGNORECASE,
)
VERDICT = late(
    rf"(?<!\w)(?P<subject>[A-Z])[)\]\"'”’]?(?:\s(?:(?:{any_of('copula')}|seems"
    rf"|looks)\s(?:the\s)?(?:most\s\w+\s)?|(?<!A\s))(?:{any_of('right')}|answer\b)|\s?(?:选项|選項)?\s?(?:正确|正確|是正确|是正确答案|が正し"
    rf"|가 맞|이 맞))"
    r"|(?:\b(?:choose|chose|pick|picked|select|selected|opt for|go with|going with|take|say|prefer|looks like"
    r"|must be"
    r"|would be|should be|has to be|can only be"
    r"|matches|mark|guess|choice is|is|be|corresponds to|option|conclusion|[=:])"
    r"\s{0,2}(?:(?:option|choice|answer|image|picture|figure|point|letter"
    r"|box)\s)?[\"'“(\[]?"
    r"|[选選为為是：]\s?[(\"]?)(?P<object>[A-Z])(?=[)\]\"'”’]?\s*(?:$|[.,;:!。，；]|\s(?:over|because|since|as|rather"
    r"|instead|not|here|\()))",
)


PICKS = late(
    r"\b(?:choose|select|pick|opt\sfor|go(?:ing)?\swith|lean\stowards?|vote\sfor|settle\son)\b", re.IGNORECASE
)
SUMS_UP = late(
    r"^\W*(?:(?:so|but|therefore|thus),?\s)?(?:based\son|given\s(?:these|this|the|that|all)|considering|between\s(?:the|these)"
    r"|of\sthe|among|in\s(?:summary|short|conclusion)|overall|after\s\w+ing|comparing|all\sin\sall|looking\sat"
    r"|i\s(?:would\s)?(?:believe|think|say|conclude|select|choose|pick))\b",
    re.IGNORECASE,
)
CHOOSES = late(
    r"\b(?:most|best|closest|nearest|more\s(?:likely|similar|accurate(?:ly)?|appropriate|suitable|consistent"
    r"|plausible|closely)|(?<!less\s)likely|correct|right|corresponds?|match(?:es)?|fits|shares?\sthe\ssame|missing\spart"
    r"|i\s(?:would\s|might\s)?(?:believe|think|say|conclude|lean|choose|select|pick|go)"
    r"|(?!(?:rest|interest|test|forest|request|west|east|guest|latest|contest|harvest|honest|protest|suggest)\b)\w{2,}est)\b",
    re.IGNORECASE,
)
"""What shows that a sentence answers a question, and does not only describe what it names."""
NONE_OF_THEM = late(
    r"^\W*(?:none\b(?!-)|neither\b|no(?:ne)?\s(?:correct\s)?(?:option|answer|choice)s?\b|not\s(?:listed|given|among|available|provided)"
    r"|都不|以上都不|均不|无|無|没有|題目|题目)",
    re.IGNORECASE,
)
"""An explicit answer that says that no option is right."""
_CONTRAST = late(r"\b(?:but|no wait|wait|actually)\b", re.IGNORECASE)


def letters_in(sentence: str, options: Options, verdicts: bool = True) -> tuple[set[int], int, int]:
    """Options that letters in ``sentence`` choose: ``(B)``, ``option B``, ``B is correct``."""
    found = options.explicit(sentence)
    if options.marks and verdicts:
        rows = [match.span() for match in LISTED.finditer(sentence)]
        begins = [begin for begin, _ in rows]
        for match in VERDICT.finditer(sentence):
            group = "subject" if match["subject"] else "object"
            number = options.number_of(match[group])
            row = bisect_right(begins, match.start(group)) - 1
            if row >= 0 and match.start(group) < rows[row][1]:
                continue
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


MANY = 100
"""So many mentions in one sentence are a list."""
_ALTERNATIVE = late(
    rf"\s*(?:[,/&]\s*)?(?:{any_of('either')}|[,/&])\s*(?:an?\s|the\s|[(]?[A-Z][).]\s)?\s*", re.IGNORECASE
)


def texts_in(sentence: str, options: Options) -> tuple[set[int], set[int], int, int]:
    """Options whose texts ``sentence`` mentions: the asserted ones (``is a dog``), all, and where."""
    here = options.mentions(sentence) if not _EITHER_OR.search(sentence) else []
    start, stop = clauses.claim(sentence)
    if claimed := [m for m in here if start <= m[1] < stop]:
        here = claimed
    if any(_ALTERNATIVE.fullmatch(sentence[a[2] : b[1]]) for a, b in pairwise(here) if a[0] != b[0]):
        return (several := {m[0] for m in here}), several, here[0][1], here[-1][2]
    if compared := _compared(sentence, here, options):
        here = compared
    stated = [m for m in here[:MANY] if _ASSERTED.search(sentence[max(0, m[1] - 60) : m[1]])]
    chosen = stated or here
    begin, end = (chosen[-1][1], chosen[-1][2]) if chosen else (0, 0)
    if len({m[0] for m in here}) == 1:
        number = options.longer(here[0][0], sentence[max(0, begin - 20) : end + 20])
        return ({number} if stated else set()), {number}, begin, end
    return {m[0] for m in stated}, {m[0] for m in here}, begin, end


_EITHER_OR = late(r"\beither\b[^.]{1,160}\bor\b", re.IGNORECASE)
_THAN = late(r"\bthan\s+(?:(?:the|that|those|in|of|an?)\s+)*[\"'“(]?$", re.IGNORECASE)


def _compared(
    sentence: str, here: list[tuple[int, int, int]], options: Options
) -> list[tuple[int, int, int]]:
    """Of two options (there may be a ``neither``) the one that a sentence compares: ``A has more than B``."""
    behind = [m for m in here if _THAN.search(sentence[max(0, m[1] - 40) : m[1]])]
    before = [m for m in here if behind and m[1] < behind[0][1]]
    both = {m[0] for m in here}
    if len(behind) != 1 or len(both) != 2 or {m[0] for m in before} & {behind[0][0]}:
        return []
    rest = (text for i, text in enumerate(options.shown) if options.first(i) not in both)
    return before if all(clauses.NEGATION.search(text) or "neither" in text for text in rest) else []


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
