"""Where a text says its answer explicitly: JSON, tags, boxes (structured), and words (``Answer: ...``)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hemm.parsing.answer_text import unmarked
from hemm.parsing.languages import LANGUAGES, UNSPACED, Words, any_of
from hemm.parsing.located import Located, Span
from hemm.parsing.patterns import late


@dataclass(frozen=True, slots=True)
class Mark:
    """An explicit answer: where it stands, and how much it weighs against others (2: final, 1: plain)."""

    begin: int
    end: int
    weight: int
    structured: bool = False


_KEY = (
    r"(?:(?:final|correct|selected|predicted)[_ ]?)?(?:answer|choice|option|prediction|label|response)"
    r"(?:[_ ]?(?:letter|choice|option))?"
)
_STRUCTURED = late(
    rf"(?P<json>(?<!\w)[\"'](?:{_KEY})[\"']\s{{0,4}}:\s{{0,4}}(?:\"(?P<double>(?:[^\"\\\n]|\\.){{0,2000}})\""
    rf"|'(?P<single>[^'\n]{{0,2000}})'"
    r"|(?P<bare>-?[\d.]{1,40}|true|false)))"
    r"|(?P<box>\\(?:boxed|fbox)\s{0,4}\{)"
    r"|<(?P<tag>answer|conclusion|final_answer|finalanswer)>(?P<intag>[^<]{0,4000})"
    r"|(?P<glm><\|begin_of_box\|>(?P<inglm>[^<]{0,4000}))"
    r"|(?P<hash>\#{4}\s{0,4}(?P<inhash>[-−]?\$?\d[\d,.]{0,40}|[A-Z])\s{0,8}\Z)",
    re.IGNORECASE,
)
_BRACE = late(r"[{}]")
_BOX = 2_000


def structured(body: str) -> list[Mark]:
    """Structured answers in ``body`` (Markdown kept), in their order."""
    marks: list[Mark] = []
    for match in _STRUCTURED.finditer(body):
        if match["box"] is not None:
            end = _closing(body, match.end())
            if end is not None:
                marks.append(Mark(match.end(), end, 2, True))
            continue
        group = next(
            g for g in ("double", "single", "bare", "intag", "inglm", "inhash") if match[g] is not None
        )
        marks.append(Mark(*match.span(group), 2, True))
    return marks


def _closing(body: str, start: int) -> int | None:
    """Where the brace closes that was opened before ``start``, on the same line."""
    depth = 1
    for brace in _BRACE.finditer(body, start, start + _BOX):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start() if "\n\n" not in body[start : brace.start()] else None
    return None


_NOUN = (
    r"(?:options?|choices?|letters?|label|class|category|alternative|one|solution|match|number|value|result"
    r"|answer)"
)
_TO = r"(?:\s(?:to|for|of|given|in|that|here|from|based)\b(?:\"[^\"\n]{1,160}\"|[^\n.:：;\"]){0,80}?)?"
_ADVERB = (
    r"(?:\s{0,4}(?:therefore|thus|then|clearly|simply|most\s+likely|likely|probably|definitely|indeed"
    r"|actually|also"
    r"|just|approximately|about)\b)*"
)


def _separator(copula: str) -> str:
    sign = r"\s{0,4}(?:[:=：]|→)|\s{0,2}[-–—](?=\s)"
    return rf"(?:{sign}|\s{{1,4}}(?:{copula})(?!\w)\s{{0,3}}[:=：]?){_ADVERB}"


_SEPARATOR = _separator(LANGUAGES["English"].copula)


def _spoken(words: Words) -> str:
    """``answer``, ``the answer to this is``, ``réponse correcte est`` with what links it to the answer."""
    link = f"{_TO}{_SEPARATOR}" if words is LANGUAGES["English"] else _separator(words.copula)
    kind = r"(?:\s{1,3}(?:choice|option|letter|value|number))?"
    aside = r"\]?(?:\s?\([^()\n]{1,40}\))?"
    return rf"(?:{words.answer}){kind}(?:\s{{1,3}}(?:{words.right}))?{aside}{link}"


_SPOKEN = "|".join(_spoken(words) for name, words in LANGUAGES.items() if name not in UNSPACED)
_ANSWER = any_of("answer")
_MARKER = late(
    rf"(?P<heading>^[ \t]{{0,4}}(?:the\s)?(?:final\s|correct\s|my\s)?{_ANSWER}[ \t]{{0,4}}\n)"
    rf"|(?P<final>\b(?:final|endgültige|finale?)\s{{1,4}}(?:\w{{1,12}}\s)?(?:answer|choice|result|value"
    rf"|decision|option|verdict|number|antwort|réponse){_TO}{_SEPARATOR}|最终答案\s?(?:是|为)?[:：]?)"
    rf"|(?P<plain>\b(?:{_SPOKEN})"
    rf"|\b(?:correct|right|best|chosen|selected|appropriate|proper|matching|my)\s{{1,3}}(?:answer\s{{1,3}}"
    rf"|multiple[- ]choice\s{{1,3}})?{_NOUN}"
    rf"(?:\s{{1,3}}(?:letter|number|choice))?{_TO}{_SEPARATOR}"
    r"|\b(?:cevap|yanıt)\s(?=[(\[]?[A-Z][)\]'’])|^[ \t]{0,4}(?:option|choice)(?:\s(?:letter"
    r"|number))?\s{0,2}[:：])"
    r"|(?P<cjk>(?:(?:正确|正確|最终|最佳|所以|因此|故)?的?(?:答案|答え|解答|正解|回答|정답|답변|답)[】\]〗]?\s{0,4}(?:应该是|應該是|应为|應為|应选|是|为|為|选|選|は"
    r"|은|는)?\s{0,4}[:：]?"
    r"|(?:正确|正確|最终)?的?(?:选项|選項)\s{0,3}(?:应该是|应为|是|为|為)\s{0,3}[:：]?"
    r"|(?:الجواب|الإجابة|उत्तर|คำตอบ|উত্তর|پاسخ|جواب|תשובה|התשובה)\s{0,4}(?:الصحيحة|صحیح"
    r"|הנכונה)?\s{0,4}(?:هو|هي|है|คือ|হলো|হল|היא)?\s{0,4}[:：]?))",
    re.IGNORECASE | re.MULTILINE,
)
_NEXT_LINE = late(r"[\s*_`\"'“:]*")


_LIST = late(r"[(\[]?[A-Za-z1-9][)\].:]\s[^\n]*\n\s*[(\[]?[A-Za-z1-9][)\].:]\s")
"""The options once more, below ``Choose the correct option:``."""
_SUPPOSED = late(r"\b(?:if|suppose|assuming|unless|whether|how|what)\b[^.!?\n]*$", re.IGNORECASE)


_VERDICT = late(
    r"(?:(?<![\w(])|(?<=\s))(?:(?P<said>[(\[]?[A-Z][)\]]?(?![\w'’])[^.!?;\n]{0,80}?)\s(?:is|must\s+be"
    r"|would\s+be)\s+(?:clearly\s+|indeed\s+)?the\s+"
    r"(?:correct|right|best|final)\s+(?:option|answer|choice|one|letter)\b"
    r"|(?P<number>[-−]?[$€£]?\d[\d,]{0,40}(?:\.\d{1,40})?\s?%?)\sis\s+the\s+"
    r"(?:(?:correct|right|final)\s+)?answer\b)"
)
"""``(B) is the correct answer``: the marker behind what it marks."""


def explicit(text: str) -> list[Mark]:
    """Answers that words mark in ``text`` (without Markdown), in their order; what stands behind a marker
    reaches to the end of its line, or is the next line where that is blank."""
    marks = [Mark(*match.span("said" if match["said"] else "number"), 1) for match in _VERDICT.finditer(text)]
    matches = list(_MARKER.finditer(text))
    for index, match in enumerate(matches):
        if _SUPPOSED.search(text, max(0, match.start() - 120), match.start()):
            continue
        stop = matches[index + 1].start() if index + 1 < len(matches) else len(text)
        begin, end = _line(text, match.end(), stop)
        if "\n" in text[match.end() : begin] and _LIST.match(text, begin):
            continue
        if begin < end:
            marks.append(Mark(begin, end, 2 if match["final"] is not None else 1))
    return marks


_BLANK = late(r"[\s.…_?()\[\]-]*[…_?.][\s.…_?()\[\]-]*")


def is_blank(text: str) -> bool:
    """Whether a marked piece leaves the answer open: ``____``, ``...``, nothing but a stop.

    >>> is_blank("_____."), is_blank("B")
    (True, False)
    """
    return len(text) < 80 and _BLANK.fullmatch(text) is not None


def _line(text: str, start: int, stop: int) -> Span:
    """The rest of the line after ``start``, or the next line where that is blank."""
    begin = start
    while begin < stop and (text[begin].isspace() or text[begin] in "*_:`："):
        begin += 1
    end = text.find("\n", begin, stop)
    return begin, (stop if end < 0 else end)


def ordered(body: Located, clean: Located) -> list[tuple[str, Span, Mark]]:
    """All explicit answers, the one that decides first: structured and final ones before plain ones, later
    before earlier: (text without Markdown, place in the original, mark)."""
    found: list[tuple[int, int, str, Span, Mark]] = []
    for mark in structured(body.text):
        part = unmarked(body.keep([(mark.begin, mark.end)]))
        found.append(
            (
                2,
                body.origin(mark.begin) if mark.begin < len(body.text) else 0,
                part.text,
                body.span(mark.begin, mark.end),
                mark,
            )
        )
    for mark in explicit(clean.text):
        span = clean.span(mark.begin, mark.end)
        found.append((mark.weight, span[0], clean.text[mark.begin : mark.end], span, mark))
    found.sort(key=lambda f: (-f[0], -f[1]))
    return [(text, span, mark) for _, _, text, span, mark in found]


def marked(body: str) -> list[str]:
    """The texts of explicit answers, the one that decides first: JSON, tags, ``\\boxed{}``, ``Final answer``
    before plain ``Answer: ...``; later ones before earlier ones. Markdown is taken away.

    >>> marked("Answer: a gull. Wait.\\nFinal answer: **a heron**")
    ['a heron', 'a gull. Wait.']
    """
    whole = Located.whole(body)
    return [text.strip() for text, _, _ in ordered(whole, unmarked(whole)) if text.strip()]
