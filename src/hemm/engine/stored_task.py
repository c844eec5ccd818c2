"""Which task judges the answers of a stored cell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hemm.core import HemmError, Task, UnknownName
from hemm.core.origin import same_origin
from hemm.results.same_data import cells_named_as, check_cell

if TYPE_CHECKING:
    from hemm.core import Pack
    from hemm.results.read import Cell


def task_of(cell: Cell, own: Mapping[str, Task] | None = None) -> Task:
    """The task of ``cell``: one of ``own`` (by name), else of hemm or of an installed package.

    Raises UnknownName where none has its name, HemmError where the one that has it has other data.
    """
    from hemm.tasks import TASKS, resolve

    given = own or {}
    if cell.task in given:
        task = _as_answered(given[cell.task], cell)
        check_cell(cell, task, _pack_of(task))
        return task
    if cell.task.partition(":")[0] not in TASKS:
        raise UnknownName(
            f"task of {cell.folder}",
            cell.task,
            [*given, *TASKS.names()],
            "say where it is with --task ./FILE",
        )
    task = resolve(cell.task)
    check_cell(cell, task, None)
    return task


def keep_format(task: Task, out: Path) -> Task:
    """``task`` with the answer format of its cells below ``out``, where the data alone chose one.

    Data whose answers are all numbers were asked for texts before ``number`` became their default; another
    format is another instruction, which would send all requests again.
    """
    for cell in cells_named_as(out, task):
        stored = cell.run.get("origin")
        if cell.task == task.name and (stored is None or same_origin(stored, task.origin)):
            task = _as_answered(task, cell)
    return task


def _as_answered(task: Task, cell: Cell) -> Task:
    from hemm.tasks.usual_format import read_as_texts

    answered = (cell.run.get("answer_format") or {}).get("name")
    return read_as_texts(task) if answered == "short_answer" else task


def _pack_of(task: Task) -> Pack | None:
    """The task's current pack; None where there is none."""
    from hemm.data.pack.prepare import ensure

    try:
        return ensure(task)
    except HemmError:
        return None
