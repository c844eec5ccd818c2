"""Which accelerators answered a cell, by its calls: ``places`` of run.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hemm.core.text import counted
from hemm.data.files import parquet_columns, read_table

_PLACE = ("accelerator", "node")


def places(calls: Path) -> list[dict[str, Any]]:
    """How many answers each accelerator and node gave: of each (id, repeat) the call that was made last.

    Calls that say nothing (of served models, of baselines, of hemm 0.1.0) are in none.
    """
    if not set(_PLACE) <= set(parquet_columns(calls)):
        return []
    with pq.ParquetFile(calls) as file:
        found = _counted(file.iter_batches(columns=list(_PLACE)))
    if len(found) > 1:  # else it does not matter which call counts
        keyed = read_table(calls, columns=["id", "repeat", "started", *_PLACE]).sort_by("started")
        by_key = keyed.group_by(["id", "repeat"], use_threads=False)
        newest = by_key.aggregate([(n, "last", pc.ScalarAggregateOptions(skip_nulls=False)) for n in _PLACE])
        found = _counted(newest.select([f"{n}_last" for n in _PLACE]).to_batches())
    said = {place: count for place, count in found.items() if any(place)}
    return [dict(zip(_PLACE, place, strict=True)) | {"answers": said[place]} for place in sorted(said)]


def _counted(batches: Iterable[pa.RecordBatch]) -> Counter[tuple[str, ...]]:
    """Each place with its number of rows. Without pyarrow's groups, whose import brings pandas: 40 MB."""
    found: Counter[tuple[str, ...]] = Counter()
    for batch in batches:
        columns = ([word or "" for word in column.to_pylist()] for column in batch.columns)
        found.update(zip(*columns, strict=True))
    return found


def kinds(run: Mapping[str, Any]) -> Counter[str]:
    """Kind of accelerator -> how many answers of a cell it gave, by its run.json."""
    found: Counter[str] = Counter()
    for place in run.get("places") or ():
        found[place["accelerator"] or "not known"] += place["answers"]
    return found


def kinds_words(run: Mapping[str, Any]) -> str:
    """In words, where accelerators of more than one kind answered a cell; else empty.

    >>> kinds_words({"places": [{"accelerator": "A100", "node": "a", "answers": 30},
    ...                         {"accelerator": "L4", "node": "b", "answers": 12}]})
    'accelerators of 2 kinds answered (A100: 30 answers; L4: 12 answers), and numbers may differ between them'
    """
    found = kinds(run)
    if len(found) < 2:
        return ""
    each = "; ".join(f"{kind}: {counted(count, 'answer')}" for kind, count in sorted(found.items()))
    return f"accelerators of {len(found)} kinds answered ({each}), and numbers may differ between them"
