"""Reads the row groups of one split one at a time, and makes samples of their rows."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hemm.core import BadData, HemmError, Media, Sample, digest_bytes
from hemm.data.arrow import numbers, texts
from hemm.data.files import read_table
from hemm.data.pack import schema
from hemm.data.pack.columns import StoredColumn

if TYPE_CHECKING:
    import pyarrow as pa

_CACHED_BYTES = 16 << 20
_ROW_BYTES = 2_000
"""What the Python values of a row take beside the bytes of the columns that they are made of."""
LISTED_ROWS = 1 << 16
"""Most rows of a split whose index is held in memory."""


class SplitReader:
    """The files of one split as one sequence of row groups."""

    def __init__(self, folder: Path, info: Mapping[str, Any], split: str) -> None:
        names = sorted(n for n in info["files"] if n.startswith(f"{split}-"))
        self.paths = [folder / "data" / n for n in names]
        self.split = split
        self.count = int(info["rows"].get(split, 0))
        self.media = tuple(info["media_columns"])
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, RowGroup] = OrderedDict()
        self._files: dict[int, Any] = {}
        self._footer: tuple[int, Any] = (-1, None)

    def _open(self, number: int, column: str = "") -> Any:
        """A file, for all its columns or for this one, whose bytes then come as they are."""
        import pyarrow.parquet as pq

        known, footer = self._footer
        try:
            file = pq.ParquetFile(
                self.paths[number],
                metadata=footer if known == number else None,
                read_dictionary=None if column else schema.byte_paths(self.media),
                page_checksum_verification=True,
            )
        except Exception as error:
            raise BadData(f"{self.paths[number]} cannot be read: {error}") from None
        self._footer = number, file.metadata  # 17 MB of a million rows, in each file that reads its own
        return file

    @cached_property
    def places(self) -> tuple[list[tuple[int, int]], np.ndarray[Any, Any]]:
        """(file, number in it) of each row group, and their first rows with the end."""
        groups: list[tuple[int, int]] = []
        starts = [0]
        for n in range(len(self.paths)):
            with self._open(n) as file:
                meta = file.metadata
                for g in range(meta.num_row_groups):
                    groups.append((n, g))
                    starts.append(starts[-1] + meta.row_group(g).num_rows)
        return groups, np.array(starts)

    def column(self, name: str, values: Callable[[Any], list[Any]]) -> Sequence[Any]:
        """One column of all rows: a list; of a large split one that is read when it is iterated. ``values``
        makes a list of an Arrow column."""
        if self.count <= LISTED_ROWS:
            return [value for path in self.paths for value in values(read_table(path, [name])[name])]
        groups, starts = self.places
        return StoredColumn(self.paths, self._open, groups, starts, name, values)

    def open_pictures(self) -> dict[str, str]:
        """Digest -> MIME type of the pictures that open."""
        names = ["media_digests", "media_types", "media_problems"]
        found: dict[str, str] = {}
        for path in self.paths:
            columns = (column.to_pylist() for column in read_table(path, columns=names).columns)
            for media in (each for row in zip(*columns, strict=True) for each in zip(*row, strict=True)):
                if media[1].startswith("image/") and not media[2]:
                    found[media[0]] = media[1]
        return found

    def samples(self, rows: np.ndarray[Any, Any] | Sequence[int] | None) -> Iterator[Sample]:
        groups, starts = self.places
        wanted = None if rows is None else self._wanted(rows)
        if wanted is not None and not len(wanted):
            return
        bounds = None if wanted is None else np.searchsorted(wanted, starts)
        current, file = -1, None
        try:
            for g, (number, inner) in enumerate(groups):
                picked: list[int] | None = None
                if wanted is not None and bounds is not None:
                    if bounds[g] == bounds[g + 1]:
                        continue
                    picked = (wanted[bounds[g] : bounds[g + 1]] - starts[g]).tolist()
                if number != current or file is None:
                    if file is not None:
                        file.close()
                    current, file = number, self._open(number)
                group = self._group(number, file, inner)
                for n in range(group.rows) if picked is None else picked:
                    yield self._sample(group, n)
        finally:
            if file is not None:
                file.close()

    def _wanted(self, rows: np.ndarray[Any, Any] | Sequence[int]) -> np.ndarray[Any, Any]:
        wanted = np.asarray(rows, dtype=np.int64)
        if len(wanted) and (wanted[0] < 0 or wanted[-1] >= self.count or (np.diff(wanted) <= 0).any()):
            raise HemmError(f"row numbers must ascend within 0..{self.count - 1}")
        return wanted

    def sample(self, row: int) -> Sample:
        if not 0 <= row < self.count:
            raise HemmError(
                f"row {row} is out of range: the pack has {self.count} rows of split {self.split}"
            )
        with self._lock:
            groups, starts = self.places
            g = int(np.searchsorted(starts, row, side="right")) - 1
            if g not in self._kept:
                number, inner = groups[g]
                if number not in self._files:
                    self._files[number] = self._open(number)
                self._kept[g] = self._group(number, self._files[number], inner)
                while len(self._kept) > 1 and sum(k.size for k in self._kept.values()) > _CACHED_BYTES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(g)
            return self._sample(self._kept[g], row - int(starts[g]))

    def _sample(self, group: RowGroup, row: int) -> Sample:
        try:
            return group.sample(row)
        except Exception as error:
            raise self._damaged(self.paths[group.number], error) from None

    def _damaged(self, path: Path, error: Exception) -> BadData:
        why = " ".join(str(error).split())[:200]
        return BadData(f"{path} is damaged: {why}; hemm prepare makes the pack anew")

    def _group(self, number: int, file: Any, inner: int) -> RowGroup:
        try:
            table = file.read_row_group(inner, use_threads=False)
            return RowGroup(table, self.media, self.split, number)
        except Exception as error:
            raise self._damaged(self.paths[number], error) from None


class RowGroup:
    """One row group with its columns as lists, since Arrow scalars are slow. ``number``: that of its file."""

    def __init__(self, table: pa.Table, columns: tuple[str, ...], split: str, number: int) -> None:
        self.number = number
        self.rows: int = table.num_rows
        self.size: int = 2 * table.nbytes + self.rows * _ROW_BYTES
        media = _GroupMedia(table, columns)
        restore = {c.field: c.restore(table[c.name]) for c in schema.COLUMNS if c.field}
        restore |= {"media": media.shown, "split": lambda n: split}
        if media.pictures is not None:
            references = restore["references"]
            restore["references"] = lambda n: media.references(n, references(n))
        # in the order of Sample's arguments: passing them by name takes a quarter longer
        self._restore = [restore[argument.name] for argument in fields(Sample)]

    def sample(self, n: int) -> Sample:
        """The sample in row ``n`` of the group."""
        return Sample(*[restore(n) for restore in self._restore])


class _GroupMedia:
    """The media of one row group. Equal media are one object with one bytes object.

    A class of its own: ``RowGroup`` stores its methods, and would be in a reference cycle if they were its
    own. Only the garbage collector would free it then, and several groups would be in memory at a time.
    """

    def __init__(self, table: pa.Table, columns: tuple[str, ...]) -> None:
        self._digests, self._ends = schema.flat(table["media_digests"])
        self._types, _ = schema.flat(table["media_types"])
        self._problems, _ = schema.flat(table["media_problems"])
        self._columns = {name: _MediaColumn(table[name]) for name in columns}
        self._only = self._columns["images"] if columns == ("images",) else None
        self.pictures = self._columns.get(schema.REFERENCE_MEDIA)
        self._made: dict[tuple[str, str], Media] = {}

    def shown(self, n: int) -> tuple[Media, ...]:
        """The media of row ``n`` without its picture references, which come last."""
        start, end = self._ends[n], self._ends[n + 1]
        if start == end:
            return ()
        if self._only is not None:  # every medium is a picture: both lists run alike
            return tuple([self._medium(at, self._only, at) for at in range(start, end)])
        end -= 0 if self.pictures is None else len(self.pictures.of(n))
        places = {name: iter(column.of(n)) for name, column in self._columns.items()}
        names = [schema.media_column(self._types[at]) for at in range(start, end)]
        return tuple(
            self._medium(at, self._columns[name], next(places[name])) for at, name in enumerate(names, start)
        )

    def references(self, n: int, texts: tuple[str | None, ...]) -> tuple[str | Media, ...]:
        """The references of row ``n``: ``texts``, with the row's next picture for each null."""
        assert self.pictures is not None
        places = self.pictures.of(n)
        numbers = itertools.count(self._ends[n + 1] - len(places))
        rest = map(self._medium, numbers, itertools.repeat(self.pictures), places)
        return tuple(next(rest) if text is None else text for text in texts)

    def _medium(self, at: int, column: _MediaColumn, place: int) -> Media:
        path = column.paths[place] or ""
        key = (self._digests[at], path)
        media = self._made.get(key)
        if media is None:
            data = column.values[column.indices[place]]
            if data and digest_bytes(data) != key[0]:
                raise BadData(f"picture {key[0][:12]} differs from its digest")
            media = Media(data, name=path, mime=self._types[at], digest=key[0], problem=self._problems[at])
            self._made[key] = media
        return media


class _MediaColumn:
    """One media column of a row group: distinct bytes once; indices and paths over all rows."""

    def __init__(self, column: Any) -> None:
        array = column.chunk(0)
        structs = array.flatten()
        self._offsets: list[int] = numbers(array.offsets).tolist()
        encoded = structs.field("bytes")
        self.values: list[bytes] = texts(encoded.dictionary)
        indices = encoded.indices
        if indices.null_count:
            self.values.append(b"")
            none = len(self.values) - 1
            self.indices: list[int] = [none if n is None else n for n in indices.to_pylist()]
        else:
            self.indices = numbers(indices).tolist()
        self.paths: list[str | None] = texts(structs.field("path"))

    def of(self, row: int) -> range:
        """The slice of this row's values."""
        return range(self._offsets[row], self._offsets[row + 1])
