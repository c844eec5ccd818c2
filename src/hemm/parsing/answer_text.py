"""From a model's text to the part that answers: thinking, Markdown, answer markers. Linear in the text."""

from __future__ import annotations

import re
import unicodedata

_TAG = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis"
_THINKING = re.compile(
    rf"(?P<open><(?:{_TAG})\b[^<>\n]{{0,80}}>|\[THINK\]|◁think▷|<\|begin_of_thought\|>"
    r"|<\|channel\|>analysis<\|message\|>|<\|channel>thought\b)"
    rf"|(?P<close></(?:{_TAG})\s{{0,8}}>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>"
    r"|<\|channel\|>final<\|message\|>|<channel\|>)",
    re.IGNORECASE,
)
_SPECIAL = re.compile(
    r"<\|[a-z_]{1,30}\|>|</?s>|<(?:eos|pad|bos|end_of_turn|end_of_utterance)>", re.IGNORECASE
)


def without_thinking(text: str) -> str:
    """``text`` without thinking blocks; empty where thinking was opened and never closed.

    A closing tag without an opening one (templates that open the block in the prompt) ends thinking too:
    what stands before it is dropped.
    """
    if "<" not in text and "[" not in text and "◁" not in text:
        return text
    pieces: list[str] = []
    depth, start = 0, 0
    for block in _THINKING.finditer(text):
        if block["open"]:
            if depth == 0:
                pieces.append(text[start : block.start()])
            depth += 1
            continue
        if depth == 0:  # opened in the prompt, or closed twice
            pieces.clear()
        depth = max(0, depth - 1)
        start = block.end()
    if depth:
        return ""
    pieces.append(text[start:])
    return _SPECIAL.sub("", "".join(pieces))


_FENCE = re.compile(r"^[ \t]{0,8}(?:`{3,}|~{3,})[^\n`]{0,40}$", re.MULTILINE)
_HEAD = re.compile(r"^[ \t]{0,8}(?:#{1,6}[ \t]+|>[ \t]?|[-*•][ \t]+)", re.MULTILINE)
_LATEX = re.compile(r"\\(?:boxed|text|textbf|mathrm|mathbf|fbox)\s{0,4}\{([^{}]{0,400})\}")
_EMPHASIS = re.compile(r"\*{1,3}|_{2,3}|`+|\\\(|\\\)|\\\[|\\\]|\$")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")


def without_markdown(text: str) -> str:
    r"""``text`` without emphasis, code fences, headings, bullets, LaTeX wrappers and invisible characters.

    >>> without_markdown(r"The answer is **$\boxed{42}$**.")
    'The answer is 42.'
    """
    text = _INVISIBLE.sub("", text)
    if "`" in text or "~" in text:
        text = _FENCE.sub("", text)
    if "\\" in text:
        text = _LATEX.sub(r"\1", _LATEX.sub(r"\1", text))
    text = _HEAD.sub("", text)
    return _EMPHASIS.sub("", text).strip()


_CONTINUED = re.compile(r"\n\s{0,4}(?:question|q|user|human|instruction|image)\s?\d{0,3}\s?:", re.IGNORECASE)


def answered(text: str) -> str:
    """What the model says as its answer: without thinking, and without a dialogue that it goes on to invent
    (from a later line ``Question:``, ``User:``). Markdown is kept.

    >>> answered("<think>Feathers, a long neck...</think>A **heron**.")
    'A **heron**.'
    """
    body = without_thinking(text).strip()
    continued = _CONTINUED.search(body)
    if continued and body[: continued.start()].strip():
        body = body[: continued.start()]
    return body


_ENDS = 10_000
"""Characters of each end of a very long text that closed formats read."""


def ends_of_answer(text: str) -> str:
    """``answered`` for closed formats: of more than 20,000 characters the first and the last 10,000."""
    body = answered(text)
    return body if len(body) <= 2 * _ENDS else f"{body[:_ENDS]}\n{body[-_ENDS:]}"


# Markers of an answer, final ones and plain ones.
_MARKER = re.compile(
    r"(?P<box>\\boxed\s{0,4}\{(?P<inbox>(?:[^{}\n]|\{[^{}\n]{0,400}\}){0,400})\})"
    r"|(?P<tag><answer>(?P<intag>[^<]{0,4000})</answer>)"
    r"|(?P<final>\bfinal\s{1,4}(?:answer|choice|result)\s{0,4}(?:(?:is|are|would\s{1,4}be)\b\s{0,4}[:=]?|[:=：\-–—]))"
    r"|(?P<plain>\b(?:answer|response|option|choice|solution|label|class|category|antwort|lösung|réponse|"
    r"reponse|respuesta|risposta|resposta|svar|odpowiedź|odpověď|ответ|відповідь|cevap|yanıt|jawaban|απάντηση|"
    r"câu trả lời|đáp án)"
    r"\s{0,4}(?:(?:is|are|would\s{1,4}be|ist|lautet|est|es|è|é|jest|adalah|là)\b\s{0,4}[:=]?|[:=：]))"
    r"|(?P<cjk>(?:答案|答え|回答|정답|답|الجواب|الإجابة|उत्तर|คำตอบ)\s{0,4}(?:应该是|應該是|是|为|為|は|은|는|هو|है|คือ)?"
    r"\s{0,4}[:：]?)",
    re.IGNORECASE,
)


def marked(body: str) -> list[str]:
    """The texts after answer markers, the weightiest first: ``final answer``, ``\\boxed{}`` and ``<answer>``
    before plain ``Answer:``; later ones before earlier ones."""
    spans: list[tuple[int, int, str]] = []
    matches = list(_MARKER.finditer(body))
    for index, match in enumerate(matches):
        if match["box"] is not None:
            spans.append((2, index, match["inbox"]))
        elif match["tag"] is not None:
            spans.append((2, index, match["intag"]))
        else:
            stop = matches[index + 1].start() if index + 1 < len(matches) else len(body)
            span = _line(body, match.end(), stop)
            if span:
                spans.append((2 if match["final"] is not None else 1, index, span))
    return [span for _, _, span in sorted(spans, key=lambda f: (-f[0], -f[1]))]


def _line(body: str, start: int, stop: int) -> str:
    """The rest of the line after ``start``, or the next line where that is blank."""
    rest = body[start:stop].lstrip(" \t*_:`")
    line = rest.lstrip().split("\n", 1)[0]
    return line.strip()


def lines(body: str) -> list[str]:
    """Lines that are not blank."""
    return [line for part in body.split("\n") if (line := part.strip())]


_SENTENCE = re.compile(r"[^.!?;\n。！？；]+")


def sentences(body: str) -> list[str]:
    """Sentences, cut at ``. ! ? ;`` and line ends, without their ends."""
    return [s for part in _SENTENCE.findall(body) if (s := part.strip())]


_EDGES = " \t\r\n\"'“”‘’«»„`.,;:!?…。，、！？；：()[]{}<>*_-–—"
_BLANKS = re.compile(r"\s+")
_ARTICLE = re.compile(r"^(?:an?|the|der|die|das|ein|eine|le|la|les|un|une|el|los|las|il|lo)\s+(?=\S)")
_WEAK = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """For comparing: NFKC, case-folded, single blanks, without quotes, brackets and stops around it."""
    folded = _BLANKS.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    return folded.strip(_EDGES) or folded.strip()


def loose(text: str) -> str:
    """For comparing labels: ``fold`` with letters and digits alone, no leading article; gray is grey."""
    return _WEAK.sub("", _ARTICLE.sub("", fold(text))).replace("gray", "grey")


NEGATION = re.compile(
    r"\b(?:not|no|never|neither|nor|without|cannot|unlikely|unclear|unsure|rather than|instead of|except"
    r"|nothing|none|nicht|kein\w*|weder|pas|ni|sin|sans|senza|sem|nem|nie|не|нет)\b|n['’]t\b|不|没|沒|ない|아니",
    re.IGNORECASE,
)
