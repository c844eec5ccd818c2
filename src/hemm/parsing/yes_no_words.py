"""Yes and no in several languages, and the stages by which they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hemm.core import Reading
from hemm.parsing import clauses
from hemm.parsing.answer_text import body_of, fold, sentence_spans, unmarked
from hemm.parsing.clauses import NEGATION
from hemm.parsing.languages import any_of
from hemm.parsing.located import Located, Span
from hemm.parsing.markers import is_blank, ordered
from hemm.parsing.patterns import late
from hemm.parsing.refusal import refuses
from hemm.parsing.stages import CONCLUSION, LEADING, MARKER, ONLY, STRUCTURED, WHOLE

WORDS: dict[str, tuple[str, str]] = {
    "English": (
        "yes yeah yep yup true correct right affirmative",
        "no nope nah false incorrect wrong negative",
    ),
    "German": ("ja wahr richtig", "nein falsch"),
    "French": ("oui vrai", "non faux"),
    "Spanish": ("sí si verdadero cierto", "no falso"),
    "Italian": ("sì si vero", "no falso"),
    "Portuguese": ("sim verdadeiro", "não nao falso"),
    "Dutch": ("ja waar", "nee onwaar"),
    "Nordic": ("ja jo sant kyllä", "nej nei ei falskt"),
    "Polish": ("tak prawda", "nie fałsz"),
    "Czech": ("ano pravda", "ne nepravda"),
    "Russian": ("да верно правда", "нет неверно неправда"),
    "Ukrainian": ("так правда", "ні неправда"),
    "Turkish": ("evet doğru", "hayır yanlış"),
    "Hungarian": ("igen igaz", "nem hamis"),
    "Romanian": ("da adevărat", "nu fals"),
    "Greek": ("ναι", "όχι"),
    "Chinese": (
        "是 是的 对 對 对的 正确 正確 真 有 包含 存在 可以",
        "不是 否 不 不对 不對 错 錯 错误 錯誤 没有 沒有 假 不包含 不存在 不可以",
    ),
    "Japanese": ("はい ええ 正しい", "いいえ いえ 違います"),
    "Korean": ("네 예 맞습니다 참", "아니요 아니오 거짓"),
    "Arabic": ("نعم أجل صحيح", "لا خطأ"),
    "Hebrew": ("כן", "לא"),
    "Hindi": ("हाँ हां जी सही", "नहीं गलत"),
    "Bengali": ("হ্যাঁ", "না"),
    "Vietnamese": ("có đúng", "không sai"),
    "Indonesian": ("ya benar", "tidak bukan salah"),
    "Thai": ("ใช่ จริง", "ไม่ ไม่ใช่"),
    "Persian": ("بله", "خیر نه"),
    "Swahili": ("ndiyo", "hapana"),
}
"""Language -> words that mean yes and no when they are the whole answer or open it."""

_SIDE = {
    fold(w): side
    for pair in WORDS.values()
    for side, text in zip((True, False), pair, strict=True)
    for w in text.split()
}
_ENGLISH = {"yes": True, "yeah": True, "yep": True, "no": False, "nope": False, "true": True, "false": False}

_FIRST = late(
    "^("
    + "|".join(sorted((re.escape(w) for w in _SIDE), key=len, reverse=True))
    + r")(?=[\s.,;:!?…、，。；：！？)\]\"'’”—–]|-(?!\w)|$)"
)
_STOPS = ".,;:!?…、，。；：！？)]\"'’”—–-"
# "No doubt", "no image was given" open with "no" and do not mean it.
_IDIOM = late(
    r"^(?:no|nope)\s+(?:doubt|problem|question|wonder|idea|clue|worries|way|information|info|answer|answers"
    r"|comment|image"
    r"|images|picture|pictures|photo|attachment|context|data|one\s+can|matter|need|more|longer|less"
    r"|specific|one|clear|definitive|such)\b"
)
_QUOTED = late(r"[\"'“”‘’«»(]\s?(yes|no|true|false)\s?[\"'“”‘’«»).,]")
_ENDING = late(r"(?:^|[\s,:])(yes|no|true|false)$")
_IS = late(
    r"\b(?:statement|sentence|claim|caption|description|answer|that|this|it)\s+(?:is|would be|seems|appears)"
    r"(?:\s+to\s+be)?\s+(not\s+)?(?:indeed\s+)?(true|false|correct|incorrect)\b"
)
_YES, _NO = (
    "|".join(
        sorted((re.escape(w) for pair in WORDS.values() for w in pair[i].split()), key=len, reverse=True)
    )
    for i in (0, 1)
)
_BETWEEN = rf"\s?(?:/|{any_of('either')})\s?"
_EITHER = late(rf"\b(?:(?:{_YES}){_BETWEEN}(?:{_NO})|(?:{_NO}){_BETWEEN}(?:{_YES}))\b")


def yes_or_no(text: str) -> bool | None:
    """True for yes, False for no, None where the text says neither or both. Never guesses.

    >>> yes_or_no("Yes, there is a fracture."), yes_or_no("Final answer: no"), yes_or_no("Yes and no.")
    (True, False, None)
    """
    side: bool | None = read_yes_no(text).value
    return side


_ANSWER_COLON = late(r"^\s*(?:A|Ans|Answer)\s?[:：]\s*(?=\S)", re.IGNORECASE)


def read_yes_no(text: str) -> Reading:
    """True for yes, False for no, with the stage and the place that say so; nothing where the text says
    neither or both.

    In this order: the whole text; a structured answer; an explicit marker; a conclusion; the first or last
    line, or the opening word, together with every yes or no that the text says; such a yes or no alone.
    """
    exact = _SIDE.get(fold(text)) if len(text) < 1_000 else None
    if exact is not None:
        begin = len(text) - len(text.lstrip())
        return Reading(exact, WHOLE, (begin, len(text.rstrip())))
    body = body_of(text)
    clean = unmarked(body)
    unmarked_text = clean.text
    if not unmarked_text:
        return Reading()
    exact = _SIDE.get(fold(unmarked_text))
    if exact is not None:
        return Reading(exact, WHOLE, clean.span(0, len(unmarked_text)))
    for piece, span, mark in ordered(body, clean):
        sides = sides_of(piece)
        if sides:
            side = _only(sides)
            return (
                Reading() if side is None else Reading(side, STRUCTURED if mark.structured else MARKER, span)
            )
        if is_blank(piece) or clauses.unknown(piece[:_PIECE]) or _OPEN_ENDED.match(piece):
            return Reading()
    opened = _ANSWER_COLON.match(unmarked_text)
    return _prose(clean.keep([(opened.end(), len(unmarked_text))]) if opened else clean)


_PIECE = 200
_OPEN_ENDED = late(
    r"^\W*(?:both\b|either\b|neither\b|dependent\b|based\s+on\b|moot\b|undetermined\b)", re.IGNORECASE
)
"""An explicit answer that takes no side."""


def _prose(clean: Located) -> Reading:
    """What unmarked text says: conclusion, edges, opening word, statements."""
    text = clean.text
    opened = opening_side(text)
    for begin, end in reversed(sentence_spans(text)):
        sentence = text[begin:end].strip(_STOPPED)
        if clauses.concludes(sentence) and (sides := sides_of(_THEREFORE_OPENS.sub("", sentence))):
            side = _only(sides)
            if side is None or opened not in (None, side):
                return Reading()
            return Reading(side, CONCLUSION, clean.span(begin, end))
    edges = dict(_edges(text))
    if edges:
        side = _only(set(edges))
        if side is None:
            return Reading()
        return Reading(side, LEADING if edges[side][0] == 0 else CONCLUSION, clean.span(*edges[side]))
    found = located_sides(text)
    side = _only({side for side, _, _ in found})
    # "No puedo ayudar", "No, I cannot help": a refusal that opens with no is no answer
    if side is None or (refuses(text) and not _alone(text.casefold())):
        return Reading()
    return Reading(side, LEADING if opened is not None else ONLY, clean.span(*found[0][1:]))


def _edges(text: str) -> Iterator[tuple[bool, Span]]:
    """The last and the first line, where they are a yes or a no."""
    places = [(at, at + len(line)) for at, line in _lines(text)]
    for begin, end in dict.fromkeys((*places[-1:], *places[:1])):
        side = _SIDE.get(fold(text[begin:end]))
        if side is not None:
            yield side, (begin, end)


def _lines(text: str) -> list[tuple[int, str]]:
    """Lines that are not blank, with where they begin."""
    return [(match.start(), match[0]) for match in _LINE.finditer(text)]


_LINE = late(r"[^\s](?:[^\n]*[^\s])?")


_THEREFORE_OPENS = late(rf"^[\W_]*(?:{any_of('therefore')})[\s,，:]*", re.IGNORECASE)


def side_of_word(text: str) -> bool | None:
    """The side of an option: ``Yes``, ``No, it stands``; None where it is neither."""
    side = _SIDE.get(fold(text))
    return side if side is not None else opening_side(text) if re.match(r"^\W*\w+\W*[,.:;]", text) else None


def _only(sides: set[bool]) -> bool | None:
    return next(iter(sides)) if len(sides) == 1 else None


def opening_side(text: str) -> bool | None:
    """The side of the word that opens ``text``."""
    start = text.lstrip(" \t\n\"'“‘«(*_")[:80].casefold()
    match = _FIRST.match(start)
    if match is None or _IDIOM.match(start) or _EITHER.match(start):
        return None
    word, rest = match[1], start[match.end() :]
    if word in _ENGLISH or not rest or rest[0] in _STOPS:
        follows = rest[:1] in _STOPS or word in ("yes", "yeah", "yep", "no", "nope")
        return _SIDE[fold(word)] if follows or not rest.strip() else None
    return None


_DENIES = late(
    r"^(?!.*\b(?:but|i|we|cannot|can['’]?t|sure|clear|certain|possible|enough|sufficient|only)\b)"
    r"(?=.*\b(?:is|are|was|were|do|does|did|has|have)(?:\s+not|n['’]t)\b).*$",
    re.IGNORECASE | re.DOTALL,
)


def denies(sentence: str) -> bool:
    """Whether a statement denies what it speaks of: ``The smaller one is not red.``

    >>> denies("It is not red."), denies("It is not clear."), denies("There is no dog.")
    (True, False, False)
    """
    return len(sentence) < 400 and _DENIES.match(sentence) is not None


_AFFIRMS = late(
    r"^(?:based\s+on\s+(?:the|this)\s+\w+,\s+)?(?!(?:there|the\s+(?:image|picture|photo|figure|diagram|graph"
    r"|chart))\b)[^,;:\d]{3,160}?\b"
    r"(?:(?:is|are)\s+(?:(?:\w+er|more\s+\w+|less(?:\s+\w+)?)\s+th[ae]n\b[^,;:]{1,120}|the\s+(?:\w+est"
    r"|minimum|maximum)"
    r"|(?!(?:the|an?)\b)[a-z]{3,}(?:\s+at\s+\w+\s+\w+)?)|has\s+the\s+(?:\w+est|minimum"
    r"|maximum)\b[^,;:]{0,80})\.?$",
    re.IGNORECASE,
)


def affirms(sentence: str) -> bool:
    """Whether a short sentence states that something is so, as a comparison or a quality.

    >>> affirms("Violet is less than crimson."), affirms("The image shows a bus.")
    (True, False)
    """
    sentence = sentence.strip()
    return len(sentence) < 300 and NEGATION.search(sentence) is None and _AFFIRMS.match(sentence) is not None


def sides_of(text: str, whole: bool = False) -> set[bool]:
    """All sides that ``text`` says; ``whole``: that it is, as a whole."""
    side = _SIDE.get(fold(text))
    if side is not None:
        return {side}
    return set() if whole else {side for side, _, _ in located_sides(text)}


def located_sides(text: str) -> list[tuple[bool, int, int]]:
    """The sides that ``text`` says, with the sentences that say them, the opening one first.

    A sentence that supposes something says none, nor does the answer to one of several questions that the
    text asks itself.
    """
    found: list[tuple[bool, int, int]] = []
    spans = sentence_spans(text)
    opened = opening_side(text)
    if opened is not None and spans:
        found.append((opened, *spans[0]))
    asks = [clauses.asks(text[begin:end]) for begin, end in spans]
    several = sum(asks) > 1
    for number, (begin, end) in enumerate(spans):
        folded = text[begin:end].strip(_STOPPED).casefold()
        if _SUPPOSED.match(folded):
            continue
        found += [(side, begin, end) for side in _words_sides(folded)]
        if number and not (several and asks[number - 1]):
            side = opening_side(folded + ".")
            if side is not None and _alone(folded):
                found.append((side, begin, end))
    return found


_STOPPED = " \t\n.!?;。！？；।"
_SUPPOSED = late(r"^\W*(?:(?:so|but|and|however|then),?\s+)?(?:if|whether|suppose|assuming)\b")


def _words_sides(sentence: str) -> set[bool]:
    """Sides that a sentence says by its end, in quotes, or of the statement, unless behind a negation."""
    if _EITHER.search(sentence):
        return set()
    opened = _FIRST.match(sentence)
    start = opened.end() if opened else 0
    sides = set()
    for match in (_ENDING.search(sentence), *_QUOTED.finditer(sentence)):
        if match and not NEGATION.search(sentence, start, match.start(1)):
            sides.add(_ENGLISH[match[1]])
    for match in _IS.finditer(sentence):
        if not NEGATION.search(sentence, start, match.start()):
            sides.add((match[2] in ("true", "correct")) != bool(match[1]))
    return sides


def _alone(sentence: str) -> bool:
    """A later sentence counts where it opens with yes or no followed by a stop (``Yes, it is``)."""
    match = _FIRST.match(sentence)
    return match is not None and (match.end() == len(sentence) or sentence[match.end()] in _STOPS)
