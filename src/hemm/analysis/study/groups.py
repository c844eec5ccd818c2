"""Groups of samples that a metric scores together: one sample, a unit, or all with the same metadata
value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from hemm.core import Metric

if TYPE_CHECKING:
    from hemm.results.read import Cell


def groups_word(metric: Metric) -> str:
    """The word for the metric's groups, in the plural."""
    return {"sample": "samples", "unit": "units"}.get(metric.group, "groups")


def group_members(cell: Cell, kind: str) -> dict[str, dict[str, str]]:
    """Group -> {sample id: hash}, in order. ``kind`` is ``Metric.group``; a sample without that metadata
    value is a group by itself."""
    column = {"sample": "id", "unit": "unit"}.get(kind, "metadata")
    table = cell.answers(list(dict.fromkeys(["id", "sample_hash", column])))
    out: dict[str, dict[str, str]] = {}
    rows = zip(*(table[c].to_pylist() for c in ("id", "sample_hash", column)), strict=True)
    for name, sample_hash, value in rows:
        group = value
        if column == "metadata":
            key: Any = (orjson.loads(value) if value else {}).get(kind)
            group = name if key is None else str(key)
        out.setdefault(group, {})[name] = sample_hash
    return out
