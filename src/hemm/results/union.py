"""One cell from several: the answers of shards, in the order of the pack and the bytes of a single run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hemm.core import BadData
from hemm.data.files import read_table
from hemm.results import layout
from hemm.results.answer_record import SAID
from hemm.results.read import Cell
from hemm.results.seal import Seal, read_part, read_rows, write_answers

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

COMPARED_ROWS = 8192
"""Answers that are held at a time while two cells are compared."""


@dataclass(frozen=True)
class Conflict:
    """Two different answers to one request. ``cells``: which have them, the one that is kept first."""

    sample: str
    repeat: int
    cells: tuple[Path, Path]

    def __str__(self) -> str:
        which = f"{self.sample}, repeat {self.repeat}" if self.repeat else self.sample
        return f"{which}: {self.cells[0]} and {self.cells[1]}"


@dataclass(frozen=True)
class _Places:
    """Answers by where they are stored. By answer: its ``row`` in the pack, its ``repeat``, the number of its
    ``cell`` and of its ``part`` (of all cells together), its ``place`` there, and whether it ``failed``."""

    row: Ints
    repeat: Ints
    cell: Ints
    part: Ints
    place: Ints
    failed: Bools

    def __len__(self) -> int:
        return len(self.row)

    def take(self, which: Any) -> _Places:
        return _Places(
            self.row[which],
            self.repeat[which],
            self.cell[which],
            self.part[which],
            self.place[which],
            self.failed[which],
        )

    def same_as_next(self, *, in_cell: bool) -> Bools:
        """Whether the next answer is to the same request (and, with ``in_cell``, of the same cell)."""
        same = np.zeros(len(self), dtype=np.bool_)
        same[:-1] = (self.row[:-1] == self.row[1:]) & (self.repeat[:-1] == self.repeat[1:])
        if in_cell:
            same[:-1] &= self.cell[:-1] == self.cell[1:]
        return same


class Union:
    """The newest answers of several cells of one protocol and pack, whose journals are empty.

    Of an answer that several have, one that is no error is kept; of two different ones the first, with
    ``newest`` the one that was had last. ``conflicts`` lists these.
    """

    def __init__(self, cells: Sequence[Cell], newest: bool = False) -> None:
        self._cells = cells
        self._files = [cell.folder / seal.file for cell in cells for seal in cell.parts]
        self.conflicts: list[Conflict] = []
        self._kept = self._choose(self._places(), newest)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def failed(self) -> int:
        """Answers that are errors."""
        return int(self._kept.failed.sum())

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The answers in pack order, in tables of the size of a part."""
        for start in range(0, len(self), layout.PART_ROWS):
            yield self._read(self._kept.take(slice(start, start + layout.PART_ROWS)), columns)

    def write(self, folder: Path) -> list[Seal]:
        """Write the parts of a cell, and return their seals."""
        return [
            write_answers(folder, f"{layout.ANSWERS}/part-{number:05d}.parquet", table)
            for number, table in enumerate(self.tables())
        ]

    def _places(self) -> _Places:
        """All stored answers, by request, and those of one request from the oldest cell's oldest on."""
        owner = np.array([n for n, cell in enumerate(self._cells) for _ in cell.parts], dtype=np.int64)
        tables = [read_part(file, ["id", "repeat", "failure"]) for file in self._files]
        sizes = [table.num_rows for table in tables]
        if not sum(sizes):
            nothing: Ints = np.zeros(0, dtype=np.int64)
            return _Places(nothing, nothing, nothing, nothing, nothing, nothing.astype(np.bool_))
        table = pa.concat_tables(tables)
        part = np.repeat(np.arange(len(sizes)), sizes)
        found = _Places(
            _pack_rows(table["id"], self._cells),
            table["repeat"].to_numpy().astype(np.int64),
            owner[part],
            part,
            np.concatenate([np.arange(size) for size in sizes]),
            ~table["failure"].is_null().to_numpy(),
        )
        return found.take(np.lexsort((found.place, found.part, found.cell, found.repeat, found.row)))

    def _choose(self, places: _Places, newest: bool) -> _Places:
        places = places.take(~places.same_as_next(in_cell=True))
        if not len(places):
            return places
        last = np.flatnonzero(~places.same_as_next(in_cell=False))
        first = np.concatenate([[0], last[:-1] + 1])
        number = np.arange(len(places))
        answered = np.minimum.reduceat(np.where(places.failed, len(places), number), first)
        chosen = np.where(answered < len(places), answered, last)
        group = np.searchsorted(last, number)
        others = number[~places.failed & (number != chosen[group])]
        for start in range(0, len(others), COMPARED_ROWS):
            some = others[start : start + COMPARED_ROWS]
            one, other = places.take(chosen[group[some]]), places.take(some)
            said, says = self._read(one, SAID), self._read(other, SAID)
            if said.equals(says):
                continue
            differ = [
                n for n, (a, b) in enumerate(zip(said.to_pylist(), says.to_pylist(), strict=True)) if a != b
            ]
            for n in differ:
                self._conflict(places, chosen, int(group[some[n]]), int(some[n]), newest)
        return places.take(chosen)

    def _conflict(self, places: _Places, chosen: Ints, group: int, other: int, newest: bool) -> None:
        one = int(chosen[group])
        answer = self._read(places.take(np.array([one])), ["id", "repeat"]).to_pylist()[0]
        cells = [self._cells[int(places.cell[n])] for n in (one, other)]
        if newest and _asked(cells[1], **answer) > _asked(cells[0], **answer):
            chosen[group] = other
            cells.reverse()
        self.conflicts.append(Conflict(answer["id"], answer["repeat"], (cells[0].folder, cells[1].folder)))

    def _read(self, places: _Places, columns: Sequence[str] | None = None) -> pa.Table:
        """These answers in this order."""
        tables, order = [], []
        for number in np.unique(places.part).tolist():
            here = np.flatnonzero(places.part == number)
            here = here[np.argsort(places.place[here])]
            tables.append(read_rows(self._files[number], places.place[here], columns))
            order.append(here)
        back = np.argsort(np.concatenate(order))
        return pa.concat_tables(tables).take(pa.array(back)).combine_chunks()


def in_pack_order(table: pa.Table, cells: Sequence[Cell]) -> pa.Table:
    """A table with a column ``id`` (null: last) in the order of the pack, as the shards say it."""
    unknown = table["id"].is_null().to_numpy()
    rows = _pack_rows(pc.fill_null(table["id"], ""), cells)
    return table.take(pa.array(np.lexsort((np.arange(len(rows)), rows, unknown))))


def _pack_rows(ids: pa.ChunkedArray, cells: Sequence[Cell]) -> Ints:
    """A number for each sample, by its row in the pack, as the shards say it; those that none knows come
    last, in the order in which they are stored. Two samples never have one number.

    Raises BadData where two shards say different rows: one number would be two samples'.
    """
    known = pa.concat_tables([layout.ORDER_SCHEMA.empty_table(), *map(_order, cells)])
    _check_order(known, cells)
    names = pa.chunked_array([*known["id"].chunks, *ids.chunks], pa.string()).unique()
    first = pc.index_in(names, value_set=known["id"])
    late = pa.array(np.full(len(names), np.iinfo(np.int64).max))
    rows = pc.coalesce(known["row"].take(pc.fill_null(first, 0)), late) if known.num_rows else late
    rows = pc.if_else(pc.is_null(first), late, rows).to_numpy()
    place = np.empty(len(names), dtype=np.int64)
    place[np.argsort(rows, kind="stable")] = np.arange(len(names))
    found: Ints = place[pc.index_in(ids, value_set=names).to_numpy()]
    return found


def _order(cell: Cell) -> pa.Table:
    """The rows in the pack of a shard's samples; none where the cell is no shard."""
    path = cell.folder / layout.ORDER
    if not path.exists():
        return layout.ORDER_SCHEMA.empty_table()
    cure = "run the shard again: it asks nothing that it has"
    try:
        table = read_table(path)
    except Exception as error:  # Arrow raises many kinds for damaged files
        raise BadData(f"{path} is damaged: {' '.join(str(error).split())[:200]}; {cure}") from error
    if table.schema.remove_metadata() != layout.ORDER_SCHEMA:
        raise BadData(f"{path} is damaged: its columns are not those of such a table; {cure}")
    rows = table["row"]
    wrong = rows.null_count or table["id"].null_count or len(table["id"].unique()) < len(table)
    if wrong or len(rows.unique()) < len(rows) or (len(rows) and pc.min(rows).as_py() < 0):
        raise BadData(f"{path} is damaged: samples and rows are not one to one; {cure}")
    return table


def _check_order(known: pa.Table, cells: Sequence[Cell]) -> None:
    """Raise BadData where two shards have prepared one pack in different orders."""
    pairs = known.group_by(["id", "row"]).aggregate([])
    if len(pairs["id"].unique()) < len(pairs) or len(pairs["row"].unique()) < len(pairs):
        folders = ", ".join(str(c.folder) for c in cells if (c.folder / layout.ORDER).exists())
        raise BadData(
            f"{folders}: these shards say different rows of the data for one sample, so their packs have the "
            "same samples in another order: prepare once, and run the other shards again with that pack "
            "(they ask nothing that they have)"
        )


def _asked(cell: Cell, id: str, repeat: int) -> float:
    """When a cell's newest answer was asked for, Unix time; 0 where nothing tells."""
    calls = cell.calls()
    own = calls.filter(pc.and_(pc.equal(calls["id"], id), pc.equal(calls["repeat"], repeat)))
    return float(pc.max(own["started"]).as_py() or 0.0)
