"""Metrics as rows of a listing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def describe(spec: str) -> dict[str, Any]:
    """One metric as a row with stable keys. Raises UnknownName or HemmError for a spec that names none."""
    from inspect import Parameter, cleandoc, signature

    from hemm.metrics import maker_of, resolve

    metric = resolve(spec)
    # of what makes it: the metric's class may be completed by defaults, and then takes what a protocol takes
    make = maker_of(spec)[0]
    known = signature(make).parameters if callable(make) else {}
    takes = {key: None if p.default is Parameter.empty else str(p.default) for key, p in known.items()}
    low, high = metric.range
    text = cleandoc(type(metric).__doc__ or "")
    return {
        "name": metric.name,
        "about": metric.title or text.split("\n\n")[0].replace("\n", " "),
        "version": metric.version,
        "group": metric.group,
        "range": [_end(low), _end(high)],
        "higher_is_better": metric.higher_is_better,
        "better": "higher" if metric.higher_is_better else "lower",
        "needs": sorted(metric.needs),
        "takes": takes,
        "parameters": dict(metric.parameters),
        "definition": " ".join(text.split()),
    }


def listed(row: Mapping[str, Any]) -> dict[str, str]:
    """A metric as a row for people: what is usual (a sample at a time, higher is better) is not said."""
    facts = [row["about"]]
    facts += [] if row["higher_is_better"] else ["lower is better"]
    facts += [] if row["group"] == "sample" else [f"scores a {row['group']} at once"]
    facts += [f"needs {' and '.join(row['needs'])}"] if row["needs"] else []
    range_ = "{} to {}".format(*map(short_end, row["range"]))
    return {"name": row["name"], "range": range_, "about": "; ".join(facts)}


def short_end(end: float | str) -> str:
    """An end of a metric's range in three digits."""
    return end if isinstance(end, str) else f"{end:.3g}"


def _end(value: float) -> float | str:
    # JSON has no infinity
    return value if abs(value) != float("inf") else "inf" if value > 0 else "-inf"
