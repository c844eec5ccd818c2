"""A cell's scores as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hemm.results.read import Cell

COLUMNS = ("model", "task", "protocol", "metric", "value", "n", "failed")


def score_rows(cell: Cell, aggregates: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each metric of ``aggregates``, which is what ``cell`` has stored."""
    return [_row(cell, metric) for metric in aggregates["metrics"].values()]


def _over(cell: Cell) -> str:
    """The overlays over a cell."""
    return " and ".join(f"{one['name']} [{one['digest'][:12]}]" for one in cell.run.get("overlays") or ())


def _row(cell: Cell, metric: dict[str, Any]) -> dict[str, Any]:
    main = metric["components"].get("", {})
    return {
        "model": cell.model,
        "protocol": cell.protocol[:12],
        "task": cell.task,
        "metric": metric["spec"],
        "value": main.get("value"),
        "n": main.get("n", 0),
        "failed": main.get("nulls", 0),
        "folder": str(cell.folder),
        **({"judge": metric["judge"]} if "judge" in metric else {}),
        **({"overlay": over} if (over := _over(cell)) else {}),
    }
