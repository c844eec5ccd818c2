"""From one cell on disk to rows of the index. Everything is checked before a row of it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from hemm.core import BadData, digest
from hemm.results.read import Cell
from hemm.results.seal import read_part
from hemm.web.index.tables import LABELS, VERSION

if TYPE_CHECKING:
    from hemm.core import Metric

LONGEST = 200
"""Most characters of a text in the metadata that answers can be filtered by."""
_OF_SAMPLE = ("id", "unit", "cluster", "sample_hash")
_READ = [*_OF_SAMPLE, "repeat", "request_key", "labels", "metadata", "failure", "raw"]


@dataclass(frozen=True)
class StoredMetric:
    """One metric's stored scores of a cell, failures as the worst score.

    group  what it scores at once (``Metric.group``)
    lowest the worst score, None where it is infinite
    """

    title: str
    group: str
    lowest: float | None
    higher_is_better: bool
    table: pa.Table


def signature(cell: Cell, scored: Mapping[str, Any]) -> str:
    """What a cell holds, by the checksums in its run.json and aggregates.json: equal, and its rows stay.

    Without a checksum (hemm 0.1.0) the whole entry of a metric stands for its scores.
    """
    run = cell.run
    metrics = {key: row.get("sha256") or row for key, row in scored.get("metrics", {}).items()}
    held = [run["parts"], run["calls"], run.get("files", {}), cell.state == "open", scored.get("headline")]
    return digest([VERSION, *held, metrics, sorted(LABELS)], 32)


def stored_metrics(cell: Cell, scored: Mapping[str, Any]) -> list[StoredMetric]:
    """The metrics that scored the cell, the headline first; none of an open cell, whose scores are of what
    was there when they were made. Raises BadData where a file is damaged."""
    from hemm.metrics import stored

    rows: Mapping[str, Any] = scored.get("metrics", {})
    if not rows or cell.state == "open":
        return []
    first = scored.get("headline") or next(iter(rows))
    found = []
    for key in (first, *(k for k in rows if k != first)):
        metric: Metric = stored(rows[key])
        low, high = rows[key]["range"]
        better = bool(rows[key]["higher_is_better"])
        lowest = low if better else high
        found.append(StoredMetric(str(rows[key]["spec"]), metric.group, lowest, better, cell.scores(key)))
    return found


def newest_calls(cell: Cell) -> pa.Table:
    """Of each (id, repeat) the call that was made last, with the number of its calls as ``calls``."""
    table = cell.calls()
    if not table.num_rows:
        return table.append_column("calls", pa.array([], pa.int64()))
    table = table.sort_by("started")
    made = table.group_by(["id", "repeat"], use_threads=False).aggregate(
        [(n, "last") for n in ("latency", "input_tokens", "output_tokens", "cost")] + [("started", "count")]
    )
    return made.rename_columns(
        [n.removesuffix("_last").replace("started_count", "calls") for n in made.column_names]
    )


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
    groups = []
    for name, text in zip(table["id"].to_pylist(), table["metadata"].to_pylist(), strict=True):
        value = metadata_of(text).get(kind)
        groups.append(name if value is None else str(value))
    return table.append_column("grp", pa.array(groups, pa.string()))


def metadata_of(text: str | None) -> Mapping[str, Any]:
    """The metadata of a stored answer; empty where it is no JSON object."""
    try:
        value = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


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


def _facts_of(text: str | None) -> Iterator[tuple[str, float | None, str]]:
    for key, value in metadata_of(text).items():
        if not isinstance(value, str | int | float) or (isinstance(value, str) and len(value) > LONGEST):
            continue
        number = None if isinstance(value, str | bool) else float(value) if abs(value) < 1e300 else None
        yield key, number, str(value)
