"""Cells as flat tables: one column for each fact, so that rows of many cells can be filtered and joined.

Each row has the columns of ``WHOSE``, which say what was asked of whom, and a column for each dimension of
the taxonomy, and for each that an overlay of these cells adds. ``cell`` joins the tables. No column has a
name that SQL reserves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hemm.core.taxonomy import taxonomy
from hemm.results.answer_record import ANSWER_SCHEMA, CALL_SCHEMA
from hemm.results.counted import reading
from hemm.results.layout import SCORE_SCHEMA
from hemm.results.read import Cell

WHOSE = ("cell", "subject", "model", "revision", "task", "control", "protocol")
"""The cell's folder below the results; the label of its subject (the model with every option that differs
from the default); the model with its revision, the task, what was shown in place of the pictures (empty: the
pictures), and the first 12 digits of the protocol."""
Subjects = Mapping[Path, str]
"""Folder of a cell -> label of its subject."""
RENAMED = {"references": "refs", "group": "group_key", "reasoning": "thinking", "model": "fingerprint"}
"""Stored column -> its name here: SQL reserves the first two, and other columns have the others' names."""
_TEXT = pa.dictionary(pa.int32(), pa.string())


def score_table(folder: Path, cells: Iterable[Cell], subjects: Subjects) -> pa.Table:
    """The stored scores: a row for each metric, component, group of answers and repeat.

    metric     its spec; ``headline`` says whether it is the task's first
    component  empty: the main value
    group_key  what was scored together: a sample, a unit, or a value of the metadata
    id         the sample; null where several samples are scored together
    repeat     null: over all repeats
    value      null: none, for the reason ``outcome``
    counted    the value that averages count: failures as the worst score; null where a row is left out
    """
    cells = list(cells)
    kept = [f for f in SCORE_SCHEMA if f.name != "labels"]
    own = [("metric", _TEXT), ("headline", pa.bool_()), ("id", pa.string()), ("counted", pa.float64())]
    schema = _schema([*own, *kept], cells)
    tables = [schema.empty_table()]
    for cell in cells:
        stored = cell.aggregates()
        rows: Mapping[str, Any] = stored.get("metrics", {})
        ids = set(cell.answers(["id"])["id"].to_pylist()) if rows else set()
        for key, row in rows.items():
            table = cell.scores(key)
            groups = table["group"].to_pylist()
            columns = {
                "metric": pa.repeat(row["spec"], len(groups)).dictionary_encode(),
                "headline": pa.repeat(key == stored.get("headline"), len(groups)),
                "counted": _counted(table, row),
                "id": pa.array([g if g in ids else None for g in groups], pa.string()),
            }
            tables.append(_flat(_named(folder, cell, subjects), table, columns, schema))
    return pa.concat_tables(tables)


def _counted(table: pa.Table, row: Mapping[str, Any]) -> pa.Array:
    """The values as ``aggregates.json`` averages them (``counted.reading``)."""
    low, high = row["range"]
    worst = low if row["higher_is_better"] else high
    lowest = math.inf if worst is None else float(worst)
    pairs = zip(table["value"].to_pylist(), table["outcome"].to_pylist(), strict=True)
    return pa.array([reading(value, outcome, lowest) for value, outcome in pairs], pa.float64())


def answer_table(folder: Path, cells: Iterable[Cell], subjects: Subjects) -> pa.Table:
    """The answers that are scored (``Cell.answers``), with the columns of ``answer_record.ANSWER_SCHEMA``,
    some of them ``RENAMED``."""
    cells = list(cells)
    schema = _schema([f for f in ANSWER_SCHEMA if f.name != "labels"], cells)
    tables = [_flat(_named(folder, cell, subjects), cell.answers(), {}, schema) for cell in cells]
    return pa.concat_tables([schema.empty_table(), *tables])


def call_table(folder: Path, cells: Iterable[Cell], subjects: Subjects) -> pa.Table:
    """Every sealed call: its attempts, seconds, tokens and US dollars; those of replaced answers too."""
    schema = pa.schema([*((name, _TEXT) for name in WHOSE), *CALL_SCHEMA])
    tables = []
    for cell in cells:
        calls = cell.calls()
        columns = _whose(_named(folder, cell, subjects), len(calls)) | dict(
            zip(calls.column_names, calls.columns, strict=True)
        )
        tables.append(pa.table([columns[f.name] for f in schema], schema=schema))
    return pa.concat_tables([schema.empty_table(), *tables])


def cell_table(folder: Path, cells: Iterable[Cell], subjects: Subjects) -> pa.Table:
    """A row for each cell: state, number of scored answers, errors, seconds, tokens, US dollars, pack,
    version of hemm, settings (JSON), folder; and the labels of the task's card."""
    import orjson

    rows = []
    for cell in cells:
        run = cell.run
        tokens, whose = run.get("tokens") or {}, _named(folder, cell, subjects)
        row = {
            **whose,
            "state": cell.state,
            "answers": len(cell.answers(["id"])),
            "errors": run.get("errors"),
            "seconds": run.get("wall_time"),
            "input_tokens": tokens.get("input"),
            "output_tokens": tokens.get("output"),
            "cost": run.get("cost"),
            "pack": (run.get("pack") or {}).get("hash"),
            "hemm_version": (run.get("versions") or {}).get("hemm"),
            "settings": orjson.dumps(run["protocol_spec"]).decode(),
            "folder": str(cell.folder),
        }
        labels = (run.get("card") or {}).get("labels") or {}
        rows.append(row | {dimension: labels.get(dimension) for dimension in taxonomy()})
    return pa.Table.from_pylist(rows, schema=_CELLS) if rows else _CELLS.empty_table()


_COUNTS = ("answers", "errors", "input_tokens", "output_tokens")
_CELLS = pa.schema(
    [(name, pa.string()) for name in (*WHOSE, "state")]
    + [(name, pa.int64()) for name in _COUNTS]
    + [(name, pa.float64()) for name in ("seconds", "cost")]
    + [(name, pa.string()) for name in ("pack", "hemm_version", "settings", "folder", *taxonomy())]
)


def _schema(own: Iterable[Any], cells: Iterable[Cell]) -> pa.Schema:
    """``WHOSE``, the columns ``own`` under the names they have here, and the dimensions: labels of people's
    own are those of these cells, whatever else was opened in this process."""
    fields = [pa.field(*f) if isinstance(f, tuple) else f for f in own]
    named = [f.with_name(RENAMED.get(f.name, f.name)) for f in fields]
    whose, labels = ([(name, _TEXT) for name in names] for names in (WHOSE, _dimensions(cells)))
    return pa.schema([*whose, *named, *labels])


def _dimensions(cells: Iterable[Cell]) -> list[str]:
    return list(dict.fromkeys([*taxonomy(), *(name for cell in cells for name in cell.own_dimensions)]))


def _flat(
    whose: Mapping[str, str], table: pa.Table, columns: Mapping[str, pa.Array], schema: pa.Schema
) -> pa.Table:
    labels = table["labels"].combine_chunks()
    found = {RENAMED.get(name, name): table[name] for name in table.column_names}
    found |= _whose(whose, len(table)) | dict(columns)
    found |= {
        d: pc.map_lookup(labels, d, "first").dictionary_encode() for d in schema.names if d not in found
    }
    return pa.table([found[f.name].cast(f.type) for f in schema], schema=schema)


def _whose(whose: Mapping[str, str], rows: int) -> dict[str, pa.Array]:
    return {name: pa.repeat(value, rows).dictionary_encode() for name, value in whose.items()}


def _named(folder: Path, cell: Cell, subjects: Subjects) -> dict[str, str]:
    control = str(cell.run["protocol_spec"].get("control") or "")
    inside = cell.folder.is_relative_to(folder)
    place = (cell.folder.relative_to(folder) if inside else cell.folder).as_posix()
    values = (place, subjects[cell.folder], cell.model, cell.revision, cell.task, control, cell.protocol[:12])
    return dict(zip(WHOSE, values, strict=True))
