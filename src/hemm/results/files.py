"""Files of a result folder: writing JSON, and removing the temporary files of killed processes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from hemm.core import BadData
from hemm.core.memory import trim
from hemm.core.secrets import hide_all
from hemm.data.files import TEMPORARY, replacing, write_atomic

if TYPE_CHECKING:
    import pyarrow as pa


_PID = re.compile("[0-9]{1,9}")


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON, atomically, without secrets that are known."""
    write_plain(path, as_written(value))


def as_written(value: Any) -> Any:
    """``value`` as plain JSON without secrets that are known: what ``write_json`` writes, and so what a
    checksum is of."""
    return hide_all(orjson.loads(orjson.dumps(value)))


def write_plain(path: Path, value: object) -> None:
    """Write what ``as_written`` gave, atomically."""
    write_atomic(path, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def open_own(path: Path) -> int:
    """The descriptor of a file of hemm's own that is written in place, made where it is not there.

    Raises BadData where it is a link: in results from somebody else it may lead to any file of the user.
    """
    refuse_link(path)
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)


def refuse_link(path: Path) -> None:
    """Raise BadData where ``path`` is a link: what is written there would land elsewhere."""
    if path.is_symlink():
        raise BadData(f"{path} is a link to somewhere else: hemm does not write through it")


def refuse_links(cell: Path) -> None:
    """Raise BadData where a folder in ``cell`` is a link."""
    for folder in (cell / "answers", cell / "scores", cell / "media", *(cell / "media").glob("*")):
        refuse_link(folder)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a small table of a cell, atomically."""
    import pyarrow.parquet as pq

    with replacing(path) as file:
        pq.write_table(table, file, compression="zstd")


@contextmanager
def growing_table(path: Path, schema: pa.Schema, rows: int = 65_536) -> Iterator[Callable[[pa.Table], None]]:
    """A function that adds rows to a table, which is written atomically in row groups of ``rows`` rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    held: list[pa.Table] = []

    def write(most: int) -> None:
        while sum(map(len, held)) >= most > 0:
            table = pa.concat_tables(held)
            writer.write_table(table.slice(0, most).combine_chunks())
            held[:] = [table.slice(most)]
            trim()

    def add(table: pa.Table) -> None:
        held.append(table)
        write(rows)

    with replacing(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        yield add
        write(sum(map(len, held)))


def sweep(folder: Path) -> None:
    """Remove temporary files below ``folder`` whose process is gone."""
    for leftover in folder.rglob(f"*{TEMPORARY}"):
        pid = leftover.name.split(".")[-2]
        if not (_PID.fullmatch(pid) and alive(int(pid))):
            leftover.unlink(missing_ok=True)


def alive(pid: int) -> bool:
    """Whether this host has a process ``pid``; True on Windows, where this cannot be known."""
    if os.name == "nt":
        return True  # os.kill would end the process there, whatever the signal
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
