"""Slices: the mean score by two dimensions at once, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np

from hemm.core import DIMENSIONS, HemmError, UnknownName
from hemm.stats.intervals import Estimate, mean_interval
from hemm.web.explorer import Explorer
from hemm.web.filters import Filter, Where
from hemm.web.index.tables import LABELS, OUTCOMES

MOST_LINES = 40
"""Most rows or columns of a table; those with the fewest answers are left out, and counted."""
MOST_ANSWERS = 400_000
"""Answers up to which a table has intervals, which need each single score."""
Ends = tuple[float, float]
"""The worst and the best score that a metric allows; infinite where it has no such end."""


@dataclass(frozen=True)
class SliceCell:
    """One cell of the table. ``estimate`` without ends: no interval is known. ``shade``: from 0, the worst,
    to 10, the best that the metric allows; None where there is no score, or no such end."""

    estimate: Estimate
    answers: int
    query: str
    shade: int | None


@dataclass(frozen=True)
class SliceTable:
    """``rows`` x ``columns``; ``left_out`` counts answers that no row or no column shows.

    shares  whether scores are shares of the way from the worst to the best of their metric, since metrics
            of several scales are in the table
    endless   metrics that have no such share; their scores are in no mean
    """

    rows: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]
    cells: Mapping[tuple[str, str], SliceCell]
    left_out: int
    intervals: bool
    metrics: tuple[str, ...]
    shares: bool
    endless: tuple[str, ...]


def slices(explorer: Explorer, chosen: Filter, by: str, across: str) -> SliceTable:
    """The table of the answers of a filter. Raises UnknownName for a dimension that is none."""
    known = explorer.dimensions()
    for name in (by, across):
        if name not in known:
            raise UnknownName("dimension", name, known)
    if by == across:
        raise HemmError("a table has two different dimensions: choose another one")
    if chosen.text:
        raise HemmError("slices count all answers of a filter: leave out the text that is searched for")
    where = Where(chosen, explorer.catalog)
    used = {number for (number,) in explorer.index.read(f"select distinct a.cell {where.sql}", where.values)}
    scales = {n: s for n, s in explorer.kept(("scales",), lambda: _scales(explorer)).items() if n in used}
    shares = len(set(scales.values())) > 1
    inner, values = _inner(explorer, where, (by, across), scales if shares else {})
    counted = explorer.index.read(
        f"""select x, y, count(*), count(score), avg(score) from ({inner})
        where x is not null and y is not null group by x, y""",
        values,
    )
    total = explorer.index.read(f"select count(*) {where.sql}", where.values)[0][0]
    lines = [_lines([(row[i], row[2]) for row in counted], n, explorer) for i, n in enumerate((by, across))]
    shown = [{value for value, _ in line} for line in lines]
    few = sum(row[3] for row in counted) <= MOST_ANSWERS
    estimates = _estimates(explorer, inner, values) if few else {}
    ends = (0.0, 1.0) if shares else next(iter(scales.values()), (0.0, 1.0))
    cells: dict[tuple[str, str], SliceCell] = {}
    for x, y, n, scored, mean in counted:
        if x in shown[0] and y in shown[1]:
            estimate = estimates.get((x, y)) or Estimate(mean, None, None, scored, 0, "")
            query = _query(chosen, (by, x), (across, y))
            cells[x, y] = SliceCell(estimate, n, query, _shade(estimate.value, ends))
    names = {
        c.number: str((c.cell.run.get("metrics") or [""])[0])
        for c in explorer.catalog.cells
        if c.number in used
    }
    endless = {names[n] for n, pair in scales.items() if shares and not all(map(math.isfinite, pair))}
    inside, metrics = sum(cell.answers for cell in cells.values()), tuple(sorted(set(names.values())))
    left_out = total - inside
    return SliceTable(lines[0], lines[1], cells, left_out, few, metrics, shares, tuple(sorted(endless)))


def _scales(explorer: Explorer) -> dict[int, Ends]:
    """The ends of the headline of each cell that is scored, by its number."""
    found: dict[int, Ends] = {}
    for one in explorer.catalog.cells:
        scored = one.cell.aggregates()
        if rows := scored.get("metrics"):
            row = rows[scored.get("headline") or next(iter(rows))]
            low, high = row["range"]
            ends = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
            found[one.number] = ends if row["higher_is_better"] else ends[::-1]
    return found


def _shade(value: float | None, ends: Ends) -> int | None:
    if value is None or not all(map(math.isfinite, ends)):
        return None
    worst, best = ends
    return round(10 * min(1.0, max(0.0, (value - worst) / (best - worst))))


def _inner(
    explorer: Explorer, where: Where, by: tuple[str, str], scales: Mapping[int, Ends]
) -> tuple[str, list[Any]]:
    """A statement for the chosen answers, with both dimensions as the texts ``x`` and ``y``; its values.
    ``scales`` by cell: scores are shares of the way from worst to best; empty: they are as stored."""
    names, named, joins, joined = list[str](), list[Any](), list[str](), list[Any]()
    for alias, name in zip(("mx", "my"), by, strict=True):
        if name.startswith("meta:"):
            joins.append(f"left join metadata {alias} on {alias}.sample = a.sample and {alias}.key = ?")
            joined.append(name.removeprefix("meta:"))
            names.append(f"{alias}.value")
        elif name in ("model", "task", "outcome"):
            names.append(
                f"list_extract(?::varchar[], a.{'outcome' if name == 'outcome' else 'cell'}::integer + 1)"
            )
            named.append(_texts(explorer, name))
        else:
            names.append(f"a.{LABELS.get(name, name)}")
    source = where.sql.replace("from answers a", f"from answers a {' '.join(joins)}", 1)
    score, ends = "a.score", list[Any]()
    if scales:
        bounded = {n: pair for n, pair in scales.items() if all(map(math.isfinite, pair))}
        pairs = [bounded.get(n, (None, None)) for n in range(max(scales) + 1)]
        worst, best = ("list_extract(?::double[], a.cell::integer + 1)" for _ in range(2))
        score = f"(a.score - {worst}) / ({best} - {worst})"
        ends = [[w for w, _ in pairs], [b for _, b in pairs], [w for w, _ in pairs]]
    columns = f"a.sample, a.cell, {score} as score, {names[0]} as x, {names[1]} as y"
    return f"select {columns} {source}", [*ends, *named, *joined, *where.values]


def _texts(explorer: Explorer, name: str) -> list[str]:
    """The subject or the task of each cell by its number, or the outcomes by theirs."""
    if name == "outcome":
        return list(OUTCOMES)
    cells = explorer.catalog.cells
    known = {c.number: c.subject if name == "model" else c.cell.task for c in cells}
    return [known.get(n, "") for n in range(max(known, default=-1) + 1)]


def _lines(counted: Sequence[tuple[str, int]], name: str, explorer: Explorer) -> tuple[tuple[str, str], ...]:
    """(value, title) of the rows or columns, in order; where there are too many, those of most answers."""
    sums: dict[str, int] = {}
    for value, n in counted:
        sums[value] = sums.get(value, 0) + n
    kept = sorted(sums, key=lambda v: -sums[v])[:MOST_LINES]
    if name in DIMENSIONS:
        order = list(DIMENSIONS[name].categories)
        kept.sort(key=lambda v: (order.index(v) if v in order else len(order), v))
        return tuple((v, v.replace("_", " ")) for v in kept)
    if name == "model":
        labels = {c.subject: c.label for c in explorer.catalog.cells}
        return tuple((v, labels[v]) for v in labels if v in kept)
    return tuple((v, v) for v in sorted(kept, key=_natural))


def _natural(value: str) -> tuple[int, float, str]:
    try:
        number = float(value)
    except ValueError:
        return (1, 0.0, value)
    return (0, number, value) if math.isfinite(number) else (1, 0.0, value)


def _query(chosen: Filter, *pairs: tuple[str, str]) -> str:
    """The filter of one cell of the table."""
    own = []
    for name, value in pairs:
        if name in ("model", "task", "outcome", "stage"):
            own.append((name, value))
        else:
            own.append(
                ("meta", f"{name.removeprefix('meta:')}:{value}")
                if name.startswith("meta:")
                else ("label", f"{name}:{value}")
            )
    narrowed = {name for name, _ in own if name in ("model", "task", "outcome", "stage")}
    kept = [pair for pair in chosen.pairs if pair[0] not in narrowed and pair not in own]
    return urlencode([*kept, *own])


def _estimates(explorer: Explorer, inner: str, values: list[Any]) -> dict[tuple[str, str], Estimate]:
    """Intervals that respect clusters, as everywhere; the scores' range is that of the values."""
    found = explorer.index.arrays(
        f"""select x, y, score, hash(s.task, s."cluster") as c from ({inner}) i join samples s using (sample)
        where score is not null and x is not null and y is not null""",
        values,
    )
    if not len(found["score"]):
        return {}
    pairs = list(zip(found["x"].tolist(), found["y"].tolist(), strict=True))
    number = {pair: n for n, pair in enumerate(dict.fromkeys(pairs))}
    codes = np.array([number[pair] for pair in pairs])
    out: dict[tuple[str, str], Estimate] = {}
    scores, clusters = np.asarray(found["score"], dtype=np.float64), np.asarray(found["c"])
    bounds = (0.0, 1.0) if scores.min() >= 0 and scores.max() <= 1 else (float("-inf"), float("inf"))
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(number) + 1))
    for pair, n in number.items():
        rows = order[ends[n] : ends[n + 1]]
        out[pair] = mean_interval(scores[rows], clusters[rows], bounds)
    return out
