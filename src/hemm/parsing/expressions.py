"""The answer format of mathematics: an expression, with its LaTeX kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from hemm.core import Reading, Sample
from hemm.parsing.answer_text import body_of, lines, sentence_spans, unmarked, with_marks
from hemm.parsing.clauses import no_answer
from hemm.parsing.formats import Number, OneOf
from hemm.parsing.located import Located, Span
from hemm.parsing.markers import is_blank, ordered
from hemm.parsing.patterns import late
from hemm.parsing.refusal import only_refuses, refuses
from hemm.parsing.stages import CONCLUSION, MARKER, STRUCTURED, WHOLE

_MATH = late(
    r"\$\$([^$]{1,2000})\$\$|\$([^$\n]{1,2000})\$|\\\((.{1,2000}?)\\\)|\\\[(.{1,2000}?)\\\]", re.DOTALL
)
_WORD = late(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_OTHER_SCRIPT = late(r"[\u0400-\u06ff\u0900-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Letters that are words and no mathematics, as Greek ones are."""
_OR = late(r"\b(?:or|maybe|perhaps|possibly|oder|ou)\b|或", re.IGNORECASE)
_DIGIT = late(r"\d")
_FUNCTION = late(r"(?<![A-Za-z])(?:sqrt|pi|sin|cos|tan|log|ln|exp|infinity)(?![A-Za-z])")
_QUANTITY = late(r"[^A-Za-z]*\d[^A-Za-z]*(?:[A-Za-z]+\.?[\s^\d²³/]*){1,3}\.?$")
_MOST_WORDS = 4
"""Words beside an expression (its unit, say) above which a text is prose."""
_LEAD = late(r"^(?:(?:[:=：]|\\approx|≈|about|approximately|equal to)\s*)+")


@dataclass(frozen=True)
class Expression:
    r"""A number, a term, a set, a point: what mathematics answers with. The value is its text, LaTeX kept;
    ``math_equal`` compares it. A sample with choices is read as ``OneOf``, by letters.

    Read are, in this order: the last box or other structured answer; the last ``the answer is ...``, of which
    the mathematics between dollars where there is some, a sentence that is no prose, the one number that
    ``Number`` reads, else up to four words; a text that is one line of mathematics; the last line, where it
    holds one piece of mathematics between dollars, or is nothing else; and, where none of these is there, the
    one number that ``Number`` reads. A line of no more than four words that is no number is taken as it is.
    Numbers of which one is the answer (``3 or 4``) are none, outside a box; nor is what says that it does
    not know (``It cannot be determined``), in a box or not.

    >>> from hemm.core import Sample
    >>> Expression().parse(r"So the area is $A = 6$. \boxed{\frac{3}{4}}", Sample("1"))
    '\\frac{3}{4}'
    >>> Expression().parse("It could be 3, it could be 4.", Sample("1")) is None
    True
    """

    name: str = field(default="expression", init=False)
    version: int = field(default=1, init=False)

    @property
    def instruction(self) -> str:
        closed = OneOf().instruction
        open_ = r"End your reply with the final answer in \boxed{}."
        return f"{{% if labels %}}{closed}{{% else %}}{open_}{{% endif %}}"

    def parse(self, text: str, sample: Sample) -> str | None:
        value: str | None = self.read(text, sample).value
        return value

    def read(self, text: str, sample: Sample) -> Reading:
        if sample.choices:
            return OneOf().read(text, sample)
        body = body_of(text)
        if only_refuses(body.text):
            return Reading()
        clean = unmarked(body)
        for piece, place, mark in ordered(body, clean):
            if mark.structured and piece.strip():
                return _reading(piece, STRUCTURED, place)
            if not piece.strip() or is_blank(piece):
                continue
            if no_answer(_first_sentence(piece)):
                return Reading()
            if claim := _marked(piece, with_marks(text, place)):
                return _reading(claim, MARKER, place)
            found = _number(text, sample)
            return _reading(_words(piece), MARKER, place) if found.value is None else found
        said = lines(clean.text)
        if len(said) == 1 and not _is_prose(said[0]) and not _OTHER_SCRIPT.search(said[0]):
            return _reading(said[0], WHOLE, clean.span(0, len(clean.text)))
        if refuses(clean.text):
            return Reading()
        concluded, number = _concluded(body), _number(text, sample)
        nothing = concluded.value is None and number.value is None
        if nothing and len(said) == 1 and _is_term(said[0]) and not _offers_two(said[0]):
            return _reading(said[0], WHOLE, clean.span(0, len(clean.text)))
        return number if concluded.value is None else concluded

    def options(self, sample: Sample) -> tuple[str, ...]:
        return OneOf().options(sample) if sample.choices else ()

    def render(self, reference: str, sample: Sample) -> str:
        return OneOf().render(reference, sample) if sample.choices else rf"\boxed{{{reference}}}"


def _reading(text: str, stage: str, span: Span) -> Reading:
    value = _LEAD.sub("", text.strip()).strip().rstrip(".。,;").strip()
    return Reading(value, stage, span) if value and not no_answer(value) else Reading()


def _is_quantity(text: str) -> bool:
    """Whether a text is mathematics with a unit behind it."""
    return _QUANTITY.match(text.strip()) is not None


def _is_prose(text: str) -> bool:
    return _WORD.search(_FUNCTION.sub("", text)) is not None


def _offers_two(text: str) -> bool:
    """Whether a text has two numbers of which one is the answer. Solutions of an equation
    (``x = 3 or x = -4``) are one answer."""
    places = [m.start() for m in _DIGIT.finditer(text)] if "=" not in text else []
    return bool(places) and any(places[0] < m.start() < places[-1] for m in _OR.finditer(text))


def _is_term(text: str) -> bool:
    return len(_WORD.findall(text)) <= _MOST_WORDS


def _pieces(text: str) -> list[tuple[str, Span]]:
    """The mathematics between dollars or LaTeX's brackets, with its place."""
    return [(next(g for g in m.groups() if g is not None), m.span()) for m in _MATH.finditer(text)]


def _marked(piece: str, with_dollars: str) -> str:
    """What an explicit answer says: one piece of mathematics, else its first sentence; nothing of prose."""
    sentence = _first_sentence(piece)
    pieces = _pieces(with_dollars)
    if len(pieces) == 1:
        return pieces[0][0]
    if _offers_two(sentence):
        return ""
    return sentence if not _is_prose(sentence) or _is_quantity(sentence) else ""


def _words(piece: str) -> str:
    """The first sentence of an explicit answer in up to four words, without a number; nothing of others."""
    sentence = _first_sentence(piece)
    said = _is_term(sentence) and not re.search(r"\d", piece) and not refuses(piece)
    return sentence if said else ""


def _first_sentence(piece: str) -> str:
    first = sentence_spans(piece)[:1]
    return piece[slice(*first[0])] if first else piece


def _number(text: str, sample: Sample) -> Reading:
    """The one number that the text answers with, as ``Number`` reads it."""
    found = Number().read(text, sample)
    return found if found.value is None else replace(found, value=f"{found.value:.15g}")


def _concluded(body: Located) -> Reading:
    """The last sentence's one piece of mathematics, or the whole of a last line that is a term."""
    text = body.text
    last = text.rstrip().rfind("\n") + 1
    line, pieces = text[last:].strip(), _pieces(text[last:])
    if len(pieces) == 1:
        (piece, (begin, end)) = pieces[0]
        return _reading(piece, CONCLUSION, body.span(last + begin, last + end))
    plain = unmarked(Located.whole(line)).text
    if last and not pieces and re.search(r"\d", plain) and not _WORD.search(plain):
        return _reading(plain, CONCLUSION, body.span(last, last + len(line)))
    return Reading()
