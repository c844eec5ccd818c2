"""From one cell on disk to rows of the index. Everything is checked before a row of it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hemm.analysis.study.groups import group_of
from hemm.core import BadData, digest
from hemm.results.read import Cell
from hemm.results.seal import read_part
from hemm.results.stored_answer import metadata_of
from hemm.web.index.tables import LABELS, VERSION

LONGEST = 200
"""Most characters of a text in the metadata that answers can be filtered by."""
_OF_SAMPLE = ("id", "unit", "cluster", "sample_hash")
_READ = [*_OF_SAMPLE, "repeat", "request_key", "labels", "metadata", "failure", "raw"]


def signature(cell: Cell, scored: Mapping[str, Any]) -> str:
    """What a cell holds, by the checksums in its run.json and aggregates.json: equal, and its rows stay.

    Without a checksum (hemm 0.1.0) the whole entry of a metric stands for its scores.
    """
    run = cell.run
    metrics = {key: row.get("sha256") or row for key, row in scored.get("metrics", {}).items()}
    held = [run["parts"], run["calls"], run.get("files", {}), cell.state == "open", scored.get("headline")]
    return digest([VERSION, *held, metrics, sorted(LABELS)], 32)


def parts(cell: Cell) -> Iterator[tuple[int, pa.Table]]:
    """(number, rows) of each sealed part, with ``place``, the length of the text and a column for each
    dimension. Raises BadData where a seal does not hold."""
    for seal in cell.parts:
        if not seal.holds(cell.folder):
            raise BadData(f"{cell.folder / seal.file} is missing or damaged (its seal does not hold)")
        table = read_part(cell.folder / seal.file, _READ)
        yield int(seal.file.rpartition("-")[2].split(".")[0]), _flat(table)


def _flat(table: pa.Table) -> pa.Table:
    labels = table["labels"].combine_chunks()
    if isinstance(labels, pa.ChunkedArray):
        labels = labels.chunk(0) if labels.num_chunks else pa.array([], table.schema.field("labels").type)
    columns: dict[str, Any] = {n: table[n] for n in _READ if n not in ("labels", "raw")}
    columns |= {column: pc.map_lookup(labels, name, "first") for name, column in LABELS.items()}
    columns["place"] = pa.array(range(table.num_rows), pa.int32())
    columns["length"] = pc.fill_null(pc.utf8_length(table["raw"]), 0)
    return pa.table(columns)


def with_group(table: pa.Table, kind: str) -> pa.Table:
    """``table`` with the group that a metric of this kind scores each answer in, as ``grp``."""
    if kind in ("sample", "unit"):
        return table.append_column("grp", table["id" if kind == "sample" else "unit"])
    rows = zip(table["id"].to_pylist(), table["metadata"].to_pylist(), strict=True)
    groups = [group_of(kind, {"id": name, "metadata": text}) for name, text in rows]
    return table.append_column("grp", pa.array(groups, pa.string()))


def facts(samples: Iterable[tuple[int, str | None]]) -> pa.Table:
    """Rows of the table ``metadata``: what each sample says in one word or number. Longer texts, lists and
    tables in it are shown with the sample and cannot be filtered by."""
    known: dict[str | None, list[tuple[str, float | None, str]]] = {}
    found: list[tuple[int, str, float | None, str]] = []
    for sample, text in samples:
        if text not in known:
            known[text] = list(_facts_of(text))
        found += [(sample, *fact) for fact in known[text]]
    columns = list(zip(*found, strict=True)) or [(), (), (), ()]
    types = {"sample": pa.int32(), "key": pa.string(), "number": pa.float64(), "value": pa.string()}
    return pa.table({name: pa.array(c, types[name]) for name, c in zip(types, columns, strict=True)})


def filtered_by(value: Any) -> str | None:
    """The text by which answers are filtered for a value of the metadata; None for one that they cannot be
    filtered by.

    >>> filtered_by(1e308), filtered_by(True), filtered_by([1, 2])
    ('1e+308', 'True', None)
    """
    if not isinstance(value, str | int | float) or (isinstance(value, str) and len(value) > LONGEST):
        return None
    return str(value)


def _facts_of(text: str | None) -> Iterator[tuple[str, float | None, str]]:
    for key, value in metadata_of(text).items():
        named = filtered_by(value)
        if named is not None:
            number = None if isinstance(value, str | bool) else float(value) if abs(value) < 1e300 else None
            yield key, number, named
