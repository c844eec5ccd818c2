"""Reads texts of the stored answers, a row group at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hemm.core import BadData
from hemm.results.seal import Seal, read_rows
from hemm.web.index.build import IndexedCell

Places = Mapping[str, Any]
"""``cell``, ``part`` and ``place`` (row in the part) of each answer, as columns."""
Cells = Mapping[int, IndexedCell]


class Texts:
    """Reads columns of sealed parts by row. A part is read only as long as it is the one whose seal was
    checked: where its time or size changed, it is checked again. Raises BadData where it is another."""

    def __init__(self) -> None:
        self._checked: dict[str, tuple[int, int]] = {}

    def read(self, cells: Cells, places: Places, columns: Sequence[str]) -> list[dict[str, Any]]:
        """These columns of each answer."""
        out: list[dict[str, Any]] = [{} for _ in places["cell"]]
        for numbers, table in self._tables(cells, places, columns):
            for number, row in zip(numbers.tolist(), table.to_pylist(), strict=True):
                out[number] = row
        return out

    def matching(self, cells: Cells, places: Places, text: str, columns: Sequence[str]) -> Any:
        """A mask of the answers that have the text in one of the columns; upper and lower case are the
        same."""
        out = np.zeros(len(places["cell"]), dtype=np.bool_)
        for numbers, table in self._tables(cells, places, columns):
            for column in columns:
                hits = pc.match_substring(table[column], text, ignore_case=True)
                out[numbers] |= pc.fill_null(hits, False).to_numpy(zero_copy_only=False)
        return out

    def _tables(self, cells: Cells, places: Places, columns: Sequence[str]) -> Iterator[tuple[Any, pa.Table]]:
        """(numbers of answers, their rows) of each part."""
        cell, part, place = (np.asarray(places[n], dtype=np.int64) for n in ("cell", "part", "place"))
        order = np.lexsort((place, part, cell))
        ends = np.flatnonzero((np.diff(cell[order]) != 0) | (np.diff(part[order]) != 0)) + 1
        for numbers in np.split(order, ends) if len(order) else ():
            one = cells.get(int(cell[numbers[0]]))
            if one is None:  # it came in while the page was made
                continue
            name = f"answers/part-{part[numbers[0]]:05d}.parquet"
            seal = next((s for s in one.cell.parts if s.file == name), None)
            if seal is None:
                raise BadData(f"{one.found.place}/{name} is not there any more: load the page again")
            self._check(one, seal)
            yield numbers, read_rows(one.cell.folder / name, place[numbers], columns)

    def _check(self, one: IndexedCell, seal: Seal) -> None:
        path, shown = one.cell.folder / seal.file, f"{one.found.place}/{seal.file}"
        try:
            facts = path.lstat()
        except OSError as error:
            raise BadData(f"{shown} is not there any more: load the page again") from error
        if path.resolve() != path:
            raise BadData(f"{shown} became a link: it is not read")
        if self._checked.get(str(path)) != (facts.st_mtime_ns, facts.st_size):
            if not seal.holds(one.cell.folder):
                raise BadData(f"{shown} is damaged (its seal does not hold): it is not shown")
            self._checked[str(path)] = (facts.st_mtime_ns, facts.st_size)
