"""The tables of the index, and the one way in which DuckDB is opened.

DuckDB reads and writes its own file alone: access to any other file, to the network and to its settings is
closed before the first statement, and rows come in as Arrow tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hemm.core import DIMENSIONS, digest
from hemm.core.exchange import Outcome

VERSION = 2
"""Of the tables and of what is put into them: an index of another one is made anew."""

OUTCOMES = (*(o.value for o in Outcome), "not scored")
"""Outcomes by their number in ``answers``."""
NOT_SCORED = len(OUTCOMES) - 1

DIMENSION_NAMES = tuple(DIMENSIONS)
LABELS = {name: f"label_{number}" for number, name in enumerate(DIMENSION_NAMES)}
"""Dimension -> its column in ``answers``."""

TABLES = f"""
create table about (version integer, dimensions varchar);
create table cells (cell integer, key varchar, signature varchar);
create table tasks (task smallint, name varchar);
create table samples (sample integer, task smallint, id varchar, hash varchar, cluster varchar);
create table metadata (sample integer, key varchar, number double, value varchar);
create table answers (
    n bigint, cell integer, sample integer, repeat smallint, part integer, place integer,
    outcome utinyint, cut boolean, score double, correct boolean, stage varchar,
    span_begin integer, span_end integer,
    length integer, latency float, input_tokens integer, output_tokens integer, cost double, calls smallint,
    {", ".join(f"{column} varchar" for column in LABELS.values())});
create table scores (n bigint, cell integer, metric varchar, value double);
create table older (cell integer, sample integer, repeat smallint, part integer, place integer, why varchar);
create table agreement (sample integer, models smallint, correct smallint, spread double);
"""
"""``answers`` has the newest scored answer of each cell, sample and repeat, ``older`` those that were
replaced or are kept and not scored; ``place`` is the row in the part. ``score`` is the headline's, failures
as the worst score. ``scores`` has the other metrics. ``agreement`` is over the answers of all cells without
a control to the same sample, known by task, id and content.
``cell`` is as wide as a number in a statement: a narrower column would be cast for each comparison, and
DuckDB could not skip the rows of other cells."""


def connect(file: Path | None, memory: str, spill: Path | None = None) -> Any:
    """A DuckDB connection to the index in ``file`` (None: in memory) that can reach nothing else.

    memory  most of it that DuckDB uses, as in ``500MB``
    spill   where it puts what does not fit
    """
    import duckdb

    config = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": memory,
        "preserve_insertion_order": "false",
        "lock_configuration": "true",
    }
    if spill is not None:
        config["temp_directory"] = str(spill)
    return duckdb.connect(":memory:" if file is None else str(file), config=config)


def run(connection: Any, sql: str, values: Sequence[Any] = ()) -> list[Any]:
    """The rows of one statement, all of them: a result that is not read to its end blocks its connection."""
    found: list[Any] = connection.execute(sql, list(values)).fetchall()
    return found


def among(column: str, values: Sequence[Any]) -> str:
    """A condition that a column has one of some values, each a question mark: DuckDB skips what cannot have
    any. False for none.

    >>> among("a.cell", [3, 4]), among("a.cell", [])
    ('a.cell in (?, ?)', 'false')
    """
    return f"{column} in ({', '.join('?' * len(values))})" if values else "false"


def prepare(connection: Any) -> None:
    """Make the tables anew, unless they are of this version and these dimensions."""
    now = (VERSION, digest(list(DIMENSION_NAMES), 12))
    there = {name for (name,) in run(connection, "select table_name from duckdb_tables()")}
    if "about" in there and run(connection, "select * from about") == [now]:
        return
    for name in there:
        run(connection, f'drop table "{name}"')
    for statement in TABLES.split(";"):
        if statement.strip():
            run(connection, statement)
    run(connection, "insert into about values (?, ?)", now)
