"""Answer formats for places in a picture: boxes and points, in a declared dialect of coordinates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from hemm.core import Reading, Sample
from hemm.parsing.answer_text import body_of
from hemm.parsing.coordinates import Dialect, Region, dialect, of_reference, size_of
from hemm.parsing.located import Span
from hemm.parsing.patterns import late
from hemm.parsing.refusal import only_refuses
from hemm.parsing.stages import CONCLUSION, ONLY, STRUCTURED, WHOLE

_N = r"[-+−]?(?:\d{1,9}(?:\.\d{1,20})?|\.\d{1,20})(?:\s?px)?"
_SEP = r"\s{0,3}[,;]\s{0,3}|\s{1,3}"
_SIDES = tuple(
    re.compile(name)
    for name in (
        r"x_?1|x_?min|left|x_?left",
        r"y_?1|y_?min|top|y_?top",
        r"x_?2|x_?max|right|x_?right",
        r"y_?2|y_?max|bottom|y_?bottom",
    )
)
_OPEN, _CLOSE = r"[\[({<]{1,3}\s{0,9}", r"\s{0,9}[\])}>]{1,3}"
_PAIR = rf"[\[(]\s{{0,9}}({_N})(?:{_SEP})({_N})\s{{0,9}}[\])]"
_FOUR = late(
    rf"{_OPEN}({_N})(?:{_SEP})({_N})(?:{_SEP})({_N})(?:{_SEP})({_N}){_CLOSE}"
    rf"|{_PAIR}\s{{0,9}},?\s{{0,9}}(?:to\s)?{_PAIR}"
    rf"|\A\s*({_N})(?:{_SEP})({_N})(?:{_SEP})({_N})(?:{_SEP})({_N})\s*\.?\s*\Z"
)
_TWO = late(
    rf"{_OPEN}({_N})(?:{_SEP})({_N}){_CLOSE}"
    rf"|\A\s*({_N})(?:{_SEP})({_N})\s*\.?\s*\Z"
    rf"|\bx\d?\s{{0,3}}[=:]\s{{0,3}}[\"']?({_N})[\"']?(?:{_SEP})[\"']?y\d?[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?({_N})"
)
_NAMED = late(rf"[\"']?\b([A-Za-z_]{{1,7}}[12]?)[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?({_N})[\"']?")
_MARKED = late(
    r"<(?P<tag>box|point|bbox)>(?P<tagged>[^<]{1,400})</(?P=tag)>"
    r"|<\|(?:box|point)_start\|>(?P<special>[^<]{1,400})<\|(?:box|point)_end\|>"
    r"|\\boxed\s?\{(?P<boxed>[^{}]{1,400})\}"
    r"|[\"'](?P<key>bbox(?:_2d)?|box(?:_2d)?|bounding_box|point(?:_2d)?|coordinates?|click)[\"']\s{0,9}:\s{0,9}"
    r"(?P<value>(?:\[|\{|\()[^\]})]{1,400}[\]})])"
    r"|\b(?:click|tap|left_click)\(\s{0,3}(?:(?:start_box|point)\s?=\s?['\"]?(?:<point>)?)?(?P<call>[^'\")<]{1,200}\)?)",
    re.IGNORECASE,
)
_GROUPS = ("tagged", "special", "boxed", "value", "call")


def _number(text: str) -> float:
    return float(text.replace("−", "-").removesuffix("px").strip())


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[tuple[float, ...], Span]]:
    for match in pattern.finditer(text):
        yield tuple(_number(g) for g in match.groups() if g is not None), match.span()


def _named(text: str) -> list[tuple[tuple[float, ...], Span]]:
    """The box of ``x1=10, y1=20, x2=30, y2=40`` or ``"left": 10, ...``, in whichever order; of the first that
    names all four sides."""
    found: dict[int, tuple[float, Span]] = {}
    for match in _NAMED.finditer(text):
        side = next((n for n, names in enumerate(_SIDES) if names.fullmatch(match[1].lower())), None)
        if side is not None:
            found.setdefault(side, (_number(match[2]), match.span()))
    if len(found) < 4:
        return []
    spans = [span for _, span in found.values()]
    place = min(b for b, _ in spans), max(e for _, e in spans)
    return [(tuple(found[side][0] for side in range(4)), place)]


@dataclass(frozen=True)
class _Place:
    """What boxes and points have in common.

    dialect  as in ``Box``
    numbers  how many an answer may have
    """

    dialect: str = "0-1000"
    numbers: ClassVar[tuple[int, ...]]

    def __post_init__(self) -> None:
        dialect(self.dialect)

    @property
    def _dialect(self) -> Dialect:
        return dialect(self.dialect)

    def parse(self, text: str, sample: Sample) -> Region | None:
        value: Region | None = self.read(text, sample).value
        return value

    def read(self, text: str, sample: Sample) -> Reading:
        return _read(text, sample, self._dialect, self.numbers)

    def options(self, sample: Sample) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Box(_Place):
    """A box. The value is a ``Region``; references are boxes by ``as_reference``.

    Read are what marks a box (``<box>``, ``<|box_start|>``, JSON's ``bbox_2d``, ``box_2d``, ``bbox``,
    ``\\boxed``), else four numbers in brackets, two pairs of them, or four named sides; the last line alone
    where the text has several boxes. Several that differ are none. Which numbers mean what is not guessed: it
    is the declared ``dialect``, and the metric says where another one would fit the answers.

    dialect  ``0-1``, ``0-100``, ``0-999``, ``0-1000``, ``pixels`` (of the picture, whose ``width`` and
             ``height`` are in the sample's metadata and fields), or one of these after ``yx-``, for y
             before x

    >>> from hemm.core import Sample
    >>> print(Box().parse('[{"bbox_2d": [100, 250, 500, 750], "label": "owl"}]', Sample("1")))
    0.1 0.25 0.5 0.75
    """

    name: str = field(default="box", init=False)
    version: int = field(default=1, init=False)
    numbers: ClassVar[tuple[int, ...]] = (4,)

    @property
    def instruction(self) -> str:
        sides = "[y1, x1, y2, x2]" if self._dialect.y_first else "[x1, y1, x2, y2]"
        order = "top, left, bottom, right" if self._dialect.y_first else "left, top, right, bottom"
        return f"Reply with its bounding box, {sides} ({order}), {self._dialect.told}, and nothing else."

    def render(self, reference: str, sample: Sample) -> str:
        return _rendered(reference, sample, self._dialect)


@dataclass(frozen=True)
class Point(_Place):
    """A point. The value is a ``Region``; the point of a box that a model answers with is its middle.

    dialect  as in ``Box``

    >>> from hemm.core import Sample
    >>> print(Point("pixels").parse("click(320, 120)", Sample("1", metadata={"width": 640, "height": 480})))
    0.5 0.25
    """

    name: str = field(default="point", init=False)
    version: int = field(default=1, init=False)
    numbers: ClassVar[tuple[int, ...]] = (2, 4)

    @property
    def instruction(self) -> str:
        order = "[y, x]" if self._dialect.y_first else "[x, y]"
        return f"Reply with one point, {order}, {self._dialect.told}, and nothing else."

    def render(self, reference: str, sample: Sample) -> str:
        fractions = of_reference(reference)
        if fractions is None or len(fractions) == 2:
            return _rendered(reference, sample, self._dialect)
        middle = Region(fractions, fractions, "").centre
        return _list(self._dialect.written(middle, size_of(sample)))


def _rendered(reference: str, sample: Sample, spoken: Dialect) -> str:
    fractions = of_reference(reference)
    return reference if fractions is None else _list(spoken.written(fractions, size_of(sample)))


def _list(numbers: list[float]) -> str:
    return "[" + ", ".join(f"{value:.10g}" for value in numbers) + "]"


Found = tuple[tuple[float, ...], Span]


def _in(text: str, sizes: tuple[int, ...]) -> list[Found]:
    """The boxes in a text, or, where it has none and points are asked for, its points."""
    if 4 in sizes and (found := [*_matches(_FOUR, text)] or _named(text)):
        return found
    return [*_matches(_TWO, text)] if 2 in sizes else []


def _stages(text: str, sizes: tuple[int, ...]) -> Iterator[tuple[str, list[Found]]]:
    marked: list[Found] = []
    for match in _MARKED.finditer(text):
        group = next(g for g in _GROUPS if match[g] is not None)
        inside = match[group]
        bare = [] if group == "value" else [*_in(f"({inside.strip().strip('()[]')})", sizes)]
        found = [*_in(inside, sizes)] or bare
        marked += [(numbers, match.span(group)) for numbers, _ in found]
    yield STRUCTURED, marked
    every = _in(text, sizes)
    whole = len(every) == 1 and every[0][1] == (0, len(text))
    yield WHOLE if whole else ONLY, every
    start = text.rstrip().rfind("\n") + 1
    yield CONCLUSION, [(n, (b + start, e + start)) for n, (b, e) in _in(text[start:], sizes)]


def _read(text: str, sample: Sample, spoken: Dialect, sizes: tuple[int, ...]) -> Reading:
    body = body_of(text)
    if only_refuses(body.text):
        return Reading()
    for stage, found in _stages(body.text, sizes):
        if len({numbers for numbers, _ in found}) == 1:
            numbers, (begin, end) = found[0]
            at = spoken.fractions(numbers, size_of(sample))
            return (
                Reading()
                if at is None
                else Reading(Region(at, numbers, spoken.name), stage, body.span(begin, end))
            )
    return Reading()
