"""The second pass of ``prepare``: staged rows become Parquet files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.data.pack import schema
from hemm.data.pack.schema import StagedRow
from hemm.data.pack.staging import StagedMedia, StagedSplit

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_BYTES = 4 << 20
GROUP_ROWS = 1024
FILE_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class Shape:
    """Limits of row groups and files, in distinct media bytes and rows."""

    group_bytes: int = GROUP_BYTES
    group_rows: int = GROUP_ROWS
    file_bytes: int = FILE_BYTES


def write_split(
    folder: Path,
    split: str,
    staged: StagedSplit,
    files: StagedMedia,
    media: tuple[str, ...],
    where: str,
    progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Write one split below ``folder``, with two row groups in memory, and return the names of its files."""
    shape = Shape()
    names: list[Path] = []
    writer = _Writer(media)
    written = 0
    # Arrow writes one row group in a thread, without Python's lock, while the next is put together here
    with ThreadPoolExecutor(1, "hemm-write") as thread:
        writing: Future[None] = thread.submit(lambda: None)
        for rows in _groups(staged, files, where, shape):
            table, size = writer.table(rows, files)
            writing.result()
            if not names or written >= shape.file_bytes:
                names.append(folder / f"{split}-{len(names):05d}.parquet")
                writer.open(names[-1])
                written = 0
            writing = thread.submit(writer.write, table)
            written += size
            if progress:
                progress(len(rows))
        writing.result()
    writer.close()
    final = []
    for n, path in enumerate(names):
        name = f"{split}-{n:05d}-of-{len(names):05d}.parquet"
        os.replace(path, folder / name)
        final.append(name)
    return final


def _groups(staged: StagedSplit, files: StagedMedia, where: str, shape: Shape) -> Iterator[list[StagedRow]]:
    rows: list[StagedRow] = []
    held: set[str] = set()
    size = 0
    for number in staged.order(where):
        row = staged.row(number)
        new = set(row["media_digests"]) - held
        more = sum(files.size(d) for d in new)
        if rows and (len(rows) >= shape.group_rows or (more and size + more > shape.group_bytes)):
            yield rows
            rows, held, size = [], set(), 0
            new = set(row["media_digests"])
            more = sum(files.size(d) for d in new)
        rows.append(row)
        held |= new
        size += more
    if rows:
        yield rows


class _Writer:
    """Puts row groups together, and writes each with a call of ``write``."""

    def __init__(self, media: tuple[str, ...]) -> None:
        self.media = media
        self._schema = schema.arrow_schema(media)
        self._writer: Any = None

    def open(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self.close()
        raw = schema.byte_paths(self.media)
        leaves = [c for c in _leaves(self._schema) if c not in raw]
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            # pictures are compressed already; the dictionary page must hold a group's distinct ones
            compression={**dict.fromkeys(leaves, "zstd"), **dict.fromkeys(raw, "none")},
            dictionary_pagesize_limit=1 << 40,
            write_statistics=["id", "unit", "cluster"],
            write_page_checksum=True,
            store_schema=False,  # else readers would get dictionaries where they expect plain bytes
        )
        self._writer.add_key_value_metadata({"huggingface": schema.features(self.media)})

    def table(self, rows: Sequence[StagedRow], files: StagedMedia) -> tuple[pa.Table, int]:
        """A row group, and its distinct media bytes."""
        import pyarrow as pa

        arrays: dict[str, Any] = {}
        size = 0
        for name in self.media:
            arrays[name], more = _media_array([schema.media_cell(row, name) for row in rows], files)
            size += more
        for column in schema.COLUMNS:
            arrays[column.name] = pa.array([row[column.name] for row in rows], column.type)
        return pa.Table.from_arrays([arrays[f.name] for f in self._schema], schema=self._schema), size

    def write(self, table: pa.Table) -> None:
        """Write a row group."""
        self._writer.write_table(table, row_group_size=len(table))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _media_array(cells: list[list[tuple[str, str]]], files: StagedMedia) -> tuple[pa.Array, int]:
    """A list<struct<bytes, path>> array with dictionary-encoded bytes, so that equal pictures are stored
    once."""
    import pyarrow as pa

    numbers: dict[str, int] = {}
    values: list[bytes] = []
    indices: list[int | None] = []
    offsets = [0]
    for cell in cells:
        for digest, _ in cell:
            if digest not in numbers:
                numbers[digest] = len(values)
                values.append(files.read(digest))
            # no bytes are a null: other readers then show no picture instead of failing
            indices.append(numbers[digest] if files.size(digest) else None)
        offsets.append(len(indices))
    encoded = pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(values, pa.binary()))
    paths = pa.array([name for cell in cells for _, name in cell], pa.string())
    struct = pa.StructArray.from_arrays([encoded, paths], names=["bytes", "path"])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), struct), sum(map(len, values))


def _leaves(columns: pa.Schema) -> list[str]:
    import pyarrow as pa

    leaves = []
    for field in columns:
        if not pa.types.is_list(field.type):
            leaves.append(field.name)
        elif pa.types.is_struct(field.type.value_type):
            leaves += [f"{field.name}.list.element.{leaf}" for leaf in ("bytes", "path")]
        else:
            leaves.append(f"{field.name}.list.element")
    return leaves
