"""Cells of one task whose answers were judged against different data: rows were edited between their runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemm.analysis.study.same_command import same_command
from hemm.core import HemmError

if TYPE_CHECKING:
    from hemm.analysis.study.cell_scores import CellScores
    from hemm.results.read import Cell


@dataclass(frozen=True)
class OldData:
    """A cell that was judged against other data than one of its task that ran later.

    changed  common samples whose content (question, references, labels, ...) is another
    common   samples that both have answers to
    """

    item: CellScores
    later: CellScores
    changed: int
    common: int

    def __str__(self) -> str:
        return (
            f"{self.item.label} on {self.item.task} is judged against other data than {self.later.label}: "
            f"{self.changed} of {self.common} common samples changed in between; to judge "
            f"it against the data of now, run it again, which asks "
            f"only what is sent anew: {_command(self.item.cell)}"
        )


def old_data(items: Iterable[CellScores]) -> tuple[OldData, ...]:
    """The cells that do not have the data of their task's last run; those of controls count too."""
    by_task: dict[str, dict[str, CellScores]] = {}
    for item in items:
        by_task.setdefault(item.task, {}).setdefault(str(item.cell.folder), item)
    return tuple(row for cells in by_task.values() for row in _of_task(list(cells.values())))


def _of_task(items: Sequence[CellScores]) -> Iterable[OldData]:
    if len({(i.cell.run.get("pack") or {}).get("hash") for i in items}) < 2:
        return
    *earlier, last = sorted(items, key=lambda i: _last_run(i.cell))
    now = _hashes(last.cell)
    for item in earlier:
        there = _hashes(item.cell)
        common = there.keys() & now.keys()
        changed = sum(there[name] != now[name] for name in common)
        if changed:
            yield OldData(item, last, changed, len(common))


def _hashes(cell: Cell) -> dict[str, str]:
    """Sample -> hash of its content as it was judged."""
    try:
        table = cell.answers(["id", "sample_hash"])
    except HemmError:  # a damaged part, which whoever reads the answers reports
        return {}
    return dict(zip(table["id"].to_pylist(), table["sample_hash"].to_pylist(), strict=True))


def _last_run(cell: Cell) -> float:
    return max((float(c.get("started") or 0) for c in cell.run.get("commands") or ()), default=0.0)


def _command(cell: Cell) -> str:
    """The command, or call of ``hemm.run``, that asked the cell last."""
    command = (cell.run.get("commands") or [{}])[-1]
    words, call = same_command(cell, command)
    return words or call
