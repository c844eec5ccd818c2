"""Whether what a clause names is asserted: negation, hedges, questions, and what a sentence opens with."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache

from hemm.parsing.languages import any_of
from hemm.parsing.patterns import late

_LETTER = r"(?:the\s+)?(?:options?\s+|choices?\s+|answers?\s+)?[(\[]?[A-Z][)\]]?(?!\w)"

_CUT = late(
    r"[,，、;；:：](?!\d)|\s[-–—]+\s|[()]\s(?=\w+\s)|\b(?:but|however|because|since|although|though|while"
    r"|whereas|which|who"
    r"|so|therefore|thus|hence|if|mais|aber|sondern|weil|pero|porque|sino|ma|perché|mas|porém|maar|omdat|men"
    r"|utan"
    r"|ale|protože|но|поэтому|але|ama|fakat|hanem|αλλά|nhưng|tetapi|lakini)\b"
    r"|(?=\b(?:rather\s+than|instead\s+of|as\s+opposed\s+to|over|than|unlike|except|statt|plutôt"
    r"|en\s+vez\s+de)\b)"
    rf"|(?=\bnot\s+{_LETTER})|\band\s+(?={_LETTER}\s+(?:\w+\s+)?(?:is|are|was|does|would|has|looks|cannot)\b)"
    r"|但是|但|而|因为|所以",
    re.IGNORECASE,
)
"""Where one clause of a sentence ends and the next begins."""

_DENIED = late(
    f"{any_of('negation')}|{any_of('wrong')}"
    r"|\b(?:rather than|instead of|as opposed to|over(?=\s+(?-i:[(\[]?[A-Z])\b)"
    r"|than(?=\s+(?-i:[(\[]?[A-Z])\b)|unlike)\b"
    r"|n['’]t\b",
    re.IGNORECASE,
)
_UNDENIED = late(
    r"\b(?:that|who|which)\s+(?:is|are|was|were|do|does|did|has|have|can)\s*(?:not|n['’]t)\b"
    r"|\bno(?:t)?\s+(?:doubt|only)\b|\bwithout\s+(?:a\s+)?doubt\b|\bnot\s+just\b|\bno\s+\d+\b|\bno\.\s?\d",
    re.IGNORECASE,
)

NEGATION = late(
    r"\b(?:not|no|never|neither|nor|without|cannot|unlikely|unclear|unsure|rather than|instead of|except"
    r"|nothing|none|nicht|kein\w*|weder|pas|ni|sans|senza|sem|nem|nie|не|нет)\b|n['’]t\b|不|没|沒|ない|아니",
    re.IGNORECASE,
)

_UNKNOWN = late(
    r"\b(?:(?:can\s?not|can['’]?t|could\s+not|couldn['’]t|unable\s+to|impossible\s+to|not\s+possible\s+to"
    r"|difficult\s+to|hard\s+to"
    r"|not\s+able\s+to|no\s+way\s+to)\s+(?:be\s+|\w{1,15}ly\s+)*"
    r"(?:determined?|tell|say|answer(?:ed)?|know|see|view|provided?|identify|identified|calculated?|compare"
    r"|choose|given?|confirm"
    r"|analy[sz]e|predict|select|find|found|extract(?:ed)?|make|solve)"
    r"|(?:in|not\s)sufficient\s+(?:information|data|details|context)|(?:not|n['’]t)\s+(?:have\s+)?(?:enough"
    r"|sufficient|any|the)"
    r"\s+(?:\w+\s+)?(?:information|data|details|context|numbers|ability)"
    r"|(?:not|n['’]t)\s+(?:been\s+)?(?:provided?|given|specif(?:y|ied)|includ(?:e|ed)|defined?|contain"
    r"|have\s+access|know)"
    r"|need\s+(?:more|additional)|more\s+(?:information|details|context)|(?:please|could you"
    r"|kindly)\s+provide"
    r"|depends?\s+on|without\s+(?:the|any|more|knowing|additional|specific|further|seeing|access)"
    r"|as\s+an\s+ai|unclear|unknown"
    r"|indeterminate|not\s+(?:known|clear|visible|shown|available|listed|among)|not\s+(?:an?\s+"
    r"|one\s+of\s+the\s+)(?:option|choice)s?|incomplete|mistake\s+in\s+the"
    r"|would\s+(?:need|require|depend))\b",
    re.IGNORECASE,
)
_FIND = (
    r"(?:determined?|tell|told|sa(?:y|id)|know|known|answer(?:ed)?|see|seen|read|identif(?:y|ied)"
    r"|calculated?|computed?|solved?|found|find|inferred|deduced?|counted|given?)"
)
_NO_ANSWER = late(
    r"\W*(?:(?-i:[A-Z])[).:]\s*)?(?:(?:so|sorry|unfortunately|therefore|thus)\W+)?(?:"
    rf"(?:\w+\s+){{0,3}}(?:can\s?not|can['’]?t|could\s+not|couldn['’]t)\s+(?:be\s+)?(?:\w+ly\s+)?{_FIND}\b"
    rf"|(?:\w+\s+){{0,3}}(?:unable|impossible|not\s+(?:possible|able))\s+to\s+(?:be\s+)?{_FIND}\b"
    r"|(?:i|we)\s+(?:\w+ly\s+)?(?:do\s+not|don['’]?t)\s+know\b|i\s+(?:am|['’]m)\s+(?:not\s+sure|unsure)\b"
    r"|i['’]m\s+(?:not\s+sure|unsure)\b|(?:i\s+have\s+)?no\s+(?:idea|clue)\b|not\s+sure\b"
    r"|(?:\w+\s+){0,3}(?:not\s+enough|insufficient)\s+(?:information|data|context|details)\b"
    r"|(?:\w+\s+){0,3}is\s+(?:unknown|not\s+known)\b|not\s+(?:known|determinable)\b"
    r"|(?:我)?(?:不知道|不清楚|[无無]法(?:确定|確定|判断|判斷|回答|计算|計算|得知)|不能确定)"
    r"|(?:я\s+)?не\s+знаю\b|невозможно\s+определить|ich\s+wei(?:ß|ss)\s+(?:es\s+)?nicht|je\s+ne\s+sais\s+pas"
    r"|no\s+(?:lo\s+)?sé|non\s+lo\s+so|não\s+sei"
    r")[^\d=]{0,60}",
    re.IGNORECASE,
)
_METHOD = late(
    r"\b(?:need\s+(?:to\s+know|the)|requires?\s+(?:analy|count|an?\s)"
    r"|looking\s+for|question\s+(?:asks?|is\s+asking)|we\s+(?:need|have)\s+to|to\s+(?:find|determine|answer"
    r"|solve|calculate|measure)\b"
    r"(?=[^.]{0,200}(?:need|have\s+to|must|should|can)))\b",
    re.IGNORECASE,
)
_QUESTION = late(r"[?？][\s\"'”’)]*$")
_COURTESY = late(
    r"^\W*(?:i\s+hope\s+(?:this|that|it)|let\s+me\s+know|is\s+there\s+anything"
    r"|do\s+you\s+have\s+(?:any\s+)?(?:other\s+)?questions"
    r"|(?:please\s+)?feel\s+free|if\s+you\s+(?:have|need)|would\s+you\s+like|(?:sure"
    r"|okay)[,!.]?\s*(?:i\s+can|let['’]?s|let\s+me|here\s+(?:is|are))?[^\d(]{0,60}$|hope\s+this|thank"
    r"|please\s+let)",
    re.IGNORECASE,
)
_THEREFORE = late(rf"^[\W_]*(?:and\s+|et\s+|y\s+)?(?:{any_of('therefore')})", re.IGNORECASE)


@lru_cache(maxsize=256)
def _cuts(sentence: str) -> tuple[list[int], list[int]]:
    """Where clauses of ``sentence`` end, and where the next ones begin."""
    cuts = [match.span() for match in _CUT.finditer(sentence)]
    return [begin for begin, _ in cuts], [end for _, end in cuts]


@lru_cache(maxsize=256)
def _denials(sentence: str) -> tuple[list[int], list[int]]:
    """Where negations and words such as ``wrong`` begin and end."""
    without = _UNDENIED.sub(lambda match: " " * len(match[0]), sentence)
    found = [match.span() for match in _DENIED.finditer(without)]
    return [begin for begin, _ in found], [end for _, end in found]


def denied(sentence: str, begin: int, end: int) -> bool:
    """Whether the clause that holds ``sentence[begin:end]`` denies it: a negation or a word such as ``wrong``
    beside it. Linear for all parts of a sentence together.

    >>> text = "There is not much light, I would take B."
    >>> denied(text, 38, 39), denied("B is wrong", 0, 1)
    (False, True)
    """
    opens, closes = _denials(sentence)
    if not opens:
        return False
    cut_begins, cut_ends = _cuts(sentence)
    before = bisect_right(cut_ends, begin)
    start = cut_ends[before - 1] if before else 0
    after = bisect_left(cut_begins, end)
    stop = cut_begins[after] if after < len(cut_begins) else len(sentence)
    first = bisect_left(opens, start)
    for at in range(first, len(opens)):
        if closes[at] > stop:
            return False
        if closes[at] <= begin or opens[at] >= end:
            return True
    return False


_PREMISE = late(
    r"^[\W_]*(?:so,?\s+|therefore,?\s+)?(?:if|given|since|when|because|assuming|suppose"
    r"|considering)\b[^.!?;\n]*?,\s+(?:then\s+)?(?!(?:and|or|but)\b)"
    r"(?=[^,]*\b(?:is|are|was|were|be|will|would|has|have|equals?|must|should|may|can|=)\b|[^,]*=)",
    re.IGNORECASE,
)
_REASON = late(
    r",?\s+(?:as|because|since|which\s+means|compared\s+to|due\s+to)\s.*$", re.IGNORECASE | re.DOTALL
)


_RESULT = late(r"[,;]\s+(?:and\s+)?(?:so|thus|therefore|hence)\s+", re.IGNORECASE)


@lru_cache(maxsize=1024)
def claim(sentence: str) -> tuple[int, int]:
    """The range of ``sentence`` that claims something: without a premise before it (``If ..., ``) and a
    reason behind it (``, as ...``).

    >>> text = "If all grass died, the hares would go first, as they eat it."
    >>> text[slice(*claim(text))]
    'the hares would go first'
    """
    premise = _PREMISE.match(sentence)
    begin = premise.end() if premise else 0
    for result in _RESULT.finditer(sentence, begin):
        begin = result.end()
    reason = _REASON.search(sentence, begin + 10)
    return begin, reason.start() if reason else len(sentence)


@lru_cache(maxsize=1024)
def says_unknown(sentence: str) -> bool:
    """Whether a sentence says that the answer is not known, or only how one would find it."""
    return unknown(sentence) or _METHOD.search(sentence) is not None


@lru_cache(maxsize=1024)
def unknown(sentence: str) -> bool:
    """Whether a sentence says that the answer is not known."""
    return _UNKNOWN.search(sentence) is not None


def no_answer(text: str) -> bool:
    """Whether a short answer says that there is none: all of it, without a number.

    >>> no_answer("It cannot be determined."), no_answer("I don't know"), no_answer("no solution")
    (True, True, False)
    """
    return _NO_ANSWER.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def asks(sentence: str) -> bool:
    return _QUESTION.search(sentence) is not None


@lru_cache(maxsize=1024)
def polite(sentence: str) -> bool:
    """``I hope this helps!`` and the like."""
    return _COURTESY.match(sentence) is not None


@lru_cache(maxsize=1024)
def concludes(sentence: str) -> bool:
    """Whether a sentence opens as a conclusion: ``Therefore``, ``So``, ``Daher``, ``因此``."""
    return _THEREFORE.match(sentence) is not None
