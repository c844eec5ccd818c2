"""Reads from the index what a filter chooses: counts, pages, and the texts of the answers on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemm.web.filters import Filter, Where
from hemm.web.index.build import Catalog, Index, IndexedCell
from hemm.web.index.tables import OUTCOMES, among
from hemm.web.texts import Texts

SEARCHED_FIRST, SEARCHED_MOST = 4_096, 200_000
"""Answers that a page searches at first, and at most; the next page goes on from there."""
_COLUMNS = (
    "n", "cell", "sample", "repeat", "part", "place", "outcome", "cut", "score", "correct", "stage",
    "span_begin", "span_end", "length", "latency", "input_tokens", "output_tokens", "cost", "calls",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One answer in the index, with the value it is sorted by."""

    at: float
    facts: Mapping[str, Any]
    cell: IndexedCell

    @property
    def outcome(self) -> str:
        return str(OUTCOMES[self.facts["outcome"]])

    @property
    def place(self) -> str:
        """Its place in the order, for the address of the next page."""
        return f"{self.at!r}~{self.facts['n']}"


@dataclass(frozen=True)
class Page:
    """A page of answers. ``searched``: how many were looked through for a text; ``goes_on``: it stopped
    before the end, at ``rows[-1]`` or, where that found nothing, at ``stopped``."""

    rows: tuple[Row, ...]
    earlier: bool
    later: bool
    searched: int = 0
    stopped: str = ""


@dataclass(frozen=True)
class Counts:
    """How many answers a filter chooses, by what they can be narrowed by."""

    total: int
    by_cell: Mapping[int, int]
    outcomes: Mapping[str, int]
    stages: Mapping[str, int]
    mean: float | None
    scored: int


class Answers:
    """Answers of an index at one moment of it: a cell that comes in while a page is made is not on it."""

    def __init__(self, index: Index, texts: Texts) -> None:
        self.index, self._texts = index, texts
        self.catalog: Catalog = index.catalog
        self._by_number = {c.number: c for c in self.catalog.cells}

    def counts(self, chosen: Filter) -> Counts:
        """Counts in one pass over the index. The text that is searched for does not count here."""
        where = Where(chosen, self.catalog)
        rows = self.index.read(
            f"""select a.cell, a.outcome, a.stage, count(*), count(a.score), sum(a.score)
            {where.sql} group by all""",
            where.values,
        )
        by_cell: dict[int, int] = {}
        outcomes: dict[str, int] = {}
        stages: dict[str, int] = {}
        for cell, outcome, stage, n, _, _ in rows:
            by_cell[cell] = by_cell.get(cell, 0) + n
            outcomes[OUTCOMES[outcome]] = outcomes.get(OUTCOMES[outcome], 0) + n
            if stage:
                stages[stage] = stages.get(stage, 0) + n
        scored = sum(row[4] for row in rows)
        mean = sum(row[5] or 0.0 for row in rows) / scored if scored else None
        return Counts(sum(by_cell.values()), by_cell, outcomes, stages, mean, scored)

    def page(self, chosen: Filter, size: int = 0, without: int | None = None) -> Page:
        """The answers after (or before) the filter's place, ``size`` at most (0: its own).

        without  the number of a sample that is left out: for the next one
        """
        size = size or chosen.size
        if chosen.text:
            return self._searched(chosen, size, without)
        back = chosen.before is not None
        rows = self.ordered(chosen, size + 1, without)
        more = len(rows) > size
        rows = rows[:size]
        if back:
            return Page(tuple(reversed(rows)), more, True)
        return Page(tuple(rows), chosen.after is not None, more)

    def _searched(self, chosen: Filter, size: int, without: int | None) -> Page:
        """The answers of the page that have the text: those in the first thousands, else in all the others
        at once, since in an order by score each part holds some of every page."""
        sql, values = self._ordered_sql(chosen, ("n", "cell", "part", "place"), without)
        found = self.index.arrays(f"{sql} limit {SEARCHED_MOST}", values)
        total, hits, searched = len(found["n"]), list[int](), 0
        for end in (SEARCHED_FIRST, SEARCHED_MOST):
            if len(hits) <= size and searched < total:
                some = {name: column[searched:end] for name, column in found.items()}
                own = self._texts.matching(self._by_number, some, chosen.text, chosen.searched)
                hits += (np.flatnonzero(own) + searched).tolist()
                searched = min(end, total)
        more = len(hits) > size
        stopped = ""
        if searched == SEARCHED_MOST and not more:
            stopped = f"{float(found['sorted_by'][-1])!r}~{int(found['n'][-1])}"
        rows = self._rows_of({int(found["n"][hit]): float(found["sorted_by"][hit]) for hit in hits[:size]})
        if chosen.before is not None:
            return Page(tuple(reversed(rows)), more or bool(stopped), True, searched, stopped)
        return Page(tuple(rows), chosen.after is not None, more or bool(stopped), searched, stopped)

    def _rows_of(self, places: Mapping[int, float]) -> list[Row]:
        """Answers by their numbers, each with the value that it is sorted by, in the order given."""
        rows = self.index.read(
            f"select {', '.join(_COLUMNS)} from answers where {among('n', list(places))}", list(places)
        )
        facts = {row[0]: dict(zip(_COLUMNS, row, strict=True)) for row in rows if row[1] in self._by_number}
        return [
            Row(at, facts[n], self._by_number[facts[n]["cell"]]) for n, at in places.items() if n in facts
        ]

    def _ordered_sql(
        self, chosen: Filter, columns: Sequence[str], without: int | None = None
    ) -> tuple[str, list[Any]]:
        """A statement for the answers from the filter's place on, in its order, or backwards from ``before``;
        ``sorted_by`` is the last column."""
        where = Where(chosen, self.catalog)
        values = list(where.values)
        back = chosen.before is not None
        place = chosen.before if back else chosen.after
        rising = chosen.falling == back
        named = dict.fromkeys((*columns, "n", "sample"))
        inner = f"select {', '.join(f'a.{c}' for c in named)}, {where.value} as sorted_by {where.sql}"
        terms = []
        if place is not None:
            at = int(max(-1.0, min(place[0], 2.0**31))) if chosen.sort == "sample" else place[0]
            terms.append(
                f"(sorted_by {'>' if rising else '<'} ? or (sorted_by = ? and n {'<' if back else '>'} ?))"
            )
            values += [at, at, place[1]]
        if without is not None:
            terms.append("sample <> ?")
            values.append(without)
        only = f" where {' and '.join(terms)}" if terms else ""
        order = f"order by sorted_by {'asc' if rising else 'desc'}, n {'desc' if back else 'asc'}"
        return f"select {', '.join(columns)}, sorted_by from ({inner}){only} {order}", values

    def ordered(self, chosen: Filter, most: int, without: int | None = None) -> list[Row]:
        """The first answers from the filter's place on, in its order, or backwards from ``before``. Numbers
        are sorted first, and the rest is read for those that are shown."""
        sql, values = self._ordered_sql(chosen, ("n",), without)
        rows = self.index.read(f"{sql} limit {most}", values)
        return self._rows_of({int(n): float(at) for n, at in rows})

    def of_samples(self, samples: Sequence[int]) -> list[Row]:
        """All answers to these samples, by model."""
        rows = self.index.read(
            f"""select {", ".join(_COLUMNS)} from answers
            where {among("sample", samples)} order by sample, cell, repeat""",
            samples,
        )
        found = [dict(zip(_COLUMNS, row, strict=True)) for row in rows if row[1] in self._by_number]
        kept = [Row(0.0, facts, self._by_number[facts["cell"]]) for facts in found]
        return sorted(kept, key=lambda r: (r.cell.label, r.facts["repeat"]))

    def ids(self, rows: Sequence[Row]) -> dict[int, tuple[str, str]]:
        """Number of a sample -> its id and the beginning of its content's digest."""
        numbers = sorted({row.facts["sample"] for row in rows})
        found = self.index.read(
            f"select sample, id, hash from samples where {among('sample', numbers)}", numbers
        )
        return {number: (name, content) for number, name, content in found}

    def other_scores(self, rows: Sequence[Row]) -> dict[int, list[tuple[str, float]]]:
        """Number of an answer -> its other scores."""
        numbers = [row.facts["n"] for row in rows]
        found = self.index.read(
            f"select n, metric, value from scores where {among('n', numbers)} order by n, metric", numbers
        )
        out: dict[int, list[tuple[str, float]]] = {}
        for n, metric, value in found:
            out.setdefault(n, []).append((metric, value))
        return out

    def texts(self, rows: Sequence[Row], columns: Sequence[str]) -> list[dict[str, Any]]:
        """These columns of the stored answers, in the order of ``rows``."""
        wanted = {n: [row.facts[n] for row in rows] for n in ("cell", "part", "place")}
        return self._texts.read(self._by_number, wanted, columns)

    def texts_at(
        self, places: Sequence[tuple[int, int, int]], columns: Sequence[str]
    ) -> list[dict[str, Any]]:
        """These columns of the answers at (cell, part, place), which are of known cells."""
        wanted = {name: [place[i] for place in places] for i, name in enumerate(("cell", "part", "place"))}
        return self._texts.read(self._by_number, wanted, columns)

    def place_of(self, chosen: Filter, sample: int) -> tuple[float, int] | None:
        """Where the filter's order has its first answer to a sample; None where it has none."""
        where = Where(chosen, self.catalog)
        rows = self.index.read(
            f"""select sorted_by, n from (select a.n, a.sample, {where.value} as sorted_by {where.sql})
            where sample = ? order by sorted_by {"desc" if chosen.falling else "asc"}, n limit 1""",
            [*where.values, sample],
        )
        return (float(rows[0][0]), int(rows[0][1])) if rows else None
