"""Groups of samples that a metric scores together: one sample, a unit, or all with the same metadata
value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hemm.core import Metric
from hemm.results.stored_answer import metadata_of

if TYPE_CHECKING:
    from hemm.results.read import Cell


def groups_word(metric: Metric) -> str:
    """The word for the metric's groups, in the plural."""
    return {"sample": "samples", "unit": "units"}.get(metric.group, "groups")


def group_of(kind: str, row: Mapping[str, Any]) -> str:
    """The group that a metric of this kind (``Metric.group``) scores an answer in; ``row`` has id, unit and
    metadata. A sample without that metadata value is a group by itself."""
    if kind in ("sample", "unit"):
        return str(row["id" if kind == "sample" else "unit"])
    value = metadata_of(row["metadata"]).get(kind)
    return str(row["id"] if value is None else value)


def group_members(cell: Cell, kind: str) -> dict[str, dict[str, str]]:
    """Group -> {sample id: hash}, in order."""
    column = {"sample": "id", "unit": "unit"}.get(kind, "metadata")
    table = cell.answers(list(dict.fromkeys(["id", "sample_hash", column])))
    out: dict[str, dict[str, str]] = {}
    rows = zip(*(table[c].to_pylist() for c in ("id", "sample_hash", column)), strict=True)
    for name, sample_hash, value in rows:
        group = group_of(kind, {"id": name, column: value})
        out.setdefault(group, {})[name] = sample_hash
    return out
