"""Lays texts and tables out for a width: lines break between words, at ``/`` and ``-``, and elsewhere only
where a piece is wider than its column. Nothing is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

GAP = 2
"""Blanks between two columns."""
HANGING = 2
"""Blanks before the further lines of a first column, which would look like rows of their own."""

_RANGE = re.compile(r"(?<=[\d.]) to (?=[+−-]?[\d.])")
"""An interval stays on one line."""
_KEPT = "\ue000"
"""Stands for a blank that no line ends at, while a text is broken into pieces."""
_SOFT = re.compile(r"(?<=\s)(?=\S)|(?<=\w/)(?=[^\s/])|(?<=\w-)(?=\w)")
_HARD = re.compile(
    r"(?<=[_:=@#,;?&|()\[\]{}])(?=\w)|(?<=\.)(?=[^\W\d])"
    r"|(?<=/)(?=[^\s/])|(?<=[^\s\ue000]-)(?=\S)"
)
"""Never behind the sign of a number, whose other line would be read as positive."""
_BEFORE_END = re.compile(r"(?<= to )(?=\S)")


@dataclass(frozen=True)
class Row:
    """The cells of a row, from the left; a ``head`` stands over the rows below it, across all columns."""

    cells: Sequence[str]
    head: bool = False


@dataclass(frozen=True)
class Line:
    """A line of a table. ``bold``: it is a header, or the head of rows."""

    text: str
    bold: bool = False


def cells_wide(text: str) -> int:
    """The columns of a terminal that a text takes: two for each letter of East Asian scripts, none for marks
    above another letter.

    >>> cells_wide("heron"), cells_wide("鷺")
    (5, 2)
    """
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


@lru_cache(maxsize=10_000)
def pieces(text: str, hard: bool = False) -> tuple[str, ...]:
    """``text`` cut wherever a line may end; ``hard``: at any mark.

    >>> pieces("hf/org/name-7b on 0.1 to 0.2")
    ('hf/', 'org/', 'name-', '7b ', 'on ', '0.1 to 0.2')
    """
    kept = _RANGE.sub(f"{_KEPT}to{_KEPT}", text)
    found = [p for p in _SOFT.split(kept) if p]
    if hard:
        found = [p for piece in found for p in _HARD.split(piece) if p]
    return tuple(p.replace(_KEPT, " ") for p in found)


def wrap(text: str, width: int | None, indent: int = 0) -> list[str]:
    """The lines of ``text``, at most ``width`` wide (None: as it is), the further ones indented.

    >>> wrap("a long answer about herons", 12, indent=2)
    ['a long', '  answer', '  about', '  herons']
    """
    out: list[str] = []
    for part in text.expandtabs(4).split("\n"):
        out += [part] if width is None or cells_wide(part) <= width else _wrapped(part, width, indent)
    return out


def _wrapped(text: str, width: int, indent: int) -> Iterator[str]:
    lead = text[: len(text) - len(text.lstrip())]
    if cells_wide(lead) + indent >= width // 2:  # too narrow to indent anything
        lead, indent = "", 0
    pad = lead + " " * indent
    line, used = lead, cells_wide(lead)
    for piece in _fitting(text.lstrip(), max(1, width - cells_wide(pad))):
        wide = cells_wide(piece.rstrip())
        if line.strip() and used + wide > width:
            yield line.rstrip()
            line, used = pad, len(pad)
        line += piece
        used += cells_wide(piece)
    if line.strip():
        yield line.rstrip()


def _fitting(text: str, width: int) -> Iterator[str]:
    """The pieces of a text, each at most ``width`` wide: broken at marks where it must be, or anywhere."""
    for piece in pieces(text):
        if cells_wide(piece.rstrip()) <= width:
            yield piece
            continue
        for part in (end for mark in pieces(piece, True) for end in _BEFORE_END.split(mark)):
            while cells_wide(part.rstrip()) > width:
                end = _end(part, width)
                yield part[:end]
                part = part[end:]
            yield part


def _end(text: str, width: int) -> int:
    """How many letters of a text are at most ``width`` wide; at least one."""
    end = min(len(text), width)
    while end > 1 and cells_wide(text[:end]) > width:
        end -= 1
    return end


def table_lines(
    header: Sequence[str], rows: Sequence[Row], right: Sequence[bool], width: int | None
) -> list[Line]:
    """The lines of a table at most ``width`` wide; None: as wide as it is.

    right  which columns end at their right side
    Where the columns do not fit beside one another, it is several tables, each with the first column,
    or with as many as it takes to tell the rows apart.
    """
    count = len(header)
    body = [Row([*row.cells, *[""] * (count - len(row.cells))], row.head) for row in rows]
    columns = [[header[n], *(row.cells[n] for row in body if not row.head)] for n in range(count)]
    if not columns:
        return []
    out: list[Line] = []
    for block, widths in _blocks(columns, width, _keys(body, right)):
        out += [Line("")] if out else []
        out += _block(header, body, right, block, widths, width)
    return out


def _keys(rows: Sequence[Row], right: Sequence[bool]) -> int:
    """How many of the first columns, the last one of words, tell rows below one head apart; 1: none do."""
    for count in (n for n, number in enumerate(right, 1) if not number):
        seen: set[tuple[str, ...]] = set()
        for row in rows:
            key = tuple(row.cells[:count])
            if not row.head and key in seen:
                break
            seen = set() if row.head else {*seen, key}
        else:
            return count
    return 1


def _blocks(
    columns: Sequence[Sequence[str]], width: int | None, keys: int
) -> Iterator[tuple[list[int], list[int]]]:
    """(numbers of columns, their widths) of each table; each has the first ``keys`` where they leave room."""
    natural = [_widest(column) for column in columns]
    every = list(range(len(columns)))
    if width is None or _total(natural) <= width:
        yield every, natural
        return
    for hard in (False, True):
        least = [_least(column, first=not n, hard=hard) for n, column in enumerate(columns)]
        if _total(least) <= width:
            yield every, _shared_out(natural, least, width)
            return
    least = [min(_least(c, first=not n, hard=False), width // 2) for n, c in enumerate(columns)]
    first = every[: keys if _total(least[:keys]) <= width * 2 // 3 else 1]
    block = first
    for number in every[len(first) :]:
        if len(block) > len(first) and _total([least[n] for n in (*block, number)]) > width:
            yield block, _shared_out([natural[n] for n in block], [least[n] for n in block], width)
            block = first
        block = [*block, number]
    yield block, _shared_out([natural[n] for n in block], [least[n] for n in block], width)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _widest(column: Sequence[str]) -> int:
    return max((cells_wide(line) for cell in column for line in cell.split("\n")), default=0)


def _least(column: Sequence[str], first: bool, hard: bool) -> int:
    """The width of a column's widest piece."""
    cells = (line for cell in column for line in cell.split("\n"))
    return max(
        (
            cells_wide(piece.rstrip()) + (HANGING if first and number else 0)
            for line in cells
            for number, piece in enumerate(pieces(line, hard))
        ),
        default=0,
    )


def _shared_out(natural: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """Widths between the least and the natural ones: the widest columns are made narrower until all fit."""

    def at(cap: int) -> list[int]:
        return [min(n, max(low, cap)) for n, low in zip(natural, least, strict=True)]

    low, high = 0, max(natural)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _total(at(middle)) <= width else (low, middle - 1)
    widths = at(low)
    over = _total(widths) - width
    if over > 0:  # a piece that is wider than the screen
        widths[-1] = max(1, widths[-1] - over)
    return widths


def _block(
    header: Sequence[str],
    rows: Sequence[Row],
    right: Sequence[bool],
    block: Sequence[int],
    widths: Sequence[int],
    width: int | None,
) -> Iterator[Line]:
    for text in _row([header[n] for n in block], [right[n] for n in block], widths, bottom=True):
        yield Line(text, bold=True)
    yield Line("─" * _total(widths))
    for row in rows:
        if row.head:
            yield from (Line(text, bold=True) for text in wrap(row.cells[0], width))
            continue
        yield from map(Line, _row([row.cells[n] for n in block], [right[n] for n in block], widths))


def _row(
    cells: Sequence[str], right: Sequence[bool], widths: Sequence[int], bottom: bool = False
) -> Iterator[str]:
    """The lines of one row; ``bottom``: cells of fewer lines stand at its bottom."""
    columns = [
        wrap(cell, wide, HANGING if not n and not bottom else 0)
        for n, (cell, wide) in enumerate(zip(cells, widths, strict=True))
    ]
    height = max(map(len, columns))
    columns = [[""] * (height - len(c)) + c if bottom else c + [""] * (height - len(c)) for c in columns]
    for line in zip(*columns, strict=True):
        yield (" " * GAP).join(map(_padded, line, right, widths)).rstrip()


def _padded(text: str, right: bool, width: int) -> str:
    blanks = " " * (width - cells_wide(text))
    return blanks + text if right else text + blanks
