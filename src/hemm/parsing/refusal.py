"""Patterns by which a text is taken as a refusal. ``docs/answers.md`` lists them with examples."""

from __future__ import annotations

import re

from hemm.parsing.patterns import late

_LOOKED_AT = 400
"""A refusal opens the answer: only so many first characters are searched."""

_ABLE = (
    r"(?:can(?:no|['’])t|can not|am not able to|['’]m not able to|am unable to|['’]m unable to|won['’]t"
    r"|will not|must decline to|have to decline)"
)
_DO = (
    r"(?:help|assist|comply|provide|answer|give|fulfil\w*|engage|identify|do that|do this|discuss|continue"
    r"|support|create|generate|write|describe|analy[sz]e|interpret|diagnose|offer|respond)"
)

PATTERNS: dict[str, tuple[str, ...]] = {
    "en": (
        rf"\bI(?:['’]m sorry[^.\n]{{0,40}}?I)? ?{_ABLE} {_DO}\b",
        rf"\bI(?:['’]m| am) (?:really |very |so |truly )?sorry,?[^.\n]{{0,60}}?\b{_ABLE}\b",
        # said by the speaker: "A sorry-looking dog that cannot reach the ball" is a description
        r"(?:(?:^|[.!?\n]\s*)(?:(?:so|very|really|truly|terribly) )?sorry\b(?!-)|\b(?:I"
        r"|we) (?:\w+ )?apologi[sz]e\b"
        r"|\b(?:I['’]m|I am|we['’]re|we are) (?:\w+ )?sorry\b)"
        r"[^.\n]{0,60}\b(?:can(?:no|['’])t|unable|not able|not allowed|not permitted)\b",
        r"\bas an? (?:AI|artificial intelligence|language model|assistant)\b[^.\n]{0,120}"
        r"\b(?:can(?:no|['’])t|unable|don['’]t|not)\b",
        r"\bI (?:must|have to|need to|respectfully)? ?(?:decline|refuse)\b",
        r"\b(?:against|violates?) (?:my|the|our) (?:\w+ )?(?:guidelines|policy|policies|programming)\b",
        r"\bI(?:['’]m| am) not (?:comfortable|allowed|permitted|qualified)\b",
        r"(?:^|\b(?:I|we)\b[^.\n]{0,20})\bunable to (?:assist|help|comply|provide|answer)\b",
    ),
    "de": (
        r"\b(?:tut mir leid|entschuldigung|leider)\b[^.\n]{0,80}"
        r"\b(?:kann|darf|möchte|werde)\b[^.\n]{0,60}\b(?:nicht|keine?n?)\b",
        r"\bich (?:kann|darf|möchte|werde) (?:\w+ ){0,4}?(?:nicht|keine?n?)\b[^.\n]{0,60}"
        r"\b(?:helfen|beantworten|antworten|geben|unterstützen|beschreiben|identifizieren)",
    ),
    "fr": (
        r"\b(?:désolée?|regrette)\b[^.\n]{0,80}\b(?:ne (?:peux|puis|suis)|impossible)\b",
        r"\bje ne (?:peux|puis|suis) pas (?:\w+ ){0,4}?"
        r"(?:aider|répondre|fournir|identifier|décrire|capable|en mesure|autorisée?)",
    ),
    "es": (
        r"\b(?:lo siento|lamento|disculp\w+)\b[^.\n]{0,80}\bno (?:puedo|me es posible|estoy)\b",
        r"\bno (?:puedo|me es posible|estoy autorizad[oa] a) (?:\w+ ){0,3}?"
        r"(?:ayudar|responder|proporcionar|identificar|describir|asistir)",
    ),
    "it": (
        r"\b(?:mi dispiace|spiacente)\b[^.\n]{0,80}\bnon (?:posso|sono in grado)\b",
        r"\bnon (?:posso|sono in grado di) (?:\w+ ){0,3}?(?:aiutar|risponder|fornir|identificar|descriver)",
    ),
    "pt": (
        r"\b(?:desculpe|lamento|sinto muito)\b[^.\n]{0,80}\bnão (?:posso|consigo)\b",
        r"\bnão (?:posso|consigo) (?:\w+ ){0,3}?(?:ajudar|responder|fornecer|identificar|descrever)",
    ),
    "ru": (
        r"(?:извините|простите|к сожалению|сожалею)[^.\n]{0,80}не (?:могу|можу|в состоянии)",
        r"\bя не могу (?:\w+ ){0,3}?(?:помочь|ответить|предоставить|описать|определить|выполнить)",
    ),
    "zh": (
        r"(?:抱歉|对不起|對不起|很遗憾)[^。\n]{0,40}(?:无法|無法|不能|不可以)",
        r"我(?:无法|無法|不能)(?:提供|回答|帮助|幫助|协助|協助|识别|識別|描述|满足)",
    ),
    "ja": (r"(?:申し訳|すみません|恐れ入りますが)[^。\n]{0,60}(?:できません|できかね|お答えでき)",),
    "ko": (r"(?:죄송|미안)[^.\n]{0,60}(?:수 없|어렵습니다|불가능)",),
    "ar": (r"(?:آسف|عذر|أعتذر)[^.\n]{0,60}(?:لا (?:أستطيع|يمكنني)|لا أقدر)",),
}
"""Language -> regular expressions, searched without regard to case in the first 400 characters."""

_ALL = late("|".join(f"(?:{p})" for group in PATTERNS.values() for p in group), re.IGNORECASE)
_HINT = late(
    r"n['’]t|not|sorry|unable|declin|refus|against|violat|apolog|leid|leider|schuld|ich |je |désol|regret"
    r"|siento|lament|disculp|puedo|posible|dispiac|spiac|posso|sono|descul|sinto|consigo|извин|прост|сожал"
    r"|могу"
    r"|抱歉|对不起|對不起|遗憾|我|申し訳|すみません|恐れ|죄송|미안|آسف|عذر|أعتذر",
    re.IGNORECASE,
)


def refuses(text: str) -> bool:
    """Whether ``text`` (without thinking) reads as a refusal by the documented patterns."""
    start = text[:_LOOKED_AT]
    return _HINT.search(start) is not None and _ALL.search(start) is not None


def only_refuses(text: str) -> bool:
    """Whether a refusal is all that ``text`` (without thinking) says: it reads as one by the documented
    patterns and has at most 400 characters. Open formats take no such text as an answer.

    >>> only_refuses("I'm sorry, but I can't help with identifying people.")
    True
    >>> only_refuses("A dog that cannot reach the ball.")
    False
    """
    return len(text) <= _LOOKED_AT and refuses(text)
