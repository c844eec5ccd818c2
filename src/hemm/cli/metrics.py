"""``hemm metrics``: what there is to score with."""

from __future__ import annotations

from typing import Any

import click

from hemm.cli._common import emit, format_option


@click.command(name="metrics")
@click.argument("name", required=False)
@format_option("table", "json", "csv", "markdown")
def command(name: str | None, format_: str) -> None:
    """List the metrics, or show NAME (a metric with its parameters: vqa_accuracy:normalise=always)."""
    from hemm.metrics import METRICS

    names = [name] if name else METRICS.names()
    rows = [_row(n) for n in names]
    if name and format_ == "table":
        row = rows[0]
        for key, value in row.items():
            click.echo(f"{key + ':':<18}{_said(value)}")
        return
    if format_ != "json":
        rows = [{**row, "range": "{} to {}".format(*map(_short, row["range"]))} for row in rows]
    emit(rows, ["name", "group", "range", "better", "needs", "about"], format_)


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(v) for v in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items()) or "-"
    return "-" if value is None or value == "" else str(value)


def _row(spec: str) -> dict[str, Any]:
    from inspect import Parameter, cleandoc, signature

    from hemm.metrics import METRICS, resolve

    metric = resolve(spec)
    make = METRICS.get(metric.name) if metric.name in METRICS else type(metric)
    takes = {
        key: None if p.default is Parameter.empty else str(p.default)
        for key, p in signature(make).parameters.items()
    }
    low, high = metric.range
    text = cleandoc(type(metric).__doc__ or "")
    return {
        "name": metric.name,
        "about": getattr(metric, "title", "") or text.split("\n\n")[0].replace("\n", " "),
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


def _short(end: float | str) -> str:
    return end if isinstance(end, str) else f"{end:.3g}"


def _end(value: float) -> float | str:
    """JSON has no infinity."""
    return value if abs(value) != float("inf") else "inf" if value > 0 else "-inf"
