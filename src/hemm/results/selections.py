"""Which samples the selections of a cell took, and by which rule.

Each selection in run.json says its ``order``: ``random``, ``balanced`` (over strata) or ``clusters`` (of
``--until-ci``); one of all samples has none, and neither has a limited one of hemm 0.1.0, which was balanced.
``strata.parquet`` has what weighting a part needs: the strata of the chosen samples, and the size of every
stratum in the whole data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from hemm.data.arrow import table
from hemm.data.pack.selection import BALANCED, RANDOM, Sizes

ALL, CLUSTERS, MIXED = "", "clusters", "mixed"

STRATA_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # of a chosen sample; null: a stratum of which none was chosen
        ("unit", pa.string()),
        ("stratum", pa.string()),
        ("samples", pa.int64()),  # of the stratum in the whole data
        ("units", pa.int64()),
    ]
)


def order_of(record: Mapping[str, Any]) -> str:
    """The order of one selection of run.json; ALL where it has no limit and is no shard of all.

    >>> order_of({"seed": 0, "limit": 100}), order_of({"seed": 0, "limit": 100, "order": "random"})
    ('balanced', 'random')
    """
    if record.get("limit") is None:
        return RANDOM if "shard" in record else ALL
    return str(record.get("order") or BALANCED)


def order_to_go_on(run: Mapping[str, Any] | None) -> str:
    """The order in which a limit extends a cell (None: a new one). A cell that hemm 0.1.0 began goes on
    balanced, until something else was asked of it."""
    limited = [r for r in (run or {}).get("selections") or () if r.get("limit") is not None]
    began = any("order" not in r for r in limited)
    return BALANCED if began and all(order_of(r) == BALANCED for r in limited) else RANDOM


def rule_of(run: Mapping[str, Any]) -> str:
    """How the scored samples of a cell were chosen from the whole data: ALL, RANDOM, BALANCED or MIXED
    (selections of both kinds)."""
    pack = run.get("pack") or {}
    part = ALL if pack.get("limit") is None else str(pack.get("order") or BALANCED)
    records = run.get("selections") or ()
    rows = (pack.get("rows") or {}).get("test")
    if not records or any(_is_whole(r, pack.get("hash"), rows) for r in records):
        return part
    orders = {RANDOM if order_of(r) == CLUSTERS else order_of(r) for r in records}
    orders |= {part} - {ALL}
    return orders.pop() if len(orders) == 1 else MIXED


def distinct(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The selections of which none holds another, in the order in which they were asked.

    >>> records = [{"seed": 0, "limit": n, "order": "random"} for n in (50, 100, 20)]
    >>> [record["limit"] for record in distinct({"selections": records})]
    [100]
    """
    kept: list[Mapping[str, Any]] = []
    for record in run.get("selections") or ():
        if not any(holds(other, record) for other in kept):
            kept = [*(other for other in kept if not holds(record, other)), record]
    return kept


def holds(larger: Mapping[str, Any], smaller: Mapping[str, Any]) -> bool:
    """Whether one selection of a pack takes all samples of another, whatever their repeats.

    >>> holds({"seed": 0, "limit": None}, {"seed": 7, "limit": 100, "order": "random"})
    True
    """
    if "shard" in larger or "shard" in smaller:
        return larger == smaller
    if larger["limit"] is None or smaller["limit"] is None:
        return larger["limit"] is None
    same = larger["seed"] == smaller["seed"] and order_of(larger) == order_of(smaller)
    return same and int(larger["limit"]) >= int(smaller["limit"])


def rule_words(run: Mapping[str, Any]) -> str:
    """What is to be said of a selection that is not simply random; else nothing."""
    words = {BALANCED: ", balanced over strata", MIXED: ", with others that were balanced over strata"}
    return words.get(rule_of(run), "")


def _is_whole(record: Mapping[str, Any], pack: str | None, rows: int | None) -> bool:
    """Whether a selection took all samples of the pack; a limit of more may be cut by a larger pack."""
    return order_of(record) == ALL or (record.get("pack") == pack and record.get("samples") == rows)


def united(tables: Iterable[pa.Table | None]) -> pa.Table | None:
    """The strata of what several cells of one pack chose, in the order of the tables; None where that is all,
    or where one has no table, since it has all."""
    chosen: dict[str, tuple[str, str, str]] = {}
    sizes: Sizes = {}
    for one in tables:
        if one is None:
            return None
        for row in one.to_pylist():
            sizes[row["stratum"]] = [row["samples"], row["units"]]
            if row["id"] is not None:
                chosen[row["id"]] = (row["id"], row["unit"], row["stratum"])
    if len(chosen) == sum(samples for samples, _ in sizes.values()):
        return None
    return strata_table(chosen.values(), sizes)


def strata_table(rows: Iterable[tuple[str, str, str]], sizes: Sizes) -> pa.Table:
    """``STRATA_SCHEMA`` of chosen samples (id, unit, stratum), in the order of the pack."""
    each, tables = iter(rows), [table([], STRATA_SCHEMA)]
    while chosen := list(islice(each, _AT_ONCE)):
        tables.append(_strata_rows(chosen, sizes))
    there = {stratum for one in tables for stratum in one["stratum"].unique().to_pylist()}
    others = [(None, None, stratum) for stratum in sorted(sizes.keys() - there)]
    return pa.concat_tables([*tables, _strata_rows(others, sizes)]).combine_chunks()


_AT_ONCE = 65_536


def _strata_rows(rows: Sequence[tuple[str | None, str | None, str]], sizes: Sizes) -> pa.Table:
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [(), (), ()]
    columns += [[sizes.get(row[2], [0, 0])[which] for row in rows] for which in (0, 1)]
    return table(columns, STRATA_SCHEMA)
