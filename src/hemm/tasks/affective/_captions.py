"""The New Yorker caption contests: tables of captions with readers' ratings, and which of them are asked.

Readers rated the captions sent in for a cartoon as not funny (1), somewhat funny (2) or funny (3); the
tables give each caption's mean and its votes. Adaptive sampling gave the captions that nobody liked few
votes, and captions come twice: ``pairs_of`` says which of them are asked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hemm.core import BadData, Media
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import table_rows

PAIRS = 5
"""Captions of each kind that are asked of one cartoon, at most."""
MIN_VOTES = 10
"""Captions with fewer votes are not asked: most of them are spam that adaptive sampling gave up early."""
POINTS = {"funny": 3, "somewhat_funny": 2, "unfunny": 1, "not_funny": 1}


@dataclass(frozen=True, slots=True)
class Rated:
    """A caption with its mean rating and votes (None where the table does not tell)."""

    text: str
    mean: float
    votes: float | None


@dataclass(frozen=True, slots=True)
class Copy:
    """Where a copy keeps tables and cartoons, and which of several tables of one contest is taken: the first
    of ``order`` (what follows the number in the file's name), else the first by name.

    ``name`` is what a cartoon is called in ``cartoons``, with the contest's number as {0}.
    """

    tables: str
    cartoons: str
    name: str
    order: tuple[str, ...]


COPIES = {
    "data": Copy("summaries", "cartoons", "{0}", ("", "_LilUCB", "_lil-KLUCB")),
    "api": Copy("contests/summaries", "contests/info", "{0}/{0}", ("_summary_LilUCB", "_summary_KLUCB")),
}


def contests(folder: Path, copy: str) -> Iterator[tuple[str, Path, Media, list[Rated]]]:
    """(number, table, cartoon, captions from the best to the lowest mean) of each contest that has a table.

    The cartoon of a table is looked for by its number only; one that is not there is counted as missing.
    """
    place = COPIES[copy]
    cartoons = FileFinder(folder, (place.cartoons,))
    tables: dict[str, list[Path]] = {}
    for file in sorted((folder / place.tables).glob("*.csv")):
        if match := re.match(r"\d+", file.name):
            tables.setdefault(match[0], []).append(file)
    for number, files in sorted(tables.items(), key=lambda item: int(item[0])):
        ranks = {f"{number}{end}": rank for rank, end in enumerate(place.order)}
        table = min(files, key=lambda f: (ranks.get(f.stem, len(ranks)), f.name))
        yield number, table, cartoons.at(place.name.format(number)), rated(table)


def rated(table: Path) -> list[Rated]:
    """The captions of one table that have a rating, the best first, ties in the table's order.

    The mean is column ``mean``, else ``score``; votes are ``votes`` or ``count``. Both come from the counts
    of each answer where the table has these alone.
    """
    captions = []
    for where, row in table_rows(table, ("caption",)):
        text = " ".join(row["caption"].split())
        counts = {name: _number(row, name, where) or 0.0 for name in POINTS if name in row}
        total = math.fsum(counts.values()) if counts else None
        votes = next((_number(row, name, where) for name in ("votes", "count") if name in row), total)
        column = next((name for name in ("mean", "score") if name in row), None)
        if column is None and "funny" not in counts:
            raise BadData(f"{table}: no column 'mean', 'score' or 'funny'")
        if column:
            mean = _number(row, column, where)
        else:
            mean = math.fsum(POINTS[n] * c for n, c in counts.items()) / total if total else None
        if text and mean is not None:
            captions.append(Rated(text, mean, votes))
    return sorted(captions, key=lambda caption: -caption.mean)


def _number(row: Mapping[str, str], name: str, where: str) -> float | None:
    """A number of one row, None where it is empty or NaN."""
    text = row[name].strip()
    try:
        value = float(text or "nan")
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise BadData(f"{where}: field {name!r} is {text!r}, not a number")
    return None if math.isnan(value) else value


def pairs_of(captions: list[Rated]) -> list[tuple[Rated, Rated]]:
    """(funny, not funny): the captions with the highest means, each with one of the lowest, the extremes
    first.

    Of equal captions the one with most votes counts. Captions with fewer than MIN_VOTES votes are left out,
    unless fewer than two have as many. Of equal means the one with more votes comes first; no caption is in
    two pairs, and the two of a pair never have the same mean.
    """
    known: dict[str, Rated] = {}
    for caption in captions:
        key = caption.text.casefold()
        if key not in known or (caption.votes or 0) > (known[key].votes or 0):
            known[key] = caption
    enough = [c for c in known.values() if c.votes is None or c.votes >= MIN_VOTES]
    usable = enough if len(enough) > 1 else list(known.values())
    count = min(PAIRS, len(usable) // 2)
    best = sorted(usable, key=lambda c: (-c.mean, -(c.votes or 0)))[:count]
    worst = sorted(usable, key=lambda c: (c.mean, -(c.votes or 0)))[:count]
    return [(a, b) for a, b in zip(best, worst, strict=True) if a.mean > b.mean]
