"""From a model's text to the part that answers: thinking, dialogues that go on, Markdown. Linear."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from hemm.parsing.located import Located, Span
from hemm.parsing.patterns import late

_TAG = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis"
_OPEN = (
    rf"<(?:{_TAG})\b[^<>\n]{{0,80}}>|\[THINK\]|◁think▷|<\|begin_of_thought\|>"
    r"|<\|channel\|>analysis<\|message\|>|<\|channel>thought\b"
)
_CLOSE = (
    rf"</(?:{_TAG})\s{{0,8}}>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>"
    r"|<\|channel\|>final<\|message\|>|<channel\|>"
)
_THINKING = late(rf"(?P<open>(?:{_OPEN}))|(?P<close>(?:{_CLOSE}))", re.IGNORECASE)
_SPECIAL = late(
    r"<\|(?!begin_of_box|end_of_box)[a-z_]{1,30}\|>|</?s>|<(?:eo[a-z]|pad|bos|end_of_turn|end_of_utterance)>",
    re.IGNORECASE,
)
_LONG = 1_000_000
_PLAIN_TAGS = tuple(f"<{tag}>" for tag in _TAG.split("|")), tuple(f"</{tag}>" for tag in _TAG.split("|"))
_LONE_ANSWER = late(r"<answer>[^<]{0,4000}</answer>", re.IGNORECASE)


def _spoken(text: str) -> list[Span]:
    """The ranges of ``text`` that are no thinking.

    What follows the last closing tag is the answer, however often thinking was opened before it; before the
    first tag and between blocks stands what was said too. A closing tag that no tag opened ends thinking that
    the prompt opened, unless nothing follows: then the tag closes an answer. Thinking that is never closed
    leaves a lone ``<answer>...</answer>`` in it, else nothing.
    """
    if "<" not in text and "[" not in text and "◁" not in text:
        return [(0, len(text))]
    if len(text) > _LONG:
        return _spoken_of_long(text)
    ranges: list[Span] = []
    opened, start = -1, 0
    for tag in _THINKING.finditer(text):
        if tag["open"] is not None:
            if opened < 0:
                ranges.append((start, tag.start()))
                opened = tag.end()
        elif opened >= 0:
            opened, start = -1, tag.end()
        elif _blank_after(text, tag.end()):
            return [*ranges, (start, tag.start())]
        else:
            ranges, start = [], tag.end()
    if opened < 0:
        return [*ranges, (start, len(text))]
    inside = [found.span() for found in _LONE_ANSWER.finditer(text, opened)]
    return inside if len(inside) == 1 else []


def _spoken_of_long(text: str) -> list[Span]:
    """``_spoken`` of a text so long that its tags are not read one by one: what follows the last of them."""
    last = _last_tag(text.lower())
    if last is None:
        return [(0, len(text))]
    return [] if text[last[0] + 1] != "/" else [(last[1], len(text))]


def _last_tag(lower: str) -> Span | None:
    """Where the last thinking tag of the usual form stands in a text of lower case."""
    found = max(((lower.rfind(tag), tag) for tag in (*_PLAIN_TAGS[0], *_PLAIN_TAGS[1])), default=(-1, ""))
    return None if found[0] < 0 else (found[0], found[0] + len(found[1]))


_FIRST = late(r"\S")


def _blank_after(text: str, position: int) -> bool:
    return _FIRST.search(text, position) is None


def without_thinking(text: str) -> str:
    """``text`` without thinking blocks; empty where thinking was opened and never closed.

    A closing tag without an opening one (templates that open the block in the prompt) ends thinking too:
    what stands before it is dropped.
    """
    ranges = _spoken(text)
    if ranges == [(0, len(text))] and "<" not in text:
        return text
    return _SPECIAL.sub("", "".join(text[begin:end] for begin, end in ranges))


def left_out(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """The ranges of ``text`` between the matches of ``pattern``."""
    start = 0
    for match in pattern.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


_CONTINUED = late(r"\n\s{0,4}(?:question|q|user|human|instruction|image)\s?\d{0,3}\s?:", re.IGNORECASE)


def answered(text: str) -> str:
    """What the model says as its answer: without thinking, and without a dialogue that it goes on to invent
    (from a later line ``Question:``, ``User:``). Markdown is kept.

    >>> answered("<think>Feathers, a long neck...</think>A **heron**.")
    'A **heron**.'
    """
    body = without_thinking(text).strip()
    end = _dialogue(body)
    return body if end is None else body[:end]


def _dialogue(body: str) -> int | None:
    """Where a dialogue begins that goes on after an answer."""
    continued = _CONTINUED.search(body)
    return continued.start() if continued and body[: continued.start()].strip() else None


_ENDS = 10_000
"""Characters of each end of a very long text that closed formats read."""
_TAGS_SEEN = 100_000
"""Characters of each end of a very long text in which closed formats look for thinking."""


def body_of(text: str) -> Located:
    """``answered`` for closed formats, with its place in ``text``: of more than 20,000 characters the first
    and the last 10,000."""
    located = Located.whole(text)
    if len(text) > 2 * _TAGS_SEEN:
        located = _shortened(located)
    ranges = _spoken(located.text)
    located = located.keep(ranges)
    if "<" in located.text:
        located = located.keep(left_out(_SPECIAL, located.text))
    located = located.strip()
    end = _dialogue(located.text)
    if end is not None:
        located = located.keep([(0, end)]).strip()
    size = len(located.text)
    if size > 2 * _ENDS:
        located = located.keep([(0, _ENDS), (size - _ENDS, size)], joint="\n")
    return located


def _shortened(located: Located) -> Located:
    """A very long text without its middle, which keeps the last thinking tag of the middle."""
    size = len(located.text)
    last = _last_tag(located.text[_TAGS_SEEN : size - _TAGS_SEEN].lower())
    kept = [] if last is None else [(_TAGS_SEEN + last[0], _TAGS_SEEN + last[1])]
    return located.keep([(0, _TAGS_SEEN), *kept, (size - _TAGS_SEEN, size)])


_MARKS = late(
    r"(?P<fence>^[ \t]{0,8}(?:`{3,}|~{3,})[^\n`]{0,40}$)"
    r"|(?P<head>^[ \t]{0,8}(?:#{1,6}[ \t]+|>[ \t]?|[-*•][ \t]+))"
    r"|(?P<wrap>\\(?:boxed|text|textbf|textit|mathrm|mathbf|fbox|displaystyle)\s{0,4}\{)"
    r"|(?P<sum><<[^<>\n]{1,80}>>)"  # arithmetic that some models write beside a number: $<<4*5=20>>20
    r"|(?P<open>\{)|(?P<close>\})"
    r"|(?P<gone>\*{2,3}|_{2,3}|`+|\\[()\[\]]|\\[,;!](?=[\s\d}])|\$|\\(?=[%$ ])"
    r"|(?<![\w)}*])\*(?=[^\s*])|(?<=[^\s*])\*(?![\w({\\*])"
    "|[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad])",
    re.MULTILINE,
)
_WIDE = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x3000: 0x20, 0x2212: 0x2D}


def unmarked(body: Located) -> Located:
    r"""``body`` without emphasis, code fences, headings, bullets, LaTeX wrappers and invisible characters;
    full-width characters become plain ones.

    >>> unmarked(Located.whole(r"The answer is **$\boxed{42}$**.")).text
    'The answer is 42.'
    """
    text = body.text
    ranges: list[Span] = []
    start = 0
    braces: list[bool] = []
    for mark in _MARKS.finditer(text):
        kind = mark.lastgroup
        if kind == "open":
            braces.append(False)
            continue
        if kind == "wrap":
            braces.append(True)
        elif kind == "close" and not (braces and braces.pop()):
            continue
        ranges.append((start, mark.start()))
        start = mark.end()
    ranges.append((start, len(text)))
    kept = body.keep(ranges).strip() if len(ranges) > 1 else body.strip()
    if kept.text.isascii():
        return kept
    return Located(kept.text.translate(_WIDE), kept.starts, kept.origins)


@lru_cache(maxsize=4096)
def _short_unmarked(text: str) -> str:
    return unmarked(Located.whole(text)).text


def without_markdown(text: str) -> str:
    r"""``text`` without emphasis, code fences, headings, bullets, LaTeX wrappers and invisible characters.

    >>> without_markdown(r"The answer is **$\boxed{42}$**.")
    'The answer is 42.'
    """
    return _short_unmarked(text) if len(text) < 200 else unmarked(Located.whole(text)).text


def lines(body: str) -> list[str]:
    """Lines that are not blank."""
    return [line for part in body.split("\n") if (line := part.strip())]


_CLOSING = r"[\"'”’)\]]{0,2}"
_SENTENCE_END = late(
    r"(?:(?<!\b[A-Za-z]\.[A-Za-z])(?<!\b[DMS][rst])(?<!\bMrs)(?<!\bvs)(?<!\bFig)(?<!\bProf)\.(?![A-Z]\.)"
    rf"(?={_CLOSING}(?:\s|$|[A-Z\u3400-\u9fff]))|(?<=[AaPp]\.[Mm])\.(?=\s+[A-Z(])|[!?;](?=\W|$)|[。！？；।])"
    rf"{_CLOSING}|\n"
)


_SENTENCES = 150


def sentence_spans(body: str) -> list[Span]:
    """Ranges of sentences, cut at ``. ! ? ;`` (never inside a number) and line ends; blank ones are left out.

    A sentence keeps its stop. Of more than 300 the first and the last 150.
    """
    spans: list[Span] = []
    start = 0
    for end in _SENTENCE_END.finditer(body):
        if body[start : end.end()].strip(" \t\n.!?;*-"):
            spans.append((start, end.end()))
            start = end.end()
        elif end[0] == "\n":
            start = end.end()
    if body[start:].strip(" \t\n.!?;*-"):
        spans.append((start, len(body)))
    return spans if len(spans) <= 2 * _SENTENCES else spans[:_SENTENCES] + spans[-_SENTENCES:]


def sentences(body: str) -> list[str]:
    """Sentences without blanks and stops around them."""
    return [s for begin, end in sentence_spans(body) if (s := body[begin:end].strip(" \t\n.!?;。！？；।"))]


_EDGES = " \t\r\n\"'“”‘’«»„`.,;:!?…。，、！？；：()[]{}<>*_-–—"
_BLANKS = late(r"\s+")
_ARTICLE = late(r"^(?:an?|the|der|die|das|ein|eine|le|la|les|un|une|el|los|las|il|lo)\s+(?=\S)")
_WEAK = late(r"[\W_]+")


def fold(text: str) -> str:
    """For comparing: NFKC, case-folded, single blanks, without quotes, brackets and stops around it."""
    folded = _BLANKS.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    return folded.strip(_EDGES) or folded.strip()


def loose(text: str) -> str:
    """For comparing labels: ``fold`` with letters and digits alone, no leading article; gray is grey."""
    return _WEAK.sub("", _ARTICLE.sub("", fold(text))).replace("gray", "grey")


AROUND = " \t\r\n.:。：*_`\"'“”‘’«»„「」『』$(){}[]\\"
"""Characters that may stand around an answer and are no part of it."""
_AROUND_MANY = 80


def with_marks(text: str, span: Span) -> str:
    """The part ``span`` of ``text`` with the marks that stand around it, of which some may belong to it.

    >>> with_marks("Answer: $5.", (9, 10))
    ': $5.'
    """
    begin, end = span
    first, last = max(0, begin - _AROUND_MANY), min(len(text), end + _AROUND_MANY)
    while begin > first and text[begin - 1] in AROUND:
        begin -= 1
    while end < last and text[end] in AROUND:
        end += 1
    return text[begin:end]
