"""Sealing: journal records become Parquet parts whose bytes depend on their content alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hemm.core import BadData, digest_file, from_files
from hemm.core.memory import trim
from hemm.core.user_files import shown
from hemm.data.files import parquet_columns, read_table, replacing
from hemm.results.answer_record import ANSWER_SCHEMA, CALL_SCHEMA, COLUMNS, answer_batch, call_batch

GROUP_ROWS = 2048
"""Rows of one row group, and so the rows in memory while a part is sealed."""

_AT_ONCE = 256
"""Records that are Python objects at a time: of a row group they would take 40 MB, and leave holes behind."""

_MANY = 32_768
"""Rows of a part after which memory is worth giving back."""

_WRITER: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,
    "version": "2.6",
    "data_page_version": "1.0",
    "write_statistics": True,
    "store_schema": True,
}


LATER = frozenset(column.name for column in COLUMNS if column.later)
"""Columns that parts of hemm 0.1.0 lack."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The entry of a finished file in run.json: name relative to the cell, rows, SHA-256."""

    file: str
    rows: int
    sha256: str

    def holds(self, cell: Path) -> bool:
        """Whether the file exists and has this checksum."""
        path = cell / self.file
        return path.exists() and digest_file(path) == self.sha256

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def check_names(run: Mapping[str, Any], where: Path) -> None:
    """Raise BadData where run.json, which may be somebody else's, names files that no cell has."""
    parts, calls = run.get("parts", []), run.get("calls")
    for entry, form in [
        *((part, from_files.PART) for part in (parts if isinstance(parts, list) else [parts])),
        *([(calls, from_files.CALLS)] if calls is not None else []),
    ]:
        if not isinstance(entry, dict) or entry.keys() != {"file", "rows", "sha256"}:
            raise BadData(f"{where}: a part is {shown(entry)}; it has file, rows and sha256")
        from_files.name_of(form, entry["file"], "the file of a part", where)
        from_files.name_of(from_files.DIGEST, entry["sha256"], f"the sha256 of {entry['file']}", where)
        if type(entry["rows"]) is not int or not 0 <= entry["rows"] < 2**31:
            raise BadData(f"{where}: the rows of {entry['file']} are {shown(entry['rows'])}")


def write_part(
    cell: Path,
    name: str,
    read: Callable[[], Iterator[dict[str, Any]]],
    calls: Path,
    old_calls: int,
    announce: Callable[[str], None],
    later: Collection[str],
) -> tuple[Seal, Seal]:
    """Write an answers part, add its calls to the calls file, both atomically, and return their seals.

    ``read`` gives the records, each time that it is called. A later column is written where one fills it, so
    that other parts have the bytes that hemm 0.1.0 gave them; ``later`` are those that one may fill.
    ``announce`` gets the checksum of the new calls file before that gets its name.
    Only the first ``old_calls`` rows of the calls file are kept: a killed process may have written more.
    """
    path = cell / name
    rows, records = 0, read()
    filled = {name for record in read() for name in later if record.get(name) is not None} if later else set()
    schema = pa.schema([field for field in ANSWER_SCHEMA if field.name not in LATER - filled])
    with replacing(path) as part, replacing(calls) as more:
        with (
            pq.ParquetWriter(part, schema, **_WRITER) as answers,
            pq.ParquetWriter(more, CALL_SCHEMA, **_WRITER) as log,
        ):
            for batch in _first_rows(calls, old_calls):
                log.write_batch(batch)
            for group, its_calls in _row_groups(records):
                answers.write_table(group.select(schema.names), row_group_size=GROUP_ROWS)
                log.write_table(its_calls, row_group_size=GROUP_ROWS)
                rows += group.num_rows
        announce(digest_file(more))
    if rows > _MANY:
        trim()
    return (
        Seal(name, rows, digest_file(path)),
        Seal(calls.relative_to(cell).as_posix(), old_calls + rows, digest_file(calls)),
    )


def _row_groups(records: Iterator[dict[str, Any]]) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Answers and calls of up to ``GROUP_ROWS`` records, as one chunk each: chunks would change the bytes."""
    while True:
        chunks = (list(islice(records, _AT_ONCE)) for _ in range(0, GROUP_ROWS, _AT_ONCE))
        few = [(answer_batch(chunk), call_batch(chunk)) for chunk in chunks if chunk]
        if not few:
            return
        answers, calls = zip(*few, strict=True)
        yield pa.Table.from_batches(answers).combine_chunks(), pa.Table.from_batches(calls).combine_chunks()


def read_part(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """A sealed part as ``ANSWER_SCHEMA``, or these columns of it; nulls where it is older than a column."""
    names = list(ANSWER_SCHEMA.names if columns is None else columns)
    there = set(parquet_columns(path)) if not LATER.isdisjoint(names) else names
    table = read_table(path, columns=[name for name in names if name in there or name not in LATER])
    return with_later(table, ANSWER_SCHEMA, names)


def with_later(table: pa.Table, schema: pa.Schema, names: Sequence[str] | None = None) -> pa.Table:
    """The columns ``names`` (None: all) of ``table``, with nulls in those that it is older than."""
    names = schema.names if names is None else names
    for at, name in enumerate(names):
        if name not in table.column_names:
            field = schema.field(name)
            table = table.add_column(at, field, pa.nulls(table.num_rows, field.type))
    return table.select(names)


def read_rows(path: Path, rows: np.ndarray[Any, Any], columns: Sequence[str] | None = None) -> pa.Table:
    """These rows (ascending numbers) of a sealed part, as ``read_part`` gives them; only their row groups are
    read."""
    names = list(ANSWER_SCHEMA.names if columns is None else columns)
    with pq.ParquetFile(path) as file:
        there = set(file.schema_arrow.names)
        sizes = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        groups = np.unique(np.searchsorted(starts, rows, side="right") - 1)
        table = file.read_row_groups(groups.tolist(), columns=[n for n in names if n in there])
    before = np.concatenate([[0], np.cumsum(np.array(sizes)[groups])])[:-1]
    group = np.searchsorted(groups, np.searchsorted(starts, rows, side="right") - 1)
    found = table.take(pa.array(rows - starts[groups[group]] + before[group]))
    return with_later(found, ANSWER_SCHEMA, names)


def rows_in_turn(path: Path, rows: int, columns: Sequence[str]) -> Iterator[pa.Table]:
    """A sealed part as ``read_part`` gives it, in tables of up to ``rows`` rows."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        there = [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(rows, columns=there):
            yield with_later(pa.Table.from_batches([batch]), ANSWER_SCHEMA, columns)


def write_answers(cell: Path, name: str, answers: pa.Table) -> Seal:
    """Write a part of answers that were called for before: its seal."""
    empty = {n for n in LATER if answers[n].null_count == answers.num_rows}
    schema = pa.schema([field for field in ANSWER_SCHEMA if field.name not in empty])
    with replacing(cell / name) as part, pq.ParquetWriter(part, schema, **_WRITER) as writer:
        writer.write_table(answers.select(schema.names).cast(schema), row_group_size=GROUP_ROWS)
    return Seal(name, answers.num_rows, digest_file(cell / name))


def write_calls(cell: Path, name: str, tables: Iterable[pa.Table]) -> Seal:
    """Write the calls of several cells, one after the other: the seal."""
    rows = 0
    with replacing(cell / name) as path, pq.ParquetWriter(path, CALL_SCHEMA, **_WRITER) as writer:
        for table in tables:
            writer.write_table(table.select(CALL_SCHEMA.names), row_group_size=GROUP_ROWS)
            rows += table.num_rows
    return Seal(name, rows, digest_file(cell / name))


def _first_rows(path: Path, rows: int) -> Iterator[pa.RecordBatch]:
    if rows == 0:
        return
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=65_536):
            if rows <= 0:
                return
            yield from with_later(pa.Table.from_batches([batch.slice(0, rows)]), CALL_SCHEMA).to_batches()
            rows -= batch.num_rows
