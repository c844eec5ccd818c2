"""Columns of a pack's index that are read anew each time, so that a large pack takes no memory; and rows by
hashes of their texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from hemm.core import BadData

Numbers = np.ndarray[Any, np.dtype[np.int64]]

BATCH_ROWS = 65_536
"""Rows that are decoded at a time."""


class StoredColumn(Sequence[Any]):
    """One column of all rows of a split. Iterating reads it batch by batch, indexing reads one row group.

    values  Arrow column -> a list of its Python values
    opened  number of a file -> the file, open for one column
    starts  first row of each row group of all files together, with the end
    groups  (file, number in it) of each row group
    """

    def __init__(
        self,
        paths: Sequence[Path],
        opened: Callable[[int, str], Any],
        groups: Sequence[tuple[int, int]],
        starts: Numbers,
        name: str,
        values: Callable[[Any], list[Any]],
    ) -> None:
        self._paths, self._groups, self._starts, self._name = paths, groups, starts, name
        self._opened, self._values = opened, values
        self._last: tuple[int, list[Any]] = (-1, [])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __iter__(self) -> Iterator[Any]:
        for column in self.batches():
            yield from self._values(column)

    def batches(self) -> Iterator[Any]:
        """The column as Arrow arrays, one after the other."""
        for number, path in enumerate(self._paths):
            with self._opened(number, self._name) as file:
                for batch in self._checked(path, file.iter_batches(BATCH_ROWS, columns=[self._name])):
                    yield batch.column(0)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        known, values = self._last
        if known != group:
            number, inner = self._groups[group]
            path = self._paths[number]
            with self._opened(number, self._name) as file:
                (table,) = self._checked(path, iter([file.read_row_group(inner, columns=[self._name])]))
            values = self._values(table.column(0))
            self._last = group, values
        return values[row - int(self._starts[group])]

    def _checked(self, path: Path, tables: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from tables
        except Exception as error:  # Arrow raises many kinds for damaged files
            raise BadData(f"{path} is damaged: {' '.join(str(error).split())[:200]}") from None


def hashed(values: Sequence[Any]) -> Numbers:
    """A 64-bit number for each text (or None), 8 bytes each: equal ones have equal numbers, and others differ
    (of a million, two have one number by a chance of 1 in 40 million). Another process has other numbers."""
    return np.fromiter(map(hash, values), np.int64, len(values))


class RowNumbers:
    """Rows by their text, in 12 bytes a row.

    >>> RowNumbers(["owl", "gull", "heron"]).of(["heron", "crow", "owl"]).tolist()
    [2, -1, 0]
    """

    def __init__(self, names: Sequence[str]) -> None:
        hashes = hashed(names)
        kind = np.int32 if len(hashes) < 1 << 31 else np.int64
        self._order = np.argsort(hashes, kind="stable").astype(kind)
        self._sorted = hashes[self._order]
        twice = bool((self._sorted[1:] == self._sorted[:-1]).any())
        self._exact = {name: row for row, name in enumerate(names)} if twice else None

    def __len__(self) -> int:
        return len(self._order)

    def of(self, names: Sequence[str]) -> Numbers:
        """The row of each name; -1 where there is none."""
        if self._exact is not None:
            return np.array([self._exact.get(name, -1) for name in names], dtype=np.int64)
        if not len(self):
            return np.full(len(names), -1, dtype=np.int64)
        wanted = hashed(names)
        place = np.minimum(np.searchsorted(self._sorted, wanted), len(self) - 1)
        return np.where(self._sorted[place] == wanted, self._order[place], -1).astype(np.int64)
