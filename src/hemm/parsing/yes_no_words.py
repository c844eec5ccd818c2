"""Yes and no in several languages."""

from __future__ import annotations

import re

from hemm.parsing.answer_text import (
    NEGATION,
    ends_of_answer,
    fold,
    lines,
    marked,
    sentences,
    without_markdown,
)
from hemm.parsing.refusal import refuses

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

_FIRST = re.compile(
    "^("
    + "|".join(sorted((re.escape(w) for w in _SIDE), key=len, reverse=True))
    + r")(?=[\s.,;:!?…、，。；：！？)\]\"'’”—–-]|$)"
)
_STOPS = ".,;:!?…、，。；：！？)]\"'’”—–-"
# "No doubt", "no image was given" open with "no" and do not mean it.
_IDIOM = re.compile(
    r"^(?:no|nope)\s+(?:doubt|problem|question|wonder|idea|clue|worries|way|information|info|answer|answers|comment|image"
    r"|images|picture|pictures|photo|attachment|context|data|one\s+can|matter|need|more|longer|less|specific)\b"
)
_QUOTED = re.compile(r"[\"'“”‘’«»(]\s?(yes|no|true|false)\s?[\"'“”‘’«»).,]")
_ENDING = re.compile(r"(?:^|[\s,:])(yes|no|true|false)$")
_IS = re.compile(
    r"\b(?:statement|sentence|claim|caption|description|answer|that|this|it)\s+(?:is|would be|seems|appears)"
    r"(?:\s+to\s+be)?\s+(not\s+)?(?:indeed\s+)?(true|false|correct|incorrect)\b"
)
_EITHER = re.compile(r"\b(?:yes\s?(?:or|/)\s?no|true\s?(?:or|/)\s?false|no or yes|false or true)\b")


def yes_or_no(text: str) -> bool | None:
    """True for yes, False for no, None where the text says neither or both. Never guesses.

    In this order: the whole text; an explicit final answer; the first or last line; the opening word of the
    text together with a yes or no that ends a sentence, is quoted, or is said of the statement.

    >>> yes_or_no("Yes, there is a fracture."), yes_or_no("Final answer: no"), yes_or_no("Yes and no.")
    (True, False, None)
    """
    exact = _SIDE.get(fold(text))
    if exact is not None:
        return exact
    body = ends_of_answer(text)
    if not body:
        return None
    unmarked = without_markdown(body)
    exact = _SIDE.get(fold(unmarked))
    if exact is not None:
        return exact
    for span in marked(body):
        sides = _sides(without_markdown(span))
        if sides:
            return _only(sides)
    parts = lines(unmarked)
    edges = {side for line in (parts[:1] + parts[-1:]) if (side := _SIDE.get(fold(line))) is not None}
    if edges:
        return _only(edges)
    side = _only(_sides(unmarked))
    # "No puedo ayudar", "No, I cannot help": a refusal that opens with no is no answer
    return None if refuses(unmarked) and not (side and _alone(unmarked.casefold())) else side


def _only(sides: set[bool]) -> bool | None:
    return next(iter(sides)) if len(sides) == 1 else None


def _opens(text: str) -> bool | None:
    """The side of the word that opens ``text``."""
    start = text.lstrip(" \t\n\"'“‘«(*_")[:80].casefold()
    match = _FIRST.match(start)
    if match is None or _IDIOM.match(start):
        return None
    word, rest = match[1], start[match.end() :]
    if word in _ENGLISH or not rest or rest[0] in _STOPS:
        follows = rest[:1] in _STOPS or word in ("yes", "yeah", "yep", "no", "nope")
        return _SIDE[fold(word)] if follows or not rest.strip() else None
    return None


def _sides(text: str) -> set[bool]:
    side = _SIDE.get(fold(text))
    if side is not None:
        return {side}
    sides: set[bool] = set()
    opened = _opens(text)
    if opened is not None:
        sides.add(opened)
    for number, sentence in enumerate(sentences(text)):
        folded = sentence.casefold()
        sides |= _words_sides(folded)
        if number and (side := _opens(sentence + ".")) is not None and _alone(folded):
            sides.add(side)
    return sides


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
